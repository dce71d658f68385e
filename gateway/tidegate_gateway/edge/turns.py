"""How many requests begin in one turn of the event loop, so that thousands at once do not hold up every other port.

Used by `protocol`, `http2.port` and `rpc_server`; one object for a port. The loop reads whatever has arrived and then runs everything
that became ready of it before it looks at its sockets again: 4,000 requests in one read are seconds in which no health check is answered.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

__all__ = ["Turns"]

_MOST_DEAD = 256
"""Of those that are over before their turn, so many are passed over in a turn for each that may begin."""


class Turns:
    """Requests begin in turns: `most` in each, what is left in the next ones. Not thread-safe: one loop owns it.

    Those of one `who` keep their order; of several who wait, each has one begun before anybody has a second.
    """

    __slots__ = ("_begun", "_count", "_loop", "_most", "_waiting")

    def __init__(self, most: int) -> None:
        self._most = most
        self._begun = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._count = 0
        self._waiting: OrderedDict[Hashable, deque[Callable[[], object]]] = OrderedDict()

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    def begin(self, start: Callable[[], object], who: Hashable = None) -> None:
        """Call `start` now where this turn has room, else in one of the next. Where it gives False it was over, and takes no place."""
        if self._begun < self._most:
            if not self._begun:
                self._loop = self._loop or asyncio.get_running_loop()
                self._loop.call_soon(self._next_turn)
            self._begun += 1
            start()
            return
        self._count += 1
        waiting = self._waiting.get(who)
        if waiting is None:
            self._waiting[who] = deque((start,))
        else:
            waiting.append(start)

    def _next_turn(self) -> None:
        self._begun = min(self._count, self._most)
        if not self._begun or self._loop is None:
            return
        self._loop.call_soon(self._next_turn)
        left = self._begun
        for _ in range(min(self._count, self._begun * _MOST_DEAD)):
            if self._next()() is not False:
                left -= 1
                if not left:
                    return

    def _next(self) -> Callable[[], object]:
        """Whose turn it is, who goes behind all others with what is left of theirs."""
        who, waiting = self._waiting.popitem(last=False)
        start = waiting.popleft()
        self._count -= 1
        if waiting:
            self._waiting[who] = waiting
        return start
