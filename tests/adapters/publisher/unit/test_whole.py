"""The whole publisher with aiokafka's own producer, on brokers that are a model: whatever they do, what is told is so.

The brokers check sequence numbers as Kafka does (KIP-98: the last five batches of a producer are known again), and fail at random: answers
that are lost, requests that are never read, or read long after, refusals before and after the event is appended, a sender that dies. Every
record is published once, so it stands in the log once at most.
"""

import asyncio
import struct
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError, RequestTimedOutError
from aiokafka.protocol.metadata import MetadataResponse_v1
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record import MemoryRecords

from tidegate_gateway.adapters.kafka import attempts as attempts_module
from tidegate_gateway.adapters.kafka import generations as generations_module
from tidegate_gateway.adapters.kafka.cluster import Topic
from tidegate_gateway.adapters.kafka.limits import KAFKA_DEFAULTS
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.rewriting import _VERSIONS
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.intake.ports import NotStored, Outcome, Record, RecordStored, Unknown

PARTITIONS = 4
BROKERS = 2
TIMEOUT_S = 0.6
BUSY_S = 2.0
_HEAD = struct.Struct(">qiibIhiqqqhii")
"""Of a record batch: ..., producer id, epoch, base sequence, count."""

_REFUSALS = (2, 3, 5, 10, 19, 74)
_AFTER = (6, 7, 20)
_OUT_OF_ORDER, _DUPLICATE = 45, 46


class Partition:
    """Its log, and of each producer the next sequence number and the last batches."""

    def __init__(self) -> None:
        self.log: list[bytes] = []
        self._producers: dict[int, tuple[int, list[tuple[int, int, int]]]] = {}

    def append(self, data: bytes) -> tuple[int, int]:
        """A batch as it came: error code and offset."""
        *_, producer, _, first, records = _HEAD.unpack_from(data)
        values = _values(data)
        following, known = self._producers.get(producer, (0, []))
        for began, ended, offset in known:
            if (began, ended) == (first, first + records):
                return 0, offset
        if first < following:
            return _DUPLICATE, -1
        if first > following:
            return _OUT_OF_ORDER, -1
        offset = len(self.log)
        self.log += values
        self._producers[producer] = (first + records, [*known, (first, first + records, offset)][-5:])
        return 0, offset


def _values(data: bytes) -> list[bytes]:
    records = MemoryRecords(bytes(data))
    found = []
    while (batch := records.next_batch()) is not None:
        found += [record.value for record in batch]
    return found


class Brokers:
    """All of them. `calm`: nothing fails any more."""

    def __init__(self, seed: int) -> None:
        self.partitions = [Partition() for _ in range(PARTITIONS)]
        self.calm = False
        self.did: dict[str, int] = defaultdict(int)
        self._random = Random(seed)
        self._ids = count(1)

    async def send(self, _: int, request: Any, **__: object) -> Any:
        if not isinstance(request, ProduceRequest):
            return SimpleNamespace(error_code=0, producer_id=next(self._ids), producer_epoch=0)
        asked = [(number, data) for _, rows in request.prepare(_VERSIONS).topics for number, data in rows]
        fault = "" if self.calm else self._random.choice([""] * 14 + list(_FAULTS))
        self.did[fault] += 1
        if fault == "not there":
            raise NodeNotReadyError
        await asyncio.sleep(self._random.uniform(0, 0.01))
        match fault:
            case "reset before":
                raise KafkaConnectionError
            case "reset after":
                self._answers(asked)
                raise KafkaConnectionError
            case "hangs":
                await asyncio.sleep(0.2)
                raise RequestTimedOutError
            case "hangs for ever":
                await asyncio.Event().wait()
            case "reads later":
                asyncio.get_running_loop().call_later(self._random.uniform(0, 0.5), self._answers, asked)
                await asyncio.sleep(0.2)
                raise RequestTimedOutError
            case "sender dies":
                if self._random.random() < 0.5:
                    self._answers(asked)
                raise RuntimeError("a bug of aiokafka's")
        return SimpleNamespace(API_VERSION=7, topics=[("orders", self._answers(asked, refuses=fault == "refuses"))])

    def _answers(self, asked: Sequence[tuple[int, bytes]], *, refuses: bool = False) -> list[tuple[int, ...]]:
        rows = []
        for number, data in asked:
            code, offset = 0, -1
            if refuses and self._random.random() < 0.5:
                code = self._random.choice(_REFUSALS)
            else:
                code, offset = self.partitions[number].append(data)
                if refuses and self._random.random() < 0.5 and not code:
                    code, offset = self._random.choice(_AFTER), -1
            rows.append((number, code, offset, -1, 0))
        return rows


_FAULTS = (
    "not there", "reset before", "reset after", "hangs", "hangs for ever", "reads later", "sender dies", "refuses", "refuses", "refuses",
)  # fmt: skip


