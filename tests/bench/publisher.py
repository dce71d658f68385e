"""The publisher under a crowd and one by one, on real Kafka: one table from one run.

A crowd: 500 and 16,000 publishers at once, one event each at a time, all to one partition (aiokafka's own `send` falls to 316 messages/s there).
One by one: p99 at half of what one connection can do, beside aiokafka alone with one batch an event. Rounds alternate, the best counts:
the broker is on the same machine. A crowd of 500 through librdkafka (`_librdkafka`) stands beside it, for the question of a second adapter.
CPU is of this process, all threads. `python -m tests.bench.publisher`.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaProducer
from tests.bench._librdkafka import Librdkafka

from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.intake.ports import Record, RecordStored

pytestmark = [pytest.mark.bench, pytest.mark.kafka]

ROUNDS = 3
CROWDS = (500, 16_000)
CROWD_EVENTS = 96_000
SINGLES = 1_500
BESIDE = {"librdkafka, nothing checked": (500, 1), "tidegate, batches": (20, 100), "librdkafka, batches": (20, 100)}
"""How many publishers, and how many events each sends at once."""

LAG_STEP_S = 0.005
RAMP_S = 0.5

Send = Callable[[list[Record]], Awaitable[None]]


def record(number: int) -> Record:
    return Record(
        b"one",
        b"v" * 300,
        (("tidegate-id", b"0197b2f0-aaaa-7bbb-8ccc-0123456789ab"),),
        int(time.time() * 1000) + number % 2,
    )


async def crowd(send: Send, publishers: int, together: int = 1) -> tuple[float, float, float]:
    """Events a second; the longest time in which the event loop came to nobody else, in milliseconds; CPU of an event, in microseconds. `together`: of a submission."""
    lags = [0.0]

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(LAG_STEP_S)
            lags.append(time.perf_counter() - began - LAG_STEP_S)

    async def publisher(number: int) -> None:
        await asyncio.sleep(number / publishers * RAMP_S)  # else the first lag is that of so many tasks made at once
        for _ in range(CROWD_EVENTS // publishers // together):
            await send([record(number + one) for one in range(together)])

    watching = asyncio.create_task(watch())
    began, began_cpu_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(publisher(number) for number in range(publishers)))
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu_s
    watching.cancel()
    events = CROWD_EVENTS // publishers // together * publishers * together
    return events / took_s, max(lags) * 1_000, cpu_s / events * 1e6


async def singles(send: Send, every_s: float) -> tuple[float, float]:
    """p50 and p99 in milliseconds of one event in each `every_s`, never two at once; 0 is one right after the other."""
    waits: list[float] = []
    start = time.perf_counter()
    for turn in range(SINGLES):
        ahead_s = start + turn * every_s - time.perf_counter()
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        began = time.perf_counter()
        await send([record(turn)])
        waits.append(time.perf_counter() - began)
    waits.sort()
    return waits[len(waits) // 2] * 1_000, waits[len(waits) * 99 // 100] * 1_000


async def test_a_crowd_and_one_by_one(kafka: str, new_topic: Callable[..., str]) -> None:
    topic = new_topic()
    publisher = KafkaPublisher(KafkaSettings(bootstrap_servers=kafka, delivery_timeout_s=30))
    await publisher.start()
    await publisher.watch_topics([topic])
    bare = AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True, acks="all")
    await bare.start()
    rdkafka = Librdkafka(kafka, topic, linger_ms=2)

    async def ours(sent: list[Record]) -> None:
        outcomes = await publisher.publish(topic, sent, timeout_s=30)
        assert all(isinstance(outcome, RecordStored) for outcome in outcomes)

    async def alone(records: list[Record]) -> None:
        (sent,) = records
        await bare.send_and_wait(
            topic, sent.value, key=sent.key, partition=0, timestamp_ms=sent.timestamp_ms, headers=list(sent.headers)
        )

    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)  # as the gateway does: `app`
    crowds: dict[int, list[tuple[float, float, float]]] = {count: [] for count in CROWDS}
    beside: dict[str, list[tuple[float, float, float]]] = {name: [] for name in BESIDE}
    ones: dict[str, list[tuple[float, float]]] = {"tidegate": [], "aiokafka": [], "librdkafka": []}
    await crowd(ours, CROWDS[0])
    p50_ms, _ = await singles(ours, 0)
    for _ in range(ROUNDS):
        for count in CROWDS:
            crowds[count].append(await crowd(ours, count))
        for name, (publishers, together) in BESIDE.items():
            beside[name].append(
                await crowd(ours if name.startswith("tidegate") else rdkafka.send, publishers, together)
            )
        ones["tidegate"].append(await singles(ours, 2 * p50_ms / 1_000))
        ones["aiokafka"].append(await singles(alone, 2 * p50_ms / 1_000))
        ones["librdkafka"].append(await singles(rdkafka.send, 2 * p50_ms / 1_000))
    await rdkafka.close()
    await bare.stop()
    await publisher.close(5)
    print("\n| what | figure | bound |\n|---|---|---|")
    best = {count: max(rounds) for count, rounds in crowds.items()}
    for count, (rate, _, _) in best.items():
        lag_ms, cpu_us = (min(one[column] for one in crowds[count]) for column in (1, 2))
        figure = f"{rate:,.0f} events/s, loop lag {lag_ms:.0f} ms, CPU {cpu_us:.1f} us an event"
        print(f"| {count:,} publishers, one partition | {figure} | lag < 200 ms |")
    for name, rounds in beside.items():
        rate, lag_ms, cpu_us = max(rounds)[0], *(min(one[column] for one in rounds) for column in (1, 2))
        publishers, together = BESIDE[name]
        figure = f"{rate:,.0f} events/s, loop lag {lag_ms:.0f} ms, CPU {cpu_us:.1f} us an event"
        print(f"| {name}: {publishers} publishers, {together} at once | {figure} | |")
    print(f"| {CROWDS[1]:,} against {CROWDS[0]} | {best[CROWDS[1]][0] / best[CROWDS[0]][0]:.2f} | >= 0.5 |")
    p99 = {name: min(round_[1] for round_ in rounds) for name, rounds in ones.items()}
    print(f"| one by one at half load, p99, librdkafka | {p99['librdkafka']:.2f} ms | |")
    print(f"| one by one at half load, p99, aiokafka alone | {p99['aiokafka']:.2f} ms | |")
    print(
        f"| one by one at half load, p99, publisher | {p99['tidegate']:.2f} ms | <= {2 * p99['aiokafka'] + 2:.2f} ms |"
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__, "-q", "-s", "-p", "no:cacheprovider"]))
