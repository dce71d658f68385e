"""uvicorn's HTTP protocol with one change: what one turn of the loop writes leaves in one system call.

uvicorn writes head and body of an answer apart, which costs a second system call (10 us, a tenth of a small request) and a
second packet. Used by `servers`; no routes here.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["CorkedProtocol", "CorkedTransport"]


class CorkedTransport:
    """A transport whose writes wait for the end of the loop's turn; everything else goes straight through."""

    __slots__ = ("_held", "_inner", "_loop")

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Hold `data` until the turn ends, or the transport closes."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        """Write what is held, then close."""
        self._flush()
        self._inner.close()

    def _flush(self) -> None:
        held = self._held
        if held:
            self._held = []
            self._inner.write(held[0] if len(held) == 1 else b"".join(held))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class CorkedProtocol(HttpToolsProtocol):
    """One connection whose answers leave whole."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Put the cork between uvicorn and the socket."""
        super().connection_made(cast("asyncio.Transport", CorkedTransport(transport, self.loop)))
