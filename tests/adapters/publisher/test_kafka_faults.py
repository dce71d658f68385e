"""Brokers that go away, hang and come back: every answer in time, nothing told that is not so, and it goes on by itself."""

import asyncio
import signal
import time
from collections.abc import Callable

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from tests.adapters.publisher.running import NOISE_S, running, until
from tests.kafka.reading import read_topic
from tests.kafka.real_kafka import KafkaCluster, free_ports

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.intake.ports import NotStored, Outcome, Record, RecordStored

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

Cluster = Callable[..., KafkaCluster]


def record(value: bytes, key: bytes = b"k") -> Record:
    return Record(key, value, (), int(time.time() * 1000))


async def one(publisher: KafkaPublisher, topic: str, value: bytes, timeout_s: float = 3.0) -> Outcome:
    started = time.perf_counter()
    (outcome,) = await publisher.publish(topic, [record(value)], timeout_s=timeout_s)
    assert time.perf_counter() - started < timeout_s + 1.0 + NOISE_S, "answered within its deadline + 1 s"
    return outcome


async def stores(publisher: KafkaPublisher, topic: str, within_s: float) -> None:
    """An event is stored sooner or later; what was in doubt on the way may be stored too."""
    ends_s = time.perf_counter() + within_s + NOISE_S
    outcome = await one(publisher, topic, b"stored?", 10.0)
    while not isinstance(outcome, RecordStored):
        assert time.perf_counter() < ends_s, outcome
        await asyncio.sleep(0.2)
        outcome = await one(publisher, topic, b"stored?", 10.0)


def create(cluster: KafkaCluster, topic: str, replicas: int, config: dict[str, str] | None = None) -> str:
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_topics(
        [NewTopic(topic, num_partitions=1, replication_factor=replicas, config=config or {})], operation_timeout=20
    )[topic].result(30)
    return topic


async def test_start_without_a_broker() -> None:
    (port,) = free_ports(1)
    started = time.perf_counter()
    async with running(f"127.0.0.1:{port}", "orders") as publisher:
        assert time.perf_counter() - started < 6 + NOISE_S
        ok, detail = publisher.ready()
        assert not ok
        assert str(port) in detail
        outcome = await one(publisher, "orders", b"1")
        assert isinstance(outcome, NotStored)
        assert outcome.code is Code.BROKER_UNAVAILABLE


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_a_broker_lost_under_load(kafka_cluster: Cluster, fault: signal.Signals) -> None:
    """lost 0, unexpected 0; readiness follows within 5 s both ways; the same publisher goes on."""
    cluster = kafka_cluster(nodes=1)
    node = cluster.nodes[0]
    topic = create(cluster, "load", 1)
    told: dict[bytes, Outcome] = {}
    stopping = asyncio.Event()

    async def load(publisher: KafkaPublisher, number: int) -> None:
        for turn in range(100_000):
            if stopping.is_set():
                return
            value = b"%d-%d" % (number, turn)
            told[value] = await one(publisher, topic, value)
            await asyncio.sleep(0.01)

    async with running(cluster.bootstrap, topic, delivery_timeout_s=3.0) as publisher:
        loads = [asyncio.create_task(load(publisher, number)) for number in range(20)]
        await asyncio.sleep(1)
        node.signal(fault)
        await until(lambda: not publisher.ready()[0], 5, "unready")
        await asyncio.sleep(4)
        if fault is signal.SIGKILL:
            node.stop()
            node.start()
            await asyncio.to_thread(node.wait_started)
        else:
            node.signal(signal.SIGCONT)
        await until(lambda: publisher.ready()[0], 8 if fault is signal.SIGKILL else 5, "ready")
        await asyncio.sleep(1)
        stopping.set()
        await asyncio.gather(*loads)
        await stores(publisher, topic, within_s=5)
    found = {read.value for read in read_topic(cluster.bootstrap, topic)}
    stored = {value for value, outcome in told.items() if isinstance(outcome, RecordStored)}
    surely_not = {value for value, outcome in told.items() if isinstance(outcome, NotStored)}
    assert len(stored) > 100
    assert stored - found == set(), "acknowledged and not in the log"
    assert surely_not & found == set(), "said not to be stored, and in the log"
    assert found - set(told) == {b"stored?"}
    cluster.stop()


async def test_replicas_that_lack_are_an_honest_no(kafka_cluster: Cluster) -> None:
    """NOT_ENOUGH_REPLICAS is retried until the deadline, then surely not stored; no other topic waits for it."""
    cluster = kafka_cluster(nodes=3)
    lost = cluster.nodes[2]
    starved = create(cluster, "starved", 3, config={"min.insync.replicas": "3"})
    healthy = create(cluster, "healthy", 3)
    told: dict[bytes, Outcome] = {}
    async with running(cluster.bootstrap, starved, healthy) as publisher:

        async def tell(value: bytes) -> Outcome:
            told[value] = await one(publisher, starved, value, 4.0)
            return told[value]

        await stores(publisher, starved, within_s=20)
        await stores(publisher, healthy, within_s=20)
        lost.signal(signal.SIGKILL)
        for turn in range(200):  # until the lost replica has left, the leader waits for it: nobody knows
            outcome = await tell(b"%d" % turn)
            if publisher._refused and isinstance(outcome, NotStored) and "NOT_ENOUGH_REPLICAS" in outcome.detail:
                break
            await asyncio.sleep(0.4)
        else:
            raise AssertionError(f"the last of 200 outcomes: {outcome}")
        sent = publisher._delivery.sent[starved]
        crowd = await asyncio.gather(*(tell(b"refused %d" % number) for number in range(20)))
        assert all(isinstance(outcome, NotStored) for outcome in crowd)
        assert publisher._delivery.sent[starved] - sent <= 1, (
            "known to fail: one is the trial at most, the others are told"
        )
        assert not any(isinstance(outcome, RecordStored) for outcome in told.values())
        await stores(publisher, healthy, within_s=20)
        lost.stop()
        lost.start()
        await asyncio.to_thread(lost.wait_started)
        await stores(publisher, starved, within_s=60)
    # Read only now: with fewer replicas than it needs, a new leader does not say where its log ends (KIP-966).
    found = {read.value for read in await asyncio.to_thread(read_topic, cluster.bootstrap, starved)}
    assert not {value for value, outcome in told.items() if isinstance(outcome, NotStored)} & found
    assert found - set(told) - {b"stored?"} == set()
    cluster.stop()
