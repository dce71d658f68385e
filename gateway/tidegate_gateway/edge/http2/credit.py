"""How much a peer may send: our side of flow control (RFC 9113, section 6.9). What nobody has read is not credited.

Part of `connection`. So a stream that is not read holds its client back, and strangers fill 64 KiB of a connection and no more.
"""

from collections.abc import Iterable

from tidegate_gateway.edge.http2.frames import ErrorCode, Setting, Violated, settings, window_update
from tidegate_gateway.edge.http2.streams import FIRST_WINDOW, Stream

__all__ = ["Credit"]

_KNOWN_WINDOW = 4_194_304
"""Of a connection whose peer has shown a token."""
_WIDE_WINDOW = 1_048_576
"""Of its streams, from the first on: across a wide network a message past 64 KiB would take a round trip more."""


class Credit:
    """One connection's. Updates go to `out`, once half of a window is read. `stream_window` is what a new stream begins with."""

    __slots__ = ("_out", "_owed_bytes", "_receive_window", "_window", "known", "stream_window")

    def __init__(self, out: list[bytes]) -> None:
        self._out = out
        self._window = self._receive_window = FIRST_WINDOW
        self._owed_bytes = 0
        self.stream_window = FIRST_WINDOW
        self.known = False

    def know(self, streams: Iterable[Stream]) -> None:
        """The peer may send as a producer does, on the streams that are open, too (section 6.9.2). It keeps to less until it has read so."""
        if self.known:
            return
        self.known = True
        self.stream_window = _WIDE_WINDOW
        for stream in streams:
            stream.window += _WIDE_WINDOW - FIRST_WINDOW
            stream.receive_window += _WIDE_WINDOW - FIRST_WINDOW
        self._out.append(settings({Setting.INITIAL_WINDOW_SIZE: _WIDE_WINDOW}))
        self._window = _KNOWN_WINDOW
        self.give(_KNOWN_WINDOW - FIRST_WINDOW)

    def arrived(self, size_bytes: int) -> None:
        """So much DATA has come, of whatever stream. Raises Violated."""
        self._receive_window -= size_bytes
        if self._receive_window < 0:
            raise Violated(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the connection's window")

    def arrived_of(self, stream: Stream, size_bytes: int) -> None:
        """So much of it is this stream's. Raises Violated."""
        stream.unread_bytes += size_bytes
        stream.receive_window -= size_bytes
        if stream.receive_window < 0:
            raise Violated(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the stream's window", stream.id)

    def read(self, stream: Stream, size_bytes: int) -> None:
        """So much of what has arrived was read (or there is somebody who waits for it)."""
        size_bytes = min(size_bytes, stream.unread_bytes)
        if not size_bytes:  # or the stream is over, and no frame may tell of it any more
            return
        stream.unread_bytes -= size_bytes
        stream.credit_bytes += size_bytes
        if not stream.ended and stream.credit_bytes > stream.window >> 1:
            stream.receive_window += stream.credit_bytes
            self._out.append(window_update(stream.id, stream.credit_bytes))
            stream.credit_bytes = 0
        self.give(size_bytes)

    def forget(self, stream: Stream) -> None:
        """The stream is over: what nobody will read holds nobody back."""
        self.give(stream.unread_bytes)
        stream.unread_bytes = 0

    def give(self, size_bytes: int) -> None:
        """The peer may send so much again, on any stream."""
        self._owed_bytes += size_bytes
        if self._owed_bytes > self._window >> 1:
            self._receive_window += self._owed_bytes
            self._out.append(window_update(0, self._owed_bytes))
            self._owed_bytes = 0
