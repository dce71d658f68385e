"""One call between its stream and its handler, on the real rules of a connection: no socket, the client is bytes."""

import asyncio
import gc
import gzip
import weakref
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import cast

import pytest
from hpack import Decoder

from tidegate.errors import Code
from tidegate_gateway.edge.grpc.exchange import Exchange
from tidegate_gateway.edge.grpc.heads import call_head
from tidegate_gateway.edge.grpc.messages import message
from tidegate_gateway.edge.grpc.unpacks import Unpacks
from tidegate_gateway.edge.http2.connection import Connection
from tidegate_gateway.edge.http2.fields import block_of
from tidegate_gateway.edge.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEAD_BYTES,
    HEADERS,
    PREFACE,
    RST_STREAM,
    WINDOW_UPDATE,
    ErrorCode,
    Setting,
    frame,
    read_head,
    reset,
    settings,
    window_update,
)
from tidegate_gateway.edge.http2.patience import Patience, strangers_together
from tidegate_gateway.edge.http2.streams import Stream
from tidegate_gateway.edge.http2.transport import Http2Transport
from tidegate_gateway.intake.faults import Fault

CALL = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/a.B/C"),
    (b"content-type", b"application/grpc"),
)
MOST_BYTES = 200_000
CANCEL = int(ErrorCode.CANCEL)
LONGEST_S = 5.0
"""What does not come by then does not come: the test fails, and does not hang."""


@dataclass
class Wire:
    """The transport of one connection, without a socket: what was said is in `sent`."""

    window: int | None = None
    address: str = "192.0.2.1"
    certificate: dict[str, object] = field(default_factory=dict)
    has_room: asyncio.Event = field(default_factory=asyncio.Event)
    began: list[Stream] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = Connection(
            Patience(strangers_together(0.0), 0.0), self.began.append, most_streams=10, most_head_bytes=16_384
        )
        wanted = {Setting.INITIAL_WINDOW_SIZE: self.window} if self.window is not None else {}
        self.has_room.set()
        self.arrives(PREFACE + settings(wanted))
        self.said()

    def flush(self) -> None:
        """Everything stays in the connection's `out` until it is looked at."""

    async def room(self) -> None:
        await self.has_room.wait()

    def arrives(self, data: bytes) -> None:
        self.connection.receive(data, 0.0)

    def said(self) -> list[tuple[int, int, int, bytes]]:
        """The frames since the last look: type, flags, stream, payload."""
        data, found, at = b"".join(self.connection.out), [], 0
        self.connection.out.clear()
        while at < len(data):
            length, kind, flags, number = read_head(data, at)
            found.append((kind, flags, number, data[at + HEAD_BYTES : at + HEAD_BYTES + length]))
            at += HEAD_BYTES + length
        return found

    def call(self, *more: tuple[bytes, bytes], body: bytes = b"", ends: bool = False) -> Exchange:
        """A call that has just arrived, with as much of its body."""
        number = 2 * len(self.began) + 1
        flags = END_HEADERS | (END_STREAM if ends and not body else 0)
        self.arrives(frame(HEADERS, flags, number, block_of((*CALL, *more))))
        if body:
            self.arrives(frame(DATA, END_STREAM if ends else 0, number, body))
        stream = self.began[-1]
        return Exchange(cast("Http2Transport", self), stream, call_head(stream.head), MOST_BYTES, Unpacks(99))


Handler = Callable[[Exchange], Coroutine[object, object, None]]


def started(call: Exchange, handler: Handler) -> "asyncio.Task[None]":
    """The handler under way, as `rpc_server` runs it."""
    task = call.run(handler(call))
    task.add_done_callback(lambda _: call.over())
    return task


def fields(payload: bytes) -> dict[bytes, bytes]:
    return dict(Decoder().decode(payload, raw=True))


async def echo(call: Exchange) -> None:
    while (request := await call.read()) is not None:
        await call.write(request)
    call.succeed()
    await call.taken()


async def waits(_call: Exchange) -> None:
    await asyncio.Event().wait()


async def is_stopped(task: "asyncio.Task[None]") -> None:
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(LONGEST_S):
            await task


