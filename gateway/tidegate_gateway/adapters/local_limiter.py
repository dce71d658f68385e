"""The limiter of one process: token buckets in its memory, bounded however many principals come.

Chosen by `app`, called by the intake through `ports.Limiter`. The arithmetic is `intake.limits`'; here is only where the
buckets live. Several workers or gateways each allow the whole limit: sharing it is another adapter's work.

A bucket that is full again says nothing and may be dropped. When the table holds only buckets that are not, none is
dropped (its owner would get a fresh burst): principals that come then share one bucket a topic until there is room. All
that they gain by moving to their own later is what the shared bucket let pass.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

from tidegate.contracts.source import Limits
from tidegate_gateway.intake.limits import Allowance, Bucket, Quota, dimensions, quota_of, refill, wait_for
from tidegate_gateway.intake.principal import Principal

__all__ = ["LocalLimiter"]

_FREE: Final = Allowance()
_PROBES: Final = 2
_PROBES_WHEN_FULL: Final = 16
_Key = tuple[str, str, str]


class _Entry:
    """The buckets of one principal on one topic (or of a topic), and when the last of them is full again."""

    __slots__ = ("buckets", "full_at_s")

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.full_at_s = 0.0


class _Charge:
    """One bucket that a submission must be paid from."""

    __slots__ = ("bucket", "burst", "cost", "entry", "name", "rate", "wait_s", "window_s")

    def __init__(
        self, entry: _Entry, name: str, bucket: Bucket, rate: float, burst: float, window_s: float, cost: float
    ) -> None:
        self.entry = entry
        self.name = name
        self.bucket = bucket
        self.rate = rate
        self.burst = burst
        self.window_s = window_s
        self.cost = cost
        self.wait_s = 0.0

    def pay(self, now_s: float) -> None:
        """Take the cost, which was found to be there, and note when the bucket is full again."""
        self.bucket.level = max(0.0, self.bucket.level - self.cost)
        full_at_s = now_s + (self.burst - self.bucket.level) / self.rate
        self.entry.full_at_s = max(self.entry.full_at_s, full_at_s)


class LocalLimiter:
    """`ports.Limiter` in memory. Not thread-safe: one event loop owns it. `most_entries` bounds principals times topics."""

    def __init__(self, *, most_entries: int = 100_000, now_s: Callable[[], float] = monotonic) -> None:
        self._most = most_entries
        self._now_s = now_s
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._shared: dict[str, _Entry] = {}
        self._topics: dict[str, _Entry] = {}

    def __len__(self) -> int:
        """How many principals' entries are held."""
        return len(self._entries)

    async def take(
        self,
        principal: Principal,
        topic: str,
        events: int,
        size_bytes: int,
        limits: Limits | None,
        topic_limits: Limits | None,
    ) -> Allowance:
        """Spend what a submission costs from the principal's buckets and the topic's: all of it or nothing. Never waits."""
        if limits is None and topic_limits is None:
            return _FREE
        now_s = self._now_s()
        charges: list[_Charge] = []
        if limits is not None:
            entry = self._entry((principal.issuer, principal.subject, topic), now_s)
            _charge(charges, entry, limits, "", events, size_bytes, now_s)
        if topic_limits is not None:
            entry = self._topics.setdefault(topic, _Entry())  # the catalogue bounds the topics
            _charge(charges, entry, topic_limits, "topic-", events, size_bytes, now_s)
        return _settle(charges, events, now_s)

    def _entry(self, key: _Key, now_s: float) -> _Entry:
        entry = self._entries.get(key)
        if entry is not None:
            return entry
        self._drop_full(now_s)
        if len(self._entries) >= self._most:
            return self._shared.setdefault(key[2], _Entry())
        entry = self._entries[key] = _Entry()
        return entry

    def _drop_full(self, now_s: float) -> None:
        """Look at the oldest entries: the full ones go, the others wait for another turn at the end."""
        entries = self._entries
        probes = _PROBES if len(entries) < self._most else _PROBES_WHEN_FULL
        for _ in range(min(probes, len(entries))):
            key, entry = entries.popitem(last=False)
            if entry.full_at_s > now_s:
                entries[key] = entry


def _charge(
    charges: list[_Charge], entry: _Entry, limits: Limits, prefix: str, events: int, size_bytes: int, now_s: float
) -> None:
    for name, rate, burst in dimensions(limits):
        bucket = entry.buckets.get(name)
        if bucket is None:
            bucket = entry.buckets[name] = Bucket(burst, now_s)
        cost = events if name == "events" else size_bytes
        charges.append(_Charge(entry, prefix + name, bucket, rate, burst, limits.burst_seconds, cost))


def _settle(charges: list[_Charge], events: int, now_s: float) -> Allowance:
    """Pay every charge, or none and say how long to wait, or that no wait helps."""
    wait_s = 0.0
    for charge in charges:
        refill(charge.bucket, charge.rate, charge.burst, now_s)
        charge.wait_s = wait_for(charge.bucket, charge.rate, charge.burst, charge.cost)
        wait_s = max(wait_s, charge.wait_s)
    if wait_s <= 0.0:
        for charge in charges:
            charge.pay(now_s)
        return Allowance(quotas=_quotas(charges))
    if any(charge.cost > charge.burst for charge in charges):
        return Allowance(max_events=_fitting(charges, events), quotas=_quotas(charges))
    return Allowance(wait_s=wait_s, quotas=_quotas(charges))


def _fitting(charges: list[_Charge], events: int) -> int:
    """The most events of this submission's average size that every burst holds at once."""
    most = min(int(charge.burst * events / charge.cost) for charge in charges if charge.cost > 0)
    return max(0, min(most, events - 1))


def _quotas(charges: list[_Charge]) -> tuple[Quota, ...]:
    return tuple(
        quota_of(charge.name, charge.bucket, charge.rate, charge.burst, charge.window_s, charge.wait_s)
        for charge in charges
    )
