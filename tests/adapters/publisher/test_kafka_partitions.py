"""One partition in trouble on real Kafka: it is refused and comes back by itself, and the others never notice."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from tests.adapters.publisher.running import running, until
from tests.kafka.reading import read_topic
from tests.kafka.real_kafka import KafkaCluster

from tidegate_gateway.adapters.kafka.partitioning import partition_of
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.intake.ports import NotStored, Outcome, Record, RecordRefused, RecordStored

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

Cluster = Callable[..., KafkaCluster]
NewKafkaTopic = Callable[..., str]
TIMEOUT_S = 2.0


def record(value: bytes, key: bytes | None = b"k", ahead_ms: int = 0) -> Record:
    return Record(key, value, (), int(time.time() * 1000) + ahead_ms)


def key_of(partition: int, partitions: int) -> bytes:
    return next(key for key in (b"k%d" % n for n in range(1_000)) if partition_of(key, partitions) == partition)


def create_on_each_node(cluster: KafkaCluster, topic: str, partitions: int) -> dict[int, int]:
    """Replication factor 1; the node that leads each partition."""
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1)], operation_timeout=20)[
        topic
    ].result(30)
    for _ in range(50):
        found = admin.list_topics(topic, timeout=10).topics[topic].partitions
        leaders = {number: one.leader for number, one in found.items()}
        if len(leaders) == partitions and min(leaders.values()) > 0:
            return leaders
        time.sleep(0.1)
    raise AssertionError("the topic got no leaders")


class Load:
    """One producer after another event of a partition; how long each answer took and what it was."""

    def __init__(self, publisher: KafkaPublisher, topic: str, key: bytes | None) -> None:
        self.told: dict[bytes, Outcome] = {}
        self.waits_s: list[float] = []
        self._publisher, self._topic, self._key = publisher, topic, key

    async def run(self, name: str, stopping: asyncio.Event) -> None:
        for turn in range(100_000):
            if stopping.is_set():
                return
            value = f"{name}-{turn}".encode()
            started = time.perf_counter()
            (self.told[value],) = await self._publisher.publish(
                self._topic, [record(value, self._key)], timeout_s=TIMEOUT_S
            )
            self.waits_s.append(time.perf_counter() - started)
            await asyncio.sleep(0.005)


async def test_a_partition_without_a_leader_costs_the_others_nothing(kafka_cluster: Cluster) -> None:
    """faults.md 4: longer than every timeout without a leader, refused at once, and working again within 5 s of its return."""
    cluster = kafka_cluster(nodes=3)
    leaders = await asyncio.to_thread(create_on_each_node, cluster, "spread", 3)
    lost = next(number for number, node in leaders.items() if node == 3)
    healthy = [number for number in leaders if number != lost]
    stopping = asyncio.Event()
    async with running(cluster.bootstrap, "spread", delivery_timeout_s=TIMEOUT_S) as publisher:
        loads = {number: Load(publisher, "spread", key_of(number, 3)) for number in leaders}
        keyless = Load(publisher, "spread", None)
        tasks = [asyncio.create_task(load.run(f"p{number}", stopping)) for number, load in loads.items()]
        tasks.append(asyncio.create_task(keyless.run("any", stopping)))
        await asyncio.sleep(1)
        cluster.nodes[2].stop()
        await until(lambda: bool(publisher._refused), 15, "refused")
        await until(lambda: "has no leader" in publisher._refused[("spread", lost)].standing.why, 15, "leaderless")
        for load in (*loads.values(), keyless):
            load.waits_s.clear()
        marks = {number: len(load.told) for number, load in loads.items()}
        keyless_mark = len(keyless.told)
        ends_s = time.perf_counter() + 4
        await until(
            lambda: (
                time.perf_counter() > ends_s
                and len(keyless.waits_s) > 100
                and all(len(loads[number].waits_s) > 100 for number in healthy)
            ),
            20,
            "enough tried",
        )
        for number in healthy:
            later = list(loads[number].told.values())[marks[number] :]
            assert all(isinstance(outcome, RecordStored) for outcome in later)
            assert _median(loads[number].waits_s) < TIMEOUT_S / 8, "nobody waits for the partition without a leader"
        assert all(isinstance(outcome, RecordStored) for outcome in list(keyless.told.values())[keyless_mark:])
        refused = list(loads[lost].told.values())[marks[lost] :]
        assert refused
        assert all(isinstance(outcome, NotStored) for outcome in refused)
        assert f"spread-{lost}" in refused[-1].detail
        assert _median(loads[lost].waits_s) < TIMEOUT_S / 8, "told at once"
        ok, detail = publisher.ready()
        assert ok
        assert f"spread-{lost}" in detail
        cluster.nodes[2].start()
        await asyncio.to_thread(cluster.nodes[2].wait_started)
        back_s = await until(lambda: isinstance(list(loads[lost].told.values())[-1], RecordStored), 15)
        stopping.set()
        await asyncio.gather(*tasks)
    print(f"\nthe partition works {back_s:.1f} s after its broker's port answers")
    _check(cluster.bootstrap, "spread", [*loads.values(), keyless])
    cluster.stop()


async def test_a_leader_that_changes_loses_nothing(kafka_cluster: Cluster) -> None:
    cluster = kafka_cluster(nodes=3)
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_topics([NewTopic("moving", num_partitions=3, replication_factor=3)], operation_timeout=20)[
        "moving"
    ].result(30)
    stopping = asyncio.Event()
    async with running(cluster.bootstrap, "moving", delivery_timeout_s=8.0) as publisher:
        loads = [Load(publisher, "moving", key_of(number, 3)) for number in range(3)]
        tasks = [asyncio.create_task(load.run(f"p{number}", stopping)) for number, load in enumerate(loads)]
        await asyncio.sleep(1)
        await asyncio.to_thread(cluster.nodes[0].stop)  # SIGTERM: its partitions move in order
        marks = [len(load.told) for load in loads]
        await until(
            lambda: all(
                sum(isinstance(outcome, RecordStored) for outcome in list(load.told.values())[mark:]) > 50
                for load, mark in zip(loads, marks, strict=True)
            ),
            15,
        )
        stopping.set()
        await asyncio.gather(*tasks)
    _check(cluster.bootstrap, "moving", loads)
    cluster.stop()


async def test_the_producer_is_replaced_before_sequence_numbers_end(kafka: str, new_topic: NewKafkaTopic) -> None:
    """With a bound of 10,000 records a partition in place of 1.5e9: several producers, no loss, the order kept."""
    topic = new_topic(partitions=2)
    publisher = KafkaPublisher(KafkaSettings(bootstrap_servers=kafka), sequence_bound=10_000)
    await publisher.start()
    await publisher.watch_topics([topic])
    producers = set()
    outcomes: dict[bytes, Outcome] = {}

    async def client(number: int) -> None:
        for turn in range(110):
            values = [b"%d-%d" % (number, turn * 100 + n) for n in range(100)]
            sent = [record(value, b"client-%d" % number) for value in values]
            outcomes.update(zip(values, await publisher.publish(topic, sent, timeout_s=10), strict=True))
            producers.add(publisher._delivery.generations.current)
            await asyncio.sleep(0.02)

    await asyncio.gather(*(client(number) for number in range(6)))
    await publisher.close(5)
    assert all(isinstance(outcome, RecordStored) for outcome in outcomes.values())
    assert len(producers - {None}) >= 3
    by_key = defaultdict(list)
    for read in await asyncio.to_thread(read_topic, kafka, topic):
        by_key[read.key].append(read.value)
    assert by_key == {b"client-%d" % n: [b"%d-%d" % (n, turn) for turn in range(11_000)] for n in range(6)}


@pytest.mark.parametrize("wedge", ["cancelled", "blocked"])
async def test_a_wedged_producer_is_replaced(kafka: str, new_topic: NewKafkaTopic, wedge: str) -> None:
    """faults.md 6: aiokafka's sender ended without a word, or waits for what never comes."""
    topic = new_topic()
    async with running(kafka, topic) as publisher:
        (outcome,) = await publisher.publish(topic, [record(b"before")], timeout_s=20)
        assert isinstance(outcome, RecordStored)
        generations = publisher._delivery.generations
        wedged = generations.current
        assert wedged is not None
        if wedge == "cancelled":
            wedged._producer._sender.sender_task.cancel()
        else:
            wedged._attempts._plain_send = _never  # type: ignore[method-assign]  # its sender waits for an answer for ever
        waiting = asyncio.create_task(publisher.publish(topic, [record(b"caught")], timeout_s=30))
        if wedge == "blocked":
            await until(lambda: not publisher.ready()[0], 15)
        await until(lambda: generations.current not in {wedged, None}, 15)
        assert publisher.ready()[0]
        (caught,) = await asyncio.wait_for(waiting, 35)
        if wedge == "cancelled":
            assert isinstance(caught, RecordStored), "it was never sent, so the next producer sends it"
        (outcome,) = await publisher.publish(topic, [record(b"after")], timeout_s=20)
        assert isinstance(outcome, RecordStored)


