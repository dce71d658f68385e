"""The memory that events in flight may take together: reserved before a body is read, given back when its answer is made."""

from types import TracebackType
from typing import Self

from tidegate.errors import Code
from tidegate_gateway.intake.faults import Fault

__all__ = ["SMALL_BYTES", "MemoryBudget", "Reservation", "decoded_cost_bytes", "encoded_cost_bytes"]

_BYTES_A_TOKEN = 56
_COPIES = 2
SMALL_BYTES = 4096
"""A value this small is charged the worst that it could cost, uncounted: a value for every second byte."""
_SMALL_COST = 30
_BINARY_COST = 8
"""What a binary value of ever so many tiny ones may take, times its size: decoded, and encoded anew."""


def decoded_cost_bytes(size_bytes: int, tokens: int) -> int:
    """What a JSON text costs while it is judged: itself, its encoding, and its decoded values.

    `tokens` is how many values it holds at most (commas and opening brackets). Measured: `[{},{},...]` takes 25 times
    its own size when decoded, 56 to 64 bytes a value.
    """
    return _COPIES * size_bytes + _BYTES_A_TOKEN * tokens


def encoded_cost_bytes(size_bytes: int) -> int:
    """What a single value takes while it is judged, at worst, in binary or where it is small."""
    return (_SMALL_COST if size_bytes <= SMALL_BYTES else _BINARY_COST) * size_bytes


class MemoryBudget:
    """`capacity_bytes` for all requests together; `events` counts those being judged or published. One event loop owns it."""

    __slots__ = ("capacity_bytes", "events", "used_bytes")

    def __init__(self, capacity_bytes: int) -> None:
        self.capacity_bytes = capacity_bytes
        self.used_bytes = 0
        self.events = 0

    def reserve(self, size_bytes: int) -> "Reservation":
        """Room for `size_bytes`. Raises `overloaded` where there is none now, `too_large` where there never is."""
        reservation = Reservation(self)
        reservation.grow_to(size_bytes)
        return reservation


class Reservation:
    """A request's share of the budget. Give it back exactly once: by `release`, or as a context manager."""

    __slots__ = ("_budget", "size_bytes")

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self.size_bytes = 0

    def grow_to(self, size_bytes: int) -> None:
        """Hold at least `size_bytes`. Raises `overloaded` or `too_large`, and keeps what it held before."""
        more = size_bytes - self.size_bytes
        if more <= 0:
            return
        budget = self._budget
        if size_bytes > budget.capacity_bytes:
            raise Fault(
                Code.TOO_LARGE, "the request would take more memory than the gateway allows for all requests together"
            )
        if budget.used_bytes + more > budget.capacity_bytes:
            raise Fault(Code.OVERLOADED, "the gateway's memory for events in flight is taken", retry_after_s=1.0)
        budget.used_bytes += more
        self.size_bytes = size_bytes

    def release(self) -> None:
        """Give everything back. A second call does nothing."""
        self._budget.used_bytes -= self.size_bytes
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
