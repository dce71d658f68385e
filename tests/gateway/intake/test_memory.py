"""The memory of events in flight: reserved before it is used, never more than there is, always given back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import Code
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.memory import MemoryBudget, decoded_cost_bytes


def test_what_is_reserved_is_given_back() -> None:
    budget = MemoryBudget(100)
    with budget.reserve(60) as held:
        assert (budget.used_bytes, held.size_bytes) == (60, 60)
        held.grow_to(80)
        assert budget.used_bytes == 80
        held.grow_to(10)  # never shrinks by growing
        assert budget.used_bytes == 80
    assert budget.used_bytes == 0
    held.release()
    assert budget.used_bytes == 0


def test_what_is_taken_now_may_be_had_later() -> None:
    budget = MemoryBudget(100)
    first = budget.reserve(60)
    with pytest.raises(Fault) as caught:
        budget.reserve(41)
    assert caught.value.code is Code.OVERLOADED
    assert caught.value.retry_after_s == 1.0
    assert budget.used_bytes == 60
    second = budget.reserve(40)
    first.release()
    assert budget.used_bytes == 40
    second.release()


def test_what_never_fits_is_too_large() -> None:
    budget = MemoryBudget(100)
    with pytest.raises(Fault) as caught:
        budget.reserve(101)
    assert caught.value.code is Code.TOO_LARGE
    assert caught.value.retry_after_s is None
    assert budget.used_bytes == 0


def test_growth_that_is_refused_keeps_what_is_held() -> None:
    budget = MemoryBudget(100)
    held, other = budget.reserve(50), budget.reserve(30)
    with pytest.raises(Fault):
        held.grow_to(90)
    assert (held.size_bytes, budget.used_bytes) == (50, 80)
    other.release()
    held.grow_to(90)
    assert budget.used_bytes == 90


def test_an_error_gives_everything_back() -> None:
    budget = MemoryBudget(100)
    with pytest.raises(ZeroDivisionError), budget.reserve(50):
        raise ZeroDivisionError
    assert budget.used_bytes == 0


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 120), st.booleans()), max_size=60))
def test_the_budget_is_the_sum_of_what_is_held(steps: list[tuple[int, int, bool]]) -> None:
    budget = MemoryBudget(100)
    held = [budget.reserve(0) for _ in range(6)]
    for place, size_bytes, release in steps:
        try:
            held[place].release() if release else held[place].grow_to(size_bytes)
        except Fault as fault:
            code = fault.code
        else:
            code = Code.OVERLOADED
        assert code is (Code.TOO_LARGE if size_bytes > 100 and not release else Code.OVERLOADED)
        assert budget.used_bytes == sum(one.size_bytes for one in held) <= 100
    for one in held:
        one.release()
    assert budget.used_bytes == 0


def test_many_small_values_are_charged_what_they_were_measured_to_cost() -> None:
    pairs = 2_800_000  # `[{},{},...]` of 8.4 MB: a comma and a bracket for each, 211 MB when decoded
    assert decoded_cost_bytes(3 * pairs, 2 * pairs) >= 211_000_000
    assert decoded_cost_bytes(1_000, 1) < 2_100
