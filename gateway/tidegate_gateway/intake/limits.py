"""Rate limits as arithmetic: token buckets whose `now` is an argument. Where their state lives is an adapter's business."""

from dataclasses import dataclass

import msgspec

from tidegate.contracts.source import Limits

__all__ = ["Allowance", "Bucket", "Quota", "dimensions", "quota_of", "refill", "spend", "wait_for"]


class Quota(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One limit as the RateLimit fields report it (draft-ietf-httpapi-ratelimit-headers).

    `name` is `events` or `bytes` (a principal's on one topic), `topic-events` or `topic-bytes` (all principals').
    `burst` is `q`, `window_s` is `w`; `remaining` is `r` (whole units), `reset_s` is `t`: seconds until the burst is
    full again, or, of a refusal, until the cost would fit.
    """

    name: str
    burst: int
    window_s: float
    remaining: int
    reset_s: float


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What a limiter says of one submission.

    `wait_s` is 0 where it was taken, else the seconds until it would be. `max_events` is set where the cost is above the
    burst itself, so that no wait would help: the most events of this size that could pass at once (0: not even one).
    """

    wait_s: float = 0.0
    max_events: int | None = None
    quotas: tuple[Quota, ...] = ()

    @property
    def taken(self) -> bool:
        """Whether the submission may go on."""
        return self.wait_s <= 0.0 and self.max_events is None


@dataclass(slots=True)
class Bucket:
    """The state of one token bucket: `level` tokens at the time `at_s` (any monotonic clock's seconds)."""

    level: float
    at_s: float


def refill(bucket: Bucket, rate: float, burst: float, now_s: float) -> None:
    """Bring the bucket to `now_s`: it fills at `rate` a second up to `burst`; a clock that steps back adds nothing."""
    bucket.level = min(burst, bucket.level + max(0.0, now_s - bucket.at_s) * rate)
    bucket.at_s = max(now_s, bucket.at_s)


def wait_for(bucket: Bucket, rate: float, burst: float, cost: float) -> float:
    """The seconds until `cost` tokens are in a bucket that was just refilled: 0.0 where they are.

    A billionth of the burst may be missing: who waited exactly as long as told must not be sent away by a rounding.
    """
    missing = cost - bucket.level
    return missing / rate if missing > burst * 1e-9 else 0.0


def spend(bucket: Bucket, rate: float, burst: float, cost: float, now_s: float) -> float:
    """Take `cost` tokens where they are there: 0.0. Else take nothing and answer the seconds until they will be."""
    refill(bucket, rate, burst, now_s)
    wait_s = wait_for(bucket, rate, burst, cost)
    if wait_s <= 0.0:
        bucket.level = max(0.0, bucket.level - cost)
    return wait_s


def quota_of(name: str, bucket: Bucket, rate: float, burst: float, window_s: float, wait_s: float) -> Quota:
    """The bucket as the RateLimit fields report it."""
    return Quota(
        name=name,
        burst=int(burst),
        window_s=window_s,
        remaining=max(0, int(bucket.level)),
        reset_s=wait_s if wait_s > 0 else (burst - bucket.level) / rate,
    )


def dimensions(limits: Limits) -> tuple[tuple[str, float, float], ...]:
    """The limit's buckets as (name, rate a second, burst); those without a rate are left out.

    A burst is one event (one byte) at least: a slower rate than one in `burst_seconds` would let nothing pass, ever.
    """
    rates = (("events", limits.events_per_second), ("bytes", limits.bytes_per_second))
    return tuple((name, rate, max(1.0, rate * limits.burst_seconds)) for name, rate in rates if rate is not None)
