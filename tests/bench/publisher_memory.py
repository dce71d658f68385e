"""What events cost in memory while they wait for Kafka and while they are on their way, beside what the publisher charges for them.

Each row is a process of its own: the memory of 100,000 records (fewer where they are large) over what the process took before, while the
embedded broker stands still (SIGSTOP). First no producer takes them; then all are handed over at once, in four batches, and written as far as
the sockets take them. The caller's own task for each submission is counted too. `python -m tests.bench.publisher_memory`.
"""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from tidegate_gateway.adapters.embedded import EmbeddedBroker
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.intake.ports import Record

CASES = ((1, 230), (1, 2_000), (100, 230), (1_000, 2_000), (10, 100_000))
"""Records of a submission, and bytes of a value."""

RECORDS = 100_000
MOST_BYTES = 200_000_000
LARGEST_BATCH_BYTES = 2**27
PROCESS_S = 120


def rss_bytes() -> int:
    """What the process takes of the machine's memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def submission(number: int, together: int, value_bytes: int) -> list[Record]:
    now_ms = int(time.time() * 1_000)
    return [
        Record(
            b"customer-%d" % (number * together + one),
            os.urandom(8) * (value_bytes // 8),
            (("tidegate-id", b"0197b2f0-aaaa-7bbb-8ccc-%012d" % one), ("content-type", b"application/json")),
            now_ms + one,
        )
        for one in range(together)
    ]


async def measure(together: int, value_bytes: int) -> str:
    """One row of the table."""
    records = min(RECORDS, MOST_BYTES // (value_bytes + 500)) // together * together
    broker = EmbeddedBroker()
    settings = KafkaSettings(
        bootstrap_servers=await broker.start(),
        buffer_bytes=2**33,
        batch_bytes=LARGEST_BATCH_BYTES,
        delivery_timeout_s=120,
    )
    try:
        publisher = KafkaPublisher(settings)
        await publisher.start()
        await publisher.watch_topics(["orders"])
        for number in range(200):
            await publisher.publish("orders", submission(number, 1, 100), timeout_s=10)
        os.kill(broker.pid or 0, signal.SIGSTOP)
        return await _held(publisher, records, together, value_bytes)
    finally:
        os.kill(broker.pid or 0, signal.SIGCONT)
        await broker.stop()


async def _held(publisher: KafkaPublisher, records: int, together: int, value_bytes: int) -> str:
    delivery, cluster = publisher._delivery, publisher._cluster
    known = cluster.topics["orders"]
    cluster.topics = {"orders": replace(known, limits=replace(known.limits, max_message_bytes=LARGEST_BATCH_BYTES))}
    await cluster.close()  # else it would see the broker stand still, and take nothing more
    producer, delivery.generations.current = delivery.generations.current, None
    before_bytes = rss_bytes()
    waiting = [
        asyncio.create_task(publisher.publish("orders", submission(number, together, value_bytes), timeout_s=PROCESS_S))
        for number in range(records // together)
    ]
    for _ in range(PROCESS_S * 10):
        if delivery.accumulator.waiting >= len(waiting):
            break
        await asyncio.sleep(0.05)
    queued_bytes = rss_bytes() - before_bytes
    charged_bytes = delivery.accumulator.held_bytes
    delivery.generations.current = producer
    delivery.schedule()
    await asyncio.sleep(1)
    flying_bytes, charged_flying_bytes = rss_bytes() - before_bytes, delivery.accumulator.held_bytes
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await publisher.close(0.1)
    each = [f"{value / records:,.0f}" for value in (charged_bytes, queued_bytes, charged_flying_bytes, flying_bytes)]
    return f"| {together:,} | {value_bytes:,} | {records:,} | {' | '.join(each)} |"


async def row(together: int, value_bytes: int) -> None:
    print(await measure(together, value_bytes), flush=True)


def main() -> None:
    print("| records of a submission | bytes of a value | records | charged | waiting | charged | on its way |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for together, value_bytes in CASES:
        command = [sys.executable, "-m", "tests.bench.publisher_memory", str(together), str(value_bytes)]
        subprocess.run(command, check=True, timeout=PROCESS_S)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(row(int(sys.argv[1]), int(sys.argv[2])))
    else:
        main()
