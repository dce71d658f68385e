"""The spool's place in delivery: the port behind which events outlive the process, and what goes there when. Asked by `engine`, on its thread.

Rule: once a lane has events in the spool that were not read back, its new ones go behind them; and what a lane holds in memory is always
older than those. So a key's order holds over both, and over a restart.
"""

from collections.abc import Sequence
from typing import Protocol

from tidegate.batching import BatchLimits
from tidegate.lanes import Lane
from tidegate.outgoing import Outgoing

__all__ = ["Spool", "SpoolRefused", "wants_spool"]


class SpoolRefused(Exception):
    """The spool did not take events (it is full, the disk is full, the file is damaged). The message is for people; senders are told."""


class Spool(Protocol):
    """Events on disk, in order within each lane. Called from one thread at a time, and may block it for a write."""

    def depths(self, lanes: int) -> dict[tuple[str, int], int]:
        """What lies here, by topic and lane index: what an earlier process left. Asked once, first.

        Where the events were kept for another number of lanes they are sorted anew, by `lanes.lane_of(lane_key, lanes)`.
        """
        ...

    def append(self, events: Sequence[Outgoing], lane: int, *, front: bool) -> None:
        """Keeps events of one topic, all or none; safe on disk when it returns. Behind all of the lane, or with `front` before what was not read.

        Raises `SpoolRefused`.
        """
        ...

    def read(self, topic: str, lane: int, limits: BatchLimits, most: int) -> Sequence[Outgoing]:
        """The lane's next events, in order, that were not read since the spool was opened: up to `most`, as many as fit a batch.

        They stay until `remove`. They come with `spooled` true, `judged` and `lane_key` as they were, and no deadline (infinity).
        """
        ...

    def remove(self, events: Sequence[Outgoing], lane: int) -> None:
        """Events that were read have their outcome. Their ids tell them."""
        ...

    def close(self) -> None:
        """Closes its files. May be called twice."""
        ...


def wants_spool(lane: Lane, *, breaker_open: bool, events: int, spool_after: int) -> bool:
    """Whether what waits in the lane belongs on disk: the gateway is away, memory holds `spool_after` events, or earlier ones are there."""
    return lane.spooled > 0 or breaker_open or events >= spool_after
