"""The gRPC port: HTTP/2 and gRPC of `edge` in front of the methods of `doors.rpc`, in the gateway's own event loop.

Made, started, refreshed and stopped by `app`. Nothing of a call is decided here.
"""

import asyncio
import socket
from time import perf_counter

from tidegate.errors import Code
from tidegate_gateway.doors.crash import log_crash
from tidegate_gateway.doors.rpc.admission import FirstLook
from tidegate_gateway.doors.rpc.codes import StatusCode
from tidegate_gateway.doors.rpc.deps import RpcDeps
from tidegate_gateway.doors.rpc.health import Health
from tidegate_gateway.doors.rpc.ingest import IngestMethods
from tidegate_gateway.doors.rpc.metadata import MAX_METADATA_BYTES
from tidegate_gateway.doors.rpc.methods import MOST_ASIDE, Crowd, Method, Methods, refusing
from tidegate_gateway.doors.rpc.reflection import Reflection
from tidegate_gateway.doors.rpc.streams import Closing
from tidegate_gateway.doors.rpc.typed import typed_services
from tidegate_gateway.edge.grpc.exchange import Exchange
from tidegate_gateway.edge.grpc.heads import call_head, http_status
from tidegate_gateway.edge.grpc.messages import ENCODINGS
from tidegate_gateway.edge.grpc.settings import RpcSettings
from tidegate_gateway.edge.grpc.unpacks import Unpacks
from tidegate_gateway.edge.http2.port import Http2Port, PortBounds
from tidegate_gateway.edge.http2.streams import Stream
from tidegate_gateway.edge.http2.transport import Deadlines, Http2Transport
from tidegate_gateway.edge.tls import TlsContext
from tidegate_gateway.edge.turns import Turns

__all__ = ["RpcServer"]

_LAST_WALL = 2
"""Calls of all kinds may be so many times what producers' and those aside may be: refused ones are calls, too."""
_HELLO_S = 10.0
_IDLE_S = 300.0
"""A connection without calls is told to go after this; clients connect again when they have something to say."""
_BEGUN_A_TURN = 32
_STRANGERS_A_TURN = 4
"""Calls that begin in one turn of the loop, of all connections that have shown a token, and of the others: who is known does not queue behind them.
Nor does a connection with one call queue behind all of another's."""
_COME_BACK_MS = "1000"
_UNPACKED_OF_CALLS = 4
"""One in so many calls may wait for its message to be unpacked."""
_ROOM_ABOVE = 1_048_576
"""What is read of a message stands so much above the limit of a request, whose refusal has details."""


