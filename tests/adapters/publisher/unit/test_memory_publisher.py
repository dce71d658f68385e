"""What the publisher in memory can be told to answer."""

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.limits import TopicLimits
from tidegate_gateway.adapters.memory_publisher import MemoryPublisher
from tidegate_gateway.intake.ports import NotStored, Record, RecordRefused, RecordStored, Unknown

NOW_MS = 1_800_000_000_000


def records(*keys: bytes | None) -> list[Record]:
    return [Record(key, b"v", (), NOW_MS) for key in keys]


async def test_a_script_comes_first_and_its_failure_holds_the_partition() -> None:
    away = NotStored(Code.BROKER_UNAVAILABLE, "away")
    publisher = MemoryPublisher(script=[None, away, Unknown("?")], now_ms=lambda: NOW_MS, partitions=1)
    first, second, third = await publisher.publish("t", records(b"a", b"a", b"a"), timeout_s=1)
    assert first == RecordStored(0, 0)
    assert second is away
    assert isinstance(third, NotStored)
    assert third.code is Code.AFTER_FAILURE
    (fourth,) = await publisher.publish("t", records(b"a"), timeout_s=1)
    assert isinstance(fourth, Unknown)
    (fifth,) = await publisher.publish("t", records(b"a"), timeout_s=1)
    assert fifth == RecordStored(0, 1)


async def test_a_missing_topic_is_named() -> None:
    publisher = MemoryPublisher(missing=["gone"])
    (outcome,) = await publisher.publish("gone", records(b"a"), timeout_s=1)
    assert isinstance(outcome, NotStored)
    assert "topic gone does not exist in Kafka" in outcome.detail
    assert publisher.topics_missing() == {"gone": "does not exist in Kafka"}


async def test_limits_are_the_topics_own() -> None:
    publisher = MemoryPublisher(limits={"t": TopicLimits(compacted=True)}, now_ms=lambda: NOW_MS)
    keyless, keyed = await publisher.publish("t", records(None, b"k"), timeout_s=1)
    assert isinstance(keyless, RecordRefused)
    assert isinstance(keyed, RecordStored)
    assert [record.key for record in publisher.records("t")] == [b"k"]


async def test_it_is_as_ready_as_it_was_told() -> None:
    assert MemoryPublisher().ready()[0]
    assert MemoryPublisher(ready_detail="away").ready() == (False, "away")
    publisher = MemoryPublisher()
    await publisher.start()
    await publisher.close(1)
    assert not publisher.ready()[0]
