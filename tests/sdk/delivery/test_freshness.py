"""When a contract at hand is looked at again."""

from tidegate.freshness import ASKING_S, FRESH_S, REFUSED_FOR_S, Freshness


def test_one_that_was_never_looked_at_is_asked_for_and_doubted() -> None:
    never = Freshness()
    assert never.may_ask(0.0)
    assert never.stale(0.0)


def test_a_look_is_good_for_its_time() -> None:
    it = Freshness()
    it.looked(100.0)
    assert not it.may_ask(100.0 + FRESH_S - 1)
    assert it.may_ask(100.0 + FRESH_S)
    assert not it.stale(100.0 + FRESH_S)
    assert it.stale(101.0 + FRESH_S)


def test_nobody_asks_while_somebody_does() -> None:
    it = Freshness()
    it.asked(0.0)
    assert not it.may_ask(ASKING_S - 1)
    assert it.may_ask(ASKING_S)


def test_failed_looks_wait_longer_and_a_definite_no_longest() -> None:
    it = Freshness()
    waits = []
    for _ in range(4):
        it.failed(0.0, lambda: 0.999, final=False)
        waits.append(it.ask_at)
    assert waits == sorted(waits)
    assert 1.0 < waits[0] < waits[-1] < 3.0
    it.failed(0.0, lambda: 0.5, final=True)
    assert it.ask_at == REFUSED_FOR_S
