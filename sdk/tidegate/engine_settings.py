"""What the engine may be told: one frozen value. Made by `settings`."""

from dataclasses import dataclass, field

from tidegate.batching import BatchLimits
from tidegate.breaker import THRESHOLD

__all__ = ["EngineSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Bounds of the engine. Times in seconds.

    `lanes`: requests in flight for one topic at most. `max_events`, `max_bytes`: of events without an outcome; the oldest that wait are
    dropped beyond it (the inbox stops earlier under the other policies). `spool_after_events`: with so many in memory
    new ones go to the spool, where there is one. `attempt_timeout_s`: for one answer;
    `shortest_attempt_s`: what an attempt gets even when the deadline is nearer.
    """

    batch: BatchLimits = field(default_factory=BatchLimits)
    lanes: int = 4
    max_events: int = 100_000
    spool_after_events: int = 10_000
    max_bytes: int = 64 * 1024 * 1024
    breaker_threshold: int = THRESHOLD
    attempt_timeout_s: float = 30.0
    shortest_attempt_s: float = 1.0
