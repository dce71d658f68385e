"""One HTTP/2 connection on the event loop: moves bytes between a socket and `connection`, and keeps its deadlines.

Made by `port` for each socket that comes. What is written in one turn of the loop leaves together. A peer that does not take its
answers is not read from; one whose patience is at its end neither, for as long as that lasts.
"""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

from tidegate_gateway.edge.http2.connection import Connection
from tidegate_gateway.edge.http2.frames import ErrorCode
from tidegate_gateway.edge.http2.patience import Allowance, Patience
from tidegate_gateway.edge.http2.streams import Stream

__all__ = ["Deadlines", "Http2Transport", "Owner"]

_MOST_UNSENT_BYTES = 262_144
"""Of one connection, until its streams wait and nothing more is read."""
_LINGER_S = 1.0
"""So long is read on, of a connection that is over: a socket closed with bytes unread is reset, and our last words may be lost with it."""
_LAST_CALL_S = 1.0
"""So long a peer that was told to go may take to answer the ping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Of a connection, in seconds. `hello_s`: until its first frame. `idle_s`: without a stream it is told to go.

    Where nothing was heard for `keepalive_s` it is asked, and closed where nothing comes in `keepalive_timeout_s`. `age_s` is how old it
    may get until it is told to go; `grace_s` later it is closed.
    """

    hello_s: float
    idle_s: float
    keepalive_s: float
    keepalive_timeout_s: float
    age_s: float
    grace_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What all connections of a port share. `begin` is told of each stream; `come` and `gone` of each connection, `come` says whether it may stay.

    `strangers` is what all without a token may spend; `turn` calls back when such a connection is to be listened to. `paced` is told each
    time that one is not read for a moment since patience is at its end, and whether it is known.
    """

    begin: Callable[["Http2Transport", Stream], None]
    come: Callable[["Http2Transport"], bool]
    gone: Callable[["Http2Transport"], None]
    paced: Callable[[bool], None]
    strangers: Allowance
    turn: Callable[[Callable[[], object], Hashable], None]
    most_streams: int
    most_head_bytes: int


class Http2Transport(asyncio.Protocol):
    """The protocol of one socket. `connection` is what is said on it; after saying something, call `flush`.

    `since_s` is when it came, by the loop's clock; `address` its peer's. `certificate` is the peer's, as verified; empty for none.
    """

    def __init__(self, owner: Owner) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = owner
        self.since_s = self._heard_s = self._used_s = self._loop.time()
        self.address = ""
        self.certificate: Mapping[str, object] = {}
        self.connection = Connection(
            Patience(owner.strangers, self.since_s),
            self._begin,
            most_streams=owner.most_streams,
            most_head_bytes=owner.most_head_bytes,
        )
        self._transport: asyncio.Transport | None = None
        self._flushing = False
        self._stuck_s: float | None = None
        self._asked_s: float | None = None
        self._left_s: float | None = None
        self._closed_s: float | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._queued = 0
        self._lingering: asyncio.TimerHandle | None = None
        self._room: list[asyncio.Future[None]] = []

    # -- the loop's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there, behind its TLS if it has one."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(_MOST_UNSENT_BYTES)
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if isinstance(peer, tuple) and peer else ""
        secured = transport.get_extra_info("ssl_object")
        if secured is not None:
            self.certificate = secured.getpeercert() or {}
        if self._owner.come(self):
            self.flush()
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """The loop has read something."""
        self._heard_s = self._loop.time()
        self._take(data)

    def pause_writing(self) -> None:
        """The peer does not take what it is sent: it is not listened to either."""
        self._stuck_s = self._loop.time()
        self._listen_or_not()

    def resume_writing(self) -> None:
        """It takes it again."""
        self._stuck_s = None
        self._listen_or_not()
        room, self._room = self._room, []
        for waiting in room:
            if not waiting.done():
                waiting.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- the loop's signature
        """The socket is gone, whoever closed it."""
        for timer in (self._resting, self._lingering):
            if timer is not None:
                timer.cancel()
        self._resting = self._lingering = None
        self.connection.lost()
        self.resume_writing()
        self._transport = None
        self._owner.gone(self)

    # -- what the streams' owners call

    def flush(self) -> None:
        """Send what there is to send, with whatever else this turn of the loop brings."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._write)

    async def room(self) -> None:
        """Wait while the peer does not take what it is sent."""
        while self._stuck_s is not None and self._transport is not None:
            waiting = self._loop.create_future()
            self._room.append(waiting)
            await waiting

    @property
    def known(self) -> bool:
        """Whether a call has shown a token that holds."""
        return self.connection.known

    def leave(self) -> None:
        """Tell the peer to go; what is under way is answered. Of one that has not even said hello nothing is, which it may say elsewhere."""
        if self._left_s is None:
            self._left_s = self._loop.time()
            self.connection.leave()
            if not self.connection.greeted:
                self.connection.last_call()
            self.flush()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def check(self, now_s: float, deadlines: Deadlines) -> None:
        """Keep the deadlines; called about once a second, or more often where they are shorter."""
        connection = self.connection
        if self._transport is None:
            return
        if connection.streams:
            self._used_s = now_s
        if self._closed_s is not None:
            if now_s - self._closed_s > deadlines.keepalive_timeout_s:  # what was said last is not taken
                self.abort()
        elif not connection.greeted:
            if now_s - self.since_s > deadlines.hello_s:
                self.abort()
        elif self._is_dead(now_s, deadlines):
            self.abort()
        else:
            self._cut(connection.stuck(now_s, deadlines.keepalive_s + deadlines.keepalive_timeout_s))
            self._go_in_time(now_s, deadlines)

    # -- inside

    def _cut(self, stuck: list[Stream]) -> None:
        """End streams whose peer answers pings, and takes nothing of them."""
        for stream in stuck:
            self.connection.reset(stream.id, ErrorCode.CANCEL)
            stream.wake()
        if stuck:
            self.flush()

    def _go_in_time(self, now_s: float, deadlines: Deadlines) -> None:
        connection = self.connection
        if self._left_s is not None:
            if now_s - self._left_s > deadlines.grace_s:
                self.abort()
            elif now_s - self._left_s > _LAST_CALL_S:
                connection.last_call()
                self.flush()
        elif now_s - self.since_s > deadlines.age_s or now_s - self._used_s > deadlines.idle_s:
            self.leave()

    def _begin(self, stream: Stream) -> None:
        self._used_s = self._heard_s
        self._owner.begin(self, stream)

    def _take(self, data: bytes) -> None:
        """Look at what has come: a producer's now, a stranger's when it is its turn; never before what came before it."""
        if (self.connection.known and not self._queued) or self.connection.over:
            self._receive(data)
            return
        self._queued += 1
        self._owner.turn(partial(self._receive_in_turn, data), self)
        if self._queued:
            self._listen_or_not()

    def _receive_in_turn(self, data: bytes) -> bool:
        self._queued -= 1
        if self._transport is None:
            return False
        self._receive(data)
        self._listen_or_not()
        return True

    def _receive(self, data: bytes) -> None:
        if not self.connection.receive(data, self._heard_s) and self._resting is None:
            pause_s = self.connection.patience.pause_s()
            if pause_s:  # 0: only its turn is over
                self._owner.paced(self.connection.known)
            self._resting = self._loop.call_later(pause_s, self._go_on)
            self._listen_or_not()
        if self.connection.out or self.connection.over:
            self.flush()

    def _go_on(self) -> None:
        self._resting = None
        self._heard_s = self._loop.time()
        self._take(b"")
        self._listen_or_not()

    def _listen_or_not(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        held = self._stuck_s is not None or self._resting is not None or self._queued > 0
        if held and self._closed_s is None:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def _write(self) -> None:
        self._flushing = False
        connection, transport = self.connection, self._transport
        if transport is None or transport.is_closing() or self._closed_s is not None:
            connection.out.clear()  # uvloop raises at what comes too late
            return
        if connection.out:
            transport.write(b"".join(connection.out))
            connection.out.clear()
        if connection.over:
            self._closed_s = self._loop.time()
            if transport.can_write_eof():
                transport.write_eof()
            self._listen_or_not()
            self._lingering = self._loop.call_later(_LINGER_S, transport.close)

    def _is_dead(self, now_s: float, deadlines: Deadlines) -> bool:
        """Whether the peer takes nothing, or does not answer: it is asked where nothing was heard for long."""
        if self._stuck_s is not None:
            return now_s - self._stuck_s > deadlines.keepalive_s + deadlines.keepalive_timeout_s
        if self._asked_s is not None:
            if self._heard_s > self._asked_s or not self.connection.waiting_for_pong:
                self._asked_s = None
            else:
                return now_s - self._asked_s > deadlines.keepalive_timeout_s
        elif now_s - self._heard_s > deadlines.keepalive_s:
            self._asked_s = now_s
            self.connection.ping()
            self.flush()
        return False
