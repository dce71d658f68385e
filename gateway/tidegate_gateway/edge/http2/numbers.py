"""Which streams of a connection were opened, which are closed and by whom, and from which number on none is taken (RFC 9113, section 5.1).

Part of `connection`.
"""

from tidegate_gateway.edge.http2.frames import MAX_WINDOW, ErrorCode, Violated

__all__ = ["Numbers"]

_MOST_CLOSED = 512
"""Streams that ended so lately that what is still on its way for them is told from nonsense."""


class Numbers:
    """One connection's. `last` is the highest number opened; `final` the last that is taken: past all numbers, until we leave."""

    __slots__ = ("_closed", "final", "last")

    def __init__(self) -> None:
        self.last = 0
        self.final = MAX_WINDOW + 1
        self._closed: dict[int, bool] = {}

    @property
    def closing(self) -> bool:
        """Whether no new stream is taken any more."""
        return self.final <= MAX_WINDOW

    def opens(self, number: int) -> bool:
        """Whether HEADERS of a stream that is not open open it; False where they are to be ignored. Raises Violated."""
        if number > self.last:
            if number > self.final:  # behind our GOAWAY: the client takes it elsewhere
                return False
            self.last = number
            return True
        ours = self._closed.get(number)
        if ours is None:
            raise Violated(ErrorCode.PROTOCOL_ERROR, "a stream's number that is not past the last one's")
        if not ours:
            raise Violated(ErrorCode.STREAM_CLOSED, "HEADERS on a stream that is closed")
        return False

    def close(self, number: int, *, ours: bool) -> None:
        """The stream is over; `ours`: the peer may not know yet, and goes on sending."""
        self._closed[number] = ours
        if len(self._closed) > _MOST_CLOSED:
            del self._closed[next(iter(self._closed))]

    def is_closed_by_peer(self, number: int) -> bool:
        """Whether the client itself has closed the stream, not long ago."""
        return not self._closed.get(number, True)

    def was_opened(self, number: int) -> bool:
        """Whether the number is not idle any more: of an idle stream no RST_STREAM may tell (section 6.4)."""
        return bool(number & 1) and number <= self.last

    def check(self, number: int, what: str) -> None:
        """Raise Violated where a frame is of no stream, or of one that was never opened; those of even numbers are none of a client's.

        One that our GOAWAY kept out may have been, as far as its client knows.
        """
        if not number & 1 or self.last < number <= self.final:
            raise Violated(ErrorCode.PROTOCOL_ERROR, f"{what} of a stream that is not open")
