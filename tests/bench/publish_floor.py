"""What one event costs in the publisher alone, on real Kafka, beside aiokafka's bare `send_batch` in the same run.

A pytest module for its fixtures, not collected by default; as a program it runs itself. CPU is this process's own (the broker is another); the
events are of 300 bytes with a key and four headers, on three partitions. One warm-up round is not counted.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer

from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.intake.ports import Record, RecordStored

pytestmark = [pytest.mark.bench, pytest.mark.kafka]

PARTITIONS = 3
EVENTS = 16_000
HEADERS = (
    ("tidegate-id", b"0197b2f0-aaaa-7bbb-8ccc-0123456789ab"),
    ("tidegate-version", b"2"),
    ("tidegate-time", b"2026-01-01T00:00:00.000Z"),
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
)


def records(count: int, start: int = 0) -> list[Record]:
    now_ms = int(time.time() * 1000)
    return [Record(b"customer-%06d" % (start + n), b"v" * 300, HEADERS, now_ms) for n in range(count)]


async def measured(name: str, events: int, work: Callable[[], Awaitable[None]]) -> None:
    await work()
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    await work()
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    print(f"{name:42} {cpu_s / events * 1e6:8.1f} us CPU an event {events / wall_s:10,.0f} events/s")


async def test_publish_floor(kafka: str, new_topic: Callable[..., str]) -> None:
    topic = new_topic(partitions=PARTITIONS)
    publisher = KafkaPublisher(KafkaSettings(bootstrap_servers=kafka))
    await publisher.start()
    await publisher.watch_topics([topic])
    print()

    async def singly(events: int, connections: int) -> None:
        async def connection(number: int) -> None:
            for record in records(events // connections, number * events):
                (outcome,) = await publisher.publish(topic, [record], timeout_s=10)
                assert isinstance(outcome, RecordStored)

        await asyncio.gather(*(connection(number) for number in range(connections)))

    async def in_batches(size: int) -> None:
        for start in range(0, EVENTS, size):
            outcomes = await publisher.publish(topic, records(size, start), timeout_s=10)
            assert all(isinstance(outcome, RecordStored) for outcome in outcomes)

    await measured("publisher, one by one, 1 connection", 1_000, partial(singly, 1_000, 1))
    for connections in (16, 64):
        await measured(
            f"publisher, one by one, {connections} connections", EVENTS, partial(singly, EVENTS, connections)
        )
    for size in (100, 1_000):
        await measured(f"publisher, batches of {size}", EVENTS, partial(in_batches, size))
    await publisher.close(5)
    await bare(kafka, topic)


async def bare(bootstrap: str, topic: str) -> None:
    """aiokafka's own floor: one batch after another to each partition."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all", max_batch_size=2**30)
    await producer.start()
    await producer.client.set_topics({topic})

    async def send(size: int, events: int) -> None:
        async def partition(number: int) -> None:
            for start in range(0, events // PARTITIONS, size):
                batch = producer.create_batch()
                for record in records(size, start):
                    batch.append(
                        timestamp=record.timestamp_ms,
                        key=record.key,
                        value=record.value,
                        headers=list(record.headers),
                    )
                await (await producer.send_batch(batch, topic, partition=number))

        await asyncio.gather(*(partition(number) for number in range(PARTITIONS)))

    for size, events in ((1, 1_500), (10, 15_000), (100, 15_000), (1_000, 15_000)):
        await measured(f"bare send_batch of {size}", events, partial(send, size, events))
    await producer.stop()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__, "-q", "-s", "-p", "no:cacheprovider"]))
