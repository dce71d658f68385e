"""Whether Kafka is there, from looks that answer late, fail or never end. Pure; called by `cluster`.

A slow broker is no dead one: looks overlap, each has time, and only the time since the last answer counts. A loss is seen
`SILENCE_S` after it where nobody answers, and after two looks in a row where everybody surely refuses.
"""

__all__ = ["SILENCE_S", "Pulse"]

SILENCE_S = 4.4
"""So long without any answer, and Kafka is away: below 5 s, and above the round trip of any broker worth writing to."""

_REFUSALS = 2


class Pulse:
    """One for a process. All times come from one monotonic clock, in seconds. `known`: anything is known yet, good or bad."""

    __slots__ = ("_answered_s", "_refusals", "known", "up", "why")

    def __init__(self, now_s: float) -> None:
        self.up = False
        self.known = False
        self.why = ""
        self._answered_s = now_s
        self._refusals = 0

    def answered(self, now_s: float) -> None:
        """A broker answered."""
        self.known = self.up = True
        self.why = ""
        self._answered_s = now_s
        self._refusals = 0

    def refused(self, began_s: float, why: str) -> None:
        """A look that began then failed at every broker, surely and not just late. An answer since then outweighs it."""
        if began_s < self._answered_s:
            return
        self._refusals += 1
        if not self.up or self._refusals >= _REFUSALS:
            self._lose(why)

    def silent(self, now_s: float, why: str) -> None:
        """Nobody has answered since the last answer, and looks are under way."""
        if self._is_long(now_s) and (self.up or not self.known):
            self._lose(why)

    def wait_s(self, now_s: float, most_s: float) -> float:
        """When to judge again: the moment that silence becomes a loss, at most `most_s` from now."""
        left_s = self._answered_s + SILENCE_S - now_s
        return min(most_s, left_s) if left_s > 0 else most_s

    def _is_long(self, now_s: float) -> bool:
        return now_s - self._answered_s >= SILENCE_S

    def _lose(self, why: str) -> None:
        self.known = True
        self.up = False
        self.why = why
