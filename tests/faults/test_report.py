"""The table's figures come from the attempts around the fault."""

from collections import Counter

from tests.faults.checker import check
from tests.faults.load import Attempt
from tests.faults.report import Row, row_of, table


def attempt(at_s: float, wait_s: float, status: int) -> Attempt:
    return Attempt(at_s, wait_s, 0.0, status, 1, "", "t")


def test_recovery_counts_from_the_healing() -> None:
    attempts = [
        attempt(0.0, 0.1, 200), attempt(10.0, 4.0, 504), attempt(12.0, 0.01, 503), attempt(13.0, 0.01, 503),
        attempt(19.5, 1.0, 503), attempt(20.2, 0.1, 200), attempt(21.0, 0.5, 503), attempt(22.0, 0.1, 200),
    ]  # fmt: skip
    row = row_of("killed", attempts, 10.0, 20.0, unready_s=1.0)
    assert row.statuses == Counter({200: 3, 503: 4, 504: 1})
    assert row.longest_s == 4.0
    assert row.first_ok_s is not None
    assert abs(row.first_ok_s - 0.3) < 1e-6
    assert row.last_failure_s == 1.5
    assert row.p99_503_s is not None
    assert row.p99_503_s >= 0.01


def test_a_table_has_a_line_for_each_row() -> None:
    verdict = check([], [])
    lines = table([Row(name="a", seconds=1.0, verdict=verdict), Row(name="a longer name", seconds=2.0, statuses=Counter({-1: 2}))])  # fmt: skip
    assert len(lines) == 3
    assert lines[0].startswith("fault ")
    assert "-1:2" in lines[2]
    assert len({line.index("1.0" if "1.0" in line else "2.0") for line in lines[1:]}) == 1
