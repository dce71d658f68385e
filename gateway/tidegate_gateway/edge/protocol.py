"""One HTTP connection, uvicorn's with our bounds: deadlines, sizes, framing, and problems where uvicorn answers in text.

Made by `servers` for every connection of a port. A head is unfinished, a body still comes, a request is being answered, or
nothing goes on; each but the third has a deadline, looked at by `check` a few times a second, so that no
request pays for a timer. What a request is answered with is decided by the application; here only what stops before it.

After a refusal nothing of the connection is read any more: whatever follows a request that two readers might frame
differently must not become a request of its own (RFC 9112, section 11.2).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from tidegate.errors import Code
from tidegate_gateway.doors.heads import CERTIFICATE, MAX_HEAD_BYTES
from tidegate_gateway.edge.cork import CorkedTransport
from tidegate_gateway.edge.deadlines import Deadlines, Leaving, Phase, still_leaving
from tidegate_gateway.edge.framing import WATCHED, check_head, head_bytes, head_too_large, unreadable
from tidegate_gateway.edge.proxies import Network, is_trusted, origin_of
from tidegate_gateway.edge.tls import certificate_name
from tidegate_gateway.edge.turns import Turns
from tidegate_gateway.intake.faults import Fault

__all__ = ["EdgeProtocol", "Port", "Refusal"]

_MOST_PIPELINED = 16
"""Requests that may wait behind the one being answered; what comes after them is not read."""
_OVERHEAD_A_BYTE = 8
"""Chunks of one byte each spend five bytes of framing on it."""


class Refusal(Protocol):
    """An answer as the doors build it."""

    @property
    def status(self) -> int: ...
    @property
    def fields(self) -> list[tuple[bytes, bytes]]: ...
    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """What every connection of a port shares.

    `refuse` renders a fault that stops a request before the application. `admits` is asked once for each new connection:
    whether there is room. `leaving`: the gateway drains, so each answer is its connection's last. Peers in `trusted_proxies`
    may say whom they speak for.
    """

    refuse: Callable[[Fault], Refusal]
    deadlines: Deadlines
    admits: Callable[[], bool]
    leaving: Callable[[], bool]
    turns: Turns
    trusted_proxies: tuple[Network, ...] = ()


class _Stop(Exception):
    """Raised in a parser's callback: nothing after this is read. The fault to answer, if any, is the connection's."""


class _Cycle(RequestResponseCycle):
    """One request and its answer; a crash that no one caught is a problem too."""

    refuse: Callable[[Fault], Refusal]

    async def send_500_response(self) -> None:
        """What uvicorn would answer as text."""
        answer = self.refuse(Fault(Code.INTERNAL, "something broke in the gateway; its log holds more"))
        await _send(answer, cast("Any", self.send))


class EdgeProtocol(HttpToolsProtocol):
    """One connection."""

    transport: asyncio.Transport
    parser: Any
    client: tuple[str, int] | None
    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # uvicorn's own is None before the first request

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        port: Port,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._port = port
        self._certificate: str | None = None
        self._proxied = False
        self._fault: Fault | None = None
        self._deaf = self._hung_up = False
        self._head_open = self._body_open = self._fresh = False
        self._data_bytes = self._fed_bytes = self._body_bytes = self._overhead_bytes = 0
        self._watched: list[tuple[bytes, bytes]] = []
        self._leaving: Leaving | None = None
        self.since_s = self.loop.time()

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Put the cork between uvicorn and the socket; refuse where the port is full."""
        self._cork = CorkedTransport(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self._cork))
        port = self._port
        certificate = transport.get_extra_info("peercert")
        if certificate:
            self._certificate = certificate_name(certificate)
        if port.trusted_proxies:
            self._proxied = is_trusted(self.address, port.trusted_proxies)
        if not port.admits():
            self._deaf = True
            self._write_refusal(Fault(Code.OVERLOADED, "the gateway holds as many connections as it may"))
            self.transport.close()

    @property
    def address(self) -> str:
        """Whose connection it is, as the socket says; empty where it is gone already."""
        return self.client[0] if self.client else ""

    @property
    def phase(self) -> Phase:
        """What it waits for now."""
        if self._hung_up:
            return Phase.HUNG_UP
        if self._head_open:
            return Phase.ANSWERING if self.flow.read_paused else Phase.HEAD
        if self.cycle is None:
            return Phase.NEW
        if not self.cycle.response_complete:
            return Phase.ANSWERING
        return Phase.UNREAD_BODY if self._body_open else Phase.IDLE

    def check(self, now_s: float) -> None:
        """End the connection where it kept us waiting too long."""
        left_bytes = self.transport.get_write_buffer_size()
        self._leaving = still_leaving(self._leaving, left_bytes, self._cork.taken_bytes, now_s)
        if self._leaving is not None and now_s - self._leaving.since_s > self._port.deadlines.head_s:
            self.transport.abort()  # nobody reads: what is left of the answer is dropped with the connection
            return
        if self.transport.is_closing() or not self._port.deadlines.passed(self.phase, self.since_s, now_s):
            return
        if self.phase is Phase.HEAD:
            self._refuse(Fault(Code.TIMEOUT, "the request's head did not arrive before the deadline"))
        else:
            self.transport.close()

    # What arrives

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and see that neither a head nor a body's framing grows without end."""
        if self._deaf:
            return
        head_was_open, body_was_open, body_before = self._head_open, self._body_open, self._body_bytes
        self._data_bytes = len(data)
        self._fresh = False
        if head_was_open:
            self._fed_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._stay_with_http()
        except httptools.HttpParserError as error:
            if not self._deaf:
                self._refuse(self._fault or unreadable(str(error)))
            return
        if self._fresh:
            return
        if head_was_open and self._head_open and self._fed_bytes > MAX_HEAD_BYTES:
            self._refuse(head_too_large())
        elif body_was_open and self._body_open:
            self._overhead_bytes += len(data) - (self._body_bytes - body_before)
            if self._overhead_bytes > MAX_HEAD_BYTES + _OVERHEAD_A_BYTE * self._body_bytes:
                self._refuse(head_too_large("chunk extensions and trailers take"))

    def on_message_begin(self) -> None:
        """A head begins; its clock too."""
        super().on_message_begin()
        self._head_open = self._fresh = True
        self._fed_bytes = self._data_bytes
        self._watched = []
        self.since_s = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer is dropped (RFC 9110, section 6.5.1): nothing here wants one."""
        if not self._head_open:
            return
        if value and value[-1] <= 32:
            value = value.rstrip(b" \t")  # llhttp leaves it there
        name = name.lower()
        if name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        elif name in WATCHED:
            self._watched.append((name, value))
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """A whole head: refuse it, let it wait behind others, or hand it to the application."""
        version = self.parser.get_http_version()
        scope = cast("dict[str, Any]", self.scope)
        scope["method"] = self.parser.get_method().decode("ascii")
        target = self.url
        self._fault = check_head(target, version, self._watched)
        if self._fed_bytes > MAX_HEAD_BYTES and head_bytes(target, self.headers) > MAX_HEAD_BYTES:
            self._fault = head_too_large()
        if self._fault is not None:
            raise _Stop
        earlier = self.cycle
        if earlier is not None and not earlier.keep_alive:
            self._deaf = True  # "close" was said: what follows is nobody's request (RFC 9112, section 9.6)
            raise _Stop
        raw_path, _, query = target.partition(b"?")
        path = raw_path.decode("ascii")
        scope["http_version"] = version
        scope["path"] = self.root_path + (unquote(path) if "%" in path else path)
        scope["raw_path"] = self.root_path.encode("ascii") + raw_path
        scope["query_string"] = query
        if self._certificate is not None:
            scope["extensions"] = {CERTIFICATE: self._certificate}
        if self._proxied:
            self._hear_proxy(scope)
        self._head_open, self._body_open = False, True
        self._body_bytes = self._overhead_bytes = 0
        stays = version != "1.0" and self.parser.should_keep_alive() and not self._port.leaving()
        self.cycle = cycle = self._cycle(keep_alive=stays)
        if earlier is None or earlier.response_complete:
            self._begin(cycle, self.app)
            return
        self.flow.pause_reading()
        self.pipeline.appendleft((cycle, self.app))
        if len(self.pipeline) >= _MOST_PIPELINED:
            cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of the body, for the application unless it has answered."""
        self._body_bytes += len(body)
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._body_open = False
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self.since_s = self.loop.time()
            return
        cycle.more_body = False
        cycle.message_event.set()

    def on_response_complete(self) -> None:
        """An answer went out: the next request's turn, or a wait for one, which `check` bounds."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if not self._head_open or self.flow.read_paused:  # while we do not read, no head can go on
            self.since_s = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._begin(cycle, app)

    def leave(self) -> None:
        """Make the answer to the last request that came so far the connection's last (RFC 9112, section 9.6)."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    # What we do about it

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Hand a request to the application, when its turn comes."""
        self._port.turns.begin(partial(self._start_asgi_task, cycle, app))

    def _hear_proxy(self, scope: dict[str, Any]) -> None:
        origin = origin_of(self.headers, self._port.trusted_proxies)
        if origin.client:
            scope["client"] = (origin.client, 0)
        if origin.scheme:
            scope["scheme"] = origin.scheme

    def _cycle(self, *, keep_alive: bool) -> _Cycle:
        cycle = _Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.refuse = self._port.refuse
        return cycle

    def _stay_with_http(self) -> None:
        """An upgrade is not taken (RFC 9110, section 7.8): the request is answered as it stands, and the connection ends.

        Its sender may go on in the other protocol, so nothing more of it is read.
        """
        self._deaf = True
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def _refuse(self, fault: Fault) -> None:
        """Answer in turn, then hang up. What is broken is the head that comes, or the body of the last request."""
        self._deaf = True
        last = self.cycle
        if self._body_open and last is not None:
            if any(cycle is last for cycle, _ in self.pipeline):
                self.pipeline.popleft()
                self._refuse_in_turn(fault)
                return
            last.disconnected = True  # the application hears that the body will not come
            last.message_event.set()
            if last.response_started:
                self._hang_up()
                return
        elif last is not None and not last.response_complete:
            self._refuse_in_turn(fault)
            return
        self._write_refusal(fault)
        self._hang_up()

    def _refuse_in_turn(self, fault: Fault) -> None:
        """Behind the answers to earlier requests: an answer that overtakes is taken for another request's."""
        answer = self._port.refuse(fault)

        async def app(_scope: Any, _receive: Any, send: Any) -> None:
            await _send(answer, send)

        self._head_open = False
        self.scope.setdefault("method", "GET")
        self.cycle = cycle = self._cycle(keep_alive=False)
        self.pipeline.appendleft((cycle, cast("Any", app)))

    def _write_refusal(self, fault: Fault) -> None:
        answer = self._port.refuse(fault)
        fields = [*self.server_state.default_headers, *answer.fields, (b"connection", b"close")]
        head = [STATUS_LINE[answer.status], *(b"%s: %s\r\n" % field for field in fields)]
        with_body = self.parser.get_method() != b"HEAD"
        head.append(b"content-length: %d\r\n\r\n" % len(answer.body))
        self.transport.write(b"".join(head) + (answer.body if with_body else b""))

    def _hang_up(self) -> None:
        """Say that nothing more comes, and read on for a moment: closing on unread bytes may destroy the answer."""
        self.since_s = self.loop.time()
        self._hung_up = True
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self.transport.close()


async def _send(answer: Refusal, send: Callable[[dict[str, Any]], Any]) -> None:
    length = (b"content-length", b"%d" % len(answer.body))
    fields = [*answer.fields, length, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": answer.status, "headers": fields})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
