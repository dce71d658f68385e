"""The histogram counts what a naive one counts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.telemetry.histogram import Histogram

BOUNDS = (0.01, 0.5, 1, 60)


def naive(ages_s: list[float]) -> list[tuple[str, float]]:
    rows = [(repr(float(bound)), float(sum(1 for age in ages_s if age <= bound))) for bound in BOUNDS]
    return [*rows, ("+Inf", float(len(ages_s)))]


@given(st.lists(st.integers(min_value=0, max_value=200_000), max_size=60))
@settings(max_examples=150)
def test_ages_fall_into_the_buckets_of_a_naive_count(times_ms: list[int]) -> None:
    now_ms = 100_000
    histogram = Histogram(BOUNDS)
    histogram.observe_ages(times_ms, now_ms)
    ages_s = [max(0, now_ms - time_ms) / 1000 for time_ms in times_ms]
    assert histogram.buckets() == naive(ages_s)
    assert abs(histogram.sum - sum(ages_s)) < 1e-6


@given(st.lists(st.floats(min_value=0, max_value=100), max_size=40))
@settings(max_examples=100)
def test_single_values_fall_into_the_buckets_of_a_naive_count(values: list[float]) -> None:
    histogram = Histogram(BOUNDS)
    for value in values:
        histogram.observe(value)
    assert histogram.buckets() == naive(values)


def test_a_bound_belongs_to_its_own_bucket() -> None:
    histogram = Histogram(BOUNDS)
    histogram.observe(0.5)
    histogram.observe_ages([1_000_000 - 500], 1_000_000)
    assert dict(histogram.buckets())["0.5"] == 2
    assert dict(histogram.buckets())["0.01"] == 0
