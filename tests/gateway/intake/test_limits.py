"""The arithmetic of token buckets; `now` is an argument, so nothing here waits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.contracts.source import Limits
from tidegate_gateway.intake.limits import Allowance, Bucket, dimensions, quota_of, refill, spend, wait_for


def test_a_submission_may_go_on_only_where_it_was_taken() -> None:
    assert Allowance().taken
    assert not Allowance(wait_s=0.1).taken
    assert not Allowance(max_events=0).taken


def test_a_bucket_fills_at_its_rate_up_to_its_burst() -> None:
    bucket = Bucket(0.0, 100.0)
    refill(bucket, 2.0, 10.0, 101.5)
    assert (bucket.level, bucket.at_s) == (3.0, 101.5)
    refill(bucket, 2.0, 10.0, 1_000.0)
    assert bucket.level == 10.0
    refill(bucket, 2.0, 4.0, 1_000.0)  # a reload made the burst smaller
    assert bucket.level == 4.0


def test_a_clock_that_steps_back_adds_nothing_and_gives_nothing_twice() -> None:
    bucket = Bucket(5.0, 100.0)
    refill(bucket, 1.0, 10.0, 90.0)
    assert (bucket.level, bucket.at_s) == (5.0, 100.0)
    refill(bucket, 1.0, 10.0, 100.0)
    assert bucket.level == 5.0


def test_what_is_not_there_is_not_taken() -> None:
    bucket = Bucket(3.0, 0.0)
    assert spend(bucket, 2.0, 10.0, 4.0, 0.0) == pytest.approx(0.5)
    assert bucket.level == 3.0
    assert spend(bucket, 2.0, 10.0, 3.0, 0.0) == 0.0
    assert bucket.level == 0.0
    assert spend(bucket, 2.0, 10.0, 0.0, 0.0) == 0.0


def test_a_rounding_sends_nobody_away() -> None:
    assert wait_for(Bucket(0.999_999_999_9, 0.0), 1.0, 1.0, 1.0) == 0.0
    assert wait_for(Bucket(0.999, 0.0), 1.0, 1.0, 1.0) > 0.0


@settings(max_examples=200, deadline=None)
@given(
    st.floats(0.001, 1e6),
    st.floats(1, 1e6),
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), max_size=50),
    st.floats(0, 1e9),
)
def test_never_more_than_burst_and_rate(
    rate: float, burst: float, steps: list[tuple[float, float]], began_s: float
) -> None:
    bucket, now_s, taken = Bucket(burst, began_s), began_s, 0.0
    for pause_s, share in steps:
        now_s += pause_s
        cost = burst * share
        wait_s = spend(bucket, rate, burst, cost, now_s)
        assert 0.0 <= bucket.level <= burst
        if wait_s == 0.0:
            taken += cost
        else:
            assert wait_s <= burst / rate
    assert taken <= (burst + rate * (now_s - began_s)) * (1 + 1e-6)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), ()),
        (Limits(events_per_second=10), (("events", 10, 20),)),
        (Limits(bytes_per_second=100, burst_seconds=0.5), (("bytes", 100, 50),)),
        (Limits(events_per_second=1, bytes_per_second=8, burst_seconds=3), (("events", 1, 3), ("bytes", 8, 24))),
        (Limits(events_per_second=0.1, burst_seconds=2), (("events", 0.1, 1),)),  # else nothing would ever pass
    ],
)
def test_the_buckets_of_a_limit(limits: Limits, expected: tuple[tuple[str, float, float], ...]) -> None:
    assert dimensions(limits) == expected


def test_a_quota_counts_whole_units_and_the_time_until_full() -> None:
    quota = quota_of("events", Bucket(3.7, 0.0), 2.0, 10.0, 5.0, 0.0)
    assert (quota.name, quota.burst, quota.window_s, quota.remaining) == ("events", 10, 5.0, 3)
    assert quota.reset_s == pytest.approx(3.15)


def test_a_quota_of_a_refusal_says_when_the_cost_fits() -> None:
    assert quota_of("events", Bucket(0.2, 0.0), 2.0, 10.0, 5.0, 0.4).reset_s == 0.4
