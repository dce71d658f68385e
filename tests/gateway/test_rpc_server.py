"""The gRPC port as its clients meet it, by raw HTTP/2 where no client of gRPC would send it: refusals, bounds, deadlines, the end."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import grpc
import pytest
from hpack import Decoder
from tests.gateway.doors.rest.conftest import TOPIC
from tests.gateway.doors.rpc.conftest import Http2, Opener, RpcGate, event, frame, headers, message, opened, refused

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.doors.rpc import methods as methods_module
from tidegate_gateway.doors.rpc.calls import Call
from tidegate_gateway.doors.rpc.methods import Method, Service
from tidegate_gateway.edge.grpc.settings import RpcSettings
from tidegate_gateway.edge.http2.frames import ErrorCode

PUBLISH = b"/tidegate.ingest.v1.IngestService/Publish"
STREAM = b"/tidegate.ingest.v1.IngestService/PublishStream"
CHECK = b"/grpc.health.v1.Health/Check"
AUTHORIZED = (b"authorization", b"Bearer good")
GOOD_TOKEN = (("authorization", "Bearer good"),)
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 2, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS = 1, 4
Frames = list[tuple[int, int, int, bytes]]


@pytest.fixture
async def open_door() -> AsyncIterator[Opener]:
    """`await open_door(**settings)`: a port as the test wants it."""
    async with AsyncExitStack() as stack:
        yield lambda **settings: stack.enter_async_context(opened(**settings))


@pytest.fixture
async def door(open_door: Opener) -> RpcGate:
    """A port over one contract of customer.orders."""
    return await open_door()


def request(*events: pb.Event) -> bytes:
    return message(pb.PublishRequest(topic=TOPIC, events=events or [event()]).SerializeToString())


def call(path: bytes, *more: tuple[bytes, bytes], body: bytes | None = b"", number: int = 1) -> bytes:
    """A whole call of one message (of what is not None), short enough for one frame."""
    head = frame(HEADERS, END_HEADERS | (END_STREAM if body is None else 0), number, headers(path, *more))
    return head if body is None else head + frame(DATA, END_STREAM, number, body or message(b""))


async def ended(connection: Http2, number: int = 1) -> Frames:
    """The frames of a stream until its end."""
    seen = await connection.frames(
        lambda kind, flags, stream: stream == number and (kind == RESET or bool(flags & END_STREAM))
    )
    return [one for one in seen if one[2] == number and one[0] != WINDOW_UPDATE]


def fields(seen: Frames) -> dict[str, str]:
    """Of the last block."""
    return {name.decode(): value.decode("latin-1") for name, value in Decoder().decode(seen[-1][3], raw=True)}


async def answered(door: RpcGate, *frames: bytes) -> Frames:
    """How the first stream of a connection ends; the port goes on behind it."""
    connection = await Http2.open(door.server.address)
    connection.send(*frames)
    seen = await ended(connection)
    await connection.close()
    assert (await door.publish(event())).results[0].status == pb.STATUS_STORED
    return seen


async def idle(door: RpcGate) -> None:
    """Until nothing is under way."""
    async with asyncio.timeout(10):
        while door.server._calls:  # noqa: ASYNC110 -- it tells nobody
            await asyncio.sleep(0.005)
    assert door.server._crowd.calls == door.server._crowd.streams == 0
    methods = door.server._methods
    assert [*methods._aside, *methods._untaken, *methods._under_way, *methods._ending] == []
    assert door.gate.memory.used_bytes == 0


@pytest.mark.parametrize("path", [b"/\xff\xfe/x", b"/tidegate.ingest.v1.IngestService/\xc3\x28"])
async def test_a_path_that_is_not_utf8_ends_that_call_alone(door: RpcGate, path: bytes) -> None:
    assert fields(await answered(door, call(path)))["grpc-status"] == "12"


async def test_a_refusal_is_trailers_only(door: RpcGate) -> None:
    """One HEADERS frame that ends the stream: clients may retry it without having seen a response begin."""
    seen = await answered(door, call(PUBLISH))
    assert [(kind, flags) for kind, flags, _, _ in seen] == [(HEADERS, END_HEADERS | END_STREAM)]
    assert fields(seen)["grpc-status"] == "16"
    assert "grpc-status-details-bin" in fields(seen)
    assert len(seen[-1][3]) < 8192


async def test_every_end_of_a_producers_call_tells_its_id(door: RpcGate) -> None:
    """Which is what the log has of it: a good one as much as a bad one, a stream as much as a unary call."""
    for path, body in ((PUBLISH, request()), (PUBLISH, message(b"")), (STREAM, request()), (b"/nowhere", b"")):
        assert len(fields(await answered(door, call(path, AUTHORIZED, body=body)))["request-id"]) == 36
    assert fields(await answered(door, call(CHECK))) == {"grpc-status": "0"}


async def test_another_method_of_http_is_405(door: RpcGate) -> None:
    head = headers(PUBLISH).replace(b"\x04POST", b"\x03GET")
    assert fields(await answered(door, frame(HEADERS, END_HEADERS | END_STREAM, 1, head))) == {
        ":status": "405",
        "allow": "POST",
    }


async def test_another_content_is_415(door: RpcGate) -> None:
    head = headers(PUBLISH).replace(b"\x10application/grpc", b"\x10application/json")
    assert fields(await answered(door, frame(HEADERS, END_HEADERS, 1, head))) == {":status": "415"}


async def test_metadata_past_its_bound_is_refused(door: RpcGate) -> None:
    more = [(b"x-%d" % place, b"v" * 120) for place in range(120)]
    head = headers(PUBLISH, AUTHORIZED, *more)
    seen = await answered(
        door,
        frame(HEADERS, 0, 1, head[:16_000]),
        frame(9, END_HEADERS, 1, head[16_000:]),
        frame(DATA, END_STREAM, 1, request()),
    )
    assert fields(seen)["grpc-status"] == "8"
    assert "16384" in fields(seen)["grpc-message"]


@pytest.mark.parametrize(
    ("field", "word"), [((b"grpc-timeout", b"soon"), "grpc-timeout"), ((b"trace-bin", b"?"), "trace-bin")]
)
async def test_a_head_that_says_nothing_is_malformed(door: RpcGate, field: tuple[bytes, bytes], word: str) -> None:
    seen = fields(await answered(door, call(PUBLISH, AUTHORIZED, field, body=request())))
    assert seen["grpc-status"] == "3"
    assert word in seen["grpc-message"]


@pytest.mark.parametrize("token", [b"Bearer \xff\xfe", b"Bearer \xc3\xa9", b"Bearer a\x7fb"])
async def test_a_token_that_is_no_text_is_a_bad_token(door: RpcGate, token: bytes) -> None:
    seen = fields(await answered(door, call(PUBLISH, (b"authorization", token), body=request())))
    assert seen["grpc-status"] == "16"


async def test_an_unknown_encoding_is_unimplemented_and_told_what_is(door: RpcGate) -> None:
    seen = fields(await answered(door, call(PUBLISH, AUTHORIZED, (b"grpc-encoding", b"snappy"), body=request())))
    assert seen["grpc-status"] == "12"
    assert seen["grpc-accept-encoding"] == "identity,deflate,gzip"


@pytest.mark.parametrize(("encoding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
async def test_a_packed_request_is_taken(door: RpcGate, encoding: bytes, pack: type) -> None:
    body = message(pack(request()[5:]), compressed=True)
    seen = await answered(door, call(PUBLISH, AUTHORIZED, (b"grpc-encoding", encoding), body=body))
    assert fields(seen)["grpc-status"] == "0"
    assert len(door.gate.publisher.stored) == 2


async def test_a_packed_request_of_a_stock_client_is_taken(door: RpcGate) -> None:
    asked = pb.PublishRequest(topic=TOPIC, events=[event()])
    for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        response = await door.stub.Publish(asked, metadata=GOOD_TOKEN, compression=compression)
        assert response.results[0].status == pb.STATUS_STORED


async def test_a_message_marked_as_packed_by_nothing_is_malformed(door: RpcGate) -> None:
    body = message(gzip.compress(b"x"), compressed=True)
    assert fields(await answered(door, call(PUBLISH, AUTHORIZED, body=body)))["grpc-status"] == "3"


async def test_a_message_that_unpacks_to_more_than_is_allowed_is_refused_unread(door: RpcGate) -> None:
    """A gzip bomb: unpacking stops at the limit."""
    body = message(gzip.compress(b"\x00" * 30_000_000), compressed=True)
    head = headers(PUBLISH, AUTHORIZED, (b"grpc-encoding", b"gzip"))
    pieces = [body[at : at + 16_000] for at in range(0, len(body), 16_000)]
    seen = await answered(
        door,
        frame(HEADERS, END_HEADERS, 1, head),
        *(frame(DATA, 0, 1, piece) for piece in pieces[:-1]),
        frame(DATA, END_STREAM, 1, pieces[-1]),
    )
    assert fields(seen)["grpc-status"] == "8"
    assert len(door.gate.publisher.stored) == 1


@pytest.mark.parametrize("path", [PUBLISH, b"/tidegate.ingest.v1.IngestService/Validate", CHECK])
async def test_a_second_request_of_a_unary_call_is_malformed_and_nothing_is_stored(door: RpcGate, path: bytes) -> None:
    """Of a client whose method was a stream when its code was made: it must not hear that all of them are stored."""
    first = message(b"") if path is CHECK else request()
    connection = await Http2.open(door.server.address)
    connection.send(call(path, AUTHORIZED, body=first * 3))
    told = fields(await ended(connection))
    await connection.close()
    assert told["grpc-status"] == "3"
    assert "one request" in told["grpc-message"]
    assert door.gate.publisher.stored == []


async def test_a_request_waits_for_the_client_to_close_its_side(door: RpcGate) -> None:
    """Whether another follows is not known before."""
    connection = await Http2.open(door.server.address)
    connection.send(frame(HEADERS, END_HEADERS, 1, headers(PUBLISH, AUTHORIZED)), frame(DATA, 0, 1, request()))
    connection.send(frame(PING, 0, 0, b"12345678"))
    await connection.frames(lambda kind, flags, _: kind == PING and bool(flags & 1))
    assert door.gate.publisher.stored == []
    connection.send(frame(DATA, END_STREAM, 1))
    assert fields(await ended(connection))["grpc-status"] == "0"
    assert len(door.gate.publisher.stored) == 1
    await connection.close()


async def test_a_call_that_ends_within_its_message_is_malformed(door: RpcGate) -> None:
    assert fields(await answered(door, call(PUBLISH, AUTHORIZED, body=request()[:-1])))["grpc-status"] == "3"
    assert fields(await answered(door, call(PUBLISH, AUTHORIZED, body=None)))["grpc-status"] == "3"


async def test_a_request_that_does_not_arrive_is_let_go(open_door: Opener) -> None:
    """A client with a good token that sends half of its request, and then nothing."""
    door = await open_door(read_timeout_s=0.2)
    head = headers(PUBLISH, AUTHORIZED)
    connection = await Http2.open(door.server.address)
    connection.send(frame(HEADERS, END_HEADERS, 1, head), frame(DATA, 0, 1, request()[:-3]))
    seen = await ended(connection)
    await connection.close()
    assert [(kind, flags) for kind, flags, _, _ in seen] == [(HEADERS, END_HEADERS | END_STREAM)]
    assert door.gate.requests == ["grpc timeout"]
    await idle(door)
    assert (await door.publish(event())).results[0].status == pb.STATUS_STORED


async def test_half_a_message_of_a_stream_is_let_go_and_silence_is_not(open_door: Opener) -> None:
    """Each half takes memory up to a whole one's: a stream may be silent for hours, but not within a message."""
    door = await open_door(read_timeout_s=0.2)
    silent = door.stream()
    await silent.write(pb.PublishRequest(topic=TOPIC, events=[event()]))
    assert (await silent.read()).results[0].status == pb.STATUS_STORED
    connection = await Http2.open(door.server.address)
    connection.send(frame(HEADERS, END_HEADERS, 1, headers(STREAM, AUTHORIZED)), frame(DATA, 0, 1, request()[:-3]))
    assert fields(await ended(connection))["grpc-status"] == "4"
    await connection.close()
    await silent.write(pb.PublishRequest(topic=TOPIC, events=[event()]))
    assert (await silent.read()).results[0].status == pb.STATUS_STORED
    silent.cancel()


