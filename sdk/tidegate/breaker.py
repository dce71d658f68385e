"""When to stop asking a gateway that does not answer. Pure: `now` (seconds of any monotonic clock) and `random` are arguments.

Called by `engine`. A closed breaker lets everything through; after `threshold` failures in a row it opens, and then one probe at a
time goes out, after waits with full jitter that grow with each failed probe. The first success closes it.
"""

from enum import Enum
from typing import Final

from tidegate.backoff import Random, wait_s

__all__ = ["THRESHOLD", "Breaker", "Passage"]

THRESHOLD: Final = 5
"""Failures in a row after which the breaker opens."""


class Passage(Enum):
    """What may go out now."""

    ALL = "all"
    PROBE = "probe"
    NONE = "none"


class Breaker:
    """One gateway as one client sees it. Only failures to answer count: connections, 5xx; never a refusal of an event."""

    __slots__ = ("_failures", "_opened_at", "_probe_at", "_probing", "_threshold")

    def __init__(self, threshold: int = THRESHOLD) -> None:
        self._threshold = threshold
        self._failures = 0
        self._opened_at = 0.0
        self._probe_at = 0.0
        self._probing = False

    @property
    def open(self) -> bool:
        """Whether only probes pass."""
        return self._failures >= self._threshold

    @property
    def failures(self) -> int:
        """Failures since the last success."""
        return self._failures

    @property
    def probe_at(self) -> float | None:
        """When the next probe may go; None while the breaker is closed or a probe is out."""
        return self._probe_at if self.open and not self._probing else None

    def passage(self, now: float) -> Passage:
        """What may go out at `now`."""
        if not self.open:
            return Passage.ALL
        return Passage.PROBE if not self._probing and now >= self._probe_at else Passage.NONE

    def probing(self) -> None:
        """A probe goes out."""
        self._probing = True

    def failed(self, now: float, random: Random, hint_s: float | None = None, *, probe: bool = False) -> None:
        """A request failed. While open, only the probe's failure moves the next probe: others were sent before it opened."""
        if self.open and not probe:
            return
        self._failures += 1
        if probe:
            self._probing = False
        if self._failures == self._threshold:
            self._opened_at = now
        if self.open:
            self._probe_at = now + wait_s(self._failures, random, hint_s)

    def abandoned(self) -> None:
        """The probe ended without an answer that says anything (cancelled, nothing left to send)."""
        self._probing = False

    def succeeded(self, now: float) -> float:
        """A request was answered: the breaker closes. Answers for how many seconds it was open; 0 where it was closed."""
        was_open_s = now - self._opened_at if self.open else 0.0
        self._failures = 0
        self._probing = False
        return was_open_s
