"""Whether a producer still moves: work given to it, and no attempt of it begun or ended, means that it is stuck. Pure; called by
`publisher`.

Every request of aiokafka ends within five seconds, with an answer or without, and a failed one is tried again 0.1 s later. So
a producer with work that does nothing for longer than that will never do anything (its task died, or waits for what never
comes); a broker that is slow or away looks different.
"""

__all__ = ["Watchdog"]

_SUSPECT_S = 6.0
_STUCK_S = 9.0
_STEP_S = 0.5
"""A step of the clock counts for no more: where this process itself stood still, its producer had no chance to move."""


class Watchdog:
    """Looks at one producer after another. Times of one monotonic clock, in seconds."""

    __slots__ = ("_looked_s", "_moved_s", "silent_s")

    def __init__(self) -> None:
        self.silent_s = 0.0
        self._looked_s = 0.0
        self._moved_s = float("-inf")

    def look(self, now_s: float, departed_s: float | None, moved_s: float) -> None:
        """`departed_s`: when the producer got the oldest batch that it still has, None where it has none; `moved_s`: when an
        attempt of it last began or ended."""
        moved_s = moved_s if departed_s is None else max(moved_s, departed_s)
        if departed_s is None or moved_s > self._moved_s:
            self.silent_s = 0.0
        else:
            self.silent_s += min(now_s - self._looked_s, _STEP_S)
        self._moved_s, self._looked_s = moved_s, now_s

    @property
    def suspicious(self) -> bool:
        """Whether it has not moved for so long that nobody should count on it."""
        return self.silent_s >= _SUSPECT_S

    @property
    def stuck(self) -> bool:
        """Whether it has to be replaced."""
        return self.silent_s >= _STUCK_S
