"""A clock that a test moves. An adapter of `shell.clock.Clock`: linger, backoff, deadlines and the breaker go by it, and nothing sleeps."""

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

__all__ = ["VirtualClock"]

_TURNS: Final = 50
_PATIENCE_S: Final = 5.0
"""Real seconds that `advance` waits for a delivering thread."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    wake: asyncio.Event
    until: float | None


class VirtualClock:
    """Virtual seconds from 0.

    By itself it jumps to the next thing that is due as soon as nothing else happens: retries take no time. With `auto=False` it stands still until `advance`.
    For transports that answer in the loop's turn (FakeGate's does): a real network knows nothing of this clock.
    """

    def __init__(self, *, auto: bool = True) -> None:
        self._auto = auto
        self._now = 0.0
        self._changed = threading.Condition()
        self._waiters: set[_Waiter] = set()

    def now(self) -> float:
        """Virtual seconds."""
        return self._now

    async def wait(self, wake: asyncio.Event, until: float | None) -> None:
        """Returns once `wake` is set, or when virtual time is `until`."""
        for _ in range(_TURNS):
            if wake.is_set() or (until is not None and until <= self._now):
                return
            await asyncio.sleep(0)
        if self._auto and until is not None:
            self._move(until)
            return
        waiter = _Waiter(asyncio.get_running_loop(), wake, until)
        with self._changed:
            self._waiters.add(waiter)
            self._changed.notify_all()
        try:
            await wake.wait()
        finally:
            with self._changed:
                self._waiters.discard(waiter)
                self._changed.notify_all()

    def advance(self, seconds: float) -> None:
        """Moves time on, from one due thing to the next. From any thread but the one that delivers (with an `AsyncClient`: `advance_async`)."""
        target = self._now + seconds
        while self._at_rest():
            due = self._next(target)
            if due is None:
                break
            self._move(max(due[0], self._now))
            due[1].loop.call_soon_threadsafe(due[1].wake.set)
        self._move(target)

    def _at_rest(self) -> bool:
        """Waits until every client waits for this clock and nothing else. False where none does within a few real seconds."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            with self._changed:
                self._changed.wait_for(lambda: self._waiters, _PATIENCE_S)
                waiters = list(self._waiters)
            for waiter in waiters:  # what was called into its loop before this (a submit's wake, ours) has then run
                reached = threading.Event()
                with suppress(RuntimeError):  # its loop is closed
                    waiter.loop.call_soon_threadsafe(reached.set)
                    reached.wait(_PATIENCE_S)
            with self._changed:
                if waiters and self._waiters == set(waiters) and not any(waiter.wake.is_set() for waiter in waiters):
                    return True
        return False

    async def advance_async(self, seconds: float) -> None:
        """The same on the loop that delivers."""
        target = self._now + seconds
        while True:
            for _ in range(_TURNS * 2):
                await asyncio.sleep(0)
            due = self._next(target)
            if due is None:
                break
            self._move(max(due[0], self._now))
            due[1].wake.set()
        self._move(target)

    def _next(self, target: float) -> tuple[float, _Waiter] | None:
        due = [
            (waiter.until, waiter) for waiter in self._waiters if waiter.until is not None and waiter.until <= target
        ]
        return min(due, key=lambda one: one[0], default=None)

    def _move(self, to: float) -> None:
        self._now = max(self._now, to)
