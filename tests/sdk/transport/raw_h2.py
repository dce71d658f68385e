"""An HTTP/2 server of a few lines that ends streams and connections in ways that gRPC's own server cannot be told to (RFC 9113, sections 5.4, 6.4, 6.8)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from struct import pack

__all__ = [
    "CANCEL",
    "ENHANCE_YOUR_CALM",
    "INTERNAL_ERROR",
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "REFUSED_STREAM",
    "ends",
    "goaway",
    "resets",
    "serving",
]

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0x0, 0x1, 0x2, 0x7, 0x8, 0xB
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PREFACE_BYTES = 24

Act = Callable[[int, int], bytes]
"""Told the type and stream of each HEADERS and DATA frame with something in it; answers what to send."""


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return pack(">I", len(payload))[1:] + pack(">BBI", kind, flags, stream) + payload


def goaway(last_stream: int, code: int) -> bytes:
    return frame(GOAWAY, 0, 0, pack(">II", last_stream, code))


def resets(code: int, *, upon: int) -> Act:
    """RST_STREAM as soon as a frame of this type has come."""
    return lambda kind, stream: frame(RST_STREAM, 0, stream, pack(">I", code)) if kind == upon else b""


def ends(status: int, *fields: tuple[bytes, bytes], upon: int) -> Act:
    """A whole answer in one header block, and a reset behind it, since nobody reads the rest (section 8.1): as our gateway ends streams."""
    block = b"\x88"  # :status 200 (RFC 7541, appendix A)
    for name, value in ((b"content-type", b"application/grpc"), (b"grpc-status", b"%d" % status), *fields):
        block += b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
    ended: set[int] = set()

    def act(kind: int, stream: int) -> bytes:
        if kind != upon or stream in ended:
            return b""
        ended.add(stream)
        return frame(HEADERS, END_HEADERS | END_STREAM, stream, block) + frame(
            RST_STREAM, 0, stream, pack(">I", NO_ERROR)
        )

    return act


@asynccontextmanager
async def serving(act: Act) -> AsyncIterator[str]:
    """Serves on loopback: host and port."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readexactly(PREFACE_BYTES)
            writer.write(frame(SETTINGS, 0, 0, b""))
            while True:
                head = await reader.readexactly(9)
                kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
                payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
                if kind in (SETTINGS, PING) and not flags & ACK:
                    writer.write(frame(kind, ACK, 0, payload if kind == PING else b""))
                elif kind in (HEADERS, DATA) and payload:
                    writer.write(act(kind, stream))
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        server.close()
