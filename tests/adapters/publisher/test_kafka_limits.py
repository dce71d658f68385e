"""What real Kafka refuses, and that we refuse it first. Pins what traps.md says of aiokafka and of the broker."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError, MessageSizeTooLargeError, OutOfOrderSequenceNumber
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from tests.adapters.publisher.running import running

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.limits import BATCH_HEADER_BYTES, TopicLimits, check, record_bytes
from tidegate_gateway.intake.ports import NotStored, Outcome, Publisher, Record, RecordRefused, RecordStored

pytestmark = pytest.mark.kafka

NewTopic = Callable[..., str]
TIMEOUT_S = 20.0


def now_ms() -> int:
    return int(time.time() * 1000)


def record(value: bytes | None = b"v", key: bytes | None = b"k", ahead_ms: int = 0) -> Record:
    return Record(key, value, (("tidegate-id", b"1"),), now_ms() + ahead_ms)


async def one(publisher: Publisher, topic: str, sent: Record) -> Outcome:
    (outcome,) = await publisher.publish(topic, [sent], timeout_s=TIMEOUT_S)
    return outcome


async def send_bare(producer: AIOKafkaProducer, topic: str, sent: Record) -> None:
    batch = producer.create_batch()
    batch.append(timestamp=sent.timestamp_ms, key=sent.key, value=sent.value, headers=list(sent.headers))
    await (await producer.send_batch(batch, topic, partition=0))


async def test_why_we_check_first_one_refused_record_poisons_its_partition(kafka: str, new_topic: NewTopic) -> None:
    topic = new_topic()
    async with AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True, acks="all") as producer:
        await send_bare(producer, topic, record())
        with pytest.raises(InvalidTimestampError):
            await send_bare(producer, topic, record(ahead_ms=7_200_000))
        for _ in range(2):
            with pytest.raises(OutOfOrderSequenceNumber):
                await send_bare(producer, topic, record())


async def test_a_refused_record_leaves_the_others_alone(
    kafka: str, new_topic: NewTopic, read_all: Callable[[str], list[Any]]
) -> None:
    topic = new_topic()
    async with running(kafka, topic) as publisher:
        sent = [record(b"1"), record(b"2", ahead_ms=7_200_000), record(b"3"), record(b"x" * 1_048_576), record(b"4")]
        outcomes = await publisher.publish(topic, sent, timeout_s=TIMEOUT_S)
        assert [type(outcome) for outcome in outcomes] == [
            RecordStored, RecordRefused, RecordStored, RecordRefused, RecordStored,
        ]  # fmt: skip
        assert isinstance(await one(publisher, topic, record(b"5")), RecordStored)
    assert [read.value for read in read_all(topic)] == [b"1", b"3", b"4", b"5"]


async def test_the_size_is_judged_to_the_byte(kafka: str, new_topic: NewTopic) -> None:
    """Our exact size is the broker's: the largest that passes is stored, one byte more is refused by both."""
    topic = new_topic(config={"max.message.bytes": "5000"})
    limits = TopicLimits(max_message_bytes=5_000)
    sizes = range(4_800, 5_000)
    taken = [size for size in sizes if _checked(record(b"x" * size), limits) is None]
    largest = taken[-1]
    assert taken == list(range(4_800, largest + 1))
    async with running(kafka, topic) as publisher:
        assert isinstance(await one(publisher, topic, record(b"x" * largest)), RecordStored)
        refused = await one(publisher, topic, record(b"x" * (largest + 1)))
        assert isinstance(refused, RecordRefused)
        assert refused.code is Code.TOO_LARGE
        assert "5001 bytes" in refused.detail
    async with AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True, acks="all") as producer:
        with pytest.raises(MessageSizeTooLargeError):
            await send_bare(producer, topic, record(b"x" * (largest + 1)))


async def test_a_batch_never_grows_past_the_topic(kafka: str, new_topic: NewTopic, read_all: Any) -> None:
    topic = new_topic(config={"max.message.bytes": "5000"})
    async with running(kafka, topic) as publisher:
        outcomes = await publisher.publish(topic, [record(b"x" * 700) for _ in range(100)], timeout_s=TIMEOUT_S)
    assert all(isinstance(outcome, RecordStored) for outcome in outcomes)
    assert len(read_all(topic)) == 100


@pytest.mark.parametrize("size", [1_048_576 - 60, 1_048_576 - 600])
async def test_the_edge_of_kafkas_default(kafka: str, new_topic: NewTopic, size: int) -> None:
    topic = new_topic()
    async with running(kafka, topic) as publisher:
        outcome = await one(publisher, topic, record(b"x" * size))
        assert isinstance(outcome, RecordRefused if size == 1_048_576 - 60 else RecordStored)
        assert isinstance(await one(publisher, topic, record()), RecordStored)


