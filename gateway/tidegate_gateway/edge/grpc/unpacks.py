"""Messages that unpack to much, a few at a time: ten kilobytes may hold eight megabytes, and a client may send hundreds of such.

Made by `rpc_server`, one for a port; used by `exchange`.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable

from tidegate.errors import Code
from tidegate_gateway.edge.grpc.messages import Unpacking
from tidegate_gateway.intake.faults import Fault

__all__ = ["Unpacks"]

_MOST = 2


class Unpacks:
    """Two messages at a time, each a step in a turn of the loop; the others hold what their first step gave, and wait.

    Of several connections that wait, each has one unpacked before any has a second. `most_waiting` may wait; beyond it the oldest
    of the connection that has most goes, or who waits to be unpacked is every call that there may be. One event loop owns it.
    """

    __slots__ = ("_count", "_free", "_most_waiting", "_waiting")

    def __init__(self, most_waiting: int) -> None:
        self._free = _MOST
        self._most_waiting = most_waiting
        self._count = 0
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[bool]]] = OrderedDict()

    async def whole(self, unpacking: Unpacking, who: Hashable) -> bytes:
        """All of a message of the connection `who`. Raises what `Unpacking.step` does, and `overloaded`."""
        await self._enter(who)
        try:
            while (plain := unpacking.step()) is None:  # noqa: ASYNC110 -- nothing is waited for: others have their turn
                await asyncio.sleep(0)
            return plain
        finally:
            self._leave()

    async def _enter(self, who: Hashable) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        self._count += 1
        while self._count > self._most_waiting:
            self._pass_over(self._next(max(self._waiting, key=lambda one: len(self._waiting[one]))))
        try:
            has_turn = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():  # it had its turn, and ended with it
                self._leave()
            raise
        if not has_turn:  # said here: a future that holds its exception is a cycle, and what it unpacked stays until the collector comes
            raise Fault(Code.OVERLOADED, "too many compressed messages wait to be unpacked")

    def _leave(self) -> None:
        while self._waiting:
            turn = self._next(next(iter(self._waiting)))
            if not turn.done():  # its call has not ended
                turn.set_result(True)
                return
        self._free += 1

    def _next(self, who: Hashable) -> "asyncio.Future[bool]":
        """The oldest of a connection, which goes behind all others with what is left of its own."""
        turns = self._waiting.pop(who)
        turn = turns.popleft()
        self._count -= 1
        if turns:
            self._waiting[who] = turns
        return turn

    def _pass_over(self, turn: "asyncio.Future[bool]") -> None:
        if not turn.done():
            turn.set_result(False)
