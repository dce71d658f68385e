"""Contracts' own services on a real port: unary, client-streaming and bidirectional; what stops them, and what a reload changes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tests.gateway.doors.rest.conftest import BASE_URL, TOPIC, OrderCodec, contract
from tests.gateway.doors.rpc.conftest import Metadata, Refused, RpcGate, bearer, event, opened, refused

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.media import JSON, PROTOBUF
from tidegate.contracts.services import EVENT_RECEIPT, MethodSource, ReplyField, ReplySource, ServiceSource
from tidegate.errors import Code
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.edge.grpc.settings import RpcSettings
from tidegate_gateway.intake.catalogue import Catalogue
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.limits import Allowance, Quota
from tidegate_gateway.intake.ports import NotStored, Outcome, Record, RecordRefused, RecordStored, Unknown

NAME = "shop.v1.OrderService"
GOOD, BAD = b"\x05", b"\x0b"
RECEIPT = ReplySource(message=EVENT_RECEIPT, form="receipt")
RESPONSE = ReplySource(
    message="shop.v1.Response",
    form="own",
    fields=(ReplyField(number=1, part="status", wire="varint"), ReplyField(number=2, part="message", wire="text")),
)


def descriptors() -> bytes:
    file = descriptor_pb2.FileDescriptorProto(name="shop/v1/order_service.proto", package="shop.v1", syntax="proto3")
    file.message_type.add(name="Order")
    file.service.add(name="OrderService")
    return descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString()


def service(topic: str = TOPIC, name: str = NAME) -> ServiceSource:
    of: dict[str, Any] = {"topic": topic, "request": "shop.v1.Order"}
    methods = (
        MethodSource(name="One", reply=RECEIPT, **of),
        MethodSource(name="Told", reply=RESPONSE, **of),
        MethodSource(name="Many", reply=RECEIPT, takes_stream=True, **of),
        MethodSource(name="Counted", reply=RESPONSE, takes_stream=True, **of),
        MethodSource(name="Each", reply=RECEIPT, takes_stream=True, answers_stream=True, **of),
    )
    return ServiceSource(
        name=name, file="proto/shop/v1/order_service.proto", methods=methods, descriptors=descriptors()
    )


def typed_contract(**live: Any) -> CompiledContract:
    """As `contract`, whose events are one byte of Protobuf here."""
    made = contract(**live)
    codec = OrderCodec(media_types=frozenset({JSON, PROTOBUF}))
    return CompiledContract(
        made.source, {n: CompiledVersion(made.topic, v.source, codec) for n, v in made.versions.items()}
    )


def serve(gate: RpcGate, *services: ServiceSource) -> None:
    """What a reload does."""
    holder = gate.gate.catalogue
    holder.swap(Catalogue(contracts=holder.current.contracts, services={one.name: one for one in services}))
    gate.server.refresh()


@asynccontextmanager
async def typed_door(**settings: Any) -> AsyncIterator[RpcGate]:
    live = settings.pop("live", {})
    async with opened(typed_contract(**live), **settings) as gate:
        serve(gate, service())
        yield gate
        assert gate.gate.memory.used_bytes == 0, "a reservation was not given back"


@pytest.fixture
async def door() -> AsyncIterator[RpcGate]:
    async with typed_door() as gate:
        yield gate


async def one(gate: RpcGate, body: bytes = GOOD, *more: tuple[str, str], who: str | None = "good") -> pb.EventReceipt:
    call = gate.channel.unary_unary(f"/{NAME}/One")
    return pb.EventReceipt.FromString(await call(body, metadata=bearer(who) + more, timeout=10))


async def many(gate: RpcGate, *bodies: bytes, method: str = "Many", more: Metadata = ()) -> bytes:
    call = gate.channel.stream_unary(f"/{NAME}/{method}")
    answered: bytes = await call(given(bodies), metadata=bearer("good") + more, timeout=10)
    return answered


async def given(bodies: Sequence[bytes]) -> AsyncIterator[bytes]:
    for body in bodies:
        yield body


def each(gate: RpcGate, who: str = "good", more: Metadata = ()) -> Any:
    return gate.channel.stream_stream(f"/{NAME}/Each")(metadata=bearer(who) + more, timeout=10)


async def answers(call: Any) -> tuple[list[pb.EventReceipt], Refused | None]:
    """Every response, and the error that the call ended with."""
    got = []
    try:
        while (message := await call.read()) is not grpc.aio.EOF:
            got.append(pb.EventReceipt.FromString(message))
    except grpc.aio.AioRpcError as error:
        return got, Refused(error)
    return got, None


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not reached():  # noqa: ASYNC110 -- what is waited for tells nobody
            await asyncio.sleep(0.005)


def values(gate: RpcGate) -> list[bytes | None]:
    return [record.value for record in gate.gate.publisher.stored]


async def test_a_unary_call_is_one_event(door: RpcGate) -> None:
    receipt = await one(door)
    assert receipt == pb.EventReceipt(
        id="new-id", status=pb.STATUS_STORED, topic=TOPIC, partition=0, offset=0, version=2, schema_id=12
    )
    assert values(door) == [b"framed" + GOOD]
    assert door.gate.requests == ["grpc ok"]


async def test_a_response_of_ones_own(door: RpcGate) -> None:
    assert (
        await door.channel.unary_unary(f"/{NAME}/Told")(GOOD, metadata=bearer("good")) == b"\x08\xc8\x01\x12\x06stored"
    )


async def test_metadata_say_what_headers_say_over_http(door: RpcGate) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    receipt = await one(
        door,
        GOOD,
        ("event-id", "e-1"),
        ("event-key", "k"),
        ("event-version", "1"),
        ("event-header-source", "till 4"),
        ("traceparent", trace),
    )
    assert (receipt.id, receipt.version) == ("e-1", 1)
    (record,) = door.gate.publisher.stored
    assert record.key == b"k"
    headers = dict(record.headers)
    assert (headers["source"], headers["traceparent"], headers["tidegate-version"]) == (b"till 4", trace.encode(), b"1")


async def test_limits_go_with_the_answer(door: RpcGate) -> None:
    door.gate.limiter.next = Allowance(
        quotas=(Quota(name="events", burst=100, window_s=1.0, remaining=99, reset_s=1.0),)
    )
    call = door.channel.unary_unary(f"/{NAME}/One")(GOOD, metadata=bearer("good"))
    await call
    trailing = dict(await call.trailing_metadata())
    assert "ratelimit-policy" in trailing


async def test_a_bad_event_is_an_error_with_its_violations(door: RpcGate) -> None:
    error = await refused(one(door, BAD))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.reason == "CONTRACT_VIOLATION"
    assert error.fields == [("n", "RANGE")]
    assert error.detail("ErrorInfo").metadata["topic"] == TOPIC
    assert "index" not in error.detail("ErrorInfo").metadata
    assert error.detail("Help").links[0].url == f"{BASE_URL}/docs/errors/contract_violation"
    assert door.gate.publisher.stored == []
    assert door.gate.requests == ["grpc contract_violation"]


async def test_no_token_and_no_right(door: RpcGate) -> None:
    nobody = await refused(one(door, who=None))
    assert (nobody.code, nobody.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    poor = await refused(one(door, who="poor"))
    assert (poor.code, poor.reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")


async def test_a_contract_that_left_before_its_service(door: RpcGate) -> None:
    """Between a swap of the catalogue and that of the methods."""
    door.gate.catalogue.swap(Catalogue())
    error = await refused(one(door))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_TOPIC")


async def test_a_retired_contract() -> None:
    async with typed_door(live={"status": "retired"}) as gate:
        error = await refused(one(gate))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RETIRED")


async def test_a_pinned_contract_wants_the_version() -> None:
    async with typed_door(live={"inputs": "pinned"}) as gate:
        error = await refused(one(gate))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "UNKNOWN_VERSION")
        assert (await one(gate, GOOD, ("event-version", "2"))).version == 2


async def test_an_event_too_large() -> None:
    async with typed_door(max_event_bytes=300) as gate:
        error = await refused(one(gate, b"\x05" * 301))
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_LARGE")
    assert error.detail("RetryInfo") is None


async def test_no_memory_for_it() -> None:
    async with typed_door(capacity_bytes=3000) as gate:
        with gate.gate.memory.reserve(2999):
            error = await refused(one(gate))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "OVERLOADED")
    assert error.trailing["grpc-retry-pushback-ms"]


async def test_over_the_limit(door: RpcGate) -> None:
    quota = Quota(name="events", burst=10, window_s=1.0, remaining=0, reset_s=2.0)
    door.gate.limiter.next = Allowance(wait_s=2.0, quotas=(quota,))
    error = await refused(one(door))
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert error.detail("RetryInfo").retry_delay.seconds >= 2
    assert error.detail("QuotaFailure").violations[0].subject == "events"


OUTCOMES: dict[str, Outcome] = {
    "broker_unavailable": NotStored(Code.BROKER_UNAVAILABLE, "away", 3.0),
    "overloaded": NotStored(Code.OVERLOADED, "full"),
    "outcome_unknown": Unknown("no answer"),
    "too_large": RecordRefused(Code.TOO_LARGE, "larger than the topic takes"),
}


@pytest.mark.parametrize("name", OUTCOMES)
async def test_what_the_publisher_answers_is_said_as_by_publish(door: RpcGate, name: str) -> None:
    """Parity with the ingest service, whose result carries the code and its gRPC status."""
    door.gate.publisher.script = [OUTCOMES[name], OUTCOMES[name]]
    error = await refused(one(door))
    (result,) = (await door.publish(event())).results
    assert (error.code.value[0], error.reason) == (result.error.grpc_code, result.error.code.upper())
    assert error.message == result.error.detail
    assert ("grpc-retry-pushback-ms" in error.trailing) == result.error.HasField("retry_after_s")


async def test_a_call_without_a_request(door: RpcGate) -> None:
    error = await refused(door.raw(f"/{NAME}/One"))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")


async def test_a_fault_of_ours_says_nothing_of_itself(door: RpcGate) -> None:
    door.gate.publisher.crash = True
    error = await refused(one(door))
    assert (error.code, error.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in error.message


async def test_many_events_one_answer(door: RpcGate) -> None:
    receipt = pb.EventReceipt.FromString(await many(door, b"\x01", b"\x02", b"\x03"))
    assert (receipt.status, receipt.offset) == (pb.STATUS_STORED, 2), "the last one's"
    assert values(door) == [b"framed\x01", b"framed\x02", b"framed\x03"]
    assert door.gate.requests == ["grpc ok"], "the call is counted"


async def test_many_events_counted_for_people(door: RpcGate) -> None:
    assert await many(door, *[GOOD] * 100, method="Counted") == b"\x08\xc8\x01\x12\x11100 events stored"


async def test_the_first_bad_event_of_many_ends_the_call(door: RpcGate) -> None:
    error = await refused(many(door, GOOD, GOOD, BAD, GOOD, BAD, GOOD))
    assert (error.code, error.reason, error.fields) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "CONTRACT_VIOLATION",
        [("n", "RANGE")],
    )
    assert error.detail("ErrorInfo").metadata["index"] == "2"
    assert error.message.startswith("event 2 of the stream (from 0): ")
    assert len(values(door)) == 2, "those before it are stored, and nothing behind it"
    assert door.gate.requests == ["grpc contract_violation"]


async def test_many_that_are_none(door: RpcGate) -> None:
    error = await refused(many(door))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")
    assert error.message == "the stream ended without an event"


@pytest.mark.parametrize("method", ["Many", "Each"])
async def test_a_stream_has_no_one_id(door: RpcGate, method: str) -> None:
    call = door.channel.stream_unary(f"/{NAME}/{method}")
    error = await refused(call(given([GOOD]), metadata=(*bearer("good"), ("event-id", "e-1"))))
    assert (error.reason, error.message) == (
        "MALFORMED",
        "the metadata event-id is of one event, and this call brings many",
    )
    assert values(door) == []


async def test_headers_and_version_hold_for_a_whole_stream(door: RpcGate) -> None:
    await many(door, GOOD, GOOD, more=(("event-version", "1"), ("event-header-a", "b")))
    for record in door.gate.publisher.stored:
        headers = dict(record.headers)
        assert (headers["tidegate-version"], headers["a"]) == (b"1", b"b")


async def test_each_event_is_answered_as_it_comes(door: RpcGate) -> None:
    """A client that waits for every answer before it goes on."""
    call = each(door)
    for n in range(40):
        await call.write(GOOD)
        assert pb.EventReceipt.FromString(await call.read()).offset == n
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK
    assert door.gate.requests == ["grpc ok"] * 40, "events are counted one by one"


async def test_a_bad_event_ends_the_conversation_after_what_is_owed(door: RpcGate) -> None:
    call = each(door)
    for body in (b"\x01", b"\x02", BAD, b"\x03"):
        await call.write(body)
    await call.done_writing()
    got, error = await answers(call)
    assert [receipt.offset for receipt in got] == [0, 1]
    assert error is not None
    assert (error.code, error.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [("n", "RANGE")])
    assert error.detail("ErrorInfo").metadata["index"] == "2"
    assert values(door) == [b"framed\x01", b"framed\x02"]
    assert sorted(door.gate.requests) == ["grpc contract_violation", "grpc ok", "grpc ok"]


async def test_a_fault_of_ours_ends_the_conversation_in_its_place(door: RpcGate) -> None:
    call = each(door)
    await call.write(GOOD)
    assert pb.EventReceipt.FromString(await call.read()).offset == 0
    door.gate.publisher.crash = True
    await call.write(GOOD)
    got, error = await answers(call)
    assert got == []
    assert error is not None
    assert (error.code, error.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert error.detail("ErrorInfo").metadata["index"] == "1"
    assert "secret" not in error.message


async def test_a_token_that_ends_ends_the_stream(door: RpcGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at again while the stream lasts (`calls`)."""
    call = each(door)
    await call.write(GOOD)
    await call.read()
    monkeypatch.setattr("tidegate_gateway.doors.rpc.calls._TOKEN_AGE_S", -1.0)
    monkeypatch.setattr(door.gate.tokens, "authenticate", Tokens().refuse)
    await call.write(GOOD)
    _, error = await answers(call)
    assert error is not None
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert len(values(door)) == 1


