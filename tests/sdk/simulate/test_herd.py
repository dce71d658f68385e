"""Faults 15, reduced: the figures of a herd, ours within the bounds and the others beyond one of them. The full run is `tidegate simulate herd`."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tidegate.cli.main import main
from tidegate.simulate.chart import bars, svg, table
from tidegate.simulate.gateway import GatewayModel
from tidegate.simulate.herd import BOUNDS, Figures, Herd, Run, run_herd
from tidegate.simulate.producers import OURS, POLICIES
from tidegate.transport.port import Receipted, Refusal, Unreached

SMALL = Herd(producers=100, after_s=40.0)


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return {policy: run_herd(SMALL, policy) for policy in POLICIES}


def test_faults_15_ours_keeps_every_bound(runs: dict[str, Run]) -> None:
    figures = runs[OURS].figures
    assert figures.attempts_per_event <= 1.5
    assert figures.peak <= 1.5
    assert figures.fano <= 3
    assert figures.goodput >= 0.95
    assert figures.lost == 0


def test_a_gateway_with_a_tenth_of_room_is_not_overrun_either() -> None:
    """What waited leaves in requests of a few events, which cost less than one each: so catching up is less work than usual."""
    figures = run_herd(Herd(producers=100, capacity=110, after_s=40), OURS).figures
    assert figures.goodput >= 0.95
    assert figures.peak <= 1.5
    assert figures.attempts_per_event <= 1.5
    assert figures.lost == 0


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != OURS])
def test_faults_15_the_others_are_beyond(runs: dict[str, Run], policy: str) -> None:
    assert not all(bound.met(runs[policy].figures) for bound in BOUNDS)
    assert runs[policy].figures.attempts_per_event > 2
    assert runs[policy].figures.lost == 0, "they are slow and rude, and lose nothing: the comparison is fair"


def test_waits_without_jitter_come_back_together(runs: dict[str, Run]) -> None:
    assert runs["exponential"].figures.peak > 1.5
    assert runs["fixed"].figures.peak > 1.5


def test_the_same_seed_gives_the_same_run() -> None:
    tiny = Herd(producers=10, outage_s=5, after_s=10)
    assert run_herd(tiny, OURS) == run_herd(tiny, OURS)
    assert run_herd(tiny, OURS) != run_herd(Herd(producers=10, outage_s=5, after_s=10, seed=16), OURS)


def test_a_herd_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="producers is 0"):
        run_herd(Herd(producers=0), OURS)
    with pytest.raises(KeyError):
        run_herd(Herd(), "hope")


def test_the_model_of_the_gateway_is_away_then_serves_then_refuses() -> None:
    model = GatewayModel(capacity=10, away_from=1.0, away_until=2.0)
    assert isinstance(model.arrive([], 1.0).answer, Unreached)
    replies = [model.arrive([], 2.0) for _ in range(20)]
    kinds = [type(reply.answer) for reply in replies]
    assert kinds[0] is Receipted
    assert kinds[-1] is Refusal, "half a second of work waits, the rest is refused"
    served = [reply.at for reply in replies if isinstance(reply.answer, Receipted)]
    assert served == sorted(served)


def test_a_figure_beyond_its_bound_is_marked() -> None:
    figures = Figures(attempts_per_event=9.0, peak=1.0, fano=1.0, goodput=0.5, lost=3, last_s=1.0)
    text = table([Run(policy="fixed", figures=figures, load=(0.0,))])
    assert "9.00!" in text
    assert "0.50!" in text
    assert "3!" in text
    assert "1.00!" not in text


def test_the_charts_show_every_policy(runs: dict[str, Run]) -> None:
    every = list(runs.values())
    lines = bars(SMALL, every).splitlines()
    assert len(lines) == 1 + len(every)
    assert len({line.index("|") for line in lines}) == 1, "the recovery is at one column"
    drawn = ET.fromstring(svg(SMALL, every))  # noqa: S314 -- our own text
    said = "".join(drawn.itertext())
    assert all(policy in said for policy in POLICIES)
    assert table(every, markdown=True).count("\n") == len(every) + 3


def test_the_command_tells_and_writes_the_chart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = tmp_path / "herd.svg"
    assert main(["simulate", "herd", "--producers", "20", "--after-s", "40", "--svg", str(chart), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [run["policy"] for run in told["runs"]] == list(POLICIES)
    assert [run["withinBounds"] for run in told["runs"]][-1] is True
    assert chart.read_text("utf-8").startswith("<svg")


def test_the_command_says_what_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "herd", "--outage-s", "500"]) == 2
    assert "outage_s is 500" in capsys.readouterr().err
