"""How fast a backlog leaves after an outage. Pure: `now` (seconds) and `random` are arguments. Called by `engine`.

A fleet that comes back and empties its queues at once takes the gateway down again. What was queued while the gateway was away came at
some rate; after it a client sends at one and a half times that rate, in jittered steps, until it has caught up. So a fleet's load
after an outage is one and a half times its usual load at most, whatever the number of clients and the length of the outage; and less, where
a step of several events takes the place of their single requests.
"""

from typing import Final

from tidegate.backoff import Random

__all__ = ["CATCH_UP", "Pace"]

CATCH_UP: Final = 1.5
"""The rate of a client that catches up, in its usual rates."""
_SHORTEST_OUTAGE_S: Final = 1.0
"""Shorter outages leave no backlog worth pacing."""
_STEP_EVENTS: Final = 10
"""So many events a step shall have: a request of ten costs a gateway twice one of one."""
_SHORTEST_STEP_S: Final = 0.5
_LONGEST_STEP_S: Final = 1.0
"""The mean time between two steps, where more than one event is due in it. Longer ones make fewer requests still, and more events miss their deadline after a long outage."""
_LONGEST_S: Final = 300.0


class Pace:
    """One client's pace. At rest it lets everything through."""

    __slots__ = ("_allowed", "_next_at", "_per_s", "_until")

    def __init__(self) -> None:
        self._per_s = 0.0
        self._until = 0.0
        self._next_at = 0.0
        self._allowed = 0.0

    def begin(self, now: float, backlog: int, outage_s: float, random: Random) -> None:
        """The gateway is back after `outage_s` seconds; `backlog` events wait."""
        if outage_s < _SHORTEST_OUTAGE_S or not backlog:
            return
        self._per_s = CATCH_UP * backlog / outage_s
        self._until = now + min(_LONGEST_S, 2 * outage_s / (CATCH_UP - 1))
        self._allowed = 0.0
        self._next_at = now + random() * self._gap_s

    @property
    def _gap_s(self) -> float:
        step_s = min(_LONGEST_STEP_S, max(_SHORTEST_STEP_S, _STEP_EVENTS / self._per_s))
        return max(step_s, 1 / self._per_s)

    def allowance(self, now: float, random: Random) -> int | None:
        """How many events may leave at `now`; None: any number."""
        if now >= self._until:
            self._until = 0.0
            return None
        while now >= self._next_at:
            gap_s = self._gap_s * (0.5 + random())
            self._next_at += gap_s
            self._allowed += self._per_s * gap_s
        return int(self._allowed)

    def took(self, events: int) -> None:
        """So many left."""
        self._allowed = max(0.0, self._allowed - events)

    def caught_up(self) -> None:
        """Nothing waits any more."""
        self._until = 0.0

    @property
    def active(self) -> bool:
        """Whether it may hold events back."""
        return self._until > 0

    @property
    def next_at(self) -> float:
        """When more may leave; in the past where it is at rest."""
        return min(self._next_at, self._until) if self._until and self._allowed < 1 else 0.0
