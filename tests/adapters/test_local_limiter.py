"""The limiter in memory: never more than burst and rate allow, all or nothing, and bounded however many come."""

import asyncio
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.auth.signing import Clock

from tidegate.contracts.source import Limits
from tidegate_gateway.adapters.local_limiter import LocalLimiter
from tidegate_gateway.intake.limits import Allowance
from tidegate_gateway.intake.principal import Principal

LIMITS = Limits(events_per_second=10, bytes_per_second=1_000, burst_seconds=2)  # bursts: 20 events, 2,000 bytes
TOPIC = "customer.orders"


def principal(number: int = 0) -> Principal:
    return Principal(issuer="shop", subject=f"till-{number}")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> LocalLimiter:
    return LocalLimiter(now_s=clock)


async def take(
    limiter: LocalLimiter,
    events: int,
    size_bytes: int = 0,
    *,
    who: int = 0,
    topic: str = TOPIC,
    limits: Limits | None = LIMITS,
    topic_limits: Limits | None = None,
) -> Allowance:
    return await limiter.take(principal(who), topic, events, size_bytes, limits, topic_limits)


async def test_without_limits_nothing_is_kept(limiter: LocalLimiter) -> None:
    allowance = await take(limiter, 10**9, 10**12, limits=None)
    assert allowance == Allowance()
    assert allowance.taken
    assert len(limiter) == 0


async def test_limits_without_a_rate_limit_nothing(limiter: LocalLimiter) -> None:
    assert await take(limiter, 10**9, limits=Limits()) == Allowance()


async def test_the_burst_passes_and_then_the_rate(limiter: LocalLimiter, clock: Clock) -> None:
    assert (await take(limiter, 20)).taken
    refused = await take(limiter, 1)
    assert not refused.taken
    assert refused.wait_s == pytest.approx(0.1)
    clock.now_s += refused.wait_s
    assert (await take(limiter, 1)).taken
    assert not (await take(limiter, 1)).taken
    clock.now_s += 3_600
    assert (await take(limiter, 20)).taken


async def test_the_quotas_say_what_is_left_and_when_it_is_full(limiter: LocalLimiter) -> None:
    allowance = await take(limiter, 5, 500, topic_limits=Limits(events_per_second=100, burst_seconds=1))
    events, size, topic_events = allowance.quotas
    assert (events.name, events.burst, events.window_s, events.remaining) == ("events", 20, 2, 15)
    assert events.reset_s == pytest.approx(0.5)
    assert (size.name, size.burst, size.remaining) == ("bytes", 2_000, 1_500)
    assert (topic_events.name, topic_events.burst, topic_events.remaining) == ("topic-events", 100, 95)


async def test_a_refusal_says_when_its_cost_would_fit(limiter: LocalLimiter) -> None:
    await take(limiter, 20, 100)
    refused = await take(limiter, 5, 100)
    events, size = refused.quotas
    assert events.remaining == 0
    assert events.reset_s == pytest.approx(0.5)
    assert size.remaining == 1_900
    assert refused.wait_s == pytest.approx(0.5)


async def test_all_or_nothing(limiter: LocalLimiter) -> None:
    shared = Limits(events_per_second=3, burst_seconds=1)
    assert (await take(limiter, 2, 100, topic_limits=shared)).taken
    assert not (await take(limiter, 2, 100, who=1, topic_limits=shared)).taken
    (events, size) = (await take(limiter, 0, who=1)).quotas
    assert (events.remaining, size.remaining) == (20, 2_000)
    assert (await take(limiter, 1, 100, who=1, topic_limits=shared)).taken


async def test_principals_and_topics_have_their_own_buckets(limiter: LocalLimiter) -> None:
    assert (await take(limiter, 20)).taken
    assert (await take(limiter, 20, who=1)).taken
    assert (await take(limiter, 20, topic="other")).taken
    assert not (await take(limiter, 1)).taken


async def test_the_same_subject_of_another_issuer_is_another_principal(limiter: LocalLimiter) -> None:
    assert (await take(limiter, 20)).taken
    other = Principal(issuer="elsewhere", subject="till-0")
    assert (await limiter.take(other, TOPIC, 20, 0, LIMITS, None)).taken


