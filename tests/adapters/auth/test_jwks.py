"""The key cache: when it reads, who waits, how long an issuer may be away. Its clock stands still until it is moved."""

import asyncio
import logging

import pytest
from tests.adapters.auth.signing import Clock, ScriptedSource, jwk, key_set

from tidegate_gateway.adapters.jwks import KeyCache, KeysAway, KeyTimes, NoSuchKey

TIMES = KeyTimes()


class HeldSource(ScriptedSource):
    """Answers only when it is let go."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def read(self) -> bytes:
        body = self.body
        self.asked.set()
        await self.go.wait()
        self.body, later = body, self.body
        try:
            return await super().read()
        finally:
            self.body = later


def cache_of(source: ScriptedSource, clock: Clock, times: KeyTimes = TIMES) -> KeyCache:
    return KeyCache("shop", source, times=times, now_s=clock, spread=lambda: 0.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource(key_set(jwk("ES256", "a")))


async def test_a_known_key_costs_no_read(source: ScriptedSource, clock: Clock) -> None:
    cache = cache_of(source, clock)
    await cache.refresh()
    for _ in range(100):
        assert (await cache.key("ES256", "a")).kid == "a"
    assert source.reads == 1


async def test_the_first_token_reads_keys_that_were_never_read(source: ScriptedSource, clock: Clock) -> None:
    cache = cache_of(source, clock)
    assert (await cache.key("ES256", "a")).kid == "a"
    assert source.reads == 1


async def test_a_rotation_is_seen_by_the_first_token_of_the_new_key(source: ScriptedSource, clock: Clock) -> None:
    cache = cache_of(source, clock)
    await cache.refresh()
    source.body = key_set(jwk("ES256", "b"))
    assert (await cache.key("ES256", "b")).kid == "b"
    assert source.reads == 2


async def test_a_rotation_right_after_the_first_token_s_read_is_seen(source: ScriptedSource, clock: Clock) -> None:
    cache = cache_of(source, clock)
    await cache.key("ES256", "a")
    source.body = key_set(jwk("ES256", "b"))
    assert (await cache.key("ES256", "b")).kid == "b"


async def test_ten_thousand_unknown_kids_cause_one_read(source: ScriptedSource, clock: Clock) -> None:
    cache = cache_of(source, clock)
    await cache.refresh()
    for number in range(10_000):
        with pytest.raises(NoSuchKey):
            await cache.key("ES256", f"stranger-{number}")
    assert source.reads == 2
    clock.now_s += TIMES.hold_off_s - 0.1
    with pytest.raises(NoSuchKey):
        await cache.key("ES256", "stranger")
    assert source.reads == 2
    clock.now_s += 0.1
    with pytest.raises(NoSuchKey):
        await cache.key("ES256", "stranger")
    assert source.reads == 3


async def test_tokens_that_come_together_share_one_read(clock: Clock) -> None:
    source = HeldSource(key_set(jwk("ES256", "a")))
    cache = cache_of(source, clock)
    asking = [asyncio.create_task(cache.key("ES256", "a")) for _ in range(50)]
    await source.asked.wait()
    source.go.set()
    assert {(await task).kid for task in asking} == {"a"}
    assert source.reads == 1


async def test_a_read_that_was_under_way_too_early_is_followed_by_one_more(clock: Clock) -> None:
    source = HeldSource(key_set(jwk("ES256", "a")))
    cache = cache_of(source, clock)
    background = asyncio.create_task(cache.refresh())
    await source.asked.wait()
    source.body = key_set(jwk("ES256", "b"))  # rotated after the read began
    asking = asyncio.create_task(cache.key("ES256", "b"))
    await asyncio.sleep(0)
    source.go.set()
    assert (await asking).kid == "b"
    await background
    assert source.reads == 2


async def test_several_keys_that_fit_a_token_without_kid_are_none(source: ScriptedSource, clock: Clock) -> None:
    source.body = key_set(jwk("ES256", "a"), jwk("ES256", "b"), jwk("EdDSA", "c"))
    cache = cache_of(source, clock)
    await cache.refresh()
    with pytest.raises(NoSuchKey):
        await cache.key("ES256", None)
    assert (await cache.key("EdDSA", None)).kid == "c"
    assert source.reads == 1


async def test_keys_pass_while_their_issuer_is_away_and_reads_are_rare(source: ScriptedSource, clock: Clock) -> None:
    cache = cache_of(source, clock)
    await cache.refresh()
    source.away = True
    began_s = clock.now_s
    while clock.now_s < began_s + 600:  # ten minutes, a second at a time
        clock.now_s += 1
        if cache.due_in_s() <= 0:
            await cache.refresh()
        assert (await cache.key("ES256", "a")).kid == "a"
        with pytest.raises(NoSuchKey):
            await cache.key("ES256", "stranger")
    assert source.reads - 1 <= 600 / TIMES.hold_off_s
    status = cache.status()
    assert status.ok
    assert "600 s ago; the last read failed: the issuer is away" in status.detail
    source.away = False
    clock.now_s += cache.due_in_s()
    await cache.refresh()
    assert cache.status().detail == "1 keys, read 0 s ago"


async def test_keys_older_than_the_hard_bound_are_trusted_no_more(source: ScriptedSource, clock: Clock) -> None:
    cache = cache_of(source, clock)
    await cache.refresh()
    source.away = True
    clock.now_s += TIMES.hard_ttl_s
    with pytest.raises(KeysAway) as caught:
        await cache.key("ES256", "a")
    assert caught.value.retry_after_s == TIMES.hold_off_s
    status = cache.status()
    assert not status.ok
    assert status.detail == "the keys are too old to be trusted; the last read failed: the issuer is away"


async def test_keys_that_were_never_read_are_away_not_wrong(source: ScriptedSource, clock: Clock) -> None:
    source.away = True
    cache = cache_of(source, clock)
    for _ in range(100):
        with pytest.raises(KeysAway):
            await cache.key("ES256", "a")
    assert source.reads == 1
    assert cache.status().detail == "no keys yet; the last read failed: the issuer is away"


@pytest.mark.parametrize("body", [b"<html>", b'{"keys": []}'])
async def test_a_set_that_cannot_be_used_does_not_replace_a_good_one(
    body: bytes, source: ScriptedSource, clock: Clock
) -> None:
    cache = cache_of(source, clock)
    await cache.refresh()
    source.body = body
    await cache.refresh()
    assert (await cache.key("ES256", "a")).kid == "a"
    assert "the last read failed" in cache.status().detail


async def test_a_source_that_breaks_in_an_unforeseen_way_is_a_failed_read(source: ScriptedSource, clock: Clock) -> None:
    async def broken() -> bytes:
        raise ZeroDivisionError("a secret")

    source.read = broken  # type: ignore[method-assign]  # the fault is injected
    cache = cache_of(source, clock)
    await cache.refresh()
    assert cache.status().detail == "no keys yet; the last read failed: ZeroDivisionError"


async def test_a_source_that_stalls_is_given_up(clock: Clock) -> None:
    source = HeldSource(b"")
    cache = cache_of(source, clock, KeyTimes(read_timeout_s=0.0))
    await cache.refresh()
    assert "no whole answer within 0 s" in cache.status().detail


async def test_a_token_waits_a_short_while_for_a_read_and_no_longer(clock: Clock) -> None:
    source = HeldSource(key_set(jwk("ES256", "a")))
    cache = cache_of(source, clock, KeyTimes(wait_s=0.0))
    with pytest.raises(KeysAway):
        await cache.key("ES256", "a")
    await cache.aclose()
    assert source.closed


async def test_reads_in_the_background_are_due_before_the_soft_bound(source: ScriptedSource, clock: Clock) -> None:
    spread = 1.0
    cache = KeyCache("shop", source, now_s=clock, spread=lambda: spread)
    assert cache.due_in_s() == 0
    await cache.refresh()
    assert cache.due_in_s() == pytest.approx(TIMES.soft_ttl_s * 0.9)
    source.away = True
    await cache.refresh()
    assert cache.due_in_s() == TIMES.hold_off_s


async def test_keep_fresh_reads_what_is_due_until_it_is_cancelled(source: ScriptedSource, clock: Clock) -> None:
    cache = cache_of(source, clock, KeyTimes(soft_ttl_s=0.0))
    keeper = asyncio.create_task(cache.keep_fresh())
    for _ in range(1_000):
        await asyncio.sleep(0.001)
        if source.reads >= 3:
            break
    keeper.cancel()
    await asyncio.wait({keeper})
    assert source.reads >= 3
    await cache.aclose()


async def test_a_forced_read_follows_the_one_under_way(clock: Clock) -> None:
    source = HeldSource(key_set(jwk("ES256", "a")))
    cache = cache_of(source, clock)
    first = asyncio.create_task(cache.refresh())
    await source.asked.wait()
    source.body = key_set(jwk("ES256", "b"))
    second = asyncio.create_task(cache.refresh())
    await asyncio.sleep(0)
    source.go.set()
    await asyncio.gather(first, second)
    assert (await cache.key("ES256", "b")).kid == "b"
    assert source.reads == 2


async def test_a_key_that_is_gone_is_counted_and_one_that_comes_is_not(source: ScriptedSource, clock: Clock) -> None:
    cache = cache_of(source, clock)
    await cache.refresh()
    source.body = key_set(jwk("ES256", "a"), jwk("ES256", "b"))
    await cache.refresh()
    assert cache.withdrawals == 0
    source.body = key_set(jwk("ES256", "b"))
    await cache.refresh()
    assert cache.withdrawals == 1


async def test_keys_left_out_are_said_once(
    source: ScriptedSource, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "tidegate.auth")
    source.body = key_set(jwk("ES256", "a"), jwk("EdDSA", "b", use="enc"))
    cache = cache_of(source, clock)
    await cache.refresh()
    await cache.refresh()
    assert [record.getMessage() for record in caplog.records] == [
        "1 keys of the issuer shop are left out: 1: its use is not sig"
    ]
    assert cache.status().detail == "1 keys, 1 left out, read 0 s ago"
