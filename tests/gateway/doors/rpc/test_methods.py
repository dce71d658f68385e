"""The table of methods: looked up for each call, swapped whole, and never under a call that is on its way."""

import asyncio

import grpc
import pytest
from tests.gateway.doors.rest.conftest import TOPIC
from tests.gateway.doors.rpc.conftest import Http2, Opener, RpcGate, event, frame, headers, message, refused

from tidegate.errors import Code
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.doors.rpc import methods as methods_module
from tidegate_gateway.doors.rpc.calls import Call
from tidegate_gateway.doors.rpc.methods import Crowd, Method, Service
from tidegate_gateway.edge.grpc.settings import RpcSettings
from tidegate_gateway.intake.faults import Fault

SERVICE = "brought.by.AContract"


async def echo(call: Call) -> bytes:
    return b"first:" + await call.read_one()


async def echo_again(call: Call) -> bytes:
    return b"second:" + await call.read_one()


def echoing(handler: object = echo) -> Service:
    return Service(name=SERVICE, methods=(Method(name="Echo", unary=handler),))  # type: ignore[arg-type]


async def test_services_come_change_and_go(door: RpcGate) -> None:
    methods, own = door.server._methods, door.server._own
    assert (await refused(door.raw(f"/{SERVICE}/Echo", b"x"))).code is grpc.StatusCode.UNIMPLEMENTED
    methods.swap((*own, echoing()))
    assert await door.raw(f"/{SERVICE}/Echo", b"x") == b"first:x"
    methods.swap((*own, echoing(echo_again)))
    assert await door.raw(f"/{SERVICE}/Echo", b"x") == b"second:x"
    methods.swap(own)
    assert (await refused(door.raw(f"/{SERVICE}/Echo", b"x"))).code is grpc.StatusCode.UNIMPLEMENTED
    assert (await door.publish(event())).results[0].status == pb.STATUS_STORED


async def test_watchers_leave_room_for_producers(door: RpcGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who watches the health needs no token: without a bound, some thousand watchers were all that the port would take."""
    monkeypatch.setattr(methods_module, "MOST_ASIDE", 3)
    watch = door.channel.unary_stream("/grpc.health.v1.Health/Watch")
    watchers = []
    for _ in range(5):
        watchers.append(watch(b""))
        await watchers[-1].read()
    for oldest in watchers[:2]:
        assert (await refused(oldest.read())).code is grpc.StatusCode.UNAVAILABLE
    assert (await door.publish(event())).results[0].status == pb.STATUS_STORED
    assert len(door.server._methods._aside) == 3
    assert not any(watcher.done() for watcher in watchers[2:])
    for watcher in watchers[2:]:
        watcher.cancel()


async def test_a_call_under_way_keeps_what_it_met(door: RpcGate) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(call: Call) -> bytes:
        begun.set()
        await go.wait()
        return await call.read_one()

    door.server._methods.swap((*door.server._own, echoing(slow)))
    waiting = asyncio.create_task(door.raw(f"/{SERVICE}/Echo", b"x"))
    await begun.wait()
    stream = door.stream()
    await stream.write(pb.PublishRequest(topic="customer.orders", events=[event()]))
    await stream.read()
    door.server.refresh()
    go.set()
    assert await waiting == b"x"
    await stream.write(pb.PublishRequest(topic="customer.orders", events=[event()]))
    assert (await stream.read()).results[0].status == pb.STATUS_STORED


async def test_a_handler_that_breaks_is_a_fault_of_ours(door: RpcGate) -> None:
    async def broken(_call: Call) -> bytes:
        raise ZeroDivisionError("secret detail")

    door.server._methods.swap((*door.server._own, echoing(broken)))
    error = await refused(door.raw(f"/{SERVICE}/Echo", b"x"))
    assert (error.code, error.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in str(error.status)
    assert door.gate.requests == ["grpc internal"]


async def test_a_request_that_comes_as_its_call_is_let_go_is_answered(door: RpcGate) -> None:
    """Its event may be stored by then: nobody may be told that it never arrived."""
    begun, go, calls = asyncio.Event(), asyncio.Event(), []

    async def slow(call: Call) -> bytes:
        asked = await call.read_one()
        calls.append(call)
        begun.set()
        await go.wait()
        return asked

    methods = door.server._methods
    methods.swap((*door.server._own, echoing(slow)))
    answer = asyncio.create_task(door.raw(f"/{SERVICE}/Echo", b"x"))
    await begun.wait()
    methods._let_go(calls[0], Fault(Code.TIMEOUT, "the request did not arrive in time"))
    await asyncio.gather(*methods._ending)
    go.set()
    assert await answer == b"x"
    assert door.gate.requests == ["grpc ok"]
    assert door.gate.refused == []


def test_one_name_twice_is_refused(door: RpcGate) -> None:
    before = door.server._methods.services
    with pytest.raises(ValueError, match=SERVICE):
        door.server._methods.swap((echoing(), echoing()))
    assert door.server._methods.services is before


def test_a_method_needs_a_handler(door: RpcGate) -> None:
    with pytest.raises(ValueError, match="Nothing"):
        door.server._methods.swap((Service(name=SERVICE, methods=(Method(name="Nothing"),)),))


@pytest.mark.parametrize(
    ("calls", "streams", "unary_may", "stream_may"),
    [(0, 0, True, True), (7, 5, True, True), (7, 6, True, False), (8, 2, False, False)],
)
def test_streams_leave_a_quarter_to_others(calls: int, streams: int, unary_may: bool, stream_may: bool) -> None:
    crowd = Crowd(8)
    crowd.calls, crowd.streams = calls, streams
    assert crowd.has_room(stream=False) is unary_may
    assert crowd.has_room(stream=True) is stream_may


async def test_answers_that_nobody_takes_leave_room_for_producers(open_door: Opener) -> None:
    """A producer that turned bad gives windows of nothing: a quarter of the places is what it gets, the oldest goes."""
    door = await open_door(rpc=RpcSettings(max_calls=8))
    one = await Http2.open(door.server.address)
    one.send(frame(4, 0, 0, b"\0\4\0\0\0\0"))
    request = message(pb.PublishRequest(topic=TOPIC, events=[event()]).SerializeToString())
    path = b"/tidegate.ingest.v1.IngestService/Publish"
    for number in (1, 3, 5):
        one.send(frame(1, 4, number, headers(path, (b"authorization", b"Bearer good"))), frame(0, 1, number, request))
    frames = await one.frames(lambda kind, _flags, _stream: kind == 3)
    assert frames[-1] == (3, 0, 1, (11).to_bytes(4, "big"))  # ENHANCE_YOUR_CALM
    await door.publish(event())
    one.send(frame(8, 0, 5, b"\0\1\0\0"))
    frames = await one.frames(lambda kind, flags, stream: (kind, flags & 1, stream) == (1, 1, 5))
    assert [stream for kind, _, stream, _ in frames if kind == 0] == [5]
    await one.close()
