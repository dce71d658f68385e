"""RateLimit, RateLimit-Policy and Retry-After as numbers."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.doors.rates import rate_fields, retry_after_s, tightest
from tidegate_gateway.intake.limits import Quota


def quota(
    name: str = "events", burst: int = 100, remaining: int = 50, reset_s: float = 3.0, window_s: float = 1.0
) -> Quota:
    return Quota(name=name, burst=burst, window_s=window_s, remaining=remaining, reset_s=reset_s)


def test_the_fields_are_as_http_md_writes_them() -> None:
    quotas = (quota(), quota("bytes", burst=1_048_576, remaining=1_048_576, reset_s=0.0))
    assert rate_fields(quotas) == [
        (b"ratelimit", b'"events";r=50;t=3'),
        (b"ratelimit-policy", b'"events";q=100;w=1, "bytes";q=1048576;w=1;qu="content-bytes"'),
    ]


def test_no_limit_no_fields() -> None:
    assert rate_fields(()) == []


def test_windows_and_resets_are_whole_seconds_rounded_up() -> None:
    (limit, policy) = rate_fields((quota("topic-bytes", reset_s=0.01, window_s=0.5),))
    assert limit[1] == b'"topic-bytes";r=50;t=1'
    assert policy[1] == b'"topic-bytes";q=100;w=1;qu="content-bytes"'


def test_the_tightest_is_the_most_used_or_the_one_that_asks_for_the_wait() -> None:
    events, volume = quota(remaining=90, reset_s=4.0), quota("bytes", remaining=10, reset_s=9.0)
    assert tightest((events, volume)) is volume
    assert tightest((events, volume), 4.0) is events
    assert tightest((quota(burst=0, remaining=0), volume)).burst == 0


@settings(max_examples=200)
@given(wait_s=st.floats(0, 1e6), jitter=st.floats(0, 1, exclude_max=True))
def test_retry_after_is_never_early_and_at_most_doubled(wait_s: float, jitter: float) -> None:
    seconds = retry_after_s(wait_s, jitter)
    least = max(1, math.ceil(wait_s))
    assert least <= seconds <= 2 * least


@pytest.mark.parametrize(("wait_s", "seconds"), [(0.0, {1, 2}), (1.0, {1, 2}), (2.2, {3, 4, 5, 6})])
def test_retry_after_takes_every_second_of_its_range(wait_s: float, seconds: set[int]) -> None:
    assert {retry_after_s(wait_s, step / 100) for step in range(100)} == seconds
