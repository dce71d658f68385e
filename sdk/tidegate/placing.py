"""Which lane an event goes to. Pure. Called by `engine`.

A topic whose keys are known is spread over its lanes by their hash. Where they are not (no contract at hand), one lane keeps the order of
all. A topic changes from one to the other only while nothing of it is under way: until then what came later waits.
"""

from collections import deque
from collections.abc import Sequence

from tidegate.lanes import NEVER, Lane, lane_of
from tidegate.outgoing import Outgoing

__all__ = ["Topic"]


class Topic:
    """One topic's lanes."""

    __slots__ = ("_later", "_spread", "_sticky", "_sticky_left", "_under_way", "lanes", "name")

    def __init__(self, name: str, lanes: int, max_events: int) -> None:
        self.name = name
        self.lanes = tuple(Lane(name, index, max_events) for index in range(lanes))
        self._spread = True
        self._under_way = 0
        self._later: deque[Outgoing] = deque()
        self._sticky = 0
        self._sticky_left = max_events

    def place(self, event: Outgoing) -> None:
        """Puts a new event into its lane, or behind the change of the topic's order."""
        if self._later or (event.judged is not self._spread and self._busy):
            self._later.append(event)
            return
        self._spread = event.judged
        self._under_way += 1
        self.lanes[self._index(event)].add(event)

    @property
    def _busy(self) -> bool:
        return self._under_way > 0 or any(lane.spooled for lane in self.lanes)

    def refill(self, lane: Lane, events: Sequence[Outgoing]) -> None:
        """Events of the spool come back into the lane that they were in."""
        self._spread = all(event.judged for event in events)
        self._under_way += len(events)
        lane.spooled -= len(events)
        for event in events:
            lane.add(event)

    def settled(self) -> None:
        """An event that was placed has its outcome."""
        self._under_way -= 1
        while self._later and (not self._busy or self._later[0].judged is self._spread):
            event = self._later.popleft()
            self._spread = event.judged
            self._under_way += 1
            self.lanes[self._index(event)].add(event)

    def _index(self, event: Outgoing) -> int:
        if not event.judged:
            return 0
        if event.lane_key:
            return lane_of(event.lane_key, len(self.lanes))
        return self._next_keyless()

    def _next_keyless(self) -> int:
        """Events without a key fill one lane's batch after the other's: spread one by one they would fill none."""
        if not self._sticky_left:
            self._sticky = (self._sticky + 1) % len(self.lanes)
            self._sticky_left = self.lanes[self._sticky].max_events
        self._sticky_left -= 1
        return self._sticky

    def next_deadline(self) -> float:
        """The deadline of what waits longest for the change of order; `NEVER` where nothing does."""
        return self._later[0].deadline if self._later else NEVER

    def take_later(self) -> Outgoing | None:
        """Takes out what waits longest for the change of order, to be settled."""
        if not self._later:
            return None
        self._under_way += 1
        return self._later.popleft()

    def place_all(self) -> None:
        """Puts everything into its lane at once, the change of order or not: nothing is sent from here any more."""
        while self._later:
            event = self._later.popleft()
            self._under_way += 1
            self.lanes[self._index(event)].add(event)

    def clear(self) -> list[Outgoing]:
        """Takes out everything that is not in flight."""
        events = [event for lane in self.lanes for event in lane.clear()]
        self._under_way += len(self._later)
        events += self._later
        self._later.clear()
        return events
