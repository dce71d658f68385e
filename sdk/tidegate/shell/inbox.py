"""Between the threads that submit and the one that delivers: bounded by events and bytes. Called by both shells and by `driver`.

The lock is reentrant and held for a few lines that allocate next to nothing and call nobody, so that neither a signal handler nor a
finaliser that submits can find it held by its own thread and wait for ever.
"""

from collections import deque
from collections.abc import Callable
from threading import RLock
from typing import Final

from tidegate.outgoing import HELD_EVENT_BYTES, Outgoing

__all__ = ["Inbox"]

_NEVER: Final = float("inf")


class Inbox:
    """What was submitted and not yet taken over by the engine, and how much the engine holds."""

    __slots__ = (
        "_batch_bytes",
        "_batch_events",
        "_bytes",
        "_drops",
        "_engine_bytes",
        "_engine_events",
        "_events",
        "_linger_s",
        "_lock",
        "_max_bytes",
        "_max_events",
        "_waiters",
        "_wake_after",
        "_wakes_at",
        "_wanted_bytes",
        "accepted",
        "closed",
        "unjudged",
        "wake",
    )

    def __init__(
        self, *, max_events: int, max_bytes: int, linger_s: float, batch_events: int, batch_bytes: int, drops: bool
    ) -> None:
        """`batch_events` or `batch_bytes` that wait wake the driver early. `drops`: never full, the engine drops the oldest."""
        self._lock = RLock()
        self._events: deque[Outgoing] = deque()
        self._bytes = 0
        self._engine_events = 0
        self._engine_bytes = 0
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._linger_s = linger_s
        self._batch_bytes = batch_bytes
        self._batch_events = batch_events
        self._wake_after = batch_events
        self._drops = drops
        self._wakes_at = _NEVER
        self._wanted_bytes = 0
        self._waiters: deque[Callable[[], None]] = deque()
        self.accepted = 0
        self.unjudged = 0
        self.closed = False
        self.wake: Callable[[], None] = _nobody
        """Wakes the driver; callable from any thread."""

    def put(self, event: Outgoing, *, patient: bool = False) -> bool:
        """Takes an event in; False once closed, and where there is no room, with `patient` also where the engine would drop the oldest for it. The order of calls is the order of sending. Wakes the driver where it must."""
        with self._lock:
            if self.closed:  # under the lock: what came later would have no outcome
                return False
            events = self._events
            waiting = len(events)
            size_bytes = event.size_bytes
            held = waiting + self._engine_events
            if (patient or not self._drops) and (
                held >= self._max_events or (held and not self._fits(waiting + 1, size_bytes))
            ):
                return False
            events.append(event)
            before, self._bytes = self._bytes, self._bytes + size_bytes
            self.accepted += 1
            self.unjudged += not event.judged
            wake = (
                event.urgent
                or event.at + self._linger_s < self._wakes_at
                or waiting + 1 == self._wake_after
                or before < self._batch_bytes <= self._bytes
            )
            if wake:
                self._wakes_at = event.at
        if wake:
            self.wake()
        return True

    def _fits(self, waiting: int, size_bytes: int) -> bool:
        """Whether the memory that all queued events take stays in its bound, with `waiting` of them here and one of that size among them."""
        return self._engine_bytes + self._bytes + waiting * HELD_EVENT_BYTES + size_bytes <= self._max_bytes

    def drain(self) -> list[Outgoing]:
        """Hands everything over to the engine, in order. By the driver alone."""
        if not self._events:
            return []
        with self._lock:
            events = list(self._events)
            self._events.clear()
            self._engine_bytes += self._bytes + len(events) * HELD_EVENT_BYTES
            self._engine_events += len(events)
            self._bytes = 0
        return events

    def engine_holds(self, events: int, size_bytes: int, wakes_at: float | None, filling: int = 0) -> None:
        """What the engine holds now, and when the driver wakes by itself. Those who wait for room are told.

        `filling`: of the batch that is nearest to full, so many events are there.
        """
        ready: list[Callable[[], None]] = []
        with self._lock:
            self._engine_events = events
            self._engine_bytes = size_bytes
            self._wake_after = max(1, self._batch_events - filling)
            self._wakes_at = _NEVER if wakes_at is None else wakes_at
            waiting = len(self._events)
            empty = not waiting + events
            if (
                self._waiters
                and waiting + events < self._max_events
                and (empty or self._fits(waiting + 1, self._wanted_bytes))
            ):
                ready.extend(self._waiters)
                self._waiters.clear()
                self._wanted_bytes = 0
        for tell in ready:
            tell()

    def when_room(self, tell: Callable[[], None], size_bytes: int) -> None:
        """Calls `tell` once, from the driver's thread, when there is room for an event of that size, or when the client closes."""
        with self._lock:
            closed = self.closed
            if not closed:
                self._wanted_bytes = max(self._wanted_bytes, size_bytes)
                self._waiters.append(tell)
        if closed:
            tell()
        else:
            self.wake()

    def close(self) -> None:
        """Nothing more comes in; those who wait for room are told."""
        with self._lock:
            self.closed = True
            ready = list(self._waiters)
            self._waiters.clear()
        for tell in ready:
            tell()

    @property
    def events(self) -> int:
        """Events without an outcome, roughly: those taken over are counted as the driver last said."""
        return len(self._events) + self._engine_events

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be taken over."""
        return not self._events


def _nobody() -> None:
    """No driver runs yet."""