@pytest.mark.parametrize(
    ("second", "status"),
    [(message(b"")[:1] + b"\x7f\xff\xff\xff", "8"), (message(b"no gzip", compressed=True), "3"), (request()[:-1], "3")],
    ids=["too long", "not packed", "cut"],
)
async def test_a_streams_message_that_is_none_ends_it_behind_what_is_owed(
    door: RpcGate, second: bytes, status: str
) -> None:
    head = frame(HEADERS, END_HEADERS, 1, headers(STREAM, AUTHORIZED, (b"grpc-encoding", b"gzip")))
    seen = await answered(door, head + frame(DATA, END_STREAM, 1, request() + second))
    assert [kind for kind, *_ in seen] == [HEADERS, DATA, HEADERS]
    assert fields(seen)["grpc-status"] == status
    assert "grpc-status-details-bin" in fields(seen)


async def test_connections_beyond_the_most_are_closed(open_door: Opener) -> None:
    door = await open_door(rpc=RpcSettings(max_connections=3))
    connections = [await Http2.open(door.server.address) for _ in range(5)]
    kept = 0
    for connection in connections:
        with suppress(ConnectionError):
            connection.send(frame(PING, 0, 0, b"12345678"))
            seen = await connection.frames(lambda kind, flags, _: kind == PING and bool(flags & 1))
            kept += bool(seen) and seen[-1][0] == PING
    for connection in connections:
        await connection.close()
    assert kept == 3


