"""Waits: uniform up to a growing ceiling, and never less than the server asked for (faults 14)."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.backoff import BASE_S, CAP_S, HINT_CAP_S, ceiling_s, full_jitter_s, wait_s


@pytest.mark.parametrize(
    ("failures", "ceiling"),
    [(0, 0.1), (1, 0.2), (2, 0.4), (5, 3.2), (8, 25.6), (9, 30.0), (10_000, 30.0), (-1, 0.1)],
)
def test_the_ceiling_doubles_up_to_the_cap(failures: int, ceiling: float) -> None:
    assert ceiling_s(failures) == pytest.approx(ceiling)


def kolmogorov_smirnov(samples: list[float], top: float) -> float:
    """The statistic D of the samples against uniform(0, top)."""
    ordered, count = sorted(sample / top for sample in samples), len(samples)
    return max(max((i + 1) / count - x, x - i / count) for i, x in enumerate(ordered))


@pytest.mark.parametrize("failures", [0, 3, 9, 30])
def test_samples_are_uniform_on_the_whole_interval(failures: int) -> None:
    random = Random(7)
    samples = [full_jitter_s(failures, random.random) for _ in range(5000)]
    assert kolmogorov_smirnov(samples, ceiling_s(failures)) < 1.95 / 5000**0.5  # alpha = 0.001


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True), st.none() | st.floats(-10, 1e9))
def test_a_hint_is_never_undercut_up_to_its_cap(failures: int, random: float, hint_s: float | None) -> None:
    wait = wait_s(failures, lambda: random, hint_s)
    asked = min(max(hint_s or 0.0, 0.0), HINT_CAP_S)
    assert asked <= wait <= asked + min(CAP_S, BASE_S * 2 ** min(failures, 9))


def test_those_who_were_told_the_same_second_do_not_come_back_in_it_together() -> None:
    random = Random(1)
    waits = {round(wait_s(3, random.random, 1.0), 3) for _ in range(100)}
    assert len(waits) > 80
    assert min(waits) >= 1.0
