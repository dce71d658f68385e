"""A small HTTP/1.1 client on one connection: cheap, and honest about what it does not know. Called by `load` and `burst`.

An answer is one of: a status; `REFUSED` (no connection, so nothing was sent); `CUT` (the connection ended before the whole
answer was there); `SILENT` (nothing came in time). No redirects, no chunks: the gateway sends neither here.
"""

import asyncio
import re
from dataclasses import dataclass

__all__ = ["CUT", "REFUSED", "SILENT", "Answer", "Connection", "post"]

REFUSED = -1
CUT = -2
SILENT = -3

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: (\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: close", re.IGNORECASE)
_CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A status or one of the names above; Retry-After in seconds, 0 where there was none; the body."""

    status: int
    retry_after_s: int = 0
    body: bytes = b""


def post(path: str, body: bytes, token: str, event_id: str = "", content_type: str = "application/json") -> bytes:
    """The bytes of one request."""
    lines = [
        f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {content_type}", f"Content-Length: {len(body)}",
        f"Authorization: Bearer {token}",
    ]  # fmt: skip
    lines += [f"Event-Id: {event_id}"] if event_id else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Connection(asyncio.Protocol):
    """A connection that is opened when there is something to ask and none is open. One request at a time."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host, int(port)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._buffer = b""

    async def ask(self, request: bytes, timeout_s: float) -> Answer:
        """The answer; never raises for what a server or a network does."""
        if not await self.open():
            return Answer(REFUSED)
        transport = self._transport
        if transport is None or transport.is_closing():
            return Answer(REFUSED)
        self._buffer = b""
        self._waiter = asyncio.get_running_loop().create_future()
        transport.write(request)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._waiter
        except TimeoutError:
            self.close()
            return Answer(SILENT)
        finally:
            self._waiter = None

    async def open(self) -> bool:
        """Connect where no connection is open; whether one is now."""
        if self._transport is None or self._transport.is_closing():
            try:
                async with asyncio.timeout(_CONNECT_S):
                    await asyncio.get_running_loop().create_connection(lambda: self, self._host, self._port)
            except (OSError, TimeoutError):
                return False
        return True

    def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._tell(Answer(CUT))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self._buffer, 0, head + 2)
        end = head + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) < end:
            return
        wait = _RETRY_AFTER.search(self._buffer, 0, head + 2)
        answer = Answer(int(self._buffer[9:12]), int(wait[1]) if wait else 0, self._buffer[head + 4 : end])
        if _CLOSE.search(self._buffer, 0, head + 2) and self._transport is not None:
            self._transport.close()
            self._transport = None
        self._tell(answer)

    def _tell(self, answer: Answer) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(answer)
