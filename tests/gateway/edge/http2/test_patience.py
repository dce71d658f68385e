"""What comes to nothing has an end, for one connection and for all strangers, and time brings it back. Shapes of attacks: test_attacks.py."""

import pytest

from tidegate_gateway.edge.http2.patience import (
    A_CALL,
    A_FRAME,
    A_PIECE,
    Allowance,
    Patience,
    strangers_together,
    worth_of_head,
)


def spent(patience: Patience, calls: int) -> Patience:
    for _ in range(calls):
        patience.spend(A_CALL)
    return patience


def test_time_brings_it_back_and_never_past_the_most() -> None:
    allowance = Allowance(100.0, 20.0, 5.0)
    allowance.left = 0.0
    allowance.refresh(6.0)
    assert allowance.left == 20.0
    allowance.refresh(1_000.0)
    assert allowance.left == 100.0
    allowance.earn(5.0)
    assert allowance.left == 100.0


def test_how_long_until_a_call_is_worth_it() -> None:
    allowance = Allowance(100.0, 20.0, 0.0)
    assert allowance.lacking_s() == 0.0
    allowance.left = -1.0
    assert allowance.lacking_s() == pytest.approx(0.1)


def test_a_stranger_comes_to_the_end_of_its_own() -> None:
    patience = Patience(strangers_together(0.0), 0.0)
    assert not spent(patience, 100).ended
    assert spent(patience, 1).ended
    assert patience.over
    assert patience.pause_s() == pytest.approx(0.1)
    patience.refresh(0.2)
    assert not patience.ended
    assert patience.pause_s() == 0.0


def test_strangers_come_to_the_end_of_what_all_have_and_one_that_just_came_does_not() -> None:
    together = strangers_together(0.0)
    crowd = [spent(Patience(together, 0.0), 80) for _ in range(7)]
    assert all(one.ended for one in crowd)
    fresh = Patience(together, 0.0)
    assert not spent(fresh, 9).ended  # a producer needs one call to be known
    assert spent(fresh, 2).ended
    fresh.know(0.0)
    assert fresh.known
    assert not fresh.ended


def test_what_a_known_peer_spends_is_its_own() -> None:
    together = strangers_together(0.0)
    known = Patience(together, 0.0)
    known.know(0.0)
    assert spent(known, 1_001).ended
    assert together.left == 500.0
    known.know(0.0)  # a second token that holds gives nothing back
    assert known.ended


def test_answers_earn_a_producers_patience_and_no_strangers() -> None:
    known, stranger = Patience(strangers_together(0.0), 0.0), Patience(strangers_together(0.0), 0.0)
    known.know(0.0)
    for one in (known, stranger):
        spent(one, 50).earn(10.0)
    assert known._own.left == 960.0
    assert stranger._own.left == 50.0


def test_a_pause_is_never_longer_than_a_second_nor_nothing() -> None:
    patience = spent(Patience(strangers_together(0.0), 0.0), 10_000)
    assert patience.pause_s() == 1.0
    patience._own.left = -A_FRAME / 100
    patience._strangers = None
    assert 0.02 <= patience.pause_s() <= 0.1


def test_a_turn_is_so_many_frames_or_so_much_spent() -> None:
    patience = Patience(strangers_together(0.0), 0.0)
    frames = 0
    while patience.begin_frame():
        frames += 1
    assert frames == 128
    assert patience.over
    assert not patience.ended
    assert patience.pause_s() == 0.0
    patience.refresh(0.0)
    assert not patience.over
    assert spent(patience, 16).over
    assert not patience.begin_frame()


def test_heads_of_a_usual_size_are_free() -> None:
    assert worth_of_head(4_096) == 0.0
    assert worth_of_head(32_768) == pytest.approx(7.0)
    assert A_PIECE > A_FRAME
