"""The retry budget of gRPC's A6."""

from tidegate.budget import RetryBudget


def test_five_failures_exhaust_it_and_it_stays_at_the_bottom() -> None:
    budget = RetryBudget()
    for left in (9, 8, 7, 6):
        budget.failed()
        assert budget.tokens == left
        assert not budget.exhausted
    budget.failed()
    assert budget.exhausted
    for _ in range(50):
        budget.failed()
    assert budget.tokens == 0


def test_a_success_gives_a_tenth_back_and_never_more_than_all() -> None:
    budget = RetryBudget()
    for _ in range(5):
        budget.failed()
    budget.succeeded()
    assert budget.tokens == 5.1
    assert not budget.exhausted
    for _ in range(1000):
        budget.succeeded()
    assert budget.tokens == 10