def install(monkeypatch: pytest.MonkeyPatch, brokers: Brokers) -> None:
    """Put the model in the place of aiokafka's client; producer, accumulator and sender are its own."""
    metadata = MetadataResponse_v1(
        [(node, "broker", 9092 + node, None) for node in range(BROKERS)],
        0,
        [(0, "orders", False, [(0, number, number % BROKERS, [0], [0]) for number in range(PARTITIONS)])],
    )

    async def bootstrap(client: AIOKafkaClient) -> None:
        client.cluster.update_metadata(metadata)

    async def nothing(*_: object, **__: object) -> None:
        pass

    def at_once(*_: object) -> "asyncio.Future[bool]":
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        done.set_result(True)
        return done

    async def connected(*_: object) -> object:
        return SimpleNamespace(abort=lambda: None)

    async def send(_: AIOKafkaClient, node_id: int, request: Any, **options: object) -> Any:
        return await brokers.send(node_id, request, **options)

    for name, stand_in in {
        "bootstrap": bootstrap, "ready": nothing, "send": send, "close": nothing,
        "force_metadata_update": at_once, "set_topics": at_once, "_maybe_wait_metadata": nothing,
    }.items():  # fmt: skip
        monkeypatch.setattr(AIOKafkaClient, name, stand_in)
    monkeypatch.setattr(attempts_module, "connected", connected)
    monkeypatch.setattr(generations_module, "_REST_S", 0.05)


@pytest.mark.parametrize("seed", [0, 1])
async def test_what_is_told_is_so_whatever_the_brokers_do(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    random = Random(seed)
    brokers = Brokers(seed)
    install(monkeypatch, brokers)
    publisher = KafkaPublisher(KafkaSettings(bootstrap_servers="broker:9092", batch_bytes=1_500), random=random.random)
    publisher._cluster.up = True
    publisher._cluster.topics = {
        "orders": Topic(partitions=PARTITIONS, available=tuple(range(PARTITIONS)), limits=KAFKA_DEFAULTS)
    }
    publisher._delivery._was_up = True
    publisher._delivery.start()
    told: list[tuple[int, list[bytes], Sequence[Outcome]]] = []
    waits_s: list[float] = []
    numbers = count()

    async def publish(partition: int) -> None:
        values = [b"%08d" % next(numbers) + b"v" * 200 for _ in range(random.choice([1, 1, 1, 3, 20]))]
        place = len(told)
        told.append((partition, values, ()))
        records = [Record(b"k", value, (), int(time.time() * 1000), partition=partition) for value in values]
        began_s = time.monotonic()
        told[place] = (partition, values, await publisher.publish("orders", records, timeout_s=TIMEOUT_S))
        waits_s.append(time.monotonic() - began_s)

    ends_s = time.monotonic() + BUSY_S
    publishing: list[asyncio.Task[None]] = []
    while time.monotonic() < ends_s:
        publishing += [asyncio.create_task(publish(random.randrange(PARTITIONS))) for _ in range(random.randrange(4))]
        await asyncio.sleep(random.uniform(0, 0.01))
    await asyncio.gather(*publishing)
    brokers.calm = True
    await asyncio.sleep(0.6)  # what is read late is read by now
    for _ in range(100):
        healed = [await publisher.publish("orders", [Record(b"k", b"healed-%d" % number, (), int(time.time() * 1000), partition=number)], timeout_s=5) for number in range(PARTITIONS)]  # fmt: skip
        if all(isinstance(outcome, RecordStored) for (outcome,) in healed):
            break
        await asyncio.sleep(0.1)
    else:
        raise AssertionError("it did not go on by itself")
    await publisher.close(1)
    assert max(waits_s) < TIMEOUT_S + 5
    assert sum(brokers.did[fault] for fault in set(_FAULTS)) > 5, brokers.did
    check(brokers, told)
    assert publisher._accumulator.held_bytes == 0
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def check(brokers: Brokers, told: Sequence[tuple[int, list[bytes], Sequence[Outcome]]]) -> None:
    """The set checker: lost, untrue, doubled, out of order."""
    kinds: dict[type, int] = defaultdict(int)
    last = [-1] * PARTITIONS
    for partition, values, outcomes in told:
        log = brokers.partitions[partition].log
        for value, outcome in zip(values, outcomes, strict=True):
            kinds[type(outcome)] += 1
            copies = log.count(value)
            match outcome:
                case RecordStored(offset=offset):
                    assert copies == 1, f"acknowledged and {copies} times in the log"
                    there = log.index(value)
                    assert offset in {there, -1}
                    assert there > last[partition], "a later event of the key overtook it"
                    last[partition] = there
                case NotStored():
                    assert copies == 0, f"told not stored: {outcome}"
                case Unknown():
                    assert copies <= 1
                case _:
                    raise AssertionError(outcome)
    assert min(kinds[kind] for kind in (RecordStored, NotStored, Unknown)) > 0, kinds
