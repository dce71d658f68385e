"""What is said of a connection as a whole: priorities, settings, pings, and how it is left (RFC 9113, sections 6.3, 6.5, 6.7 and 6.8).

Part of `connection`, which looks after the streams that these move. What comes here says nothing of an event, so each costs `patience`.
"""

from collections.abc import Iterable

from tidegate_gateway.edge.http2.frames import (
    ACK,
    MAX_WINDOW,
    PING,
    PING_BYTES,
    PRIORITY_BYTES,
    SETTINGS,
    ErrorCode,
    Setting,
    Violated,
    depends_on_itself,
    frame,
    goaway,
    settings_in,
)
from tidegate_gateway.edge.http2.numbers import Numbers
from tidegate_gateway.edge.http2.outgoing import Outgoing
from tidegate_gateway.edge.http2.patience import A_FRAME, Patience
from tidegate_gateway.edge.http2.pings import Pings
from tidegate_gateway.edge.http2.streams import Stream

__all__ = ["Control"]

_LAST_CALL = b"tidegate"
_STILL_THERE = b"keep".ljust(PING_BYTES, b"\0")
_SETTINGS_A_FRAME_BYTES = 96
"""Of a longer SETTINGS frame each such part costs as a frame of its own."""


class Control:
    """One connection's. `waiting_for_pong`: the peer was asked whether it is there, and has not answered."""

    __slots__ = ("_leaving", "_numbers", "_outgoing", "_patience", "_pings", "waiting_for_pong")

    def __init__(self, outgoing: Outgoing, numbers: Numbers, patience: Patience) -> None:
        self._outgoing = outgoing
        self._numbers = numbers
        self._patience = patience
        self._pings = Pings()
        self._leaving = False
        self.waiting_for_pong = False

    # -- what arrives

    def priority(self, _flags: int, number: int, payload: bytes) -> None:
        """Read and ignored. Raises Violated for a wrong one: the stream's end, or all's, since no idle stream may be reset (section 6.4)."""
        if not number:
            raise Violated(ErrorCode.PROTOCOL_ERROR, "PRIORITY without a stream")
        ends = number if self._numbers.was_opened(number) else 0
        if len(payload) != PRIORITY_BYTES:
            raise Violated(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of another size", ends)
        if depends_on_itself(number, payload):
            raise Violated(ErrorCode.PROTOCOL_ERROR, "a stream that depends on itself", ends)
        self._patience.spend(A_FRAME)

    def settings(self, flags: int, payload: bytes, streams: Iterable[Stream]) -> None:
        """Keep to the peer's settings from now on, and say so. Raises Violated."""
        if flags & ACK:
            if payload:
                raise Violated(ErrorCode.FRAME_SIZE_ERROR, "an acknowledgement with settings")
            self._patience.spend(A_FRAME)
            return
        self._patience.spend(A_FRAME * (1 + len(payload) // _SETTINGS_A_FRAME_BYTES))
        named = dict(settings_in(payload))  # the last of each counts: a frame names one as often as it likes
        outgoing = self._outgoing
        outgoing.peer_frame = named.get(Setting.MAX_FRAME_SIZE, outgoing.peer_frame)
        outgoing.shrink_table(named.get(Setting.HEADER_TABLE_SIZE, MAX_WINDOW))
        outgoing.resize(named.get(Setting.INITIAL_WINDOW_SIZE, outgoing.peer_window), streams)
        outgoing.out.append(frame(SETTINGS, ACK, 0))

    def push_promise(self, _flags: int, _number: int, _payload: bytes) -> None:
        """Raise Violated: a client promises nothing (section 8.4)."""
        raise Violated(ErrorCode.PROTOCOL_ERROR, "a client promises nothing")

    def ping(self, flags: int, payload: bytes, now_s: float) -> bool:
        """Answer it; whether it is itself the answer that `leave` waits for. Raises Violated where there are too many."""
        self._patience.spend(A_FRAME)
        if flags & ACK:
            self.waiting_for_pong = False
            return self._leaving and payload == _LAST_CALL
        outgoing = self._outgoing
        self._pings.came(now_s, after_something=outgoing.said_something)
        outgoing.said_something = False
        outgoing.out.append(frame(PING, ACK, 0, payload))
        return False

    def goaway(self, _flags: int, _number: int, _payload: bytes) -> None:
        """The peer opens no streams any more, and closes the connection when it likes."""
        self._patience.spend(A_FRAME)

    # -- what leaves

    def ask(self) -> None:
        """Ask whether the peer is there."""
        self.waiting_for_pong = True
        self._outgoing.out.append(frame(PING, 0, 0, _STILL_THERE))

    def leave(self) -> None:
        """Tell the peer to go, once."""
        if not self._leaving:
            self._leaving = True
            self._outgoing.out += (goaway(MAX_WINDOW, ErrorCode.NO_ERROR), frame(PING, 0, 0, _LAST_CALL))

    def last_call(self) -> None:
        """From now on no new stream is taken; said once."""
        numbers = self._numbers
        if not numbers.closing:
            numbers.final = numbers.last
            self._outgoing.out.append(goaway(numbers.last, ErrorCode.NO_ERROR))
