"""PublishStream: one response a request, in order; bounded; what ends it and what does not."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
import grpc.aio
import pytest
from tests.gateway.doors.rest.conftest import TOPIC
from tests.gateway.doors.rpc.conftest import (
    BAD,
    Http2,
    Opener,
    RpcGate,
    event,
    frame,
    headers,
    message,
    refused,
    requests_of,
)

from tidegate.errors import Code
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway import rpc_server
from tidegate_gateway.doors.rpc.calls import Call
from tidegate_gateway.doors.rpc.streams import Closing, answer_in_order
from tidegate_gateway.edge.grpc.settings import RpcSettings
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.limits import Allowance
from tidegate_gateway.intake.ports import Outcome, Record, RecordStored

STREAM = "/tidegate.ingest.v1.IngestService/PublishStream"


class Slow:
    """A publisher that answers when it is let: `go` lets everybody go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.events = self.calls = 0
        self.ids: list[str] = []

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float) -> Sequence[Outcome]:
        self.calls += 1
        self.ids += [dict(record.headers)["tidegate-id"].decode() for record in records]
        await self.go.wait()
        self.events += len(records)
        return [RecordStored(0, self.events)] * len(records)

    def ready(self) -> tuple[bool, str]:
        return True, ""


def slow(door: RpcGate) -> Slow:
    publisher = Slow()
    door.gate.intake._publisher = publisher
    return publisher


async def _all(call: Any) -> list[pb.PublishResponse]:
    return [response async for response in call]


async def settled(count: Callable[[], int]) -> int:
    """The number once it has not changed for a while."""
    before, quiet = 0, 0
    for _ in range(500):
        await asyncio.sleep(0.02)
        now = count()
        quiet = quiet + 1 if now == before else 0
        if now and quiet == 10:
            return now
        before = now
    raise AssertionError("it never settled")


async def test_a_response_for_each_request_in_order(door: RpcGate) -> None:
    call = door.stream()
    for n in range(20):
        await call.write(pb.PublishRequest(topic=TOPIC, events=[event(id=f"{n}-{i}") for i in range(n % 3)]))
    await call.done_writing()
    responses = [response async for response in call]
    assert [[result.id for result in one.results] for one in responses] == [
        [f"{n}-{i}" for i in range(n % 3)] for n in range(20)
    ]
    assert await call.code() is grpc.StatusCode.OK
    assert door.gate.requests == ["grpc ok"] * 20
    assert [dict(r.headers)["tidegate-id"] for r in door.gate.publisher.stored] == [
        f"{n}-{i}".encode() for n in range(20) for i in range(n % 3)
    ]


async def test_a_bad_request_in_the_middle_does_not_end_it(door: RpcGate) -> None:
    call = door.channel.stream_stream(STREAM)(metadata=(("authorization", "Bearer good"),))
    good = requests_of([event()])[0].SerializeToString()
    sent = [good, b"\xff\xff", requests_of([event()], topic="stock.levels")[0].SerializeToString(), good]
    for body in sent:
        await call.write(body)
    await call.done_writing()
    answers = [pb.PublishResponse.FromString(body) async for body in call]
    assert [one.error.code for one in answers] == ["", "malformed", "forbidden", ""]
    assert [len(one.results) for one in answers] == [1, 0, 0, 1]
    assert answers[2].topic == "stock.levels"
    assert answers[1].error.grpc_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert door.gate.requests == ["grpc ok", "grpc malformed", "grpc forbidden", "grpc ok"]
    assert door.gate.memory.used_bytes == 0


async def test_a_fault_of_ours_in_the_middle_does_not_end_it(door: RpcGate) -> None:
    call = door.stream()
    door.gate.publisher.crash = True
    await call.write(requests_of([event()])[0])
    assert (await call.read()).error.code == "internal"
    door.gate.publisher.crash = False
    door.gate.limiter.next = Allowance(wait_s=2.5)
    await call.write(requests_of([event()])[0])
    limited = (await call.read()).error
    assert (limited.code, limited.retry_after_s, limited.retryable) == ("rate_limited", 3, True)
    door.gate.limiter.next = Allowance()
    await call.write(requests_of([event()], [event(BAD)])[1])
    assert (await call.read()).results[0].error.code == "contract_violation"


