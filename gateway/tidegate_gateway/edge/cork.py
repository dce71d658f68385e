"""What one turn of the loop writes leaves in one system call.

uvicorn writes head and body of an answer apart, which costs a second system call (10 us, a tenth of a small request) and a
second packet. Put between uvicorn and the socket by `protocol`; it knows no HTTP.
"""

import asyncio
from typing import Any

__all__ = ["CorkedTransport"]

_MOST_HELD_BYTES = 65_536
"""Past this the socket's own flow control must see the bytes: a long answer to a slow reader is not held in memory."""


class CorkedTransport:
    """A transport whose writes wait for the end of the loop's turn; everything else goes straight through.

    What comes after the end of the connection is dropped, as asyncio's own transports do (uvloop's raise).
    """

    __slots__ = ("_held", "_held_bytes", "_inner", "_loop", "_written_bytes")

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._written_bytes = 0

    @property
    def taken_bytes(self) -> int:
        """How much the peer's side of the socket ever took."""
        return self._written_bytes - self._inner.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Hold `data` until the turn ends, the transport closes, or so much is held that it goes at once."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > _MOST_HELD_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is held, then close."""
        self._flush()
        self._inner.close()

    def write_eof(self) -> None:
        """Write what is held, then say that nothing more comes."""
        self._flush()
        if not self._inner.is_closing():
            self._inner.write_eof()

    def _flush(self) -> None:
        held = self._held
        if held:
            self._held = []
            self._written_bytes += self._held_bytes
            self._held_bytes = 0
            if self._inner.is_closing():
                return
            self._inner.write(held[0] if len(held) == 1 else b"".join(held))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
