"""The breaker: opens after failures in a row, then one probe at a time."""

from tidegate.breaker import Breaker, Passage


def opened(at: float = 10.0) -> Breaker:
    breaker = Breaker(threshold=3)
    for _ in range(3):
        breaker.failed(at, lambda: 0.5)
    return breaker


def test_it_opens_after_failures_in_a_row_and_a_success_between_starts_anew() -> None:
    breaker = Breaker(threshold=3)
    breaker.failed(0, lambda: 0.5)
    breaker.failed(0, lambda: 0.5)
    breaker.succeeded(0)
    breaker.failed(0, lambda: 0.5)
    breaker.failed(0, lambda: 0.5)
    assert not breaker.open
    assert breaker.passage(0) is Passage.ALL
    breaker.failed(0, lambda: 0.5)
    assert breaker.open


def test_one_probe_at_a_time_after_a_wait_with_jitter() -> None:
    breaker = opened()
    assert breaker.passage(10.0) is Passage.NONE
    assert breaker.probe_at is not None
    assert 10.0 < breaker.probe_at <= 10.8
    assert breaker.passage(11.0) is Passage.PROBE
    breaker.probing()
    assert breaker.passage(99.0) is Passage.NONE, "a second probe waits for the first"
    assert breaker.probe_at is None


def test_a_failed_probe_waits_longer_and_one_sent_before_it_opened_moves_nothing() -> None:
    breaker = opened()
    breaker.probing()
    breaker.failed(11.0, lambda: 0.999)
    assert breaker.passage(99.0) is Passage.NONE
    breaker.failed(12.0, lambda: 0.999, probe=True)
    assert breaker.probe_at is not None
    assert breaker.probe_at > 13.0
    breaker.probing()
    breaker.failed(20.0, lambda: 0.0, 7.0, probe=True)
    assert breaker.probe_at == 27.0, "what the server asks for is kept"


def test_a_success_closes_it_and_says_how_long_it_was_open() -> None:
    breaker = opened(at=10.0)
    assert breaker.succeeded(40.0) == 30.0
    assert breaker.passage(40.0) is Passage.ALL
    assert breaker.succeeded(41.0) == 0.0


def test_an_abandoned_probe_lets_the_next_one_go() -> None:
    breaker = opened()
    breaker.probing()
    breaker.abandoned()
    assert breaker.passage(99.0) is Passage.PROBE
