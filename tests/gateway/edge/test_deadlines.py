"""How long a connection may keep us waiting."""

import pytest

from tidegate_gateway.edge.deadlines import Deadlines, Leaving, Phase, still_leaving

DEADLINES = Deadlines(head_s=10, idle_s=75)


@pytest.mark.parametrize(
    ("phase", "bound_s"),
    [(Phase.NEW, 10), (Phase.HEAD, 10), (Phase.UNREAD_BODY, 10), (Phase.IDLE, 75), (Phase.HUNG_UP, 2)],
)
def test_each_phase_has_its_time(phase: Phase, bound_s: float) -> None:
    assert not DEADLINES.passed(phase, 100.0, 100.0 + bound_s)
    assert DEADLINES.passed(phase, 100.0, 100.1 + bound_s)


def test_who_waits_for_us_is_never_late() -> None:
    assert not DEADLINES.passed(Phase.ANSWERING, 0.0, 1e9)


def test_a_reader_that_stands_still_keeps_its_clock() -> None:
    first = still_leaving(None, 500_000, 0, 1.0)
    assert first == Leaving(0, 1.0)
    assert still_leaving(first, 499_000, 1_000, 2.0) == first
    assert still_leaving(first, 400_000, 65_536, 3.0) == Leaving(65_536, 3.0)
    assert still_leaving(first, 0, 500_000, 4.0) is None


def test_a_reader_that_keeps_up_with_new_answers_starts_anew() -> None:
    """As much waits as before, and yet it took a lot."""
    assert still_leaving(Leaving(0, 1.0), 500_000, 700_000, 2.0) == Leaving(700_000, 2.0)
