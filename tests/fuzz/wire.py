"""The gRPC port's rules under a stranger's bytes: a connection from its first frame on, heads, messages.

Used by `targets`. Each function returns, or raises what is a finding. The client's preface and SETTINGS stand in front of what is given.
"""

import gzip
import struct
import zlib

from tidegate_gateway.edge.grpc.heads import call_head, ending, refusal
from tidegate_gateway.edge.grpc.messages import ENCODINGS, Unpacking, message, take
from tidegate_gateway.edge.http2.connection import Connection
from tidegate_gateway.edge.http2.fields import MAX_BLOCK_BYTES, BlockReader, block_of
from tidegate_gateway.edge.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEAD_BYTES,
    HEADERS,
    MIN_MAX_FRAME,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    ErrorCode,
    Violated,
    frame,
    read_head,
    reset,
    window_update,
)
from tidegate_gateway.edge.http2.patience import Patience, strangers_together
from tidegate_gateway.edge.http2.streams import FIRST_WINDOW, Stream
from tidegate_gateway.intake.faults import Fault

__all__ = ["CONNECTION_SEEDS", "HEAD_SEEDS", "MESSAGE_SEEDS", "connection", "head", "messages"]

_MOST_BYTES = 1 << 20
_MOST_STREAMS = 4
_MOST_TURNS = 200
_ANSWER = bytes(40_000)


def connection(data: bytes) -> None:
    """The first byte says how it is: who has a token, who is answered at once, and where the bytes are cut in two."""
    how, data = data[:1] or b"\0", data[1:]
    cut = how[0] >> 2
    begun: list[Stream] = []
    one = Connection(
        Patience(strangers_together(0.0), 0.0), begun.append, most_streams=_MOST_STREAMS, most_head_bytes=16_384
    )
    assert one.receive(PREFACE + frame(SETTINGS, 0, 0), 0.0)
    if how[0] & 1:
        one.know()
    now_s = 0.0
    for piece in (data[:cut], data[cut:]):
        more = one.receive(piece, now_s)
        while not more and now_s < _MOST_TURNS:
            now_s += one.patience.pause_s() or 0.001
            more = one.receive(b"", now_s)
        assert more, "patience never comes back"
        if how[0] & 2:
            _answer(one, begun)
        _hold(one)
    one.lost()
    assert not one.streams
    for stream in begun:
        assert stream.gone is not None or stream.answered


def _answer(one: Connection, begun: list[Stream]) -> None:
    for stream in begun:
        size = len(stream.inbox)
        stream.inbox.clear()
        one.read(stream, size)
        if stream.ended:
            one.send_head(stream, block_of([(b":status", b"200")]))
            one.send_data(stream, _ANSWER)
            one.send_end(stream, ending(0, "", ()))
            one.answered(good=True)


def _hold(one: Connection) -> None:
    """What must be so after whatever has come."""
    assert len(one.streams) <= _MOST_STREAMS
    assert sum(len(stream.inbox) for stream in one.streams.values()) <= FIRST_WINDOW * (1 if not one.known else 64)
    sent, at = b"".join(one.out), 0
    while at < len(sent):
        length, kind, _, number = read_head(sent, at)
        assert length <= MIN_MAX_FRAME or one._outgoing.peer_frame > MIN_MAX_FRAME
        assert number or kind not in (DATA, HEADERS, RST_STREAM)
        at += HEAD_BYTES + length
    assert at == len(sent)
    one.out.clear()


def head(data: bytes) -> None:
    """Blocks of one connection, each behind two bytes of its length, and what gRPC makes of them."""
    reader = BlockReader()
    while len(data) >= 2:
        size = int.from_bytes(data[:2], "big")
        block, data = data[2 : 2 + size], data[2 + size :]
        try:
            said = reader.read(block)
        except Violated as violated:
            assert violated.code in (ErrorCode.COMPRESSION_ERROR, ErrorCode.ENHANCE_YOUR_CALM)  # noqa: PT017 -- nothing need be raised
            return
        assert said.size_bytes <= MAX_BLOCK_BYTES
        if said.fault or not said.has_pseudo:
            continue
        call = call_head(said)
        assert call.timeout_s is None or call.timeout_s >= 0
        refusal(3, call.fault + call.path, tuple((name, value) for name, value in call.metadata if len(name) < 99))


def messages(data: bytes) -> None:
    """The first byte names the encoding; the rest arrives in two pieces."""
    encoding = ENCODINGS[data[0] % len(ENCODINGS)] if data else "identity"
    inbox, half = bytearray(), len(data) // 2
    for piece in (data[1:half], data[max(1, half) :]):
        inbox += piece
        try:
            while (taken := take(inbox, _MOST_BYTES, encoding)) is not None:
                body = taken[0]
                while isinstance(body, Unpacking):
                    plain = body.step()
                    body = body if plain is None else plain
                assert len(body) <= _MOST_BYTES
        except Fault as fault:
            assert fault.code.value in ("malformed", "too_large")  # noqa: PT017 -- nothing need be raised
            return


_CALL = block_of(
    [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/a.B/C"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"grpc-timeout", b"5S"),
        (b"a-bin", b"AAAA,AA"),
    ]
)
_INDEXED = b"\x83\x86\x44\x01/\x40\x01a\x01b"
_HEADERS = frame(HEADERS, END_HEADERS, 1, _CALL)

CONNECTION_SEEDS = (
    b"\3" + _HEADERS + frame(DATA, END_STREAM, 1, message(b"x")),
    b"\2" + _HEADERS + frame(DATA, 0, 1, message(b"x")) + frame(HEADERS, 5, 1, block_of([(b"a", b"b")])),
    b"\x7f" + frame(SETTINGS, 0, 0, struct.pack(">HLHL", 4, 0, 5, 20_000)) + frame(HEADERS, 5, 1, _INDEXED)
    + window_update(1, 9) + window_update(0, 9) + frame(PING, 0, 0, b"12345678"),
    b"\0" + frame(HEADERS, 0, 1, _CALL[:20]) + frame(9, 4, 1, _CALL[20:]) + reset(1, ErrorCode.CANCEL)
    + frame(PRIORITY, 0, 3, bytes(5)) + frame(7, 0, 0, bytes(8)) + frame(WINDOW_UPDATE, 0, 1, bytes(4)),
    b"\1" + frame(HEADERS, 0x2D, 3, b"\1" + bytes(5) + _CALL + b"\0") + frame(DATA, 9, 3, b"\1x\0"),
)  # fmt: skip
HEAD_SEEDS = tuple(
    b"".join(len(block).to_bytes(2, "big") + block for block in blocks)
    for blocks in ([_CALL, _INDEXED, b"\x83\x86\x84\xbe\xbe"], [b"\x20\x3f\xe1\x1f" + _CALL], [_CALL, _CALL])
)
MESSAGE_SEEDS = (
    b"\0" + message(b"abc") + message(b""),
    b"\1\1" + message(zlib.compress(b"abc" * 100))[1:],
    b"\2\1" + message(gzip.compress(bytes(200_000)))[1:] + message(b"x"),
)
