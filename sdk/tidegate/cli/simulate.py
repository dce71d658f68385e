"""`tidegate simulate herd`: what many producers do to a gateway that was away, ours beside the usual retry loops. Called by `main`.

Exit codes: 0 ours keeps every bound, 1 it does not, 2 could not run.
"""

import sys
from pathlib import Path

import msgspec

from tidegate.cli.progress import ProgressLine
from tidegate.simulate.chart import bars, legend, svg, table
from tidegate.simulate.herd import BOUNDS, Herd, Run, run_herd
from tidegate.simulate.producers import OURS, POLICIES

__all__ = ["run_simulate"]


def run_simulate(herd: Herd, svg_file: Path | None, *, as_json: bool, markdown: bool) -> int:
    """Runs every policy and tells."""
    wrong = herd.validate()
    if wrong:
        sys.stderr.write(f"tidegate: {'; '.join(wrong)}\n")
        return 2
    runs = [_run(herd, policy) for policy in POLICIES]
    if svg_file is not None:
        try:
            svg_file.write_text(svg(herd, runs), "utf-8")
        except OSError as error:
            sys.stderr.write(f"tidegate: the chart could not be written: {error}\n")
            return 2
    sys.stdout.write(_json(herd, runs) if as_json else _text(herd, runs, markdown=markdown))
    ours = next(run for run in runs if run.policy == OURS)
    return 0 if all(bound.met(ours.figures) for bound in BOUNDS) else 1


def _run(herd: Herd, policy: str) -> Run:
    with ProgressLine(f"{policy:12}", herd.end_at) as line:
        return run_herd(herd, policy, lambda done, _: line.at(done, "of its virtual time"))


def _text(herd: Herd, runs: list[Run], *, markdown: bool) -> str:
    if markdown:
        return table(runs, markdown=True)
    head = (
        f"{herd.producers} producers, {herd.events_per_s:g} event/s each; gateway of {herd.work_per_s:g} requests/s, "
        f"away for {herd.outage_s:g} s; seed {herd.seed}\n\n"
    )
    return f"{head}{table(runs)}\n{bars(herd, runs)}\n{legend(runs)}"


def _json(herd: Herd, runs: list[Run]) -> str:
    rows = [
        {
            "policy": run.policy,
            "attemptsPerEvent": run.figures.attempts_per_event,
            "peak": run.figures.peak,
            "fano": run.figures.fano,
            "goodput": run.figures.goodput,
            "lost": run.figures.lost,
            "lastSeconds": run.figures.last_s,
            "withinBounds": all(bound.met(run.figures) for bound in BOUNDS),
            "load": run.load,
        }
        for run in runs
    ]
    whole = {
        "producers": herd.producers,
        "eventsPerSecond": herd.events_per_s,
        "capacity": herd.work_per_s,
        "outageSeconds": herd.outage_s,
        "seed": herd.seed,
        "runs": rows,
    }
    return msgspec.json.encode(whole).decode() + "\n"
