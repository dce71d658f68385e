"""Between a lane and the spool: what goes to disk, what comes back, in which order. Owned by `engine`; the spool behind its port is the only I/O.

A lane whose `spooled` is 0 has all in memory, and is diverted whole. One with unread events on disk holds only older ones in memory: what
was under way when it was diverted, and what was read back.
"""

from collections.abc import Callable, Sequence

from tidegate.counters import Counters
from tidegate.engine_settings import EngineSettings
from tidegate.lanes import Lane
from tidegate.outgoing import Outcome, Outgoing, Undelivered
from tidegate.spooling import Spool, SpoolRefused, wants_spool
from tidegate.wire.results import SPOOLED, ResultLine

__all__ = ["Diversion"]

Settle = Callable[[Outgoing, Outcome], None]


class Diversion:
    """One engine's way to its spool."""

    __slots__ = ("_counters", "_lost", "_settings", "_settle", "_spool")

    def __init__(self, spool: Spool, settle: Settle, counters: Counters, settings: EngineSettings) -> None:
        """`settle` gives an event its outcome."""
        self._spool = spool
        self._settle = settle
        self._counters = counters
        self._settings = settings
        self._lost: list[Undelivered] = []

    def depths(self) -> dict[tuple[str, int], int]:
        """What an earlier process left, by topic and lane."""
        return self._spool.depths(self._settings.lanes)

    def divert(self, lane: Lane, *, breaker_open: bool, events: int) -> None:
        """New events came: where the lane spools they go to disk, behind what is there, or are refused; a lane that begins to takes all along."""
        spool_after = self._settings.spool_after_events
        if not lane.waiting or not wants_spool(lane, breaker_open=breaker_open, events=events, spool_after=spool_after):
            return
        if not lane.spooled:
            self.rescue(lane)
            return
        newer = lane.take_untried()
        try:
            self._keep(lane, newer, front=False)
        except SpoolRefused as error:
            for event in newer:
                self._settle(event, Undelivered(reason=f"the spool did not take it: {error}", given_up=True))

    def rescue(self, lane: Lane) -> None:
        """Everything that the lane has in memory alone goes to disk, in its order. Where the spool refuses, memory keeps it."""
        events = lane.divert()
        try:
            self._keep(lane, events, front=lane.spooled > 0)
        except SpoolRefused:
            lane.give_back(events)

    def _keep(self, lane: Lane, events: Sequence[Outgoing], *, front: bool) -> None:
        if not events:
            return
        self._spool.append(events, lane.index, front=front)
        lane.spooled += len(events)
        self._counters.spooled += len(events)
        for event in events:
            self._settle(event, ResultLine(id=event.id, status=SPOOLED, version=event.version))

    def refill(self, lane: Lane) -> Sequence[Outgoing]:
        """The lane's next events of the spool. They stay on disk until they have their outcome."""
        events = self._spool.read(lane.topic, lane.index, self._settings.batch, lane.max_events)
        if not events:
            lane.spooled = 0  # what could not be read is the spool's to report
        for event in events:
            event.on_settled = self._settled
        return events

    def remove(self, lane: Lane, events: Sequence[Outgoing]) -> None:
        """Of these, which have their outcome, those that came from the spool leave it."""
        spooled = [event for event in events if event.spooled]
        if spooled:
            self._spool.remove(spooled, lane.index)

    def _settled(self, event: Outgoing, outcome: Outcome) -> None:
        """Whoever submitted it was answered long ago; a refusal must be told in another way."""
        if isinstance(outcome, Undelivered):
            self._lost.append(Undelivered(reason=f"{event.topic}: a spooled event was refused: {outcome.reason}"))

    def take_lost(self) -> Sequence[Undelivered]:
        """Why events of the spool were lost since the last call."""
        lost, self._lost = self._lost, []
        return lost

    def close(self) -> None:
        """Closes the spool."""
        self._spool.close()
