"""The publishers that the shared test body runs over: in memory, on the embedded broker, on real Kafka."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from tests.kafka.reading import ReadRecord, read_topic

from tidegate_gateway.adapters.embedded import EmbeddedBroker
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
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


class running:  # noqa: N801 -- read as a verb: `async with running(bootstrap, topic)`
    """A started KafkaPublisher that watches some topics; closed at the end."""

    def __init__(self, bootstrap: str, *topics: str, **options: float) -> None:
        self._settings = KafkaSettings(bootstrap_servers=bootstrap, **options)  # type: ignore[arg-type]  # by name
        self._topics = topics
        self._publisher: KafkaPublisher | None = None

    async def __aenter__(self) -> KafkaPublisher:
        self._publisher = KafkaPublisher(self._settings)
        await self._publisher.start()
        await self._publisher.watch_topics(self._topics)
        return self._publisher

    async def __aexit__(self, *error: object) -> None:
        if self._publisher is not None:
            await self._publisher.close(5)


async def _from_memory(publisher: MemoryPublisher, topic: str) -> list[ReadRecord]:
    return [
        ReadRecord(partition, offset, record.key, record.value, list(record.headers), record.timestamp_ms)
        for partition, records in enumerate(publisher.topics[topic])
        for offset, record in enumerate(records)
    ]
