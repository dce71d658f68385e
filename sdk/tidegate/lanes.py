"""Lanes: what keeps the order of a key. Pure: `now` and `random` are arguments. Called by `engine`.

Each topic has a few lanes; a key's hash chooses one. A lane has one request in flight, and what must go again goes before what came later,
so a key's events reach the gateway in the order they were accepted, also across retries. Where only some keys of a batch failed, those
keys are held and the others go on.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final
from zlib import crc32

from tidegate.backoff import Random, wait_s
from tidegate.batching import BatchLimits
from tidegate.outgoing import Outgoing

__all__ = ["NEVER", "Lane", "lane_of"]

NEVER: Final = float("inf")
"""No instant: nothing is due."""


def lane_of(key: bytes, lanes: int) -> int:
    """The lane of a record key, 0 to `lanes` - 1; the same in every process."""
    return crc32(key) % lanes


class _Held:
    """A key whose events wait for their next attempt. They are older than what waits in the lane."""

    __slots__ = ("events", "until")

    def __init__(self) -> None:
        self.events: deque[Outgoing] = deque()
        self.until = 0.0


class Lane:
    """The events of some keys of one topic, in order."""

    __slots__ = (
        "_held",
        "_hold_until",
        "_most_events",
        "_urgent",
        "failures",
        "in_flight",
        "index",
        "max_events",
        "size_bytes",
        "spooled",
        "topic",
        "waiting",
    )

    def __init__(self, topic: str, index: int, max_events: int) -> None:
        self.topic = topic
        self.index = index
        self.max_events = max_events
        """So many events in a request at most; less than the limit for a while after a request was halved."""
        self._most_events = max_events
        self.waiting: deque[Outgoing] = deque()
        self.size_bytes = 0
        """Of `waiting`."""
        self.in_flight = False
        self.failures = 0
        """Requests of this lane that failed in a row."""
        self.spooled = 0
        """How many of its events are in the spool and were not read back. While there are any, new ones go behind them."""
        self._held: dict[bytes, _Held] = {}
        self._hold_until = 0.0
        self._urgent = 0

    @property
    def backlog(self) -> int:
        """Events that wait, in memory; those in flight and in the spool are not among them."""
        return len(self.waiting) + sum(len(held.events) for held in self._held.values())

    @property
    def retrying(self) -> bool:
        """Whether the next batch holds events that were tried before."""
        return bool(self._held) or bool(self.waiting and self.waiting[0].attempts)

    @property
    def refillable(self) -> bool:
        """Whether events of the spool may be read back now. What is held is bounded, or one key could draw all of it into memory."""
        return (
            self.spooled > 0 and not self.waiting and sum(len(h.events) for h in self._held.values()) < self.max_events
        )

    def add(self, event: Outgoing) -> None:
        """A new event, behind all others."""
        self.waiting.append(event)
        self.size_bytes += event.size_bytes
        self._urgent += event.urgent

    def urge(self) -> None:
        """Somebody flushes: what waits now lingers no longer."""
        for event in self.waiting:
            event.urgent = True
        self._urgent = len(self.waiting)

    def due_at(self, limits: BatchLimits) -> float:
        """When the next batch may go; `NEVER` with nothing to send or a request in flight."""
        if self.in_flight:
            return NEVER
        due = min((held.until for held in self._held.values()), default=NEVER)
        if self.refillable:
            due = 0.0
        if self.waiting:
            first = self.waiting[0]
            at_once = self._urgent or first.attempts or limits.full(len(self.waiting), self.size_bytes)
            due = min(due, 0.0 if at_once else limits.due_at(first.at))
        return max(due, self._hold_until)

    def take(self, now: float, limits: BatchLimits, most: int) -> list[Outgoing]:
        """Takes the next batch of up to `most` events out, in order. May be empty: all that waits is of held keys."""
        batch: list[Outgoing] = []
        size_bytes = 0
        most = min(most, self.max_events)
        for event in self._candidates(now):
            if len(batch) >= most or not limits.fits(len(batch), size_bytes, event.size_bytes):
                self._put_back(event)
                break
            batch.append(event)
            size_bytes += event.size_bytes
        return batch

    def _candidates(self, now: float) -> Iterator[Outgoing]:
        """Takes out events that may go now, one by one: those of held keys first, as they are older."""
        for key in [key for key, held in self._held.items() if held.until <= now]:
            events = self._held[key].events
            while events:
                yield events.popleft()
            del self._held[key]
        waiting = self.waiting
        held = self._held
        while waiting:
            event = waiting.popleft()
            self.size_bytes -= event.size_bytes
            self._urgent -= event.urgent
            if held and event.lane_key in held:
                held[event.lane_key].events.append(event)
            else:
                yield event

    def _put_back(self, event: Outgoing) -> None:
        """What was taken out goes back to the front of where it came from."""
        held = self._held.get(event.lane_key)
        if held is not None:
            held.events.appendleft(event)
            return
        self.waiting.appendleft(event)
        self.size_bytes += event.size_bytes
        self._urgent += event.urgent

    def give_back(self, events: Sequence[Outgoing]) -> None:
        """The whole batch goes again, before everything that waits and in its order."""
        for event in reversed(events):
            self._put_back(event)

    def shrink(self, max_events: int, *, lasting: bool) -> None:
        """So many events in a request at most; `lasting`: that is the gateway's limit, else it grows back."""
        self.max_events = max_events
        if lasting:
            self._most_events = max_events

    def succeeded(self) -> None:
        """The gateway took a request of this lane."""
        self.failures = 0
        if self.max_events < self._most_events:
            self.max_events = min(self.max_events * 2, self._most_events)

    def hold(self, now: float, random: Random, hint_s: float | None) -> None:
        """The lane's request failed: nothing of it goes before a wait that grows with each failure in a row."""
        self._hold_until = now + wait_s(self.failures, random, hint_s)
        self.failures += 1

    def hold_keys(self, failed: Sequence[tuple[Outgoing, float | None]], now: float, random: Random) -> None:
        """Some events of a batch that went through go again: their keys wait, the others go on.

        `failed` are the events in order, each with the wait that the server asked for. Events without a key count as of one key.
        """
        hints_s: dict[bytes, float] = {}
        for event, hint_s in reversed(failed):
            key = event.lane_key
            self._held.setdefault(key, _Held()).events.appendleft(event)
            hints_s[key] = max(hints_s.get(key, 0.0), hint_s or 0.0)
        for key, hint in hints_s.items():
            held = self._held[key]
            held.until = now + wait_s(held.events[0].attempts - 1, random, hint)

    def expire(self, now: float) -> list[Outgoing]:
        """Takes out the events whose deadline has passed."""
        late: list[Outgoing] = []
        while (event := self.oldest()) is not None and event.deadline <= now:
            late.append(self._remove_front(event))
        return late

    def next_deadline(self) -> float:
        """The deadline of what waits longest; `NEVER` where nothing does. All events have the same time to live."""
        event = self.oldest()
        return NEVER if event is None else event.deadline

    def oldest(self) -> Outgoing | None:
        """The event that waits longest."""
        first = self.waiting[0] if self.waiting else None
        if not self._held:
            return first
        fronts = [held.events[0] for held in self._held.values()]
        return min(fronts if first is None else [*fronts, first], key=_accepted_at)

    def drop_oldest(self) -> Outgoing | None:
        """Takes out the event that waits longest, for the room it takes."""
        event = self.oldest()
        return None if event is None else self._remove_front(event)

    def _remove_front(self, event: Outgoing) -> Outgoing:
        """Takes out an event that is the first of where it waits."""
        held = self._held.get(event.lane_key)
        if held is not None and held.events[0] is event:
            held.events.popleft()
            if not held.events:
                del self._held[event.lane_key]
            return event
        self.waiting.popleft()
        self.size_bytes -= event.size_bytes
        self._urgent -= event.urgent
        return event

    def divert(self) -> list[Outgoing]:
        """Takes out what waits in memory alone, in order of each key, to be spooled. What was read from the spool stays."""
        events = self.clear()
        for event in reversed(events):
            if event.spooled:
                self._put_back(event)
        return [event for event in events if not event.spooled]

    def take_untried(self) -> list[Outgoing]:
        """Takes out the events that were never sent and are in memory alone, in order."""
        events = [event for event in self.waiting if not event.attempts and not event.spooled]
        kept = [event for event in self.waiting if event.attempts or event.spooled]
        self.waiting.clear()
        self.size_bytes = self._urgent = 0
        for event in kept:
            self.add(event)
        return events

    def clear(self) -> list[Outgoing]:
        """Takes everything out, in order of each key."""
        events = [event for held in self._held.values() for event in held.events]
        events += self.waiting
        self._held.clear()
        self.waiting.clear()
        self.size_bytes = self._urgent = 0
        return events


def _accepted_at(event: Outgoing) -> float:
    return event.at
