"""Messages that unpack to much, a few at a time: ten kilobytes may hold eight megabytes, and a client may send hundreds of such.

Made by `rpc_server`, one for a port; used by `exchange`.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable

from tidegate_gateway.edge.grpc.messages import Unpacking

__all__ = ["Unpacks"]

_MOST = 2


class Unpacks:
    """Two messages at a time, each a step in a turn of the loop; the others hold what their first step gave, and wait.

    Of several connections that wait, each has one unpacked before any has a second. One event loop owns it.
    """

    __slots__ = ("_free", "_waiting")

    def __init__(self) -> None:
        self._free = _MOST
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    async def whole(self, unpacking: Unpacking, who: Hashable) -> bytes:
        """All of a message of the connection `who`. Raises what `Unpacking.step` does."""
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
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it had its turn, and ended with it
                self._leave()
            raise

    def _leave(self) -> None:
        while self._waiting:
            who, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[who] = turns
            if not turn.done():  # its call has not ended
                turn.set_result(None)
                return
        self._free += 1