async def test_without_a_token_no_stream(door: RpcGate) -> None:
    call = door.stream(who=None)
    error = await refused(call.read())
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert door.gate.requests == ["grpc unauthenticated"]


async def test_the_token_is_looked_at_once(door: RpcGate) -> None:
    call = door.stream()
    for _ in range(5):
        await call.write(requests_of([event()])[0])
        await call.read()
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert door.gate.tokens.seen == ["good"]


async def test_a_token_that_expired_ends_the_stream_within_a_minute(
    door: RpcGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    authenticate = Call.authenticate

    async def at(call: Call) -> object:
        return await authenticate(call, lambda: clock[0])

    monkeypatch.setattr(Call, "authenticate", at)
    call = door.stream()
    await call.write(requests_of([event()])[0])
    assert (await call.read()).results[0].status == pb.STATUS_STORED

    async def expired(token: str | None) -> object:
        raise Fault(Code.UNAUTHENTICATED, "it has expired", challenge=True)

    door.gate.tokens.authenticate = expired  # type: ignore[method-assign,assignment]
    clock[0] += 59
    await call.write(requests_of([event()])[0])
    assert (await call.read()).results[0].status == pb.STATUS_STORED
    clock[0] += 2
    await call.write(requests_of([event()])[0])
    error = await refused(call.read())
    assert error.code is grpc.StatusCode.UNAUTHENTICATED
    assert len(door.gate.publisher.stored) == 2


async def test_nothing_more_is_read_while_too_much_is_under_way(door: RpcGate) -> None:
    publisher = slow(door)
    sent = 0

    async def requests() -> AsyncIterator[pb.PublishRequest]:
        nonlocal sent
        for n in range(60):
            yield pb.PublishRequest(topic=TOPIC, events=[event(id=f"{n}-{i}") for i in range(10)])
            sent += 1

    call = door.stream(requests())
    reading = asyncio.create_task(_all(call))
    assert await settled(lambda: publisher.calls) == 16
    held = door.gate.memory.used_bytes
    publisher.go.set()
    responses = await reading
    assert len(responses) == 60
    assert publisher.ids == [f"{n}-{i}" for n in range(60) for i in range(10)]
    assert held < 16 * 20_000
    assert door.gate.memory.used_bytes == 0


async def test_few_large_requests_are_under_way_at_once(open_door: Opener) -> None:
    door = await open_door(capacity_bytes=256_000_000)
    publisher = slow(door)
    large = pb.PublishRequest(topic=TOPIC, events=[event(b'{"n":1,"x":"' + b"x" * 1_900_000 + b'"}')])
    door.gate.intake.settings = type(door.gate.intake.settings)(max_event_bytes=2_000_000)

    async def requests() -> AsyncIterator[pb.PublishRequest]:
        for _ in range(8):
            yield large

    call = door.stream(requests())
    reading = asyncio.create_task(_all(call))
    assert await settled(lambda: publisher.calls) == 3
    publisher.go.set()
    assert len(await reading) == 8


async def test_a_client_that_reads_nothing_holds_no_reservation(door: RpcGate) -> None:
    connection = await Http2.open(door.server.address)
    try:
        connection.send(frame(1, 4, 1, headers(STREAM.encode(), (b"authorization", b"Bearer good"))))
        body = message(pb.PublishRequest(topic=TOPIC, events=[event(BAD) for _ in range(300)]).SerializeToString())
        for at in range(0, len(body), 16_000):  # answers of 100 kB each, over a window of 64 kB that never grows
            connection.send(frame(0, 0, 1, body[at : at + 16_000]))
        for _ in range(100):
            await asyncio.sleep(0.02)
            if door.gate.observer.lines:
                break
        assert door.gate.observer.lines == 300
        await asyncio.sleep(0.05)
        assert door.gate.memory.used_bytes == 0
        assert (await door.publish(event())).results
    finally:
        await connection.close()


async def test_a_client_that_cancels_half_way(door: RpcGate) -> None:
    publisher = slow(door)
    call = door.stream()
    for _ in range(5):
        await call.write(requests_of([event()])[0])
    await settled(lambda: publisher.calls)
    call.cancel()
    for _ in range(200):
        await asyncio.sleep(0.02)
        if not door.gate.memory.used_bytes and not door.gate.memory.events:
            break
    assert door.gate.memory.used_bytes == door.gate.memory.events == 0
    publisher.go.set()
    assert (await door.publish(event())).results[0].status == pb.STATUS_STORED


async def test_draining_half_way_every_response_owed_arrives(door: RpcGate) -> None:
    publisher = slow(door)
    call = door.stream()
    for n in range(5):
        await call.write(requests_of([event(id=f"e{n}")])[0])
    assert await settled(lambda: publisher.calls) == 5
    door.server.drain()
    door.gate.intake.close()
    stopping = asyncio.create_task(door.server.stop(10.0))
    await asyncio.sleep(0.1)
    assert not stopping.done()
    publisher.go.set()
    responses = [response async for response in call]
    assert [one.results[0].id for one in responses] == [f"e{n}" for n in range(5)]
    assert await call.code() is grpc.StatusCode.OK
    await asyncio.wait_for(stopping, 10)


async def test_an_idle_stream_ends_when_the_port_drains(door: RpcGate) -> None:
    call = door.stream()
    await call.write(requests_of([event()])[0])
    await call.read()
    door.server.drain()
    assert await asyncio.wait_for(call.read(), 5) is grpc.aio.EOF
    await asyncio.wait_for(door.server.stop(10.0), 5)


async def test_a_stream_ends_by_itself_before_its_connection_is_closed(open_door: Opener) -> None:
    door = await open_door(rpc=RpcSettings(max_connection_grace_s=1.0))
    call = door.stream()
    await call.write(requests_of([event()])[0])
    assert (await call.read()).results
    assert await asyncio.wait_for(call.read(), 10) is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_a_large_request_is_stored_before_the_next_is_begun(door: RpcGate) -> None:
    publisher = slow(door)
    call = door.stream()
    await call.write(pb.PublishRequest(topic=TOPIC, events=[event(id=f"l{n}") for n in range(600)]))
    await call.write(requests_of([event(id="next")])[0])
    assert await settled(lambda: publisher.calls) == 1
    publisher.go.set()
    await call.done_writing()
    assert len([one async for one in call]) == 2
    assert publisher.ids[-1] == "next"


async def test_calls_beyond_the_most_are_told_when_to_come_back(open_door: Opener) -> None:
    door = await open_door(rpc=RpcSettings(max_calls=4))
    calls = [door.stream() for _ in range(3)]
    for call in calls:
        await call.write(requests_of([event()])[0])
        await call.read()
    error = await refused(door.stream().read())
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "OVERLOADED")
    assert int(error.trailing["grpc-retry-pushback-ms"]) >= 1000
    assert (await door.publish(event())).results  # streams leave room for others
    publisher = slow(door)
    waiting = asyncio.create_task(door.publish(event()))
    await settled(lambda: publisher.calls)
    assert (await refused(door.publish(event()))).code is grpc.StatusCode.UNAVAILABLE
    publisher.go.set()
    await waiting
    await calls[0].done_writing()
    assert await calls[0].read() is grpc.aio.EOF
    again = door.stream()
    await again.write(requests_of([event()])[0])
    assert (await again.read()).results


