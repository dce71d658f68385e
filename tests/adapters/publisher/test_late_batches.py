"""Batches that are late before they are sent: taken back, they cost their producer the partition, so there must be another producer."""

import asyncio
import time

from tests.adapters.publisher.running import running

from tidegate_gateway.adapters.embedded import EmbeddedBroker
from tidegate_gateway.intake.ports import Record, RecordStored

TRIES = 40


async def test_a_partition_works_after_publishes_that_nobody_had_time_for() -> None:
    async with EmbeddedBroker() as bootstrap, running(bootstrap, "orders") as publisher:
        record = Record(b"k", b"v" * 100, (), int(time.time() * 1000))
        for timeout_s in (0.0003, 0.001, 0.0005, 0.002, 0.005):
            await publisher.publish("orders", [record], timeout_s=timeout_s)
        stored = False
        for _ in range(TRIES):  # a partition that failed twice is tried every two seconds
            (outcome,) = await publisher.publish("orders", [record], timeout_s=2.0)
            stored = isinstance(outcome, RecordStored)
            if stored:
                break
            await asyncio.sleep(0.25)
        assert stored
