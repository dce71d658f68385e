"""What a broker's answers prove, and how they are shown to aiokafka."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.protocol.produce import ProduceRequest

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.accumulator import Lane, Piece
from tidegate_gateway.adapters.kafka.flight import Flight, give_up, note_answers, resolve_stored
from tidegate_gateway.adapters.kafka.rewriting import answered_for, only, places_in
from tidegate_gateway.intake.ports import NotStored, Record, Unknown

PLACE = ("orders", 0)


def flight(*deadlines_s: float) -> Flight:
    loop = asyncio.new_event_loop()
    loop.close()
    lane = Lane(*PLACE)
    record = Record(b"k", b"v", (), 0)
    return Flight(lane, [Piece(lane, [record, record], 20, end, loop.create_future()) for end in deadlines_s], 1.0)


def answered(one: Flight, code: int, *, doubt: bool = False) -> tuple[bool, bool]:
    one.doubt = True
    stored, again = note_answers([("orders", [(0, code, 7, -1, 0)])], {PLACE: one}, {PLACE: doubt})
    return PLACE in stored, PLACE in again


def test_stored_is_stored() -> None:
    assert answered(flight(9.0), 0) == (True, False)


def test_a_duplicate_is_stored_and_no_offset_is_computed_from_its_answer() -> None:
    one = flight(9.0, 9.0)
    assert answered(one, 46) == (True, False)
    assert one.duplicate
    resolve_stored(one, -1)
    assert [piece.future.result() for piece in one.pieces] == [-1, -1]


def test_offsets_follow_each_other() -> None:
    one = flight(9.0, 9.0)
    resolve_stored(one, 40)
    assert [piece.future.result() for piece in one.pieces] == [40, 42]


@pytest.mark.parametrize("code", [3, 5, 19, 74])
def test_a_refusal_in_passing_is_ours_to_repeat_unless_an_attempt_is_in_doubt(code: int) -> None:
    one = flight(9.0)
    assert answered(one, code) == (False, True)
    assert not one.doubt
    assert one.answer
    assert answered(flight(9.0), code, doubt=True) == (False, False)


@pytest.mark.parametrize("code", [10, 32, 45])
def test_a_refusal_for_good_is_not(code: int) -> None:
    one = flight(9.0)
    assert answered(one, code) == (False, False)
    assert not one.doubt


@pytest.mark.parametrize("code", [6, 7, 20, -1, 1234])
def test_what_proves_nothing_leaves_the_doubt(code: int) -> None:
    one = flight(9.0)
    assert answered(one, code) == (False, False)
    assert one.doubt


@pytest.mark.parametrize(("doubt", "told"), [(True, Unknown), (False, NotStored)])
def test_only_what_is_past_its_deadline_is_given_up(doubt: bool, told: type) -> None:
    one = flight(5.0, 9.0)
    one.doubt = doubt
    assert not give_up(one, 4.9)
    assert give_up(one, 5.0)
    assert isinstance(one.pieces[0].future.result(), told)
    assert not one.pieces[1].future.done()
    assert not give_up(one, 6.0), "told once"


def test_who_went_away_does_not_hide_that_nothing_came_of_it() -> None:
    """Else a partition that hangs would never be blamed where its producers are the impatient ones."""
    one = flight(5.0, 5.0)
    for piece in one.pieces:
        piece.future.cancel()
    assert give_up(one, 5.0)
    assert not give_up(one, 6.0), "said once"
    assert all(piece.failed for piece in one.pieces)


def test_why_it_failed_is_said() -> None:
    one = flight(5.0)
    one.answer = "NOT_ENOUGH_REPLICAS"
    give_up(one, 5.0)
    outcome = one.pieces[0].future.result()
    assert outcome == NotStored(Code.BROKER_UNAVAILABLE, "Kafka did not take the event: NOT_ENOUGH_REPLICAS")


def test_a_request_without_what_was_withdrawn() -> None:
    request = ProduceRequest(
        transactional_id=None,
        required_acks=-1,
        timeout=5_000,
        topics=[("orders", [(0, b"a"), (1, b"b")]), ("shifts", [(0, b"c")])],
    )
    assert places_in(request) == [("orders", 0), ("orders", 1), ("shifts", 0)]
    left = only(request, [("orders", 1)])
    assert left.prepare({0: (3, 7)}).topics == [("orders", [(1, b"b")])]
    assert (left.required_acks, left.prepare({0: (3, 7)}).timeout) == (-1, 5_000)


def test_answers_for_what_was_refused_and_what_was_left_out() -> None:
    response = SimpleNamespace(API_VERSION=7, topics=[("orders", [(0, 0, 40, -1, 0), (1, 19, -1, -1, -1)])])
    assert answered_for(response, {("orders", 1)}, [("shifts", 3)]) == [
        ("orders", [(0, 0, 40, -1, 0), (1, 42, -1, -1, -1)]),
        ("shifts", [(3, 42, -1, -1, -1)]),
    ]