class Waiting:
    """A method that waits until it is told, and how its calls ended."""

    def __init__(self, door: RpcGate) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.ends: list[str] = []
        method = Method(name="Wait", unary=self._wait)
        door.server._methods.swap((*door.server._own, Service(name="a.Waiting", methods=(method,))))

    async def _wait(self, call: Call) -> bytes:
        await call.authenticate()
        asked = await call.read_one()
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            self.ends.append("cancelled")
            raise
        self.ends.append("answered")
        return asked * 1000


WAIT = b"/a.Waiting/Wait"


async def test_a_deadline_that_passes_ends_call_and_handler(door: RpcGate) -> None:
    waiting = Waiting(door)
    wait = door.channel.unary_unary("/a.Waiting/Wait")
    error = await refused(wait(b"x", metadata=GOOD_TOKEN, timeout=0.2))
    assert error.code is grpc.StatusCode.DEADLINE_EXCEEDED
    connection = await Http2.open(door.server.address)
    connection.send(call(WAIT, AUTHORIZED, (b"grpc-timeout", b"50m"), body=message(b"x")))
    assert fields(await ended(connection))["grpc-status"] == "4"
    await connection.close()
    await idle(door)
    assert waiting.ends == ["cancelled"] * 2


@pytest.mark.parametrize("how", ["reset", "closed", "violated"])
async def test_a_client_that_leaves_stops_its_handler(door: RpcGate, how: str) -> None:
    waiting = Waiting(door)
    connection = await Http2.open(door.server.address)
    connection.send(call(WAIT, AUTHORIZED, body=message(b"x")))
    await asyncio.wait_for(waiting.begun.wait(), 10)
    if how == "reset":
        connection.send(frame(RESET, 0, 1, int(ErrorCode.CANCEL).to_bytes(4, "big")))
    elif how == "violated":
        connection.send(frame(SETTINGS, 0, 1))
    else:
        connection.writer.transport.abort()
    await idle(door)
    assert waiting.ends == ["cancelled"]
    assert door.gate.requests == ["grpc disconnected"]
    if how != "closed":
        await connection.close()


