"""One event on its way, from `submit` to its outcome, and what an outcome is. Values of the SDK's inside; nothing is decided here.

Made by the shells, carried by `inbox`, `lanes` and `engine`, rendered by the transports.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from tidegate.errors import Code
from tidegate.wire.problem import Problem
from tidegate.wire.results import ResultLine

__all__ = ["EVENT_OVERHEAD_BYTES", "HELD_EVENT_BYTES", "Generation", "OnSettled", "Outcome", "Outgoing", "Undelivered"]

EVENT_OVERHEAD_BYTES = 120
"""What an event takes in a request beside its value, key and headers: id, version, member names."""

HELD_EVENT_BYTES = 2000
"""What a queued event takes in memory beside that: itself, its id, its future (measured on CPython 3.11: 2,070; without a future 440)."""


class Undelivered(msgspec.Struct, frozen=True, kw_only=True):
    """Why an event has no receipt.

    `code` is the errors table's where the gateway, or the local verdict, named one; None: nobody answered, or the SDK itself
    gave up. `reason` is for people. `problem` is the gateway's own words. `maybe_stored`: an attempt may have got through. `given_up`: this
    client let go of it, for room or at its close.
    """

    reason: str
    code: Code | None = None
    problem: Problem | None = None
    maybe_stored: bool = False
    given_up: bool = False


Outcome = ResultLine | Undelivered
"""A receipt's line, or why there is none."""


class Generation:
    """The events accepted between two flushes: `left` of them have no outcome yet."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = 0


OnSettled = Callable[["Outgoing", Outcome], None]
"""Told once for each event, on the engine's thread. Must not block or raise."""


class Outgoing(msgspec.Struct, kw_only=True, gc=False):
    """One event in the queue. Changed by the engine alone, once it was accepted.

    `body` is the value as sent, in `media_type`. `key` is the event's own, `lane_key` the record's key as the local verdict gave
    it (empty: no key, or none known); `judged` says whether there was a verdict. `version`: of the contract, None for the newest. `size_bytes` is what it takes in a
    request, roughly. `at` and `deadline` are seconds of the engine's clock. `urgent`: somebody waits, do not linger.
    `target` belongs to `on_settled` (a future, a tally).
    """

    id: str
    topic: str
    body: bytes
    media_type: str
    size_bytes: int
    at: float
    deadline: float
    on_settled: OnSettled
    target: Any = None
    key: str | bytes | None = None
    lane_key: bytes = b""
    judged: bool = False
    headers: dict[str, str] | None = None
    time: str | None = None
    version: int | None = None
    urgent: bool = False
    attempts: int = 0
    refreshed: bool = False
    maybe_stored: bool = False
    spooled: bool = False
    why: Undelivered | None = None
    generation: Generation | None = None