@pytest.mark.parametrize(
    ("events", "size_bytes", "max_events"),
    [(21, 0, 20), (100, 100_000, 2), (10, 2_001, 9), (1, 2_001, 0), (30, 6_000, 10), (0, 2_001, 0)],
)
async def test_a_cost_above_the_burst_is_told_what_would_pass(
    limiter: LocalLimiter, events: int, size_bytes: int, max_events: int
) -> None:
    allowance = await take(limiter, events, size_bytes)
    assert not allowance.taken
    assert allowance.max_events == max_events
    assert allowance.wait_s == 0
    assert [quota.remaining for quota in allowance.quotas] == [20, 2_000]
    if max_events:
        assert (await take(limiter, max_events, size_bytes // events * max_events)).taken


async def test_a_rate_below_one_event_a_burst_still_lets_one_pass(limiter: LocalLimiter, clock: Clock) -> None:
    slow = Limits(events_per_second=0.1, burst_seconds=2)
    assert (await take(limiter, 1, limits=slow)).taken
    refused = await take(limiter, 1, limits=slow)
    assert refused.wait_s == pytest.approx(10)


async def test_an_empty_batch_always_passes(limiter: LocalLimiter) -> None:
    await take(limiter, 20, 2_000)
    assert (await take(limiter, 0)).taken


async def test_new_limits_of_a_reload_hold_at_once(limiter: LocalLimiter) -> None:
    await take(limiter, 1)
    tighter = Limits(events_per_second=1, burst_seconds=2)
    assert (await take(limiter, 2, limits=tighter)).taken
    assert not (await take(limiter, 1, limits=tighter)).taken


async def test_a_million_principals_take_bounded_memory(clock: Clock) -> None:
    limiter = LocalLimiter(most_entries=1_000, now_s=clock)
    for number in range(2_000):
        await take(limiter, 1, who=number)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(2_000, 12_000):
            clock.now_s += 0.001
            await take(limiter, 1, who=number)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(limiter) <= 1_000
    assert after - before < 300 * 1_000


async def test_full_buckets_make_room(limiter: LocalLimiter, clock: Clock) -> None:
    for number in range(100):
        await take(limiter, 1, who=number)
    assert len(limiter) == 100
    clock.now_s += 10
    for number in range(100, 200):
        await take(limiter, 1, who=number)
    assert len(limiter) <= 101


async def test_no_bucket_is_lost_before_it_is_full_again(clock: Clock) -> None:
    limiter = LocalLimiter(most_entries=10, now_s=clock)
    for number in range(10):
        assert (await take(limiter, 20, who=number)).taken
    for number in range(10, 500):  # principals enough to push everybody out
        await take(limiter, 1, who=number)
    for number in range(10):
        assert not (await take(limiter, 1, who=number)).taken


async def test_who_comes_to_a_full_table_shares_one_bucket_until_there_is_room(clock: Clock) -> None:
    limiter = LocalLimiter(most_entries=10, now_s=clock)
    for number in range(10):
        await take(limiter, 20, who=number)
    passed = [(await take(limiter, 1, who=number)).taken for number in range(10, 100)]
    assert passed.count(True) == 20
    clock.now_s += 2
    assert (await take(limiter, 20, who=50)).taken
    assert (await take(limiter, 20, who=51)).taken


STEPS = st.lists(
    st.tuples(st.floats(0, 3, allow_subnormal=False), st.integers(0, 30), st.integers(0, 3_000), st.integers(0, 2)),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.floats(0.05, 50), st.floats(0.1, 5))
def test_never_more_than_the_burst_and_the_rate(
    steps: list[tuple[float, int, int, int]], rate: float, burst_s: float
) -> None:
    clock = Clock()
    limiter = LocalLimiter(most_entries=3, now_s=clock)
    own = Limits(events_per_second=rate, bytes_per_second=rate * 100, burst_seconds=burst_s)
    shared = Limits(events_per_second=rate * 1.5, burst_seconds=burst_s)
    began_s = clock.now_s
    spent = {who: [0, 0] for who in range(3)}

    async def run() -> None:
        for pause_s, events, size_bytes, who in steps:
            clock.now_s += pause_s
            allowance = await take(limiter, events, size_bytes, who=who, limits=own, topic_limits=shared)
            if allowance.taken:
                spent[who][0] += events
                spent[who][1] += size_bytes
            elif allowance.max_events is None:
                clock.now_s += allowance.wait_s
                again = await take(limiter, events, size_bytes, who=who, limits=own, topic_limits=shared)
                assert again.taken, "who waits as long as told passes"
                spent[who][0] += events
                spent[who][1] += size_bytes
            passed_s = clock.now_s - began_s
            for sent, size in spent.values():
                assert sent <= (max(1, rate * burst_s) + rate * passed_s) * (1 + 1e-6) + 1e-6
                assert size <= (max(1, rate * 100 * burst_s) + rate * 100 * passed_s) * (1 + 1e-6) + 1e-4
            total = sum(sent for sent, _ in spent.values())
            assert total <= (max(1, rate * 1.5 * burst_s) + rate * 1.5 * passed_s) * (1 + 1e-6) + 1e-6

    asyncio.run(run())