class Tokens:
    """An issuer whose keys are gone."""

    async def refuse(self, _token: str | None) -> None:
        raise Fault(Code.UNAUTHENTICATED, "expired", challenge=True)


class Slow:
    """A publisher that stores nothing until it is let, and then what it is told."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[Outcome]] = []

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float) -> Sequence[Outcome]:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        return [await future]

    def ready(self) -> tuple[bool, str]:
        return True, "slow"

    async def hold(self, count: int) -> None:
        """Until so many records wait."""
        await until(lambda: len(self.waiting) >= count)


@pytest.fixture
def slow(door: RpcGate) -> Slow:
    made = Slow()
    door.gate.intake._publisher = made
    return made


async def test_what_fails_in_kafka_ends_the_conversation_in_its_place(door: RpcGate, slow: Slow) -> None:
    """Three events are on their way; the second fails, the third had its verdict already."""
    call = each(door)
    for _ in range(3):
        await call.write(GOOD)
    await slow.hold(3)
    slow.waiting[1].set_result(NotStored(Code.BROKER_UNAVAILABLE, "away", 3.0))
    slow.waiting[2].set_result(RecordStored(0, 9))
    await asyncio.sleep(0.05)
    slow.waiting[0].set_result(RecordStored(0, 7))
    got, error = await answers(call)
    assert [receipt.offset for receipt in got] == [7]
    assert error is not None
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "BROKER_UNAVAILABLE")
    assert error.detail("ErrorInfo").metadata["index"] == "1"
    assert error.trailing["grpc-retry-pushback-ms"] == "3000"


async def test_nothing_behind_a_refused_event_is_begun_while_earlier_ones_are_on_their_way(
    door: RpcGate, slow: Slow
) -> None:
    call = each(door)
    for body in (GOOD, BAD, GOOD, GOOD):
        await call.write(body)
    await call.done_writing()
    await slow.hold(1)
    await asyncio.sleep(0.05)
    assert len(slow.waiting) == 1, "the good events behind the bad one went nowhere"
    slow.waiting[0].set_result(RecordStored(0, 0))
    got, error = await answers(call)
    assert len(got) == 1
    assert error is not None
    assert error.detail("ErrorInfo").metadata["index"] == "1"


@pytest.mark.parametrize("method", ["Many", "Each"])
async def test_a_stream_is_read_only_while_there_is_room(door: RpcGate, slow: Slow, method: str) -> None:
    """With Kafka silent, a stream of a thousand events has a few on their way, however eager its client."""
    call = door.channel.stream_stream(f"/{NAME}/{method}")(given([GOOD] * 1000), metadata=bearer("good"))
    await slow.hold(10)
    await asyncio.sleep(0.1)
    assert len(slow.waiting) <= 16
    call.cancel()
    await until(lambda: not door.gate.memory.used_bytes and not door.gate.memory.events)


async def test_draining_ends_a_conversation_with_what_is_owed(door: RpcGate, slow: Slow) -> None:
    call = each(door)
    await call.write(GOOD)
    await call.write(GOOD)
    await slow.hold(2)
    door.server.drain()
    for n, future in enumerate(slow.waiting):
        future.set_result(RecordStored(0, n))
    got, error = await answers(call)
    assert [receipt.offset for receipt in got] == [0, 1]
    assert error is None


async def test_draining_refuses_many_that_are_not_all_here(door: RpcGate, slow: Slow) -> None:
    """An answer would say that all are stored, and the client has not sent its last."""
    call = door.channel.stream_unary(f"/{NAME}/Many")(metadata=bearer("good"))
    await call.write(GOOD)
    await slow.hold(1)
    door.server.drain()
    slow.waiting[0].set_result(RecordStored(0, 0))
    error = await refused(call)
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "OVERLOADED")
    assert "1 events of this one are stored" in error.message


async def test_a_reload_adds_and_removes_services_and_drops_no_call(door: RpcGate) -> None:
    under_way = each(door)
    await under_way.write(GOOD)
    await under_way.read()
    serve(door, service(name="shop.v1.Other"))
    await under_way.write(GOOD)
    assert pb.EventReceipt.FromString(await under_way.read()).offset == 1
    await under_way.done_writing()
    assert await under_way.code() is grpc.StatusCode.OK
    gone = await refused(one(door))
    assert gone.code is grpc.StatusCode.UNIMPLEMENTED
    call = door.channel.unary_unary("/shop.v1.Other/One")
    assert pb.EventReceipt.FromString(await call(GOOD, metadata=bearer("good"))).offset == 2


async def test_health_and_reflection_know_the_services_of_now() -> None:
    async with typed_door(rpc=RpcSettings(reflection=True)) as gate:
        health = health_pb2_grpc.HealthStub(gate.channel)
        checked = await health.Check(health_pb2.HealthCheckRequest(service=NAME))
        assert checked.status == health_pb2.HealthCheckResponse.SERVING
        asked = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=NAME),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="google.rpc.BadRequest"),
        ]
        found = [
            one
            async for one in reflection_pb2_grpc.ServerReflectionStub(gate.channel).ServerReflectionInfo(iter(asked))
        ]
        assert NAME in {row.name for row in found[0].list_services_response.service}
        names = [
            descriptor_pb2.FileDescriptorProto.FromString(text).name
            for text in found[1].file_descriptor_response.file_descriptor_proto
        ]
        assert "shop/v1/order_service.proto" in names
        assert found[2].file_descriptor_response.file_descriptor_proto, "so that grpcurl prints a refusal's details"
        serve(gate)
        gone = await refused(health.Check(health_pb2.HealthCheckRequest(service=NAME)))
        assert gone.code is grpc.StatusCode.NOT_FOUND
