"""A client of one `Connection` in memory: frames in, frames out, and what the streams' owners are told. No socket, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass

import hpack
from tests.gateway.doors.rpc.conftest import Http2, frame

from tidegate_gateway.edge.http2.connection import Connection
from tidegate_gateway.edge.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    ErrorCode,
    Setting,
)
from tidegate_gateway.edge.http2.patience import Patience, strangers_together
from tidegate_gateway.edge.http2.streams import Stream

HELLO = Http2.PREFACE + frame(SETTINGS, 0, 0)
NAMES = (
    "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION",
)  # fmt: skip
GET = ((b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"gate"))
POST = ((b":method", b"POST"), *GET[1:])


@dataclass(frozen=True)
class Sent:
    """One frame of the server."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def number(self) -> int:
        """The 32 bits of a RST_STREAM or WINDOW_UPDATE; of a GOAWAY its error code."""
        return int.from_bytes(self.payload[4:8] if self.kind == GOAWAY else self.payload, "big")

    def __str__(self) -> str:
        return f"{NAMES[self.kind]} {self.stream}"


def sent_in(data: bytes) -> list[Sent]:
    """The frames in bytes, which must be whole."""
    found = []
    while data:
        size = int.from_bytes(data[:3], "big")
        assert len(data) >= 9 + size
        found.append(Sent(data[3], data[4], int.from_bytes(data[5:9], "big"), data[9 : 9 + size]))
        data = data[9 + size :]
    return found


def block(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A header block, every field a literal that nobody indexes (RFC 7541, section 6.2.2)."""
    return b"".join(
        b"\x00" + hpack.hpack.encode_integer(len(name), 7) + name + hpack.hpack.encode_integer(len(value), 7) + value
        for name, value in fields
    )


def setting(*values: tuple[int, int]) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in values))


def window(stream: int, more: int) -> bytes:
    """A WINDOW_UPDATE frame."""
    return frame(WINDOW_UPDATE, 0, stream, more.to_bytes(4, "big"))


def reset_of(stream: int, code: int = ErrorCode.CANCEL) -> bytes:
    """A RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def padded(body: bytes, padding: int) -> bytes:
    """The payload of a frame with the PADDED flag."""
    return bytes([padding]) + body + bytes(padding)


def data(number: int, body: bytes, *, ends: bool = False) -> bytes:
    """A DATA frame."""
    return frame(DATA, END_STREAM if ends else 0, number, body)


def trailers(number: int, *fields: tuple[bytes, bytes], ends: bool = True) -> bytes:
    """A HEADERS frame of regular fields."""
    return frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), number, block(fields or [(b"a", b"b")]))


class Peer:
    """A client that has said hello, unless `greet` is False. `known`: its token held, so that it has the patience of a producer."""

    def __init__(self, *, known: bool = True, greet: bool = True, most_streams: int = 4) -> None:
        self.begun: list[Stream] = []
        self.woken: list[int] = []
        self.now_s = 0.0
        self.connection = Connection(
            Patience(strangers_together(0.0), 0.0), self._begin, most_streams=most_streams, most_head_bytes=16_384
        )
        if known:
            self.connection.know()
        if greet:
            self.say(HELLO)

    def _begin(self, stream: Stream) -> None:
        self.begun.append(stream)
        stream.wake = lambda: self.woken.append(stream.id)

    def say(self, *frames: bytes) -> list[Sent]:
        """Give the frames, in as many turns as they need, and take what the server has to say then."""
        more = self.connection.receive(b"".join(frames), self.now_s)
        while not more and not self.connection.patience.ended:
            more = self.connection.receive(b"", self.now_s)
        return self.heard()

    def heard(self) -> list[Sent]:
        """What the server has said since the last call."""
        said = sent_in(b"".join(self.connection.out))
        self.connection.out.clear()
        return said

    def head(
        self, number: int, *more: tuple[bytes, bytes], ends: bool = False, fields: Iterable[tuple[bytes, bytes]] = POST
    ) -> bytes:
        """A HEADERS frame that opens a stream."""
        return frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), number, block((*fields, *more)))

    def opened(self, number: int = 1, *more: tuple[bytes, bytes], ends: bool = False) -> Stream:
        """A stream that the server took."""
        assert self.say(self.head(number, *more, ends=ends)) == []
        return self.connection.streams[number]

    def is_alive(self) -> bool:
        """Whether the connection goes on: it answers a ping."""
        self.connection._outgoing.said_something = True  # so that it is no strike
        return [str(one) for one in self.say(frame(PING, 0, 0, b"areyouup"))] == ["PING 0"]


def reset_by(said: list[Sent], number: int, code: ErrorCode) -> bool:
    """Whether the server said nothing but that a stream ends for that reason."""
    return said == [Sent(RST_STREAM, 0, number, code.to_bytes(4, "big"))]


def ended_by(said: list[Sent], code: ErrorCode, last: int = 0) -> bool:
    """Whether the server's last word was a GOAWAY for that reason, `last` being the last stream that it looked at."""
    return (
        bool(said)
        and said[-1].kind == GOAWAY
        and said[-1].number == code
        and int.from_bytes(said[-1].payload[:4], "big") == last
    )


__all__ = [
    "DATA", "END_HEADERS", "END_STREAM", "GET", "HEADERS", "HELLO", "PING", "POST", "SETTINGS", "ErrorCode", "Peer", "Sent",
    "Setting", "block", "data", "ended_by", "frame", "padded", "reset_by", "reset_of", "sent_in", "setting", "trailers", "window",
]  # fmt: skip
