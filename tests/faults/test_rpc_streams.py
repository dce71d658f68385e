"""PublishStream on a real Kafka: ever so many events while the broker is slow, and SIGTERM half way (faults.md, Broker 9; the set checker)."""

import asyncio
import json
import signal
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from tests.faults.checker import Sent
from tests.faults.contracts import ORDERS
from tests.faults.faults import Slow
from tests.faults.form import FORM
from tests.faults.report import Row
from tests.faults.rig import Gate, Rig
from tests.faults.scene import ROWS
from tests.faults.watch import rss_bytes

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.ingest.v1 import ingest_pb2_grpc as stubs

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

EVENTS = FORM.count(20_000, 100_000)
A_REQUEST = 100
KEYS = 20
RTT_S = 0.2
FLAT_BYTES = 16 * 2**20
"""What 16 requests of 100 events may take, and the allocator's moods (1 MiB was measured). 100,000 events, kept, would be 60 MB: each takes some 600 bytes."""


class Stream:
    """One PublishStream, its requests in the ledger as they are sent, and their answers as they come."""

    def __init__(self, gate: Gate, name: str) -> None:
        self.channel = grpc.aio.insecure_channel(gate.process.facts["grpc"])
        self.ledger: list[Sent] = []
        self._name = name
        self._numbers = [0] * KEYS
        self._owed: deque[list[Sent]] = deque()
        self._metadata = (("authorization", f"Bearer {gate.token}"),)

    def request(self) -> pb.PublishRequest:
        """A request of events whose keys take turns; noted as sent."""
        events, asked = [], pb.PublishRequest(topic=ORDERS.name)
        for place in range(A_REQUEST):
            key = f"{self._name}-{place % KEYS}"
            number = self._numbers[place % KEYS]
            self._numbers[place % KEYS] += 1
            events.append(Sent(id=f"{key}-{number}", topic=ORDERS.name, key=key, number=number))
            value = json.dumps({"producer": key, "number": number, "pad": "x" * 100}).encode()
            asked.events.add(id=events[-1].id, json=value)
        self.ledger += events
        self._owed.append(events)
        return asked

    def answered(self, response: pb.PublishResponse) -> None:
        """The answer to the oldest request that has none: a result for each event, or why all were refused."""
        events = self._owed.popleft()
        if response.HasField("error"):
            assert response.error.code == "overloaded", response.error
            for event in events:
                event.refused += 1
            return
        for event, result in zip(events, response.results, strict=True):
            assert event.id == result.id
            if result.status == pb.STATUS_STORED:
                event.stored.append((result.partition, result.offset))
            elif result.error.code == "outcome_unknown":
                event.unknown += 1
            else:
                event.refused += 1

    def open(self, requests: AsyncIterator[pb.PublishRequest]) -> grpc.aio.StreamStreamCall[object, pb.PublishResponse]:
        stub = stubs.IngestServiceStub(self.channel)  # type: ignore[no-untyped-call]  # generated
        call: grpc.aio.StreamStreamCall[object, pb.PublishResponse] = stub.PublishStream(
            requests, metadata=self._metadata
        )
        return call


async def test_memory_is_flat_while_the_broker_is_slow(one_node: Rig, tmp_path: Path) -> None:
    """As many events as the client likes: HTTP/2 makes it wait, and each key stays in its order."""
    with one_node.gateway(tmp_path, deadline_s=20.0, proxied=True) as gate, Slow(one_node.proxies, RTT_S):
        stream = Stream(gate, "slow")

        async def requests() -> AsyncIterator[pb.PublishRequest]:
            for _ in range(EVENTS // A_REQUEST):
                yield stream.request()

        settled, most, count, began_s = 0, 0, 0, time.monotonic()
        async for response in stream.open(requests()):
            stream.answered(response)
            count += 1
            if count == EVENTS // A_REQUEST // 5:
                settled = rss_bytes(gate.process.pid)
            most = max(most, rss_bytes(gate.process.pid))
        took_s = time.monotonic() - began_s
        await stream.channel.close()
        one_node.sent += stream.ledger
    verdict = one_node.check()
    name = f"gRPC stream, {EVENTS:,} events, round trip {RTT_S} s: memory {(most - settled) / 2**20:+.1f} MiB"
    ROWS.append(Row(name=name, seconds=took_s, statuses=Counter({200: count}), verdict=verdict, rss_bytes=most))
    assert count == EVENTS // A_REQUEST
    assert most - settled < FLAT_BYTES
    assert sum(len(event.stored) for event in stream.ledger) == EVENTS
    assert verdict.clean, verdict.wrong()


async def test_9_sigterm_half_way_every_response_owed_arrives(one_node: Rig, tmp_path: Path) -> None:
    """The stream ends OK; what was answered is in the log, and what was not, is not."""
    drain_s = 8.0
    with (
        one_node.gateway(tmp_path, deadline_s=4.0, drain_s=drain_s, proxied=True) as gate,
        Slow(one_node.proxies, RTT_S),
    ):
        stream = Stream(gate, "term")
        going = True

        async def requests() -> AsyncIterator[pb.PublishRequest]:
            while going:
                yield stream.request()
                await asyncio.sleep(0.005)

        call = stream.open(requests())
        count, asked_s = 0, 0.0
        async for response in call:
            stream.answered(response)
            count += 1
            if count == 20:
                asked_s = time.monotonic()
                gate.process.signal(signal.SIGTERM)
        took_s = time.monotonic() - asked_s
        going = False
        assert await call.code() is grpc.StatusCode.OK
        code = await asyncio.to_thread(gate.process.process.wait, drain_s + 30)
        await stream.channel.close()
        one_node.sent += stream.ledger
    verdict = one_node.check()
    ROWS.append(Row(name="gRPC stream, SIGTERM", seconds=took_s, statuses=Counter({200: count}), verdict=verdict))
    assert count > 20, "nothing was on its way when it was told to end"
    assert took_s < drain_s
    assert code == 0
    assert verdict.clean, verdict.wrong()
