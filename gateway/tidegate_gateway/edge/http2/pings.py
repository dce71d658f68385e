"""How often a peer may ping while nothing is sent to it: as gRPC's own servers have it (gRPC proposal A8). Part of `connection`."""

from tidegate_gateway.edge.http2.frames import ErrorCode, Violated

__all__ = ["Pings"]

_APART_S = 8.0
"""Clients ping every ten seconds at most, as their own clocks and the network have it."""
_MOST_STRIKES = 3


class Pings:
    """One connection's."""

    __slots__ = ("_last_s", "_strikes")

    def __init__(self) -> None:
        self._last_s = float("-inf")
        self._strikes = 0

    def came(self, now_s: float, *, after_something: bool) -> None:
        """A ping has come; `after_something`: since the one before, heads or pieces of answers were sent. Raises Violated."""
        if after_something:
            self._strikes = 0
        elif now_s - self._last_s < _APART_S:
            self._strikes += 1
            if self._strikes > _MOST_STRIKES:
                raise Violated(ErrorCode.ENHANCE_YOUR_CALM, "too_many_pings")  # gRPC's clients know this word
        self._last_s = now_s
