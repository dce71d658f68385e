"""uvicorn as a part of our process: sockets bound by us, signals left to us, one loop for all ports.

Called by `app`. What one connection may do is `edge.protocol`'s; here is what all of a port share: how many there are, and
the sweep that looks at their deadlines. No routes.
"""

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from tidegate_gateway.edge.crowd import victims
from tidegate_gateway.edge.deadlines import Deadlines, Phase
from tidegate_gateway.edge.protocol import EdgeProtocol, Port, Refusal
from tidegate_gateway.edge.proxies import Network
from tidegate_gateway.edge.tls import TlsContext
from tidegate_gateway.edge.tls_listener import TlsListener
from tidegate_gateway.edge.turns import Turns
from tidegate_gateway.intake.faults import Fault

__all__ = ["HttpServer", "PortSettings", "PortTakenError", "bind", "room_for"]

_BACKLOG = 2048
_SWEEP_S = 1.0
_CROWDED_S = 0.05
"""A full port looks for who may go at most this often."""
_GONE_AT_ONCE = 20
"""And then lets go at most one in so many."""
_BEGUN_A_TURN = 32
"""Requests that begin in one turn of the loop: some ten milliseconds, in which no other port is looked at."""
_DESCRIPTORS_KEPT = 256
"""For everything but connections of the public port: Kafka, files, the admin port."""

_MAY_GO = frozenset({Phase.NEW, Phase.HEAD, Phase.IDLE, Phase.UNREAD_BODY, Phase.HUNG_UP})

_log = logging.getLogger("tidegate")


class PortTakenError(OSError):
    """An address that the gateway cannot listen on; the message names it and says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSettings:
    """One port's bounds. `drain_s` is how long what is in flight may take after `should_exit`; `tls` None: plain HTTP."""

    drain_s: float
    deadlines: Deadlines
    max_connections: int
    trusted_proxies: tuple[Network, ...] = ()
    tls: TlsContext | None = None


def bind(host: str, port: int, purpose: str = "") -> socket.socket:
    """A listening TCP socket; port 0 is any free one. Raises PortTakenError, whose text says for what `purpose` (`for gRPC`)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        asked = f"{host}:{port} {purpose}".rstrip()
        raise PortTakenError(f"cannot listen on {asked}: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener


def room_for(max_connections: int, beside: int = 0) -> int:
    """As many connections as the process may have open files, at most `max_connections`; the soft limit is raised to it.

    `beside`: so many that another port may have.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_connections + beside + _DESCRIPTORS_KEPT
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if soft < wanted:
            fewer = min(max_connections, max(soft // 2, soft - beside - _DESCRIPTORS_KEPT))
            _log.warning("fewer connections than configured: the limit of open files is low", extra={"limit": fewer})
            return fewer
    return max_connections


class HttpServer(uvicorn.Server):
    """One port. `serve_on` returns when `should_exit` was set and what was in flight has its answer.

    `refuse` renders what stops before the application.
    """

    def __init__(
        self, app: ASGIApp, listener: socket.socket, settings: PortSettings, refuse: Callable[[Fault], Refusal]
    ) -> None:
        self._port = Port(
            refuse=refuse,
            deadlines=settings.deadlines,
            admits=self._admits,
            leaving=lambda: self._leaving,
            turns=Turns(_BEGUN_A_TURN),
            trusted_proxies=settings.trusted_proxies,
        )
        super().__init__(
            uvicorn.Config(
                app,
                http=EdgeProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                proxy_headers=False,
                timeout_graceful_shutdown=max(1, round(settings.drain_s)),
            )
        )
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # What the kernel still holds of an answer for a peer that takes nothing goes with its connection, too.
            head_ms = round(settings.deadlines.head_s * 1000)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, head_ms)  # accepted sockets inherit it
        self._listener = listener
        self._settings = settings
        self._swept_s = self._made_room_s = 0.0
        self._leaving = False

    @property
    def address(self) -> str:
        """`host:port` as bound."""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def serve_on(self) -> None:
        """Serve until told to exit."""
        await self.serve(sockets=[self._listener])

    def leave(self) -> None:
        """From now on each answer says `Connection: close` and is its connection's last: clients go by themselves, before
        `should_exit` cuts those that are idle.
        """
        self._leaving = True
        for connection in self._connections():
            connection.leave()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 -- uvicorn passes our own
        """Listen. uvicorn's own start knows one TLS context for ever, and no deadline for handshakes."""
        loop, settings = asyncio.get_running_loop(), self._settings
        protocol = cast(
            "Callable[[], asyncio.Protocol]",
            partial(EdgeProtocol, config=self.config, server_state=self.server_state, app_state={}, port=self._port),
        )
        server: asyncio.base_events.Server
        if settings.tls is None:
            server = await loop.create_server(protocol, sock=self._listener, backlog=_BACKLOG)
        else:
            tls = settings.tls
            listener = TlsListener(
                self._listener,
                protocol,
                lambda: tls.current,
                handshake_s=settings.deadlines.head_s,
                most_handshakes=settings.max_connections,
            )
            server = cast("Any", listener)  # as far as uvicorn uses it
        self.servers = [server]
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: uvicorn's own business, and ours when it is due."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._swept_s >= min(_SWEEP_S, self._settings.deadlines.head_s / 4):
            self._swept_s = now_s
            for connection in self._connections():
                connection.check(now_s)
            if self._settings.tls is not None:
                self._settings.tls.refresh()
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's business, not this port's."""
        yield

    def _connections(self) -> list[EdgeProtocol]:
        return [connection for connection in self.server_state.connections if isinstance(connection, EdgeProtocol)]

    def _admits(self) -> bool:
        """Whether a connection that just came may stay; where the port is full, others may have to go for it."""
        most = self._settings.max_connections
        if len(self.server_state.connections) <= most:
            return True
        now_s = asyncio.get_running_loop().time()
        if now_s - self._made_room_s < _CROWDED_S:
            return False
        self._made_room_s = now_s
        waiting = [
            (connection.address, connection.since_s, connection)
            for connection in self._connections()
            if connection.phase in _MAY_GO and not connection.transport.is_closing()
        ]
        gone = victims(waiting, max(1, most // _GONE_AT_ONCE))
        for connection in gone:
            connection.transport.close()
        return bool(gone)
