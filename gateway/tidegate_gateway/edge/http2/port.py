"""A listening port that speaks HTTP/2: its connections, how many there may be, and the sweep that looks at their deadlines.

Used by `rpc_server`. Strangers go where the port is full: a connection that has shown a token keeps its place.
"""

import asyncio
import random
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace

from tidegate_gateway.edge.crowd import victims
from tidegate_gateway.edge.http2.patience import strangers_together
from tidegate_gateway.edge.http2.streams import Stream
from tidegate_gateway.edge.http2.transport import Deadlines, Http2Transport, Owner
from tidegate_gateway.edge.tls_listener import TlsListener
from tidegate_gateway.edge.turns import Turns

__all__ = ["Http2Port", "PortBounds"]

_BACKLOG = 2048
_SWEEP_S = 1.0
_SWEEPS_A_DEADLINE = 4
_STRANGERS_A_TURN = 2
"""Connections without a token that are listened to in one turn of the loop: each may bring milliseconds of work."""
_CROWDED_S = 0.05
"""A full port looks for who may go at most this often."""
_GONE_AT_ONCE = 20
"""And then lets go at most one in so many."""
_AGE_JITTER = 0.1
"""Connections that came together do not go together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortBounds:
    """`most_head_bytes` is what a request's head may take; `deadlines` are each connection's, its age give or take a tenth."""

    most_connections: int
    most_streams: int
    most_head_bytes: int
    deadlines: Deadlines


class Http2Port:
    """One listening socket. One event loop owns it.

    `begin` is told of every stream whose head has arrived. `tls` gives the context of the moment for each handshake; None: plain text.
    `paced` is told each time that a connection is not read for a moment since patience is at its end, and whether it has shown a token.
    """

    def __init__(
        self,
        listener: socket.socket,
        bounds: PortBounds,
        begin: Callable[[Http2Transport, Stream], None],
        tls: Callable[[], ssl.SSLContext] | None = None,
        paced: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._bounds = bounds
        self._tls = tls
        self._connections: dict[Http2Transport, Deadlines] = {}
        self._server: asyncio.Server | TlsListener | None = None
        self._made_room_s = 0.0
        self._leaving = False
        self._empty = asyncio.Event()
        self._empty.set()
        self._owner = Owner(
            begin=begin,
            come=self._come,
            gone=self._gone,
            paced=paced,
            strangers=strangers_together(self._loop.time()),
            turn=Turns(_STRANGERS_A_TURN).begin,
            most_streams=bounds.most_streams,
            most_head_bytes=bounds.most_head_bytes,
        )

    @property
    def sweep_s(self) -> float:
        """How often `sweep` wants to be called."""
        deadlines = self._bounds.deadlines
        shortest_s = min(deadlines.hello_s, deadlines.keepalive_s, deadlines.keepalive_timeout_s, deadlines.age_s)
        return min(_SWEEP_S, max(0.01, shortest_s / _SWEEPS_A_DEADLINE))

    async def start(self) -> None:
        """Accept connections from now on."""
        if self._tls is None:
            self._server = await self._loop.create_server(self._protocol, sock=self._listener, backlog=_BACKLOG)
            return
        self._listener.listen(_BACKLOG)
        self._server = TlsListener(
            self._listener,
            self._protocol,
            self._tls,
            handshake_s=self._bounds.deadlines.hello_s,
            most_handshakes=self._bounds.most_connections,
        )

    def sweep(self) -> None:
        """Look at every connection's deadlines."""
        now_s = self._loop.time()
        for connection, deadlines in list(self._connections.items()):
            connection.check(now_s, deadlines)

    def leave(self) -> None:
        """Tell every connection to go once what is under way is answered; who comes meanwhile is still heard."""
        for connection in list(self._connections):
            connection.leave()

    def close(self) -> None:
        """Accept no more, and leave."""
        if self._leaving:
            return
        self._leaving = True
        if self._server is not None:
            self._server.close()
        self._listener.close()
        self.leave()

    async def stop(self, grace_s: float) -> None:
        """Close, wait for the streams under way for so long, and cut what is left."""
        self.close()
        ends_s = self._loop.time() + grace_s
        while not self._empty.is_set() and (left_s := ends_s - self._loop.time()) > 0:
            self.sweep()
            try:
                async with asyncio.timeout(min(left_s, self.sweep_s)):
                    await self._empty.wait()
            except TimeoutError:
                continue
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)  # the loop tells each connection that it is gone

    def _protocol(self) -> asyncio.Protocol:
        return Http2Transport(self._owner)

    def _come(self, connection: Http2Transport) -> bool:
        """Whether a connection that just came may stay; where the port is full, strangers may have to go for it."""
        if self._leaving or not self._has_room():
            return False
        age_s = self._bounds.deadlines.age_s * random.uniform(1 - _AGE_JITTER, 1 + _AGE_JITTER)
        self._connections[connection] = replace(self._bounds.deadlines, age_s=age_s)
        self._empty.clear()
        return True

    def _gone(self, connection: Http2Transport) -> None:
        self._connections.pop(connection, None)
        if not self._connections:
            self._empty.set()

    def _has_room(self) -> bool:
        most = self._bounds.most_connections
        if len(self._connections) < most:
            return True
        now_s = self._loop.time()
        if now_s - self._made_room_s < _CROWDED_S:
            return False
        self._made_room_s = now_s
        strangers = [(one.address, one.since_s, one) for one in self._connections if not one.known]
        gone = victims(strangers, max(1, most // _GONE_AT_ONCE))
        for connection in gone:
            self._connections.pop(connection, None)
            connection.abort()
        return bool(gone)
