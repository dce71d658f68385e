"""A gateway as a herd meets it: so much work a second, a short queue, a 503 beyond it, away for a while. Pure; called by `herd`."""

from dataclasses import dataclass
from typing import Final

from tidegate.errors import ERRORS, Code
from tidegate.outgoing import Outgoing
from tidegate.transport.port import Answer, Receipted, Refusal, Unreached
from tidegate.wire.results import ResultLine

__all__ = ["EVENT_WORK", "GatewayModel", "Reply", "work_of"]

EVENT_WORK: Final = 0.1
"""What each further event of a request costs beside the first: a batch of 500 is 50 single requests, as measured of the real gateway."""
QUEUE_S: Final = 0.5
"""So many seconds of work may wait; what comes beyond is refused at once, as the real gateway does when its memory is taken."""
ROUND_TRIP_S: Final = 0.010
RETRY_AFTER_S: Final = 1.0


def work_of(events: int) -> float:
    """The work of a request with so many events; a request with one is 1."""
    return 1.0 + EVENT_WORK * (events - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer and when its sender has it, in virtual seconds."""

    at: float
    answer: Answer


class GatewayModel:
    """One gateway. `capacity`: work a second. Between `away_from` and `away_until` (virtual seconds) connections are refused."""

    def __init__(self, *, capacity: float, away_from: float, away_until: float) -> None:
        self._capacity = capacity
        self._away_from = away_from
        self._away_until = away_until
        self._free_at = 0.0

    def arrive(self, events: list[Outgoing], now: float) -> Reply:
        """A request arrives."""
        if self._away_from <= now < self._away_until:
            return Reply(
                at=now + ROUND_TRIP_S, answer=Unreached(reason="the connection was refused", maybe_stored=False)
            )
        if self._free_at - now > QUEUE_S:
            return Reply(
                at=now + ROUND_TRIP_S,
                answer=Refusal(
                    status=ERRORS[Code.OVERLOADED].http,
                    code=Code.OVERLOADED,
                    reason="the gateway is at its limit",
                    retry_after_s=RETRY_AFTER_S,
                ),
            )
        self._free_at = max(self._free_at, now) + work_of(len(events)) / self._capacity
        lines = [ResultLine(id=event.id, status="stored") for event in events]
        return Reply(at=self._free_at + ROUND_TRIP_S, answer=Receipted(lines=lines))