async def turns(count: int = 5) -> None:
    """Let everything that is ready run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_call_from_head_to_trailers() -> None:
    wire = Wire()
    task = started(wire.call(body=message(b"one") + message(b"two"), ends=True), echo)
    await task
    said = wire.said()
    kinds = [(kind, flags) for kind, flags, _, _ in said]
    assert kinds == [(HEADERS, END_HEADERS), (DATA, 0), (DATA, 0), (HEADERS, END_HEADERS | END_STREAM)]
    assert [payload for kind, _, _, payload in said if kind == DATA] == [message(b"one"), message(b"two")]
    assert fields(said[-1][3]) == {b"grpc-status": b"0"}
    assert not wire.connection.streams


async def test_a_message_in_pieces_is_read_when_it_is_whole() -> None:
    wire = Wire()
    wire_bytes = message(b"abcdef")
    call = wire.call(body=wire_bytes[:3])
    reading = asyncio.create_task(call.read())
    call._stream.wake = call._wake
    for at in range(3, len(wire_bytes)):
        await turns()
        assert not reading.done()
        wire.arrives(frame(DATA, 0, 1, wire_bytes[at : at + 1]))
    assert await reading == b"abcdef"


@pytest.mark.parametrize("come", [message(b"abc")[:2], message(b"abc")[:-1]])
async def test_a_call_that_ends_within_a_message(come: bytes) -> None:
    call = Wire().call(body=come, ends=True)
    with pytest.raises(Fault) as caught:
        await call.read()
    assert caught.value.code is Code.MALFORMED


async def test_a_call_without_a_message_has_none() -> None:
    assert await Wire().call(ends=True).read() is None


async def test_who_has_not_shown_a_token_sends_short_messages() -> None:
    wire = Wire()
    long = message(bytes(70_000))[:100]
    with pytest.raises(Fault) as caught:
        async with asyncio.timeout(LONGEST_S):
            await wire.call(body=long).read()
    assert caught.value.code is Code.TOO_LARGE
    call = wire.call(body=long)
    call.know()
    reading = asyncio.create_task(call.read())
    await turns()
    assert not reading.done()
    reading.cancel()


async def test_half_a_message_is_told_once() -> None:
    wire, told = Wire(), []
    call = wire.call()
    call._stream.wake = call._wake
    reading = asyncio.create_task(call.read(lambda: told.append("begun")))
    await turns()
    assert told == [], "nothing has come: a stream may be silent"
    for byte in message(b"abc")[:-1]:
        wire.arrives(frame(DATA, 0, 1, bytes([byte])))
        await turns()
    assert told == ["begun"]
    wire.arrives(frame(DATA, 0, 1, b"c"))
    assert await reading == b"abc"


async def test_what_a_reader_waits_for_is_credited_and_what_nobody_reads_is_not() -> None:
    wire = Wire()
    call = wire.call(body=bytes([0]) + (60_000).to_bytes(4, "big") + bytes(16_000))
    for _ in range(2):
        wire.arrives(frame(DATA, 0, 1, bytes(16_000)))
    assert [kind for kind, *_ in wire.said()] == []
    call._stream.wake = call._wake
    reading = asyncio.create_task(call.read())
    await turns()
    assert {number for kind, _, number, _ in wire.said() if kind == WINDOW_UPDATE} == {0, 1}
    wire.arrives(frame(DATA, 0, 1, bytes(12_000)))
    assert await reading == bytes(60_000)
    for _ in range(3):
        wire.arrives(frame(DATA, 0, 1, bytes(16_000)))
    assert [kind for kind, *_ in wire.said() if kind == WINDOW_UPDATE] == []


async def test_the_deadline_ends_the_call_and_its_handler() -> None:
    wire = Wire()
    call = wire.call((b"grpc-timeout", b"1m"))
    task = started(call, waits)
    assert 0.0 <= (call.time_left_s() or 0.0) <= 0.001
    await is_stopped(task)
    ((kind, flags, _, payload), (after, *_)) = wire.said()
    assert (kind, flags & END_STREAM, after) == (HEADERS, END_STREAM, RST_STREAM)
    assert fields(payload)[b"grpc-status"] == b"4"
    assert fields(payload)[b":status"] == b"200", "nothing was said before: a whole answer"
    assert call.time_left_s() == 0.0


async def test_the_deadline_behind_a_first_message_is_in_trailers() -> None:
    async def one_and_waits(call: Exchange) -> None:
        await call.write(b"first")
        await waits(call)

    wire = Wire()
    task = started(wire.call((b"grpc-timeout", b"1m"), ends=True), one_and_waits)
    await is_stopped(task)
    head, data, end = wire.said()
    assert (head[0], data[0], end[0], end[1] & END_STREAM) == (HEADERS, DATA, HEADERS, END_STREAM)
    assert fields(end[3])[b"grpc-status"] == b"4"
    assert b":status" not in fields(end[3])


async def test_a_deadline_that_the_answer_has_met_is_forgotten() -> None:
    wire = Wire()
    call = wire.call((b"grpc-timeout", b"1H"), body=message(b"x"), ends=True)
    await started(call, echo)
    assert call._timer is None
    assert call.time_left_s() is not None


@pytest.mark.parametrize("text", [b"99999999H", b"1n", b"0m"])
async def test_the_longest_and_the_shortest_deadline(text: bytes) -> None:
    wire = Wire()
    task = started(wire.call((b"grpc-timeout", text), body=message(b"x"), ends=True), echo)
    await asyncio.wait([task], timeout=LONGEST_S)
    last = wire.said()[-1]
    assert last[1] & END_STREAM
    assert fields(last[3])[b"grpc-status"] in {b"0", b"4"}


async def test_a_client_that_leaves_stops_the_handler() -> None:
    wire = Wire()
    task = started(wire.call(), waits)
    await turns()
    wire.arrives(reset(1, ErrorCode.CANCEL))
    await is_stopped(task)
    assert wire.said() == []


async def test_a_lost_connection_stops_every_handler_once() -> None:
    """What a handler does at its end is not disturbed by the socket's loss behind a violation's."""
    ends: list[int] = []

    async def tidies(call: Exchange) -> None:
        try:
            await waits(call)
        finally:
            await turns(3)
            ends.append(call._stream.id)

    wire = Wire()
    tasks = [started(wire.call(), tidies) for _ in range(3)]
    await turns()
    wire.arrives(frame(99, 0, 0) + frame(DATA, 0, 0))
    await turns(1)
    wire.connection.lost()
    await asyncio.wait(tasks, timeout=LONGEST_S)
    assert sorted(ends) == [1, 3, 5]


async def test_a_handler_is_stopped_once_by_its_deadline_and_whatever_follows() -> None:
    """Its stream is reset with the deadline, which the connection tells with the next bytes that come."""
    wire, stopped, ended = Wire(window=0), asyncio.Event(), asyncio.Event()

    async def tidies(call: Exchange) -> None:
        try:
            await call.write(b"never taken")
        finally:
            stopped.set()
            await asyncio.sleep(0.01)
            ended.set()

    task = started(wire.call((b"grpc-timeout", b"1m"), ends=True), tidies)
    async with asyncio.timeout(LONGEST_S):
        await stopped.wait()
    wire.arrives(frame(99, 0, 0))
    await asyncio.wait([task], timeout=LONGEST_S)
    assert ended.is_set()


async def test_a_client_that_leaves_while_its_handler_ends() -> None:
    ended: list[str] = []

    async def ends_slowly(call: Exchange) -> None:
        call.fail(3, "no")
        await turns(3)
        ended.append("ended")

    wire = Wire()
    task = started(wire.call(), ends_slowly)
    await turns(1)
    wire.arrives(reset(1, ErrorCode.CANCEL))
    await task
    assert ended == ["ended"]
    assert [kind for kind, *_ in wire.said()] == [HEADERS, RST_STREAM]


async def test_who_comes_second_says_nothing() -> None:
    wire = Wire()
    call = wire.call(ends=True)
    call.fail(3, "first")
    call.fail(4, "second")
    call.succeed(b"third")
    ((_, flags, _, payload),) = wire.said()
    assert flags & END_STREAM
    assert fields(payload)[b"grpc-message"] == b"first"


async def test_a_slow_reader_holds_the_writer_back() -> None:
    wire = Wire(window=0)
    written: list[str] = []

    async def writes(call: Exchange) -> None:
        for name in "ab":
            await call.write(name.encode() * 10)
            written.append(name)
        call.succeed()
        await call.taken()

    task = started(wire.call(ends=True), writes)
    await turns()
    assert written == []
    assert [kind for kind, *_ in wire.said()] == [HEADERS]
    wire.arrives(window_update(1, 15))
    await turns()
    assert written == ["a"]
    wire.arrives(window_update(1, 15))
    await task
    assert [kind for kind, *_ in wire.said()] == [DATA, DATA, HEADERS]


async def test_an_answer_waits_until_it_is_taken() -> None:
    wire = Wire(window=0)

    async def answers(call: Exchange) -> None:
        call.succeed(b"answer")
        await call.taken()

    task = started(wire.call(ends=True), answers)
    await turns()
    assert not task.done()
    wire.arrives(window_update(1, 100))
    await task
    assert [(kind, flags & END_STREAM) for kind, flags, *_ in wire.said()][-1] == (HEADERS, END_STREAM)


async def test_a_full_socket_holds_the_writer_back() -> None:
    wire = Wire()
    wire.has_room.clear()
    task = asyncio.create_task(wire.call(ends=True).write(b"x"))
    await turns()
    assert not task.done()
    wire.has_room.set()
    await task


async def test_a_deadline_resets_an_answer_that_nobody_takes() -> None:
    wire = Wire(window=0)
    task = started(wire.call((b"grpc-timeout", b"1m"), body=message(b"x"), ends=True), echo)
    await is_stopped(task)
    assert wire.said()[-1] == (RST_STREAM, 0, 1, CANCEL.to_bytes(4, "big"))
    assert not wire.connection.streams


async def test_a_call_let_go_with_an_answer_that_nobody_takes_is_reset() -> None:
    """Its trailers would wait behind the answer, and both in memory, for as long as the client likes."""
    wire = Wire(window=0)
    call = wire.call(body=message(b"x"), ends=True)
    task = started(call, echo)
    await turns()
    call.fail(14, "too many")
    call.cancel()
    await is_stopped(task)
    await turns()
    assert wire.said()[-1][0] == RST_STREAM
    assert not wire.connection.streams


async def test_a_handler_that_says_nothing_is_our_fault() -> None:
    async def says_nothing(_call: Exchange) -> None:
        return

    wire = Wire()
    await started(wire.call(), says_nothing)
    await turns()
    assert wire.said() == [(RST_STREAM, 0, 1, int(ErrorCode.INTERNAL_ERROR).to_bytes(4, "big"))]


async def test_an_end_before_the_client_s_own_asks_for_no_more() -> None:
    wire = Wire()
    wire.call().fail(3, "no")
    (_, flags, *_), end = wire.said()
    assert flags & END_STREAM
    assert end == (RST_STREAM, 0, 1, bytes(4)), "NO_ERROR (RFC 9113, section 8.1)"


async def test_trailing_metadata_goes_with_a_good_end() -> None:
    wire = Wire()
    call = wire.call(ends=True)
    call.set_trailing((("ratelimit", "1"),))
    call.succeed(b"x")
    assert fields(wire.said()[-1][3]) == {b"grpc-status": b"0", b"ratelimit": b"1"}


async def test_who_the_peer_is() -> None:
    wire = Wire()
    assert (wire.call().client, wire.call().certificate(), wire.call().time_left_s()) == ("192.0.2.1", None, None)
    wire.certificate = {"subjectAltName": (("DNS", "a.example.com"), ("URI", "spiffe://x/y"))}
    assert wire.call().certificate() == "spiffe://x/y"


@pytest.mark.parametrize("how", ["answered", "reset", "deadline", "let go"])
async def test_a_call_that_is_over_keeps_nothing(how: str) -> None:
    """Without the help of the collector, which is rare in the gateway."""
    wire = Wire()
    call = wire.call(
        (b"grpc-timeout", b"1m" if how == "deadline" else b"1H"), body=message(b"x"), ends=how == "answered"
    )
    task = started(call, echo)
    await turns()
    if how == "reset":
        wire.arrives(reset(1, ErrorCode.CANCEL))
    elif how == "let go":
        call.fail(14, "")
        call.cancel()
    await asyncio.wait([task], timeout=LONGEST_S)
    await turns()
    seen = weakref.ref(task)
    wire.began.clear()
    gc.collect()
    gc.disable()
    try:
        stream = call._stream
        assert stream.wake.__name__ == "unheard"
        assert call._timer is None
        assert call._task is None
        del call, task, stream
        assert seen() is None
    finally:
        gc.enable()
    assert not wire.connection.streams


async def test_messages_that_unpack_to_megabytes_leave_the_loop_to_others() -> None:
    """Ten kilobytes that are eight megabytes, in every stream of a producer that turned bad: two at a time, a step a turn."""
    wire, most_bytes, unpacks = Wire(), 2_000_000, Unpacks(99)
    wire.connection.know()
    bomb = message(gzip.compress(bytes(2_000_000)))
    calls = [wire.call((b"grpc-encoding", b"gzip"), body=b"\1" + bomb[1:], ends=True) for _ in range(3)]
    calls = [
        Exchange(cast("Http2Transport", wire), stream, call.head, most_bytes, unpacks)
        for stream, call in zip(wire.began, calls, strict=True)
    ]
    reading = [asyncio.create_task(call.read()) for call in calls]
    seen = 0
    while not all(task.done() for task in reading):
        seen += 1
        await asyncio.sleep(0)
    assert [task.result() for task in reading] == [bytes(2_000_000)] * 3
    assert seen >= 2 * 6


async def test_a_call_that_ends_while_it_unpacks_holds_up_nobody() -> None:
    wire, unpacks = Wire(), Unpacks(99)
    wire.connection.know()
    bomb = message(gzip.compress(bytes(2_000_000)))
    for _ in range(2):
        wire.call((b"grpc-encoding", b"gzip"), body=b"\1" + bomb[1:], ends=True)
    first, second = (
        asyncio.create_task(
            Exchange(cast("Http2Transport", wire), stream, call_head(stream.head), 2_000_000, unpacks).read()
        )
        for stream in wire.began
    )
    await turns(2)
    first.cancel()
    assert await second == bytes(2_000_000)
    assert first.cancelled()
    again = Exchange(cast("Http2Transport", wire), wire.began[0], call_head(wire.began[0].head), 2_000_000, unpacks)
    assert await again.read() is None  # what was taken is gone, and the place is free