async def test_the_last_wall_counts_every_call(open_door: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc_server, "MOST_ASIDE", 0)
    door = await open_door(rpc=RpcSettings(max_calls=1))
    watch = door.channel.unary_stream("/grpc.health.v1.Health/Watch")
    watching = [watch(b""), watch(b"")]
    for one in watching:
        await one.read()
    error = await refused(door.publish(event()))
    assert error.code is grpc.StatusCode.UNAVAILABLE
    for one in watching:
        one.cancel()


class NeverReads:
    """A client that sends without end and takes no answer."""

    def __init__(self) -> None:
        self.asked = 0

    async def read(self) -> bytes | None:
        self.asked += 1
        await asyncio.sleep(0)
        return b"request"

    async def write(self, _response: bytes) -> None:
        await asyncio.Event().wait()


async def test_answers_that_nobody_takes_fill_the_window() -> None:
    """Sixteen small requests may have megabytes of refusals each."""
    client = NeverReads()

    async def take(_body: bytes, _judged: Callable[[], None]) -> bytes:
        return b"x" * 1_500_000

    answering = asyncio.create_task(answer_in_order(client, take, Closing(), 60.0))
    for _ in range(200):
        await asyncio.sleep(0)
    assert client.asked == 3, "4 MiB are full"
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
