"""How long Kafka takes to answer, so that nothing is sent that cannot be answered in time. Pure; called by `publisher`.

A slow answer is believed for a while only: where nothing is sent nothing is measured, and the brokers may have become faster.
"""

from math import exp2

__all__ = ["RoundTrip"]

_HALF_S = 5.0
_WEIGHT = 0.3


class RoundTrip:
    """The time from a request to its answer, lately. One for a publisher; times of one monotonic clock, in seconds."""

    __slots__ = ("_measured_s", "_took_s")

    def __init__(self) -> None:
        self._took_s = 0.0
        self._measured_s = 0.0

    def answered(self, now_s: float, took_s: float) -> None:
        """A request took so long. A faster one is believed at once, a slower one step by step."""
        expected_s = self.expected_s(now_s)
        slower = expected_s and took_s > expected_s
        self._took_s = expected_s + _WEIGHT * (took_s - expected_s) if slower else took_s
        self._measured_s = now_s

    def expected_s(self, now_s: float) -> float:
        """How long a request that is sent now will take, at least. 0 where nothing is known."""
        if not self._took_s:
            return 0.0
        return self._took_s * exp2(min(0.0, (self._measured_s - now_s) / _HALF_S))
