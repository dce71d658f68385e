"""The accumulator's decisions: order, room, batches, deadlines, what follows a failure."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.accumulator import Accumulator, Lane, Piece
from tidegate_gateway.intake.ports import NotStored, Record, Unknown

LATE = NotStored(Code.BROKER_UNAVAILABLE, "late")


def take(acc: Accumulator, lane: Lane, max_bytes: int, late_s: float = 0.0) -> list[Piece]:
    return acc.take(lane, max_bytes, late_s=late_s, why=LATE)


@pytest.fixture
def loop() -> asyncio.AbstractEventLoop:
    made = asyncio.new_event_loop()
    made.close()
    return made


def piece(
    loop: asyncio.AbstractEventLoop, lane: Lane, size: int = 10, deadline_s: float = 100.0, before: Piece | None = None
) -> Piece:
    return Piece(lane, [Record(b"k", b"v", (), 0)], size, deadline_s, loop.create_future(), before)


def test_a_batch_is_as_many_pieces_as_fit_in_their_order(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(1_000)
    lane = acc.lane("t", 0)
    pieces = [piece(loop, lane, size) for size in (40, 40, 40)]
    for one in pieces:
        acc.add(one, 0.0)
    assert take(acc, lane, 100) == pieces[:2]
    assert list(acc.ready()) == [], "one batch of a partition at a time"
    acc.done(lane, pieces[:2])
    assert take(acc, lane, 100) == pieces[2:]
    acc.done(lane, pieces[2:])
    assert (acc.held_bytes, acc.waiting, list(acc.ready())) == (0, 0, [])


def test_one_piece_goes_whatever_its_size(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(1_000)
    lane = acc.lane("t", 0)
    large = piece(loop, lane, 500)
    acc.add(large, 0.0)
    assert take(acc, lane, 100) == [large]


def test_room_is_bounded_but_an_empty_accumulator_takes_anything(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(5_000)
    assert acc.has_room(20_000)
    one = piece(loop, acc.lane("t", 0), 60)
    acc.add(one, 0.0)
    assert one.held_bytes == Accumulator.held(1, 60) > 60, "what this process needs for it counts, too"
    assert acc.has_room(5_000 - one.held_bytes)
    assert not acc.has_room(5_001 - one.held_bytes)


def test_no_partition_keeps_more_than_half_of_the_room(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(10_000)
    lane = acc.lane("t", 0)
    assert acc.has_share(lane, 9_000), "an empty lane takes any submission that there is room for"
    acc.add(piece(loop, lane, 2_000), 0.0)
    left = 5_000 - lane.held_bytes
    assert acc.has_share(lane, left)
    assert not acc.has_share(lane, left + 1)
    assert acc.has_share(acc.lane("t", 1), 5_000)


def test_what_is_out_counts_with_its_copies_and_they_are_free_once_it_landed(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(1_000_000)
    lane = acc.lane("t", 0)
    for one in (piece(loop, lane, 1_000), piece(loop, lane, 500)):
        acc.add(one, 0.0)
    waits_bytes = acc.held_bytes
    batch = take(acc, lane, 10_000)
    assert acc.held_bytes == waits_bytes + 2 * 1_500
    acc.put_back(lane, batch)
    assert acc.held_bytes == waits_bytes
    batch = take(acc, lane, 10_000)
    acc.done(lane, batch)
    assert (acc.held_bytes, lane.held_bytes) == (0, 0)


def test_a_parked_lane_is_not_company_and_not_looked_at(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(100_000)
    stuck, good = acc.lane("t", 0), acc.lane("t", 1)
    acc.add(piece(loop, stuck), 1.0)
    acc.park(stuck, "has no leader")
    acc.add(piece(loop, stuck), 2.0)
    assert (acc.ready_pieces, acc.waiting, list(acc.ready())) == (0, 2, [])
    acc.add(piece(loop, good), 7.0)
    assert (acc.ready_pieces, acc.oldest_s, list(acc.ready())) == (1, 7.0, [good])
    acc.unpark("has no leader")
    assert (acc.ready_pieces, acc.oldest_s, list(acc.ready())) == (3, 1.0, [good, stuck])


def test_a_lane_with_a_batch_out_is_never_ready(loop: asyncio.AbstractEventLoop) -> None:
    """Whatever becomes of obstacles: a second batch would overtake the first on another producer."""
    acc = Accumulator(100_000)
    lane = acc.lane("t", 0)
    first, second = piece(loop, lane), piece(loop, lane)
    acc.add(first, 0.0)
    batch = take(acc, lane, 10)
    acc.add(second, 0.0)
    acc.park(lane, "waits for a new producer")
    acc.unpark_all()
    assert (list(acc.ready()), acc.ready_pieces) == ([], 0)
    acc.done(lane, batch)
    assert (list(acc.ready()), acc.ready_pieces) == ([lane], 1)


def test_obstacles_are_taken_away_one_by_one_or_all(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(100_000)
    lanes = [acc.lane("t", number) for number in range(3)]
    for lane, obstacle in zip(lanes, (1, 2, "held"), strict=True):
        acc.add(piece(loop, lane), 0.0)
        acc.park(lane, obstacle)
    acc.unpark(2)
    assert list(acc.ready()) == [lanes[1]]
    acc.unpark_held()
    assert list(acc.ready()) == lanes[1:]
    assert acc.parked_behind(1) == 1
    acc.unpark_all()
    assert set(acc.ready()) == set(lanes)


def test_what_expired_behind_a_busy_broker_is_not_the_partitions_fault(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(100_000)
    leaderless, behind = acc.lane("t", 0), acc.lane("t", 1)
    for lane in (leaderless, behind):
        acc.add(piece(loop, lane, deadline_s=5.0), 0.0)
    acc.park(leaderless, "has no leader")
    acc.park(behind, 7)
    assert acc.expire(5.0, lambda _: LATE) == [leaderless]
    assert (acc.held_bytes, acc.waiting) == (0, 0)


def test_what_cannot_be_answered_in_time_is_not_sent(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(100_000)
    lane = acc.lane("t", 0)
    hopeless, good = piece(loop, lane, deadline_s=5.0), piece(loop, lane, deadline_s=9.0)
    acc.add(hopeless, 0.0)
    acc.add(good, 0.0)
    assert take(acc, lane, 1_000, late_s=6.5) == [good]
    assert hopeless.future.result() is LATE


def test_a_refused_partition_lets_go_of_all_it_holds(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(100_000)
    lane = acc.lane("t", 0)
    first = piece(loop, lane)
    for one in (first, piece(loop, lane, before=first), piece(loop, lane)):
        acc.add(one, 0.0)
    acc.clear(lane, LATE)
    assert (acc.held_bytes, lane.held_bytes, acc.waiting, acc.ready_pieces, list(acc.ready())) == (0, 0, 0, 0, [])
    assert first.future.result() is LATE


def test_what_is_past_its_deadline_is_taken_out(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(1_000)
    lane = acc.lane("t", 0)
    early, later = piece(loop, lane, deadline_s=5.0), piece(loop, lane, deadline_s=9.0)
    acc.add(early, 0.0)
    acc.add(later, 0.0)
    acc.expire(5.0, lambda _: LATE)
    assert early.future.result() is LATE
    assert not later.future.done()
    assert (acc.held_bytes, acc.waiting) == (later.held_bytes, 1)
    acc.expire(9.0, lambda _: LATE)
    assert list(acc.ready()) == []


@pytest.mark.parametrize("failure", [LATE, Unknown("?")])
def test_later_pieces_of_a_submission_follow_its_failure_and_others_do_not(
    loop: asyncio.AbstractEventLoop, failure: NotStored | Unknown
) -> None:
    acc = Accumulator(1_000)
    lane = acc.lane("t", 0)
    first = piece(loop, lane)
    second = piece(loop, lane, before=first)
    third = piece(loop, lane, before=second)
    other = piece(loop, lane)
    for one in (first, second, third, other):
        acc.add(one, 0.0)
    batch = take(acc, lane, 10)
    first.resolve(failure)
    acc.done(lane, batch)
    assert take(acc, lane, 10) == [other]
    for one in (second, third):
        outcome = one.future.result()
        assert isinstance(outcome, NotStored)
        assert outcome.code is Code.AFTER_FAILURE


def test_the_expiry_of_a_follower_says_after_failure(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(1_000)
    lane = acc.lane("t", 0)
    first = piece(loop, lane, deadline_s=1.0)
    second = piece(loop, lane, deadline_s=1.0, before=first)
    acc.add(first, 0.0)
    acc.add(second, 0.0)
    acc.expire(1.0, lambda _: LATE)
    outcome = second.future.result()
    assert isinstance(outcome, NotStored)
    assert outcome.code is Code.AFTER_FAILURE


def test_who_went_away_is_not_sent(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(1_000)
    lane = acc.lane("t", 0)
    gone = piece(loop, lane)
    acc.add(gone, 0.0)
    acc.add(piece(loop, lane, before=gone), 0.0)
    gone.future.cancel()
    assert take(acc, lane, 100) == []
    assert (acc.held_bytes, acc.waiting) == (0, 0)
    assert not lane.busy


def test_an_unsent_batch_goes_back_to_the_front(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(1_000)
    lane = acc.lane("t", 0)
    first, answered, last = (piece(loop, lane) for _ in range(3))
    for one in (first, answered, last):
        acc.add(one, 0.0)
    batch = take(acc, lane, 20)
    answered.resolve(LATE)
    acc.put_back(lane, batch)
    assert acc.held_bytes == first.held_bytes + last.held_bytes
    assert take(acc, lane, 100) == [first, last]


def test_nothing_overtakes_a_piece_whose_asker_left_while_it_was_out(loop: asyncio.AbstractEventLoop) -> None:
    acc = Accumulator(1_000)
    lane = acc.lane("t", 0)
    gone = piece(loop, lane)
    acc.add(gone, 0.0)
    acc.add(piece(loop, lane, before=gone), 0.0)
    batch = take(acc, lane, 10)
    gone.future.cancel()
    acc.put_back(lane, batch)
    assert take(acc, lane, 100) == []
    assert (acc.held_bytes, acc.waiting) == (0, 0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 50)), max_size=40), st.integers(20, 120))
def test_every_piece_comes_out_once_and_in_order(adds: list[tuple[int, int]], max_bytes: int) -> None:
    made = asyncio.new_event_loop()
    made.close()
    acc = Accumulator(10**9)
    sent = [piece(made, acc.lane("t", partition), size) for partition, size in adds]
    for one in sent:
        acc.add(one, 0.0)
    out: list[Piece] = []
    for _ in range(len(adds) + 1):
        for lane in acc.ready():
            batch = take(acc, lane, max_bytes)
            assert len(batch) == 1 or sum(one.size_bytes for one in batch) <= max_bytes
            out += batch
            acc.done(lane, batch)
    for partition in range(3):
        assert [p for p in out if p.lane.partition == partition] == [p for p in sent if p.lane.partition == partition]
    assert (acc.held_bytes, acc.waiting) == (0, 0)