async def test_a_poisonous_time_among_a_crowd_is_refused_alone(kafka: str, new_topic: NewKafkaTopic) -> None:
    topic = new_topic(partitions=3)
    async with running(kafka, topic) as publisher:

        async def client(number: int) -> list[Outcome]:
            told: list[Outcome] = []
            for turn in range(40):
                ahead_ms = 7_200_000 if number == 0 else 0
                sent = record(b"%d-%d" % (number, turn), b"%d" % (number * 31 + turn), ahead_ms)
                told += await publisher.publish(topic, [sent], timeout_s=10)
            return told

        poison, *good = await asyncio.gather(*(client(number) for number in range(30)))
        only = publisher._delivery.generations.flying()
        assert len(only) == 1
    assert all(isinstance(outcome, RecordRefused) for outcome in poison)
    assert all(isinstance(outcome, RecordStored) for told in good for outcome in told)


def _median(waits_s: list[float]) -> float:
    return sorted(waits_s)[len(waits_s) // 2]


async def _never(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


def _check(bootstrap: str, topic: str, loads: list[Load]) -> None:
    """lost 0, unexpected 0, no false no, and each key in its order."""
    read = read_topic(bootstrap, topic)
    found = [one.value for one in read]
    told = {value: outcome for load in loads for value, outcome in load.told.items()}
    stored = {value for value, outcome in told.items() if isinstance(outcome, RecordStored)}
    surely_not = {value for value, outcome in told.items() if isinstance(outcome, NotStored)}
    assert stored - set(found) == set(), "acknowledged and not in the log"
    assert surely_not & set(found) == set(), "said not to be stored, and in the log"
    assert set(found) - set(told) == set()
    assert len(found) == len(set(found)), "one that was sent once is there once"
    turns = defaultdict(list)
    for one in read:
        if one.key is not None and one.value is not None:
            turns[one.key].append(int(one.value.rpartition(b"-")[2]))
    assert all(order == sorted(order) for order in turns.values())
