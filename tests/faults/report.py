"""The table that a run under faults ends with: a row a fault. Pure; filled by `scene` and the soak, shown by `conftest`."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.checker import Verdict
from tests.faults.load import Attempt

__all__ = ["Row", "row_of", "table"]

_HEADS = (
    "fault", "for s", "requests", "2xx", "503", "504", "other", "longest s", "503 ms", "unready s", "ready s", "first ok s",
    "last fail s", "lost", "unexp", "wrong", "dup ack", "dup unk", "late", "RSS MB", "fds",
)  # fmt: skip


_SETTLING_S = 0.2
"""After the gateway said that it is not ready, until its refusals are timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one fault did. README.md says what each figure means; None and no verdict: not measured here."""

    name: str
    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    longest_s: float = 0.0
    p99_503_s: float | None = None
    unready_s: float | None = None
    ready_s: float | None = None
    first_ok_s: float | None = None
    last_failure_s: float | None = None
    verdict: Verdict | None = None
    rss_bytes: int | None = None
    descriptors: int | None = None

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of the heads."""
        ok = sum(count for status, count in self.statuses.items() if 200 <= status < 300)
        other = {s: n for s, n in self.statuses.items() if not (200 <= s < 300 or s in {503, 504})}
        verdict = self.verdict
        counts = ("",) * 6
        if verdict is not None:
            wrong = (verdict.misplaced, verdict.untrue, verdict.disorder)
            counts = tuple(
                str(count)
                for count in (
                    len(verdict.lost), len(verdict.unexpected), sum(map(len, wrong)),
                    len(verdict.duplicates_acknowledged), len(verdict.duplicates_unknown), len(verdict.late),
                )
            )  # fmt: skip
        return (
            self.name, f"{self.seconds:.1f}", str(self.statuses.total()), str(ok), str(self.statuses[503]),
            str(self.statuses[504]), " ".join(f"{s}:{n}" for s, n in sorted(other.items())) or "0",
            f"{self.longest_s:.2f}", _figure(self.p99_503_s, 1e3, 0), _figure(self.unready_s), _figure(self.ready_s),
            _figure(self.first_ok_s), _figure(self.last_failure_s), *counts,
            _figure(self.rss_bytes, 1e-6, 0), "" if self.descriptors is None else str(self.descriptors),
        )  # fmt: skip


def row_of(
    name: str, attempts: Sequence[Attempt], began_s: float, healed_s: float, verdict: Verdict | None = None, **more: float | None
) -> Row:  # fmt: skip
    """The figures of the attempts around one fault, which lasted from `began_s` to `healed_s`."""
    seen_s = began_s + (more.get("unready_s") or 0.0) + _SETTLING_S
    refusals = [a.wait_s - a.own_lag_s for a in attempts if a.status == 503 and seen_s <= a.at_s < healed_s]
    after = [attempt for attempt in attempts if attempt.at_s + attempt.wait_s > healed_s]
    stored = [attempt.at_s + attempt.wait_s - healed_s for attempt in after if attempt.ok]
    failed = [attempt.at_s + attempt.wait_s - healed_s for attempt in after if not attempt.ok]
    return Row(
        name=name,
        seconds=healed_s - began_s,
        statuses=Counter(attempt.status for attempt in attempts),
        longest_s=max((attempt.wait_s for attempt in attempts), default=0.0),
        p99_503_s=statistics.quantiles(refusals, n=100)[98] if len(refusals) > 1 else None,
        first_ok_s=min(stored, default=None),
        last_failure_s=max(failed, default=0.0),
        verdict=verdict,
        **more,  # type: ignore[arg-type]  # the fields of Row by name
    )


def table(rows: Sequence[Row]) -> list[str]:
    """Lines of the table, heads first, columns aligned."""
    cells = [_HEADS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADS))]
    return [
        "  ".join(cell.ljust(width) if place == 0 else cell.rjust(width) for place, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in cells
    ]  # fmt: skip


def _figure(value: float | None, scale: float = 1.0, digits: int = 2) -> str:
    return "" if value is None else f"{value * scale:.{digits}f}"