NO_WINDOW = frame(SETTINGS, 0, 0, (4).to_bytes(2, "big") + bytes(4))


async def test_an_answer_that_is_not_taken_is_a_call_under_way(door: RpcGate) -> None:
    waiting = Waiting(door)
    waiting.go.set()
    connection = await Http2.open(door.server.address)
    connection.send(NO_WINDOW, call(WAIT, AUTHORIZED, body=message(b"x")))
    await asyncio.wait_for(waiting.begun.wait(), 10)
    await connection.frames(lambda kind, *_: kind == HEADERS)
    assert door.server._crowd.calls == 1
    connection.send(frame(WINDOW_UPDATE, 0, 1, (5000).to_bytes(4, "big")))
    seen = await ended(connection)
    assert [len(payload) for kind, _, _, payload in seen if kind == DATA] == [1005]
    await connection.close()
    await idle(door)


async def test_a_deadline_resets_an_answer_that_is_not_taken(door: RpcGate) -> None:
    waiting = Waiting(door)
    waiting.go.set()
    connection = await Http2.open(door.server.address)
    connection.send(NO_WINDOW, call(WAIT, AUTHORIZED, (b"grpc-timeout", b"200m"), body=message(b"x")))
    seen = await ended(connection)
    assert [kind for kind, *_ in seen] == [HEADERS, RESET]
    await connection.close()
    await idle(door)


