"""One test body over all adapters of the Publisher port."""

import asyncio
import time
from collections import defaultdict
from typing import Any

import pytest

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.partitioning import partition_of
from tidegate_gateway.intake.ports import NotStored, Record, RecordRefused, RecordStored

Bench = Any  # of conftest.py, which importlib mode does not let a test import

NOW_MS = int(time.time() * 1000)


def record(key: bytes | None = b"k", value: bytes | None = b"v", **more: Any) -> Record:
    return Record(key, value, more.get("headers", ()), more.get("timestamp_ms", NOW_MS))


async def test_stored_is_where_a_consumer_finds_it(bench: Bench) -> None:
    sent = [
        record(b"a", b"one", headers=(("tidegate-id", b"1"), ("empty", b""))),
        record(b"b", b"two", timestamp_ms=NOW_MS - 86_400_000),
        record(b"a", b""),
        record(b"a", None),
        record(b"", b"empty key"),
    ]
    outcomes = await bench.publisher.publish(bench.topic, sent, timeout_s=10)
    found = {(r.partition, r.offset): r for r in await bench.read()}
    assert len(found) == len(sent)
    for one, outcome in zip(sent, outcomes, strict=True):
        assert isinstance(outcome, RecordStored)
        assert outcome.partition == partition_of(one.key or b"", bench.partitions)
        read = found[outcome.partition, outcome.offset]
        assert (read.key, read.value, read.timestamp_ms) == (one.key, one.value, one.timestamp_ms)
        assert read.headers == list(one.headers)


async def test_a_record_needs_no_key(bench: Bench) -> None:
    outcomes = await bench.publisher.publish(bench.topic, [record(None, b"%d" % n) for n in range(5)], timeout_s=10)
    assert all(isinstance(outcome, RecordStored) for outcome in outcomes)
    found = {(r.partition, r.offset): r for r in await bench.read()}
    assert [found[o.partition, o.offset].value for o in outcomes] == [b"%d" % n for n in range(5)]
    assert all(r.key is None for r in found.values())


async def test_a_record_may_name_its_partition(bench: Bench) -> None:
    last = bench.partitions - 1
    sent = [Record(b"a", b"v%d" % n, (), NOW_MS, n) for n in (0, last, -1, bench.partitions)]
    sent.append(record(b"a", b"by its key"))
    *named, below, above, keyed = await bench.publisher.publish(bench.topic, sent, timeout_s=10)
    assert [outcome.partition for outcome in named] == [0, last]
    assert keyed.partition == partition_of(b"a", bench.partitions)
    for refused, asked in ((below, -1), (above, bench.partitions)):
        assert isinstance(refused, RecordRefused)
        assert refused.code is Code.CONTRACT_VIOLATION
        assert refused.violation is not None
        assert (refused.violation.pointer, refused.violation.rule) == ("#", "range")
        assert f"the topic has {bench.partitions} partitions, and no partition {asked}" in refused.detail
    assert {(r.partition, r.value) for r in await bench.read()} == {
        (0, b"v0"), (last, b"v%d" % last), (keyed.partition, b"by its key"),
    }  # fmt: skip


async def test_a_thousand_records_keep_the_order_of_their_keys(bench: Bench) -> None:
    sent = [record(b"key-%d" % (n % 17), b"%d" % n) for n in range(1_000)]
    outcomes = await bench.publisher.publish(bench.topic, sent, timeout_s=20)
    assert len({(o.partition, o.offset) for o in outcomes}) == 1_000
    by_key = defaultdict(list)
    for read in await bench.read():
        by_key[read.key].append(int(read.value))
    assert by_key == {b"key-%d" % k: list(range(k, 1_000, 17)) for k in range(17)}


async def test_one_that_is_too_large_is_refused_alone(bench: Bench) -> None:
    sent = [record(b"k", b"small"), record(b"k", b"x" * 1_100_000), record(b"k", b"small too")]
    first, large, last = await bench.publisher.publish(bench.topic, sent, timeout_s=10)
    assert isinstance(first, RecordStored)
    assert isinstance(last, RecordStored)
    assert isinstance(large, RecordRefused)
    assert large.code is Code.TOO_LARGE
    assert "max.message.bytes is 10485" in large.detail
    assert [r.value for r in await bench.read()] == [b"small", b"small too"]


async def test_a_time_far_ahead_is_refused_alone(bench: Bench) -> None:
    sent = [record(value=b"good"), record(timestamp_ms=NOW_MS + 7_200_000), record(value=b"good too")]
    first, ahead, last = await bench.publisher.publish(bench.topic, sent, timeout_s=10)
    assert isinstance(first, RecordStored)
    assert isinstance(last, RecordStored)
    assert isinstance(ahead, RecordRefused)
    assert ahead.code is Code.CONTRACT_VIOLATION
    assert ahead.violation is not None
    assert ahead.violation.rule == "event_time"


async def test_two_hundred_at_once(bench: Bench) -> None:
    async def one(n: int) -> list[RecordStored]:
        stored = []
        for turn in range(5):
            (outcome,) = await bench.publisher.publish(bench.topic, [record(b"key-%d" % n, b"%d" % turn)], timeout_s=20)
            assert isinstance(outcome, RecordStored), outcome
            stored.append(outcome)
        return stored

    told = await asyncio.gather(*(one(n) for n in range(200)))
    found = {(r.partition, r.offset): r for r in await bench.read()}
    assert len(found) == 1_000
    for n, stored in enumerate(told):
        reads = [found[o.partition, o.offset] for o in stored]
        assert [(r.key, r.value) for r in reads] == [(b"key-%d" % n, b"%d" % turn) for turn in range(5)]
        assert [o.offset for o in stored] == sorted(o.offset for o in stored)


async def test_nothing_to_store(bench: Bench) -> None:
    assert list(await bench.publisher.publish(bench.topic, [], timeout_s=1)) == []


async def test_it_is_ready(bench: Bench) -> None:
    ok, detail = bench.publisher.ready()
    assert ok, detail


async def test_a_deadline_that_has_passed_stores_nothing(bench: Bench) -> None:
    (outcome,) = await bench.publisher.publish(bench.topic, [record()], timeout_s=-1)
    assert isinstance(outcome, NotStored)
    assert await bench.read() == []


@pytest.mark.parametrize("count", [1, 3])
async def test_outcomes_are_in_the_order_of_the_records(bench: Bench, count: int) -> None:
    sent = [record(b"%d" % n, b"v%d" % n) for n in range(count)]
    outcomes = await bench.publisher.publish(bench.topic, sent, timeout_s=10)
    found = {(r.partition, r.offset): r.value for r in await bench.read()}
    assert [found[o.partition, o.offset] for o in outcomes] == [r.value for r in sent]
