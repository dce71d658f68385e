"""What a connection sends of its streams: heads, pieces within the peer's windows and frame size, trailers (RFC 9113, sections 5.2 and 8.1).

Part of `connection`. What a window has no room for waits in its stream's outbox, and leaves in turns when windows grow.
"""

from collections.abc import Iterable

from tidegate_gateway.edge.deadlines import still_leaving
from tidegate_gateway.edge.http2.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    MAX_WINDOW,
    MIN_MAX_FRAME,
    ErrorCode,
    Violated,
    frame,
)
from tidegate_gateway.edge.http2.streams import FIRST_WINDOW, Stream

__all__ = ["Outgoing"]

_FIRST_TABLE_BYTES = 4_096
_NO_TABLE = b"\x20"
"""A dynamic table size update to nothing (RFC 7541, section 6.3): said once, no table is ever too large again."""


class Outgoing:
    """One connection's. `out` is what has to be sent, in its order; `peer_frame` the longest payload that the peer takes."""

    __slots__ = ("_before_block", "_blocked", "_shrunk", "out", "peer_frame", "peer_window", "said_something", "window")

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.peer_frame = MIN_MAX_FRAME
        self.peer_window = FIRST_WINDOW
        self.window = FIRST_WINDOW
        self.said_something = False
        """Whether heads or pieces were sent since somebody set this to False."""
        self._blocked: dict[int, Stream] = {}
        self._before_block = b""
        self._shrunk = False

    def head(self, number: int, block: bytes, flags: int = 0) -> None:
        """A header block, in as many frames as it needs."""
        self.said_something = True
        if self._before_block:
            block, self._before_block = self._before_block + block, b""
        most = self.peer_frame
        if len(block) <= most:
            self.out.append(frame(HEADERS, flags | END_HEADERS, number, block))
            return
        self.out.append(frame(HEADERS, flags, number, block[:most]))
        for at in range(most, len(block), most):
            last = END_HEADERS if at + most >= len(block) else 0
            self.out.append(frame(CONTINUATION, last, number, block[at : at + most]))

    def end(self, number: int, block: bytes) -> None:
        """The block that ends a stream."""
        self.head(number, block, END_STREAM)

    def data(self, stream: Stream, data: bytes) -> None:
        """A piece of an answer, now or when there is room."""
        size = len(data)
        if stream.outbox is None and size <= stream.send_window and size <= self.window:
            self._pieces(stream, data)
            return
        if stream.outbox is None:
            stream.outbox, stream.leaving = bytearray(), None
            self._blocked[stream.id] = stream
        stream.outbox += data
        self.push(stream)

    def push(self, stream: Stream) -> bool:
        """Send of what waits as much as there is room for; whether that was the last of it."""
        waiting = stream.outbox
        if waiting is None:
            return False
        room = min(len(waiting), stream.send_window, self.window)
        if room > 0:
            self._pieces(stream, bytes(waiting[:room]))
            del waiting[:room]
        if waiting:
            return False
        stream.outbox = None
        self._blocked.pop(stream.id, None)
        return True

    def unblock(self) -> list[Stream]:
        """Send of every stream that waits as much as there is room for; those that wait no more."""
        emptied = []
        for stream in list(self._blocked.values()):
            if self.window <= 0:
                break
            if self.push(stream):
                emptied.append(stream)
            else:  # its own window is full: others come first next time
                self._blocked[stream.id] = self._blocked.pop(stream.id)
        return emptied

    def stuck(self, now_s: float, longest_s: float) -> list[Stream]:
        """Streams of which something waits, and whose peer has taken no 64 KiB for so long. To be asked every now and then."""
        found = []
        for stream in self._blocked.values():
            stream.leaving = still_leaving(stream.leaving, len(stream.outbox or b""), stream.taken_bytes, now_s)
            if stream.leaving is not None and now_s - stream.leaving.since_s > longest_s:
                found.append(stream)
        return found

    def forget(self, stream: Stream) -> None:
        """The stream is over: nothing of it leaves any more."""
        self._blocked.pop(stream.id, None)
        stream.outbox = None

    def shrink_table(self, size_bytes: int) -> None:
        """The peer keeps a smaller table for us: the next block has to say so (RFC 9113, section 4.3.1), though we put nothing into it."""
        if size_bytes < _FIRST_TABLE_BYTES and not self._shrunk:
            self._shrunk, self._before_block = True, _NO_TABLE

    def grow(self, more_bytes: int) -> None:
        """The connection's window grows. Raises Violated."""
        self.window = _grown(self.window, more_bytes)

    def grow_of(self, stream: Stream, more_bytes: int) -> bool:
        """A stream's window grows, and what waits of it leaves; whether that was the last of it. Raises Violated."""
        stream.send_window = _grown(stream.send_window, more_bytes, stream.id)
        return self.push(stream)

    def resize(self, window: int, streams: Iterable[Stream]) -> None:
        """Every stream's window moves by the difference (section 6.9.2). Raises Violated."""
        more, self.peer_window = window - self.peer_window, window
        for stream in streams:
            stream.send_window += more
            if stream.send_window > MAX_WINDOW:
                raise Violated(ErrorCode.FLOW_CONTROL_ERROR, "a window past 2^31-1")

    def _pieces(self, stream: Stream, data: bytes) -> None:
        self.said_something = True
        size, most = len(data), self.peer_frame
        stream.send_window -= size
        stream.taken_bytes += size
        self.window -= size
        if size <= most:
            self.out.append(frame(DATA, 0, stream.id, data))
            return
        for at in range(0, size, most):
            self.out.append(frame(DATA, 0, stream.id, data[at : at + most]))


def _grown(window: int, more_bytes: int, stream: int = 0) -> int:
    if not more_bytes:
        raise Violated(ErrorCode.PROTOCOL_ERROR, "a window that does not grow", stream)
    if window + more_bytes > MAX_WINDOW:
        raise Violated(ErrorCode.FLOW_CONTROL_ERROR, "a window past 2^31-1", stream)
    return window + more_bytes
