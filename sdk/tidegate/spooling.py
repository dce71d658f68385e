"""The spool's place in delivery: the port behind which events outlive the process. Asked by `engine`, on its thread.

Rule: once a lane has events in the spool, its new ones go behind them, and batches are taken from the spool until it is empty. So a
key's order holds over both.
"""

from collections.abc import Sequence
from typing import Protocol

from tidegate.batching import BatchLimits
from tidegate.outgoing import Outgoing

__all__ = ["Spool", "SpoolRefused"]


class SpoolRefused(Exception):
    """The spool did not take an event (full, disk full, damaged). The message is for people; the event's sender is told."""


class Spool(Protocol):
    """Events on disk, in order within each lane. Called from one thread at a time."""

    def depths(self) -> dict[tuple[str, int], int]:
        """How many events lie here, by topic and lane index: what an earlier process left. Asked once, at the start."""
        ...

    def append(self, events: Sequence[Outgoing], lane: int) -> None:
        """Keeps the events, all or none, of one topic and behind what the lane has; safe on disk when it returns.

        Raises `SpoolRefused`.
        """
        ...

    def front(self, topic: str, lane: int, limits: BatchLimits, most: int) -> Sequence[Outgoing]:
        """The lane's oldest events, up to `most` and as many as `limits` let into a batch, in order, with `spooled` true. They stay."""
        ...

    def remove(self, events: Sequence[Outgoing], lane: int) -> None:
        """These events, among the oldest of their lane, have their outcome. Their ids tell them."""
        ...

    def close(self) -> None:
        """Closes its files. May be called twice."""
        ...
