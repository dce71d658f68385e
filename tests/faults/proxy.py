"""TCP proxies in front of Kafka's nodes: a round trip that takes as long as one wants, connections that are reset.

A thread with one event loop for all proxies of a test. Kafka advertises a proxy's address, so that no client finds a way
around it. Called by `rig` and the faults.
"""

import asyncio
import socket
import struct
import threading
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

__all__ = ["Proxies", "TcpProxy", "listening"]

_START_S = 5.0


def listening(host: str, port: int = 0) -> socket.socket:
    """A listening socket, in the network namespace of the calling thread."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    listener.setblocking(False)
    return listener


class TcpProxy:
    """One listener, one target (None: not known yet). `rtt_s`: how much longer a round trip takes. `resetting`: new
    connections are reset, too."""

    def __init__(self) -> None:
        self.target: tuple[str, int] | None = None
        self.rtt_s = 0.0
        self.resetting = False
        self.open: set[_Pipe] = set()

    def reset(self) -> None:
        """Reset every open connection. On the proxies' loop."""
        for pipe in tuple(self.open):
            pipe.reset()


class _Pipe(asyncio.Protocol):
    """What comes in here goes out at `peer`, in its order, half a round trip later."""

    def __init__(self, proxy: TcpProxy, peer: "_Pipe | None" = None) -> None:
        self._proxy, self._peer = proxy, peer
        self._transport: asyncio.Transport | None = None
        self._held: deque[bytes] = deque()
        self._last_due_s = 0.0
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._proxy.open.add(self)
        if self._peer is not None:
            return
        if self._proxy.resetting:
            self.reset()
            return
        transport.pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        other = _Pipe(self._proxy, self)
        host, port = self._proxy.target or ("127.0.0.1", 0)
        try:
            await asyncio.get_running_loop().create_connection(lambda: other, host, port)
        except OSError:
            self.reset()
            return
        self._peer = other
        if self._transport is None:
            other.reset()
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self._last_due_s = max(self._last_due_s, now_s + self._proxy.rtt_s / 2)
        if self._last_due_s <= now_s and not self._held:
            self._pass(data)
            return
        self._held.append(data)
        loop.call_at(self._last_due_s, self._pass_oldest)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._proxy.open.discard(self)
        if self._peer is not None:
            self._peer.end()

    def end(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """RST to this side (SO_LINGER of no time)."""
        if self._transport is None:
            return
        opened = self._transport.get_extra_info("socket")
        with suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _pass_oldest(self) -> None:
        self._pass(self._held.popleft())

    def _pass(self, data: bytes) -> None:
        peer = self._peer
        if peer is not None and peer._transport is not None and not peer._transport.is_closing():
            peer._transport.write(data)


class Proxies:
    """The loop of all proxies of a test, in a thread; `close` ends it."""

    def __init__(self) -> None:
        self.all: list[TcpProxy] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []

    def add(self, listener: socket.socket) -> TcpProxy:
        """Serve a listening socket."""
        proxy = TcpProxy()

        async def serve() -> asyncio.Server:
            return await asyncio.get_running_loop().create_server(lambda: _Pipe(proxy), sock=listener)

        self._servers.append(self._call(serve()))
        self.all.append(proxy)
        return proxy

    def reset(self) -> None:
        """Reset every connection of every proxy."""

        async def each() -> None:
            for proxy in self.all:
                proxy.reset()

        self._call(each())

    def close(self) -> None:
        """Reset all, close the listeners, end the thread."""

        async def down() -> None:
            for server in self._servers:
                server.close()
            for proxy in self.all:
                proxy.reset()
            await asyncio.sleep(0.05)
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self._call(down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_S)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_S)
