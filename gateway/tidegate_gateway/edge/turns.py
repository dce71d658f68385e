"""How many requests begin in one turn of the event loop, so that thousands at once do not hold up every other port.

Used by `protocol`; one object for a port. The loop reads whatever has arrived and then runs everything that became ready of it
before it looks at its sockets again: 4,000 requests in one read are seconds in which no health check is answered.
"""

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["Turns"]


class Turns:
    """Requests begin in their order: `most` in a turn, what is left in the next ones. Not thread-safe: one loop owns it."""

    __slots__ = ("_begun", "_loop", "_most", "_waiting")

    def __init__(self, most: int) -> None:
        self._most = most
        self._begun = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[Callable[[], object]] = deque()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def begin(self, start: Callable[[], object]) -> None:
        """Call `start` now where this turn has room, else in one of the next."""
        if self._begun < self._most:
            if not self._begun:
                self._loop = self._loop or asyncio.get_running_loop()
                self._loop.call_soon(self._next_turn)
            self._begun += 1
            start()
        else:
            self._waiting.append(start)

    def _next_turn(self) -> None:
        self._begun = min(len(self._waiting), self._most)
        if self._begun and self._loop is not None:
            self._loop.call_soon(self._next_turn)
        for _ in range(self._begun):
            self._waiting.popleft()()
