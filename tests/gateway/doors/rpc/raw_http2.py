"""HTTP/2 as bytes, for what no client of gRPC would send. Imports nothing of the gateway: the attackers of tests/faults start in no time."""

import asyncio
import struct
from collections.abc import Callable

__all__ = ["Http2", "frame", "headers", "message"]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One HTTP/2 frame (RFC 9113, section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def headers(path: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A gRPC call's header block, every field a literal that nobody indexes (RFC 7541, section 6.2.2)."""
    fields = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path),
        (b":authority", b"gate"),
        (b"te", b"trailers"),
    ]
    fields += [(b"content-type", b"application/grpc"), *more]
    return b"".join(b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in fields)


def message(body: bytes, *, compressed: bool = False) -> bytes:
    """A message with gRPC's five bytes in front."""
    return bytes([compressed]) + struct.pack(">I", len(body)) + body


class Http2:
    """One raw connection."""

    PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, address: str) -> "Http2":
        host, _, port = address.rpartition(":")
        connection = cls(*await asyncio.open_connection(host, int(port)))
        connection.writer.write(cls.PREFACE + frame(4, 0, 0))
        return connection

    def send(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    async def frames(
        self, until: Callable[[int, int, int], bool], seconds: float = 5.0
    ) -> list[tuple[int, int, int, bytes]]:
        """Frames as (type, flags, stream, payload) until one satisfies `until`, which is the last; or the connection ends."""
        found = []
        async with asyncio.timeout(seconds):
            while True:
                try:
                    head = await self.reader.readexactly(9)
                    payload = await self.reader.readexactly(int.from_bytes(head[:3], "big"))
                except (asyncio.IncompleteReadError, ConnectionError):
                    return found
                kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
                found.append((kind, flags, stream, payload))
                if until(kind, flags, stream):
                    return found

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return
