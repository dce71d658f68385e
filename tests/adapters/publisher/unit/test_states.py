"""Decisions about a partition, a producer and a deadline: when it is refused, tried, held, stuck, or too late."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.adapters.kafka.refusals import away, retry_after_s, topic_absent
from tidegate_gateway.adapters.kafka.roundtrip import RoundTrip
from tidegate_gateway.adapters.kafka.standing import Standing
from tidegate_gateway.adapters.kafka.watchdog import Watchdog


def refused(now_s: float = 0.0) -> Standing:
    standing = Standing()
    standing.failed(now_s, "NOT_ENOUGH_REPLICAS", 0.5)
    standing.failed(now_s, "", 0.5)
    return standing


def test_one_failure_is_no_reason_to_refuse() -> None:
    standing = Standing()
    standing.failed(0.0, "no answer", 0.5)
    assert not standing.refused
    assert standing.admits(0.0)
    assert not standing.held(0.0)


def test_two_failures_in_a_row_are() -> None:
    standing = refused()
    assert standing.refused
    assert standing.why == "NOT_ENOUGH_REPLICAS", "a failure without a word does not hide the last word"
    assert not standing.admits(0.1)
    assert not standing.held(0.1), "a trial that was let in is sent"


def test_a_success_between_them_counts() -> None:
    standing = Standing()
    for _ in range(5):
        standing.failed(0.0, "x", 0.5)
        standing.stored()
    assert not standing.refused
    assert standing.why == ""


def test_one_submission_in_a_while_is_the_trial() -> None:
    standing = refused()
    assert standing.admits(1.0)
    assert standing.admits(1.0), "asking alone is no trial"
    standing.tried(1.0, 0.5)
    assert not standing.admits(1.1), "one, not all who ask"
    assert standing.admits(3.1), "whatever became of the first"


@given(st.lists(st.floats(0, 0.999), min_size=3, max_size=40))
@settings(max_examples=200)
def test_a_refused_partition_is_tried_at_least_every_two_seconds_however_long_it_fails(randoms: list[float]) -> None:
    standing = refused()
    now_s = 0.0
    for random in randoms:
        standing.failed(now_s, "x", random)
        assert not standing.admits(now_s)
        now_s += 2.0
        assert standing.admits(now_s)
        standing.tried(now_s, random)


def test_a_refusal_in_passing_is_tried_again_soon_then_later() -> None:
    standing = Standing()
    waits: list[float] = []
    for _ in range(8):
        standing.hold(0.0, "NOT_ENOUGH_REPLICAS", 0.0)
        waits.append(next(step / 100 for step in range(1, 400) if not standing.held(step / 100)))
    assert waits == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0])
    assert not standing.refused


def test_of_an_outage_no_partition_is_guilty() -> None:
    standing = refused()
    standing.forgive()
    assert not standing.refused
    assert standing.admits(0.0)


def test_nothing_known_holds_nothing_back() -> None:
    assert RoundTrip().expected_s(5.0) == 0.0


def test_a_slow_answer_is_believed_step_by_step_and_not_for_ever() -> None:
    trip = RoundTrip()
    trip.answered(0.0, 0.001)
    trip.answered(0.0, 2.0)
    assert trip.expected_s(0.0) == pytest.approx(0.6, abs=0.01)
    for _ in range(20):
        trip.answered(0.0, 2.0)
    assert trip.expected_s(0.0) == pytest.approx(2.0, abs=0.01)
    assert trip.expected_s(5.0) == pytest.approx(1.0, abs=0.01)
    assert trip.expected_s(60.0) < 0.01, "else nothing would ever be sent, and nothing measured"
    trip.answered(1.0, 0.002)
    assert trip.expected_s(1.0) == pytest.approx(0.002), "a fast answer is believed at once"


def watched(look: Callable[[float], tuple[float | None, float]], until_s: float) -> Watchdog:
    dog = Watchdog()
    for step in range(int(until_s * 10) + 1):
        now_s = 100 + step / 10
        dog.look(now_s, *look(now_s))
    return dog


def test_a_producer_that_has_work_and_does_nothing_is_stuck_within_ten_seconds() -> None:
    assert not watched(lambda _: (100.0, 99.0), 5.0).suspicious
    assert watched(lambda _: (100.0, 99.0), 7.0).suspicious
    assert not watched(lambda _: (100.0, 99.0), 8.0).stuck
    assert watched(lambda _: (100.0, 99.0), 10.0).stuck


def test_a_slow_broker_is_not_a_stuck_producer() -> None:
    """Its requests end every five seconds, unanswered, and are tried again."""
    assert not watched(lambda now_s: (100.0, now_s - now_s % 5.1), 60.0).suspicious


def test_a_producer_without_work_may_rest() -> None:
    assert not watched(lambda _: (None, 0.0), 60.0).suspicious
    assert watched(lambda now_s: (None if now_s < 130 else 130.0, 0.0), 35.0).silent_s == pytest.approx(5.0, abs=0.2)


def test_a_process_that_stood_still_itself_accuses_nobody() -> None:
    dog = Watchdog()
    dog.look(100.0, 100.0, 99.0)
    dog.look(100.1, 100.0, 99.0)
    dog.look(160.0, 100.0, 99.0)
    assert not dog.suspicious


@given(st.floats(0, 0.999999))
def test_retry_after_is_at_least_a_second_and_spread(random: float) -> None:
    assert 1.0 <= retry_after_s(5.0, random) <= 5.0
    assert 1.0 <= away(random).retry_after_s <= 5.0
    assert 1.0 <= topic_absent("orders", "is not known", random).retry_after_s <= 10.0


def test_two_who_were_refused_together_come_back_apart() -> None:
    assert away(0.1).retry_after_s != away(0.9).retry_after_s
