"""The publishers that the shared test body runs over: in memory, on the embedded broker, on real Kafka."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from tests.adapters.publisher.running import running
from tests.kafka.reading import ReadRecord, read_topic

from tidegate_gateway.adapters.embedded import EmbeddedBroker
from tidegate_gateway.adapters.memory_publisher import MemoryPublisher
from tidegate_gateway.intake.ports import Publisher


@dataclass(frozen=True)
class Bench:
    """One publisher under test, a topic of it with several partitions, and a way to read that topic back."""

    publisher: Publisher
    topic: str
    partitions: int
    read: Callable[[], Awaitable[list[ReadRecord]]]


@pytest.fixture(
    params=["memory", "embedded", pytest.param("kafka", marks=pytest.mark.kafka)],
)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        publisher = MemoryPublisher(partitions=3)
        await publisher.watch_topics(["orders"])
        yield Bench(publisher, "orders", 3, lambda: _from_memory(publisher, "orders"))
    elif request.param == "embedded":
        async with EmbeddedBroker() as bootstrap, running(bootstrap, "orders") as on_mock:
            yield Bench(on_mock, "orders", 4, lambda: asyncio.to_thread(read_topic, bootstrap, "orders"))
    else:
        bootstrap = request.getfixturevalue("kafka")
        topic = request.getfixturevalue("new_topic")(partitions=3, name=f"orders.{uuid.uuid4().hex[:8]}")
        async with running(bootstrap, topic) as on_kafka:
            yield Bench(on_kafka, topic, 3, lambda: asyncio.to_thread(read_topic, bootstrap, topic))


async def _from_memory(publisher: MemoryPublisher, topic: str) -> list[ReadRecord]:
    return [
        ReadRecord(partition, offset, record.key, record.value, list(record.headers), record.timestamp_ms)
        for partition, records in enumerate(publisher.topics[topic])
        for offset, record in enumerate(records)
    ]
