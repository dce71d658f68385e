"""How events become batches: by count, bytes and age. Pure. Called by `lanes`."""

from dataclasses import dataclass
from typing import Final

__all__ = ["MAX_BATCH_BYTES", "MAX_BATCH_EVENTS", "MAX_LINGER_S", "BatchLimits"]

MAX_BATCH_EVENTS: Final = 500
MAX_BATCH_BYTES: Final = 512 * 1024
MAX_LINGER_S: Final = 0.020


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """What closes a batch, whichever comes first.

    `max_events`: 1 or more. `max_bytes`: of the events as they are sent; one event larger than that is a batch of its own.
    `linger_s`: the age of the oldest event, in seconds; 0 sends at once what is there.
    """

    max_events: int = MAX_BATCH_EVENTS
    max_bytes: int = MAX_BATCH_BYTES
    linger_s: float = MAX_LINGER_S

    def full(self, events: int, size_bytes: int) -> bool:
        """Whether so much makes a batch without waiting."""
        return events >= self.max_events or size_bytes >= self.max_bytes

    def fits(self, events: int, size_bytes: int, next_bytes: int) -> bool:
        """Whether one more event of `next_bytes` may join a batch that has `events` of `size_bytes`."""
        return events == 0 or (events < self.max_events and size_bytes + next_bytes <= self.max_bytes)

    def due_at(self, oldest_at: float) -> float:
        """When a batch whose oldest event came at `oldest_at` must go, full or not."""
        return oldest_at + self.linger_s
