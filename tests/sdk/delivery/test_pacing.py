"""A backlog leaves at one and a half times the rate it came at, in jittered steps (sdk.md, retries; faults 15)."""

from random import Random

import pytest
from tests.sdk.delivery.conftest import Told, outgoing, stored

from tidegate.engine import Engine
from tidegate.engine_settings import EngineSettings
from tidegate.pacing import CATCH_UP, Pace
from tidegate.transport.port import Receipted, Unreached

AWAY = Unreached(reason="away", maybe_stored=False)


def test_at_rest_everything_may_leave() -> None:
    pace = Pace()
    assert pace.allowance(5.0, lambda: 0.5) is None
    assert not pace.active
    assert pace.next_at == 0.0


@pytest.mark.parametrize(("backlog", "outage_s"), [(30, 30.0), (10_000, 5.0), (3, 60.0)])
def test_it_allows_one_and_a_half_times_the_usual_rate(backlog: int, outage_s: float) -> None:
    random, pace, left = Random(3), Pace(), 0
    pace.begin(0.0, backlog, outage_s, random.random)
    now, seconds = 0.0, 2 * outage_s
    while now < seconds:
        allowed = pace.allowance(now, random.random)
        assert allowed is not None
        pace.took(allowed)
        left += allowed
        now = max(now + 0.01, min(pace.next_at, seconds))
    usual = backlog / outage_s * seconds
    assert left == pytest.approx(CATCH_UP * usual, rel=0.25, abs=3)


@pytest.mark.parametrize(("backlog", "outage_s"), [(0, 30.0), (100, 0.2)])
def test_no_backlog_and_a_blip_need_no_pace(backlog: int, outage_s: float) -> None:
    pace = Pace()
    pace.begin(0.0, backlog, outage_s, lambda: 0.5)
    assert pace.allowance(0.0, lambda: 0.5) is None


def test_it_ends_by_itself_and_once_nothing_waits() -> None:
    pace = Pace()
    pace.begin(0.0, 10, 10.0, lambda: 0.5)
    assert pace.active
    assert pace.allowance(1e6, lambda: 0.5) is None
    assert not pace.active
    pace.begin(0.0, 10, 10.0, lambda: 0.5)
    pace.caught_up()
    assert pace.allowance(0.1, lambda: 0.5) is None


def test_a_client_that_comes_back_sends_no_burst_and_catches_up() -> None:
    """One producer of an event a second, an outage of 30 s: no second of its return holds more than a few events."""
    random, told = Random(11), Told()
    it = Engine(EngineSettings(), random.random)
    sent: list[tuple[float, int]] = []
    now, made = 0.0, 0
    while now < 200 and (made < 120 or it.events):
        while made < 120 and made <= now:
            it.accept([outgoing(str(made), told, key=b"%d" % (made % 7), at=now)])
            made += 1
        for shipment in it.due(now):
            sent.append((now, len(shipment.events)))
            away = 20 <= now < 50
            lines = [stored(event) for event in shipment.events]
            it.answered(shipment, AWAY if away else Receipted(lines=lines), now)
        due = it.next_due(now)
        now = min(made if made < 120 else 1e9, now + 1 if due is None else max(due, now + 1e-3))
    assert sorted(told.ids, key=int) == [str(n) for n in range(120)]
    back = [(at, count) for at, count in sent if at >= 50]
    assert max(sum(count for at, count in back if second <= at < second + 1) for second in range(50, 200)) <= 5
    assert sum(count for _, count in sent) <= 1.5 * 120, "attempts an event"
