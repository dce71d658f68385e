"""The count of a `publish_many`: memory stays flat whatever the number of events. Called by both shells."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tidegate.exceptions import Refused, TidegateError, error_of
from tidegate.outgoing import Outcome, Outgoing, Undelivered
from tidegate.wire.results import ResultLine

__all__ = ["KEPT_FAILURES", "Failure", "Progress", "Summary", "Tally"]

KEPT_FAILURES: Final = 1000
"""So many failures a summary lists; the rest is counted."""

Progress = Callable[[int, int], None]
"""Told (events with an outcome, events taken from the iterable), at most ten times a second, on the caller's thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One event without a receipt: its place in the iterable, from 0, and why."""

    index: int
    error: TidegateError


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of a `publish_many`.

    `stored` have a receipt. `rejected` would be refused again (their contract, here or at the gateway; rights; size); `failed` were not
    delivered for other reasons, or may be stored. `failures`: the first of both, at most `KEPT_FAILURES`, in the order in which they were known.
    """

    stored: int
    rejected: int
    failed: int
    failures: tuple[Failure, ...]

    @property
    def events(self) -> int:
        """All of them."""
        return self.stored + self.rejected + self.failed


class Tally:
    """Counts outcomes. `settled` runs on the delivering thread, `refused` on the caller's; each writes numbers of its own."""

    __slots__ = ("_failed", "_failures", "_rejected", "_rejected_here", "_stored", "done", "taken", "when_all")

    def __init__(self) -> None:
        self.taken = 0
        """Events queued, known to be all once `when_all` is set."""
        self.done = 0
        self.when_all: Callable[[], None] | None = None
        self._stored = self._rejected = self._failed = self._rejected_here = 0
        self._failures: list[Failure] = []

    def settled(self, event: Outgoing, outcome: Outcome) -> None:
        """An event that was queued has its outcome; its `target` is its index."""
        self.done += 1
        if isinstance(outcome, ResultLine):
            self._stored += 1
        else:
            error = error_of(outcome, event.topic, event.id)
            if isinstance(error, Refused):
                self._rejected += 1
            else:
                self._failed += 1
            self._keep(event.target, error)
        if self.when_all is not None and self.done >= self.taken:
            self.when_all()

    def refused(self, index: int, topic: str, why: Undelivered) -> None:
        """An event that the local verdict refused."""
        self._rejected_here += 1
        self._keep(index, error_of(why, topic, ""))

    def _keep(self, index: int, error: TidegateError) -> None:
        if len(self._failures) < KEPT_FAILURES:
            self._failures.append(Failure(index=index, error=error))

    @property
    def seen(self) -> int:
        """Events with an outcome, local rejections included."""
        return self.done + self._rejected_here

    def summary(self) -> Summary:
        """What was counted."""
        return Summary(
            stored=self._stored,
            rejected=self._rejected + self._rejected_here,
            failed=self._failed,
            failures=tuple(self._failures),
        )
