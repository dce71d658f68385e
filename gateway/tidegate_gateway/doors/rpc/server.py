"""The gRPC port: grpc.aio in the gateway's own event loop, its bounds, what it serves, and how it ends.

Made, started, refreshed and stopped by `app`. Nothing of a call is decided here.
"""

import asyncio
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from tidegate_gateway.doors.rpc.admission import Admission
from tidegate_gateway.doors.rpc.deps import RpcDeps
from tidegate_gateway.doors.rpc.health import Health
from tidegate_gateway.doors.rpc.ingest import IngestMethods
from tidegate_gateway.doors.rpc.metadata import MAX_METADATA_BYTES
from tidegate_gateway.doors.rpc.methods import MOST_ASIDE, Crowd, Methods
from tidegate_gateway.doors.rpc.reflection import Reflection
from tidegate_gateway.doors.rpc.steady import SteadyServer
from tidegate_gateway.doors.rpc.streams import Closing
from tidegate_gateway.doors.rpc.tls import RpcTls, credentials
from tidegate_gateway.doors.rpc.typed import typed_services

__all__ = ["RpcServer", "RpcSettings", "RpcUnbindable"]

_LAST_WALL = 2
"""grpc's own limit of calls stands so many times behind ours (producers' and those aside): it can say neither when to come back nor why."""
_IDLE_MS = 300_000
"""A connection without calls is told to go after this; clients connect again when they have something to say."""
_SWEEP_S = 1.0
_MOST_PENDING = 40_000
_ROOM_ABOVE = 1_048_576
"""gRPC's own limit of a message stands so much above ours, which answers with details."""


class RpcUnbindable(OSError):
    """An address that the port cannot listen on; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcSettings:
    """The port's bounds. Port 0 is any free one; `tls` None: plain text.

    `max_calls` may be under way, `max_streams` of them on one connection, on `max_connections` in all. A connection that says nothing for `keepalive_s` is
    pinged and closed where nothing comes back in `keepalive_timeout_s`. After `max_connection_age_s` a connection is told to go
    (GOAWAY), and `max_connection_grace_s` later it is closed; so a stream ends by itself within the grace. All in seconds.
    """

    host: str = "127.0.0.1"
    port: int = 8081
    tls: RpcTls | None = None
    reflection: bool = False
    max_calls: int = 2048
    max_connections: int = 1024
    max_streams: int = 256
    keepalive_s: float = 60.0
    keepalive_timeout_s: float = 20.0
    max_connection_age_s: float = 1800.0
    max_connection_grace_s: float = 300.0


class RpcServer:
    """One port. `bind`, `start`, then `refresh` whenever the catalogue changed, and `drain` once."""

    def __init__(self, settings: RpcSettings, deps: RpcDeps) -> None:
        self._settings = settings
        self._deps = deps
        self._closing = Closing()
        self._crowd = Crowd(settings.max_calls)
        self._methods = Methods(deps, self._crowd)
        self._health = Health(lambda: self._methods.services, deps.ready, self._closing)
        lifetime_s = settings.max_connection_grace_s * 0.9
        self._lifetime_s = lifetime_s
        own = [IngestMethods(deps, self._closing, lifetime_s).service(), self._health.service()]
        if settings.reflection:
            own += Reflection(lambda: self._methods.services, self._closing).services()
        self._own = tuple(own)
        self._server = SteadyServer(
            handlers=(self._methods,),
            interceptors=(Admission(self._methods, self._crowd, deps.intake.memory),),
            options=_options(settings, deps.intake.settings.max_batch_bytes),
            maximum_concurrent_rpcs=_LAST_WALL * (settings.max_calls + MOST_ASIDE),
        )
        self._sweeper: asyncio.Task[None] | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """`host:port` as bound."""
        return self._address

    def bind(self) -> None:
        """Take the address. Raises RpcUnbindable."""
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        asked = f"{host}:{settings.port}"
        try:
            if settings.tls is None:
                port = self._server.add_insecure_port(asked)
            else:
                port = self._server.add_secure_port(asked, credentials(settings.tls))
        except RuntimeError:
            raise RpcUnbindable(
                f"cannot listen on {asked} for gRPC: the address is in use or not this machine's"
            ) from None
        self._address = f"{host}:{port}"

    async def start(self) -> None:
        """Serve from now on."""
        self.refresh()
        await self._server.start()
        self._sweeper = asyncio.create_task(self._sweep())

    def refresh(self) -> None:
        """Serve the contracts' services of now; calls under way keep theirs."""
        services = self._deps.intake.catalogue.current.services.values()
        self._methods.swap((*self._own, *typed_services(services, self._closing, self._lifetime_s)))

    async def serve_on(self) -> None:
        """Until `stop`. Raises what ended the port, where something in grpcio did."""
        await self._server.serve_on()

    def drain(self) -> None:
        """NOT_SERVING first; no new work; streams answer what they have read and end."""
        self._health.draining = True
        self._crowd.draining = True
        self._closing.begin()

    async def stop(self, grace_s: float) -> None:
        """GOAWAY to every connection, at most `grace_s` seconds for the calls under way, then the end."""
        await self._server.stop(grace_s)
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_S, self._deps.body_timeout_s / 2))
            self._methods.sweep(perf_counter())


def _options(settings: RpcSettings, max_message_bytes: int) -> tuple[tuple[str, Any], ...]:
    """Channel arguments of gRPC's core, by its own names."""
    return (
        ("grpc.so_reuseport", 0),  # a taken port is an error, not a second listener
        ("grpc.max_receive_message_length", max_message_bytes + _ROOM_ABOVE),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        ("grpc.max_connection_idle_ms", _IDLE_MS),
        ("grpc.max_concurrent_streams", settings.max_streams),
        ("grpc.keepalive_time_ms", round(settings.keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", round(settings.keepalive_timeout_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 3),
        ("grpc.max_connection_age_ms", round(settings.max_connection_age_s * 1000)),
        ("grpc.max_connection_age_grace_ms", round(settings.max_connection_grace_s * 1000)),
        ("grpc.server_handshake_timeout_ms", 10_000),
        # Calls that this loop has not come to yet: past the first number the core drops some by chance, past the second all, and a
        # flood of calls that are reset at once would take producers' with it.
        ("grpc.server.max_pending_requests", _MOST_PENDING // 2),
        ("grpc.server.max_pending_requests_hard_limit", _MOST_PENDING),
    )
