"""When a contract at hand must be looked at again. Pure: `now` in seconds of one clock. Called by `shelf`.

Fresh contracts are used as they are. Older ones are used too, and looked at in the background; but before an event is rejected by one, it is
looked at first, since a newer version may take the event.
"""

from dataclasses import dataclass
from typing import Final

from tidegate.backoff import Random, wait_s

__all__ = ["ASKING_S", "FRESH_S", "REFUSED_FOR_S", "Freshness"]

FRESH_S: Final = 60.0
"""So long after a look a contract is taken as the gateway's newest."""
REFUSED_FOR_S: Final = 300.0
"""So long after a definite "no" (no right to read it, no such topic) nobody asks again."""

ASKING_S: Final = 10.0
"""So long a look may take before another is begun."""


@dataclass(slots=True, kw_only=True)
class Freshness:
    """Of one topic's contract: when it was looked at, and when it may be asked for again."""

    checked_at: float = float("-inf")
    ask_at: float = float("-inf")
    failures: int = 0

    def stale(self, now: float) -> bool:
        """Whether a rejection by this contract needs a look first."""
        return now - self.checked_at > FRESH_S

    def may_ask(self, now: float) -> bool:
        """Whether a look is due, and not too soon after one that failed."""
        return now >= self.ask_at

    def asked(self, now: float) -> None:
        """Somebody asks in the background: no second one meanwhile."""
        self.ask_at = now + ASKING_S

    def looked(self, now: float) -> None:
        """The gateway gave it, or said that it is still the same."""
        self.checked_at = now
        self.ask_at = now + FRESH_S
        self.failures = 0

    def failed(self, now: float, random: Random, *, final: bool) -> None:
        """The look brought nothing; `final`: the gateway said that there is nothing to be had."""
        self.ask_at = now + (REFUSED_FOR_S if final else 1.0 + wait_s(self.failures, random))
        self.failures += 1
