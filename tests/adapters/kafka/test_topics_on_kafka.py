"""Topics created from their contracts, and what is said of those that are there: on a real broker."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from tests.adapters.publisher.running import until

from tidegate.repository.kafka_topic import TOPIC_CONFIGS
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.adapters.kafka.topics import WantedTopic
from tidegate_gateway.intake.ports import Record, RecordRefused, RecordStored

pytestmark = pytest.mark.kafka

NewTopic = Callable[..., str]


def new_name() -> str:
    return f"made.{uuid.uuid4().hex[:10]}"


@asynccontextmanager
async def publisher(
    kafka: str, wanted: dict[str, WantedTopic], *, create: bool = True, refresh_s: float = 30.0
) -> AsyncIterator[KafkaPublisher]:
    one = KafkaPublisher(KafkaSettings(bootstrap_servers=kafka, create_topics=create, refresh_s=refresh_s))
    await one.start()
    await one.watch_topics(wanted)
    try:
        yield one
    finally:
        await one.close(2)


async def store(one: KafkaPublisher, topic: str, value: bytes = b"v") -> object:
    (outcome,) = await one.publish(topic, [Record(b"k", value, (), int(time.time() * 1000))], timeout_s=20)
    return outcome


def described(kafka: str, topic: str) -> tuple[int, dict[str, str]]:
    admin = AdminClient({"bootstrap.servers": kafka})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    configs = admin.describe_configs([resource])[resource].result(10)
    return len(admin.list_topics(topic, 10).topics[topic].partitions), {n: c.value for n, c in configs.items()}


def alter(kafka: str, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.incremental_alter_configs([resource])[resource].result(10)


def test_the_closed_list_is_kafka_s_own(kafka: str, new_topic: NewTopic) -> None:
    _, configs = described(kafka, new_topic())
    throttled = {"leader.replication.throttled.replicas", "follower.replication.throttled.replicas"}
    assert set(TOPIC_CONFIGS) == set(configs) - throttled


async def test_a_missing_topic_is_created_as_its_contract_says(kafka: str) -> None:
    plain, shaped = new_name(), new_name()
    config = {"cleanup.policy": "compact", "retention.ms": "3600000"}
    wanted = {plain: WantedTopic(), shaped: WantedTopic(partitions=3, replication_factor=1, config=config)}
    async with publisher(kafka, wanted) as one:
        assert one.topics_missing() == {}
        assert isinstance(await store(one, plain), RecordStored)
        assert isinstance(await store(one, shaped), RecordStored)
    partitions, configs = described(kafka, shaped)
    assert partitions == 3
    assert {name: configs[name] for name in config} == config


async def test_what_another_gateway_created_is_there(kafka: str) -> None:
    wanted = {new_name(): WantedTopic(partitions=2) for _ in range(5)}
    async with publisher(kafka, wanted) as one, publisher(kafka, wanted) as other:
        for topic in wanted:
            assert isinstance(await store(one, topic), RecordStored)
            assert isinstance(await store(other, topic), RecordStored)


async def test_two_gateways_at_once(kafka: str) -> None:
    wanted = {new_name(): WantedTopic() for _ in range(5)}

    async def start_and_store() -> list[object]:
        async with publisher(kafka, wanted) as one:
            return [await store(one, topic) for topic in wanted]

    for outcomes in await asyncio.gather(start_and_store(), start_and_store()):
        assert all(isinstance(outcome, RecordStored) for outcome in outcomes)


async def test_what_kafka_does_not_create_is_said_with_its_reason_and_tried_again(kafka: str) -> None:
    good, bad = new_name(), new_name()
    async with publisher(kafka, {good: WantedTopic(), bad: WantedTopic(replication_factor=3)}) as one:
        ok, detail = one.ready()
        assert ok
        assert (
            f"topic {bad} does not exist in Kafka, and Kafka does not create it: INVALID_REPLICATION_FACTOR" in detail
        )
        assert isinstance(await store(one, good), RecordStored)
        await one.watch_topics({good: WantedTopic(), bad: WantedTopic(replication_factor=1)})
        await until(lambda: not one.topics_missing(), 6, "there")
        assert isinstance(await store(one, bad), RecordStored)


async def test_without_create_topics_none_is_created(kafka: str) -> None:
    topic = new_name()
    async with publisher(kafka, {topic: WantedTopic(partitions=3)}, create=False) as one:
        assert one.topics_missing() == {topic: "does not exist in Kafka"}
        ok, detail = one.ready()
        assert ok
        assert f"(create them, or set kafka.create_topics = true): {topic}" in detail


async def test_a_topic_that_exists_is_never_changed_and_what_differs_is_said(kafka: str, new_topic: NewTopic) -> None:
    topic = new_topic(partitions=2, config={"retention.ms": "7200000"})
    wanted = WantedTopic(partitions=4, replication_factor=1, config={"retention.ms": "3600000"})
    async with publisher(kafka, {topic: wanted}) as one:
        ok, detail = one.ready()
        assert ok
        assert (
            f"topic {topic} is not as its contract says: 2 partitions, not 4, retention.ms 7200000, not 3600000"
            in detail
        )
        assert "min.insync.replicas = 1" in detail
        assert isinstance(await store(one, topic), RecordStored)
    partitions, configs = described(kafka, topic)
    assert (partitions, configs["retention.ms"]) == (2, "7200000")


async def test_limits_that_change_are_seen(kafka: str, new_topic: NewTopic) -> None:
    topic = new_topic()
    async with publisher(kafka, {topic: WantedTopic()}, refresh_s=1.0) as one:
        assert isinstance(await store(one, topic, b"x" * 2_000), RecordStored)
        alter(kafka, topic, "max.message.bytes", "1000")
        alter(kafka, topic, "cleanup.policy", "compact")
        await until(lambda: one._cluster.topics[topic].limits.compacted, 5)
        assert isinstance(await store(one, topic, b"x" * 2_000), RecordRefused)
        (keyless,) = await one.publish(topic, [Record(None, b"v", (), int(time.time() * 1000))], timeout_s=20)
        assert isinstance(keyless, RecordRefused)
        alter(kafka, topic, "max.message.bytes", "1000000")
        await until(lambda: one._cluster.topics[topic].limits.max_message_bytes == 1_000_000, 5)
        assert isinstance(await store(one, topic, b"x" * 2_000), RecordStored)


async def test_a_topic_that_is_deleted_does_not_come_back_by_itself(kafka: str, new_topic: NewTopic) -> None:
    """Brokers create what a producer asks about (`auto.create.topics.enable`), and aiokafka's producers ask so."""
    gone, there = new_topic(), new_topic()
    async with publisher(kafka, dict.fromkeys([gone, there], WantedTopic()), create=False, refresh_s=30) as one:
        assert isinstance(await store(one, gone), RecordStored)
        admin = AdminClient({"bootstrap.servers": kafka})
        admin.delete_topics([gone])[gone].result(10)
        current = one._delivery.generations.current
        assert current is not None
        for _ in range(3):
            await asyncio.wait_for(current._client.force_metadata_update(), 10)
            await asyncio.sleep(0.3)  # a broker creates behind its answer
        assert isinstance(await store(one, there), RecordStored)
        assert gone not in admin.list_topics(timeout=10).topics
