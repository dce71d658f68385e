"""The commands of producers: their arguments, and which module does the work. Called by `main`; imports no work until it is asked for."""

import argparse
from pathlib import Path
from typing import Final

__all__ = ["COMMANDS", "add_commands", "run_command"]

Commands = argparse._SubParsersAction  # noqa: SLF001 -- argparse has no public name for it
COMMANDS: Final = ("simulate",)


def add_commands(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Adds the parsers."""
    _simulate(commands)


def run_command(options: argparse.Namespace) -> int:
    """Runs what was asked for and answers its exit code."""
    match options.command:
        case _:
            from tidegate.cli.simulate import run_simulate
            from tidegate.simulate.herd import Herd

            herd = Herd(
                producers=options.producers,
                events_per_s=options.rate,
                outage_s=options.outage_s,
                after_s=options.after_s,
                seed=options.seed,
                capacity=options.capacity,
            )
            return run_simulate(herd, options.svg, as_json=options.json, markdown=options.markdown)


def _simulate(commands: "Commands[argparse.ArgumentParser]") -> None:
    simulate = commands.add_parser(
        "simulate",
        help="what a fleet of producers does to a gateway that was away",
        description="Simulates a thundering herd in virtual time on the SDK's own decision modules: many producers, an outage, "
        "a recovery; this SDK beside a fixed interval, exponential waits without jitter, and full jitter alone.",
        epilog="Exit codes: 0 this SDK keeps every bound, 1 it does not, 2 could not run.",
    )
    simulate.add_argument("scenario", choices=("herd",), help="what to simulate")
    simulate.add_argument("--producers", type=int, default=2000, metavar="N", help="default: 2000")
    simulate.add_argument(
        "--rate", type=float, default=1.0, metavar="EVENTS", help="events a second of each (default: 1)"
    )
    simulate.add_argument("--outage-s", type=float, default=30.0, metavar="SECONDS", help="default: 30")
    simulate.add_argument(
        "--after-s", type=float, default=60.0, metavar="SECONDS", help="watched after it (default: 60)"
    )
    simulate.add_argument(
        "--capacity", type=float, metavar="REQUESTS", help="of the gateway, a second (default: twice what is sent)"
    )
    simulate.add_argument("--seed", type=int, default=15, metavar="N", help="same seed, same figures (default: 15)")
    simulate.add_argument("--svg", type=Path, metavar="FILE", help="also write the chart as SVG")
    form = simulate.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object on stdout")
    form.add_argument("--markdown", action="store_true", help="the table alone, as Markdown")
