"""Lanes: order within a key, one request in flight, kept across retries (sdk.md, batching)."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sdk.delivery.conftest import outgoing

from tidegate.batching import BatchLimits
from tidegate.lanes import NEVER, Lane, lane_of

LIMITS = BatchLimits(max_events=3, max_bytes=1000, linger_s=0.02)


def lane_with(*names: str, at: float = 0.0, **more: bool) -> Lane:
    lane = Lane("t", 0, 500)
    for name in names:
        lane.add(outgoing(name, key=name[0].encode(), at=at, **more))  # type: ignore[arg-type]  # flags
    return lane


def taken(lane: Lane, now: float = 0.0, most: int = 500, limits: BatchLimits = LIMITS) -> list[str]:
    return [event.id for event in lane.take(now, limits, most)]


def test_a_key_has_one_lane_in_every_process() -> None:
    assert lane_of(b"customer-1", 4) == lane_of(b"customer-1", 4)
    assert lane_of(b"123456789", 1000) == 0xCBF43926 % 1000, "CRC-32 and its check value"
    assert {lane_of(b"%d" % n, 4) for n in range(100)} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("names", "due"),
    [((), NEVER), (("a1",), 0.02), (("a1", "a2"), 0.02), (("a1", "a2", "a3"), 0.0)],
)
def test_a_batch_is_due_by_count_or_by_age(names: tuple[str, ...], due: float) -> None:
    assert lane_with(*names).due_at(LIMITS) == due


def test_a_batch_is_due_by_bytes() -> None:
    lane = Lane("t", 0, 500)
    lane.add(outgoing("a", size_bytes=600))
    assert lane.due_at(LIMITS) == 0.02
    lane.add(outgoing("b", size_bytes=400))
    assert lane.due_at(LIMITS) == 0.0


def test_who_waits_for_a_receipt_does_not_linger() -> None:
    assert lane_with("a1", at=5.0, urgent=True).due_at(LIMITS) == 0.0
    lane = lane_with("a1", at=5.0)
    lane.urge()
    assert lane.due_at(LIMITS) == 0.0


def test_a_batch_ends_by_count_and_bytes_and_a_giant_goes_alone() -> None:
    assert taken(lane_with("a1", "a2", "a3", "a4")) == ["a1", "a2", "a3"]
    lane = Lane("t", 0, 500)
    for name, size in (("giant", 5000), ("x", 600), ("y", 600)):
        lane.add(outgoing(name, size_bytes=size))
    assert taken(lane) == ["giant"]
    assert taken(lane) == ["x"]
    assert lane.size_bytes == 600


def test_one_request_in_flight() -> None:
    lane = lane_with("a1", "a2", "a3")
    lane.in_flight = True
    assert lane.due_at(LIMITS) == NEVER


def test_a_failed_batch_goes_again_before_what_came_later() -> None:
    lane = lane_with("a1", "b1")
    batch = lane.take(0, LIMITS, 500)
    lane.add(outgoing("a2", key=b"a"))
    lane.give_back(batch)
    lane.hold(10.0, lambda: 0.5, None)
    assert lane.due_at(LIMITS) == pytest.approx(10.05)
    assert taken(lane, 11.0) == ["a1", "b1", "a2"]


def test_the_wait_grows_with_failures_in_a_row() -> None:
    lane = lane_with("a1", urgent=True)
    holds = []
    for _ in range(4):
        lane.hold(0.0, lambda: 1.0 - 1e-9, None)
        holds.append(round(lane.due_at(LIMITS), 3))
    assert holds == [0.1, 0.2, 0.4, 0.8]


def test_failed_keys_are_held_and_the_others_go_on() -> None:
    lane = lane_with("a1", "b1", "c1")
    first, second, _ = lane.take(0, LIMITS, 500)
    first.attempts = second.attempts = 1
    lane.hold_keys([(first, 5.0), (second, None)], 0.0, lambda: 0.0)
    for name in ("a2", "b2", "c2", "c3"):
        lane.add(outgoing(name, key=name[0].encode()))
    assert taken(lane, 0.0) == ["b1", "b2", "c2"], "b may go, a waits for what the server asked"
    assert taken(lane, 1.0) == ["c3"]
    assert lane.due_at(LIMITS) == 5.0
    assert taken(lane, 5.0) == ["a1", "a2"]


def test_what_of_a_held_key_came_back_twice_keeps_its_order() -> None:
    lane = Lane("t", 0, 500)
    for name in ("a1", "a2", "a3", "a4", "a5"):
        lane.add(outgoing(name, key=b"a"))
    batch = lane.take(0, LIMITS, 500)
    for event in batch:
        event.attempts = 1
    lane.hold_keys([(event, None) for event in batch[1:]], 0.0, lambda: 0.0)
    assert [event.id for event in lane.take(0, LIMITS, 1)] == ["a2"]
    (again,) = [event for event in batch if event.id == "a2"]
    lane.give_back([again])
    assert taken(lane) == ["a2", "a3", "a4"]
    assert taken(lane) == ["a5"]


def test_deadlines_take_out_the_oldest_first() -> None:
    lane = Lane("t", 0, 500)
    lane.add(outgoing("a1", at=0, lives_s=10))
    lane.add(outgoing("a2", at=5, lives_s=10))
    assert lane.next_deadline() == 10
    assert [event.id for event in lane.expire(12)] == ["a1"]
    assert [event.id for event in lane.expire(15)] == ["a2"]
    assert lane.next_deadline() == NEVER


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 6), st.integers(1, 40))
def test_order_within_a_key_holds_whatever_fails(seed: int, keys: int, events: int) -> None:
    """Random batches, whole failures, failures of some keys: each key's events are stored in the order of their numbers."""
    random = Random(seed)
    lane, now, number, log = Lane("t", 0, 500), 0.0, 0, []
    while len(log) < events:
        now += random.random() * 10
        while number < events and random.random() < 0.7:
            lane.add(outgoing(f"{number}", key=b"%d" % random.randrange(keys), at=now))
            number += 1
        batch = lane.take(now, BatchLimits(max_events=random.randint(1, 5)), 500)
        for event in batch:
            event.attempts += 1
        if random.random() < 0.3:
            lane.give_back(batch)
            lane.hold(now, random.random, None)
            continue
        dead = {event.lane_key for event in batch if random.random() < 0.3}
        log += [(event.lane_key, int(event.id)) for event in batch if event.lane_key not in dead]
        lane.hold_keys([(event, None) for event in batch if event.lane_key in dead], now, random.random)
        if not batch:
            now += 60
    for key in {row[0] for row in log}:
        numbers = [n for k, n in log if k == key]
        assert numbers == sorted(numbers)
    assert len({n for _, n in log}) == events
    assert lane.backlog == 0
    assert lane.size_bytes == 0