@pytest.mark.parametrize("known", [False, True])
async def test_a_connection_that_wastes_time_is_told_to_be_counted(door: RpcGate, known: bool) -> None:
    connection = await Http2.open(door.server.address)
    if known:
        connection.send(call(PUBLISH, AUTHORIZED, body=request()))
        await ended(connection)
    connection.send(frame(PRIORITY, 0, 99, bytes(5)) * 17_000)
    async with asyncio.timeout(10):
        while not door.paced:  # noqa: ASYNC110 -- it tells nobody but this list
            await asyncio.sleep(0.005)
    assert door.paced[0] is known
    await connection.close()


async def test_answers_that_strangers_do_not_take_make_room_for_others(
    door: RpcGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody needs a token to ask for the health, and to open no window for the answer: the oldest of them go."""
    monkeypatch.setattr(methods_module, "MOST_ASIDE", 3)
    connection = await Http2.open(door.server.address)
    connection.send(NO_WINDOW, *(call(CHECK, number=number) for number in range(1, 11, 2)))
    resets = await connection.frames(lambda kind, _, number: (kind, number) == (RESET, 3))
    assert [number for kind, _, number, _ in resets if kind == RESET] == [1, 3]
    assert len(door.server._calls) == 3
    assert (await door.publish(event())).results[0].status == pb.STATUS_STORED
    await connection.close()
    await idle(door)


async def test_more_calls_than_the_port_looks_at_are_refused(door: RpcGate, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(door)
    door.server._most_calls = 2
    connection = await Http2.open(door.server.address)
    connection.send(*(call(WAIT, AUTHORIZED, body=message(b"x"), number=number) for number in (1, 3, 5)))
    told = fields(await ended(connection, 5))
    assert (told["grpc-status"], told["grpc-retry-pushback-ms"]) == ("14", "1000")
    waiting.go.set()
    assert fields(await ended(connection, 3))["grpc-status"] == "0"
    await connection.close()


class Echoing:
    """Methods that say what they are told, once or on and on."""

    def __init__(self, door: RpcGate) -> None:
        methods = (Method(name="Once", unary=self._once), Method(name="On", stream=self._on))
        door.server._methods.swap((*door.server._own, Service(name="an.Echo", methods=methods)))
        self.once = door.channel.unary_unary("/an.Echo/Once")
        self.on = door.channel.stream_stream("/an.Echo/On")

    async def _once(self, call: Call) -> bytes:
        await call.authenticate()
        return await call.read_one()

    async def _on(self, call: Call) -> None:
        await call.authenticate()
        while (message := await call.read()) is not None:
            await call.write(message)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_a_long_message_of_a_stock_client(door: RpcGate, compression: grpc.Compression) -> None:
    """Past every window and every frame, both ways."""
    echoing, asked = Echoing(door), bytes(range(256)) * 15_000
    assert await echoing.once(asked, metadata=GOOD_TOKEN, timeout=30.0, compression=compression) == asked


async def test_a_hundred_streams_of_a_stock_client_at_once(door: RpcGate) -> None:
    echoing = Echoing(door)

    async def one(place: int) -> None:
        asked = [b"%d-%d" % (place, number) + bytes(3_000) for number in range(10)]

        async def sent() -> AsyncIterator[bytes]:
            for one_message in asked:
                yield one_message

        assert [message async for message in echoing.on(sent(), metadata=GOOD_TOKEN, timeout=30.0)] == asked

    await asyncio.gather(*(one(place) for place in range(100)))
    await idle(door)


async def test_a_drain_refuses_new_calls_then_tells_the_client_to_go_and_answers_what_is_owed(door: RpcGate) -> None:
    waiting = Waiting(door)
    connection = await Http2.open(door.server.address)
    connection.send(*(call(WAIT, AUTHORIZED, body=message(b"x"), number=number) for number in (1, 3, 5)))
    await asyncio.wait_for(waiting.begun.wait(), 10)
    door.server.drain()
    goaway, ping = (await connection.frames(lambda kind, *_: kind == PING))[-2:]
    assert goaway[0] == GOAWAY
    connection.send(call(PUBLISH, AUTHORIZED, body=request(), number=7), frame(PING, 1, 0, ping[3]))
    late = fields(await ended(connection, 7))
    assert late["grpc-status"] == "14"
    assert "grpc-retry-pushback-ms" in late
    newcomer = await Http2.open(door.server.address)  # who has nowhere else to go
    newcomer.send(call(PUBLISH, AUTHORIZED, body=request(), number=1))
    assert fields(await ended(newcomer, 1))["grpc-status"] == "14"
    await newcomer.close()
    stopping = asyncio.create_task(door.server.stop(20.0))
    waiting.go.set()
    seen = await connection.frames(lambda *_: False)
    for number in (1, 3, 5):
        own = [one for one in seen if one[2] == number]
        assert [kind for kind, *_ in own] == [HEADERS, DATA, HEADERS]
        assert fields(own)["grpc-status"] == "0"
    await connection.close()
    await stopping


async def test_a_port_that_is_stopped_ends_in_peace(open_door: Opener) -> None:
    door = await open_door()
    serving = asyncio.create_task(door.server.serve_on())
    assert (await door.publish(event())).results[0].status == pb.STATUS_STORED
    await door.server.stop(0.0)
    await asyncio.wait_for(serving, 5.0)
    await door.server.stop(0.0)


async def test_a_sweep_that_ends_is_told(open_door: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it no deadline is kept: the gateway hears of it, and does not go on."""
    door = await open_door(read_timeout_s=0.05)

    def fails(_now_s: float) -> None:
        raise OSError("a fault of ours")

    monkeypatch.setattr(door.server._methods, "sweep", fails)
    with pytest.raises(OSError, match="a fault of ours"):
        await asyncio.wait_for(door.server.serve_on(), 5.0)


async def test_calls_under_way_when_the_grace_is_over_are_cut(door: RpcGate) -> None:
    waiting = Waiting(door)
    connection = await Http2.open(door.server.address)
    connection.send(call(WAIT, AUTHORIZED, body=message(b"x")))
    await asyncio.wait_for(waiting.begun.wait(), 10)
    await door.server.stop(0.05)
    assert waiting.ends == ["cancelled"]
    assert not door.server._calls
    await connection.close()
