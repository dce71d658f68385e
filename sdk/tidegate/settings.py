"""What a client can be told, one frozen value with `validate`. Read by the shells."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tidegate.batching import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_LINGER_S, BatchLimits
from tidegate.engine_settings import EngineSettings
from tidegate.spooling import Spool

__all__ = ["ClientSettings", "DropReport", "WhenFull"]


class WhenFull(StrEnum):
    """What `submit` does when the queue is full."""

    BLOCK = "block"
    RAISE = "raise"
    DROP_OLDEST = "drop_oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class DropReport:
    """Events that were let go: how many since the last report, and why."""

    count: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Everything beside the gateway's URL and the token. Times in seconds, sizes in bytes.

    `batch_events` (1 to 10,000), `batch_bytes`, `linger_s`: what closes a batch. `lanes`: requests in flight for one topic at most (1 to 64).
    `queue_events`, and `queue_bytes` of memory, counted roughly: what may wait for its outcome. `when_full`: `block` up to `block_timeout_s`, `raise`, or `drop_oldest`.
    `on_drop` is told of events that were dropped or left at the end, on the delivering thread. `deadline_s`: how long delivery of an event is
    tried in all. `attempt_timeout_s`: for one answer. `judge`: whether events are judged here first. `cache_dir`: where contracts are kept
    between runs (None: nowhere). `contract_timeout_s`: how long the first event of a topic waits for its contract. `exit_flush_s`: how long
    the process's end may take for what is left. `verify`: false, or a file of CA certificates in place of the system's.
    `spool`: opens the spool on disk, where there shall be one.
    """

    batch_events: int = MAX_BATCH_EVENTS
    batch_bytes: int = MAX_BATCH_BYTES
    linger_s: float = MAX_LINGER_S
    lanes: int = 4
    queue_events: int = 100_000
    queue_bytes: int = 64 * 1024 * 1024
    when_full: WhenFull = WhenFull.BLOCK
    block_timeout_s: float = 30.0
    on_drop: Callable[[DropReport], None] | None = None
    deadline_s: float = 120.0
    attempt_timeout_s: float = 30.0
    judge: bool = True
    cache_dir: Path | None = None
    contract_timeout_s: float = 5.0
    exit_flush_s: float = 5.0
    verify: bool | str = True
    spool: Callable[[], Spool] | None = None

    def validate(self) -> list[str]:
        """What is wrong with the values, each as a sentence; empty where nothing is."""
        wrong = [
            f"{name} is {value}, from {low} to {high} is allowed"
            for name, value, low, high in (
                ("batch_events", self.batch_events, 1, 10_000),
                ("batch_bytes", self.batch_bytes, 1, 8 * 1024 * 1024),
                ("linger_s", self.linger_s, 0, 60),
                ("lanes", self.lanes, 1, 64),
                ("queue_events", self.queue_events, 1, 100_000_000),
                ("queue_bytes", self.queue_bytes, 1, 1 << 40),
                ("block_timeout_s", self.block_timeout_s, 0, 86_400),
                ("deadline_s", self.deadline_s, 0.001, 86_400 * 7),
                ("attempt_timeout_s", self.attempt_timeout_s, 0.001, 3600),
                ("contract_timeout_s", self.contract_timeout_s, 0, 300),
                ("exit_flush_s", self.exit_flush_s, 0, 300),
            )
            if not low <= value <= high
        ]
        if self.when_full not in list(WhenFull):
            wrong.append(f"when_full is {self.when_full!r}, one of {', '.join(WhenFull)} is allowed")
        return wrong

    def engine(self) -> EngineSettings:
        """The engine's part. It drops only under `drop_oldest`; the inbox keeps the bounds of the others."""
        drops = self.when_full == WhenFull.DROP_OLDEST
        return EngineSettings(
            batch=BatchLimits(max_events=self.batch_events, max_bytes=self.batch_bytes, linger_s=self.linger_s),
            lanes=self.lanes,
            max_events=self.queue_events if drops else 1 << 62,
            max_bytes=self.queue_bytes if drops else 1 << 62,
            attempt_timeout_s=self.attempt_timeout_s,
        )