class RpcServer:
    """One port on a bound socket. `start`, then `refresh` whenever the catalogue changed, and `drain` once. Raises TlsUnusable."""

    def __init__(self, settings: RpcSettings, deps: RpcDeps, listener: socket.socket) -> None:
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
        self._first_look = FirstLook(self._methods, self._crowd, deps.intake.memory)
        self._most_message_bytes = deps.intake.settings.max_batch_bytes + _ROOM_ABOVE
        self._turns, self._strangers_turns = Turns(_BEGUN_A_TURN), Turns(_STRANGERS_A_TURN)
        self._unpacks = Unpacks(max(1, settings.max_calls // _UNPACKED_OF_CALLS))
        self._calls: set[asyncio.Task[None]] = set()
        self._most_calls = _LAST_WALL * (settings.max_calls + MOST_ASIDE)
        self._tls = TlsContext(settings.tls) if settings.tls is not None else None
        tls = self._tls
        self._port = Http2Port(
            listener,
            _bounds(settings),
            self._arrived,
            (lambda: tls.current) if tls is not None else None,
            deps.on_paced,
        )
        host, port = listener.getsockname()[:2]
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._ended = asyncio.get_running_loop().create_future()
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """`host:port` as bound."""
        return self._address

    async def start(self) -> None:
        """Serve from now on."""
        self.refresh()
        await self._port.start()
        self._sweeper = asyncio.create_task(self._sweep())
        self._sweeper.add_done_callback(self._swept)

    def refresh(self) -> None:
        """Serve the contracts' services of now; calls under way keep theirs."""
        services = self._deps.intake.catalogue.current.services.values()
        self._methods.swap((*self._own, *typed_services(services, self._closing, self._lifetime_s)))

    async def serve_on(self) -> None:
        """Until `stop`. Raises what ended the port, where something did."""
        await asyncio.shield(self._ended)

    def drain(self) -> None:
        """NOT_SERVING first; no new work; streams answer what they have read and end; GOAWAY, so that clients go elsewhere at once.

        Who has nowhere else to go comes again, and is told when to come back, for as long as the port listens.
        """
        self._health.draining = True
        self._crowd.draining = True
        self._closing.begin()
        self._port.leave()

    async def stop(self, grace_s: float) -> None:
        """GOAWAY to every connection, at most `grace_s` seconds for the calls under way, then the end."""
        await self._port.stop(grace_s)
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        if not self._ended.done():
            self._ended.set_result(None)

    def _arrived(self, transport: Http2Transport, stream: Stream) -> None:
        """A stream's head is there: its call begins when it is its turn, unless the client has left by then."""

        def begin() -> bool:
            if stream.gone is not None:
                return False
            self._begin(transport, stream)
            return True

        turns = self._turns if transport.known else self._strangers_turns
        turns.begin(begin, transport)

    def _begin(self, transport: Http2Transport, stream: Stream) -> None:
        head = call_head(stream.head)
        if head.http_status != 200:
            transport.connection.send_end(stream, http_status(head.http_status))
            transport.connection.answered(good=False)
            transport.flush()
            return
        exchange = Exchange(transport, stream, head, self._most_message_bytes, self._unpacks)
        if len(self._calls) >= self._most_calls:
            detail = "the port has more calls under way than it can look at"
            exchange.fail(StatusCode.UNAVAILABLE, detail, (("grpc-retry-pushback-ms", _COME_BACK_MS),))
            return
        if head.unknown_encoding:
            detail = f"grpc-encoding {head.unknown_encoding} is not unpacked here"
            exchange.fail(StatusCode.UNIMPLEMENTED, detail, (("grpc-accept-encoding", ",".join(ENCODINGS)),))
            return
        task = exchange.run(self._methods.answer(self._meets(stream, head.path, head.fault), exchange))
        self._calls.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._calls.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                log_crash(error, head.path)
            exchange.over()

        task.add_done_callback(ended)

    def _meets(self, stream: Stream, path: str, fault: str) -> Method:
        if stream.head.size_bytes > MAX_METADATA_BYTES:
            return refusing(Code.TOO_LARGE, f"the metadata takes more than {MAX_METADATA_BYTES} bytes", events=0)
        if fault:
            return refusing(Code.MALFORMED, fault, events=0)
        return self._first_look.method(path)

    async def _sweep(self) -> None:
        sweep_s = min(self._port.sweep_s, self._deps.body_timeout_s / 2)
        while True:
            await asyncio.sleep(sweep_s)
            self._methods.sweep(perf_counter())
            self._port.sweep()
            if self._tls is not None:
                self._tls.refresh()

    def _swept(self, task: asyncio.Task[None]) -> None:
        """Whatever ends the sweep ends the port: without it no deadline is kept."""
        if not task.cancelled() and (error := task.exception()) is not None and not self._ended.done():
            self._ended.set_exception(error)


def _bounds(settings: RpcSettings) -> PortBounds:
    return PortBounds(
        most_connections=settings.max_connections,
        most_streams=settings.max_streams,
        most_head_bytes=MAX_METADATA_BYTES,
        deadlines=Deadlines(
            hello_s=_HELLO_S,
            idle_s=_IDLE_S,
            keepalive_s=settings.keepalive_s,
            keepalive_timeout_s=settings.keepalive_timeout_s,
            age_s=settings.max_connection_age_s,
            grace_s=settings.max_connection_grace_s,
        ),
    )