async def test_times_before_and_after(kafka: str, new_topic: NewTopic) -> None:
    topic = new_topic(config={"message.timestamp.before.max.ms": "600000", "message.timestamp.after.max.ms": "60000"})
    async with running(kafka, topic) as publisher:
        for ahead_ms, taken in ((0, True), (50_000, True), (61_000, False), (-580_000, True), (-601_000, False)):
            outcome = await one(publisher, topic, record(ahead_ms=ahead_ms))
            assert isinstance(outcome, RecordStored) is taken, ahead_ms
            if isinstance(outcome, RecordRefused):
                assert outcome.violation is not None
                assert outcome.violation.rule == "event_time"


async def test_a_topic_that_stamps_itself_takes_any_time(kafka: str, new_topic: NewTopic) -> None:
    topic = new_topic(config={"message.timestamp.type": "LogAppendTime"})
    async with running(kafka, topic) as publisher:
        assert isinstance(await one(publisher, topic, record(ahead_ms=10**10)), RecordStored)


async def test_a_compacted_topic_wants_a_key(kafka: str, new_topic: NewTopic) -> None:
    topic = new_topic(config={"cleanup.policy": "compact"})
    async with running(kafka, topic) as publisher:
        refused = await one(publisher, topic, record(key=None))
        assert isinstance(refused, RecordRefused)
        assert refused.violation is not None
        assert (refused.code, refused.violation.rule) == (Code.CONTRACT_VIOLATION, "key")
        assert isinstance(await one(publisher, topic, record(None)), RecordStored)


async def test_limits_that_changed_behind_us_cost_one_batch(
    kafka: str, new_topic: NewTopic, read_all: Callable[[str], list[Any]]
) -> None:
    """The broker refuses what we let pass: surely not stored, the producer is replaced, the partition works on."""
    topic = new_topic()
    async with running(kafka, topic) as publisher:
        assert isinstance(await one(publisher, topic, record(b"1")), RecordStored)
        _set(kafka, topic, "max.message.bytes", "1000")
        refused = await one(publisher, topic, record(b"x" * 2_000))
        assert isinstance(refused, NotStored)
        assert refused.code is Code.BROKER_UNAVAILABLE
        assert "MESSAGE_TOO_LARGE" in refused.detail
        assert isinstance(await one(publisher, topic, record(b"2")), RecordStored)
        await publisher.watch_topics([topic])
        assert isinstance(await one(publisher, topic, record(b"x" * 2_000)), RecordRefused)
        assert isinstance(await one(publisher, topic, record(b"3")), RecordStored)
    assert [read.value for read in read_all(topic)] == [b"1", b"2", b"3"]


async def test_a_topic_that_kafka_does_not_have(kafka: str, new_topic: NewTopic) -> None:
    there = new_topic()
    missing = f"{there}.missing"
    async with running(kafka, there, missing) as publisher:
        started = time.perf_counter()
        (outcome,) = await publisher.publish(missing, [record()], timeout_s=TIMEOUT_S)
        assert time.perf_counter() - started < TIMEOUT_S / 2, "told without waiting for it"
        assert isinstance(outcome, NotStored)
        assert outcome.code is Code.BROKER_UNAVAILABLE
        assert f"topic {missing} does not exist in Kafka" in outcome.detail
        assert publisher.topics_missing() == {missing: "does not exist in Kafka"}
        ok, detail = publisher.ready()
        assert ok
        assert missing in detail
        assert isinstance(await one(publisher, there, record()), RecordStored)
        new_topic(name=missing)
        await publisher.watch_topics([there, missing])
        assert publisher.topics_missing() == {}
        assert isinstance(await one(publisher, missing, record()), RecordStored)


async def test_a_topic_outside_the_catalogue_is_not_tried(kafka: str, new_topic: NewTopic) -> None:
    there, other = new_topic(), new_topic()
    async with running(kafka, there) as publisher:
        assert isinstance(await one(publisher, other, record()), NotStored)


@pytest.mark.parametrize("compression", ["gzip", "lz4", "zstd", "snappy"])
async def test_every_compression_is_read_by_a_stock_consumer(
    kafka: str, new_topic: NewTopic, read_all: Any, compression: str
) -> None:
    topic = new_topic()
    async with running(kafka, topic, compression=compression) as publisher:
        outcomes = await publisher.publish(topic, [record(b"x" * 500) for _ in range(50)], timeout_s=TIMEOUT_S)
    assert all(isinstance(outcome, RecordStored) for outcome in outcomes)
    assert [read.value for read in read_all(topic)] == [b"x" * 500] * 50


async def test_an_unknown_topic_blocks_aiokafka_which_is_why_none_reaches_it(kafka: str, new_topic: NewTopic) -> None:
    """Pinned at a small timeout: with the default of 40 s it blocks 40 s."""
    name = new_topic() + "!not-a-name"
    async with AIOKafkaProducer(bootstrap_servers=kafka, request_timeout_ms=1_000) as producer:
        started = time.perf_counter()
        with pytest.raises(KafkaError):
            await producer.send_batch(producer.create_batch(), name, partition=0)
        assert time.perf_counter() - started > 0.9


def _checked(sent: Record, limits: TopicLimits) -> RecordRefused | None:
    size = record_bytes(sent)
    assert size + BATCH_HEADER_BYTES >= len(sent.value or b"")
    return check(sent, size, limits, now_ms())


def _set(bootstrap: str, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(10)
