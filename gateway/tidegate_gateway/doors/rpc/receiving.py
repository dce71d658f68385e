"""Which calls wait for a request that is on its way, and which of them have to go: the oldest, where too many do. Decisions alone.

Told by `calls` of each read, asked by `methods`, which ends the calls. What has arrived of a message is kept, up to the largest one
for each call: the memory of in-flight events (`intake.memory`) is charged only once a message is whole.
"""

from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from tidegate.errors import Code
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.principal import Principal

__all__ = ["MOST_STRANGERS", "Reader", "Receiving"]

MOST_STRANGERS = 32
"""Calls without a principal (health, reflection, public contracts) that may wait for a request at once: an honest one waits a millisecond."""
_SLOW_S = 1.0
"""A producer's request that takes longer is a slow one, of which not too many may be on their way."""


class Reader(Hashable, Protocol):
    """As much of a call as is looked at."""

    @property
    def principal(self) -> Principal | None: ...


_Call = TypeVar("_Call", bound=Reader)


class Receiving(Generic[_Call]):
    """The calls that are reading, oldest first. One event loop owns it.

    `timeout_s` is how long a call's one request may take; `most_slow` so many producers may take longer than a second at once.
    `let_go` is told at once of a call that has to go, and why.
    """

    __slots__ = ("_let_go", "_most_slow", "_since_s", "_strangers", "_timeout_s")

    def __init__(self, timeout_s: float, most_slow: int, let_go: Callable[[_Call, Fault], None]) -> None:
        self._timeout_s = timeout_s
        self._most_slow = most_slow
        self._let_go = let_go
        self._since_s: dict[_Call, float] = {}
        self._strangers: dict[_Call, None] = {}

    def begun(self, call: _Call, now_s: float, *, timed: bool) -> None:
        """The call reads from now on; `timed`: the one request that it has to bring, or a stream's that has come in part."""
        if timed:
            self._since_s[call] = now_s
        if call.principal is None:
            self._strangers[call] = None
            if len(self._strangers) > MOST_STRANGERS:
                oldest = next(iter(self._strangers))
                self.ended(oldest)
                self._let_go(oldest, Fault(Code.OVERLOADED, "too many calls without a token wait for their requests"))

    def ended(self, call: _Call) -> None:
        """It has read, or will never."""
        self._since_s.pop(call, None)
        self._strangers.pop(call, None)

    def sweep(self, now_s: float) -> None:
        """Let go whose request has not arrived in time, and the oldest of too many slow ones."""
        slow = [(call, now_s - since_s) for call, since_s in self._since_s.items() if now_s - since_s > _SLOW_S]
        beyond = len(slow) - self._most_slow
        for place, (call, waited_s) in enumerate(slow):
            if waited_s > self._timeout_s:
                self.ended(call)
                self._let_go(call, Fault(Code.TIMEOUT, "the request did not arrive in time"))
            elif place < beyond:
                self.ended(call)
                self._let_go(call, Fault(Code.OVERLOADED, "too many requests arrive slowly, and this is the oldest"))
