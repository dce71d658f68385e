"""The engine: events in, shipments out, answers in, outcomes out. Time is a number here."""

from collections.abc import Sequence
from itertools import chain
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sdk.delivery.conftest import Told, failed, outgoing, refusal, stored

from tidegate.batching import BatchLimits
from tidegate.engine import Engine, Shipment
from tidegate.engine_settings import EngineSettings
from tidegate.errors import Code
from tidegate.outgoing import Outgoing, Undelivered
from tidegate.transport.port import Answer, Receipted, Unreached
from tidegate.wire.results import ResultLine

RESET = Unreached(reason="connection reset", maybe_stored=True)
REFUSED = Unreached(reason="connection refused", maybe_stored=False)


def engine(**more: object) -> Engine:
    values: dict[str, object] = {"batch": BatchLimits(max_events=10, linger_s=0.02), "lanes": 2, **more}
    return Engine(EngineSettings(**values), lambda: 0.5)  # type: ignore[arg-type]  # a test's own table


def ok(shipment: Shipment) -> Receipted:
    return Receipted(lines=[stored(event) for event in shipment.events])


def ids(shipments: Sequence[Shipment]) -> list[list[str]]:
    return [[event.id for event in shipment.events] for shipment in shipments]


def test_an_event_lingers_goes_and_has_its_receipt() -> None:
    told, it = Told(), engine()
    it.accept([outgoing("a", told)])
    assert it.due(0.0) == []
    assert it.next_due(0.0) == 0.02
    (shipment,) = it.due(0.02)
    assert it.next_due(0.02) == 120.0 or it.next_due(0.02) is None
    it.answered(shipment, ok(shipment), 0.1)
    assert told.rows == [("a", stored(shipment.events[0]))]
    assert (it.events, it.size_bytes) == (0, 0)
    assert it.next_due(0.1) is None, "an idle client wakes never"


def test_nothing_to_do_is_never_due() -> None:
    assert engine().next_due(5.0) is None


def test_the_events_of_a_key_wait_for_each_other_and_other_lanes_do_not() -> None:
    it = engine()
    it.accept([outgoing(f"a{n}", key=b"a", urgent=True) for n in range(12)])
    (first,) = it.due(0.0)
    assert len(first.events) == 10
    assert it.due(0.0) == [], "one request of the lane is in flight"
    it.accept([outgoing("b0", key=b"b", urgent=True)])
    other = it.due(0.0)
    assert ids(other) == [["b0"]] or other == []
    it.answered(first, ok(first), 0.1)
    assert ["a10", "a11"] in [row[:2] for row in ids(it.due(0.1))]


def test_only_failed_events_go_again_with_their_ids() -> None:
    told, it = Told(), engine()
    it.accept([outgoing(name, told, key=name.encode(), urgent=True) for name in "abc"])
    sent: list[list[str]] = []
    for shipment in it.due(0.0):
        sent.append(sorted(event.id for event in shipment.events))
        lines = [stored(e) if e.id != "b" else failed(e, Code.BROKER_UNAVAILABLE) for e in shipment.events]
        it.answered(shipment, Receipted(lines=lines), 0.0)
    assert sorted(chain.from_iterable(sent)) == ["a", "b", "c"]
    assert it.due(0.0) == []
    (again,) = it.due(1.0)
    assert [event.id for event in again.events] == ["b"]
    assert again.events[0].attempts == 2


def test_retry_after_is_never_undercut() -> None:
    it = engine()
    it.accept([outgoing("a", urgent=True)])
    (shipment,) = it.due(0.0)
    it.answered(shipment, refusal(Code.RATE_LIMITED, retry_after_s=7.0), 1.0)
    assert it.next_due(1.0) == pytest.approx(8.05)
    assert it.due(8.0) == []
    assert len(it.due(8.1)) == 1


def test_413_halves_and_sends_at_once() -> None:
    it = engine(lanes=1)
    it.accept([outgoing(str(n), urgent=True) for n in range(8)])
    (shipment,) = it.due(0.0)
    it.answered(shipment, refusal(Code.TOO_LARGE, max_events=3), 0.0)
    assert ids(it.due(0.0)) == [["0", "1", "2"]]


def test_one_bad_event_never_costs_its_batch() -> None:
    """A gateway that refuses the whole request for one event: the others are stored, the one is told."""
    told, it = Told(), engine(lanes=1)
    it.accept([outgoing(str(n), told, urgent=True) for n in range(10)])
    for _ in range(30):
        for shipment in it.due(0.0):
            bad = any(event.id == "6" for event in shipment.events)
            it.answered(shipment, refusal(Code.MALFORMED) if bad else ok(shipment), 0.0)
    outcomes = dict(told.rows)
    assert isinstance(outcomes.pop("6"), Undelivered)
    assert len(outcomes) == 9
    assert all(isinstance(outcome, ResultLine) for outcome in outcomes.values())


def test_a_batch_s_size_grows_back_after_it_was_halved() -> None:
    it = engine(lanes=1)
    it.accept([outgoing(str(n), urgent=True) for n in range(10)])
    (shipment,) = it.due(0.0)
    it.answered(shipment, refusal(Code.MALFORMED), 0.0)
    for turn in range(4):
        for shipment in it.due(0.0):
            it.answered(shipment, ok(shipment), 0.0)
        it.accept([outgoing(f"{turn}-{n}", urgent=True) for n in range(10 - it.events)])
    assert max(len(row) for row in ids(it.due(0.0))) == 10


def test_what_the_gateway_said_of_its_limit_is_kept() -> None:
    it = engine(lanes=1)
    it.accept([outgoing(str(n), urgent=True) for n in range(10)])
    (shipment,) = it.due(0.0)
    it.answered(shipment, refusal(Code.TOO_LARGE, max_events=3), 0.0)
    sizes = []
    while shipments := it.due(0.0):
        sizes += [len(shipment.events) for shipment in shipments]
        for shipment in shipments:
            it.answered(shipment, ok(shipment), 0.0)
    assert sizes == [3, 3, 3, 1]


def test_a_refused_token_is_refreshed_and_tried_once() -> None:
    told, it = Told(), engine()
    it.accept([outgoing("a", told, urgent=True)])
    (shipment,) = it.due(0.0)
    assert it.answered(shipment, refusal(Code.UNAUTHENTICATED), 0.0), "the token is to be refreshed"
    (again,) = it.due(0.0)
    it.answered(again, refusal(Code.UNAUTHENTICATED), 0.0)
    assert it.due(9.0) == []
    outcome = told.outcome("a")
    assert isinstance(outcome, Undelivered)
    assert outcome.code is Code.UNAUTHENTICATED


def test_a_token_refused_again_settles_each_event_once() -> None:
    """A batch of an event that was refreshed before and of new ones: the first is settled and stays so."""
    told, it = Told(), engine(lanes=1)
    it.accept([outgoing("a", told, urgent=True)])
    (shipment,) = it.due(0.0)
    it.answered(shipment, refusal(Code.UNAUTHENTICATED), 0.0)
    it.accept([outgoing("b", told, urgent=True)])
    (shipment,) = it.due(0.0)
    assert ids([shipment]) == [["a", "b"]]
    it.answered(shipment, refusal(Code.UNAUTHENTICATED), 0.0)
    assert told.ids == ["a"]
    (shipment,) = it.due(0.0)
    assert ids([shipment]) == [["b"]]
    it.answered(shipment, refusal(Code.UNAUTHENTICATED), 0.0)
    assert (told.ids, it.events) == (["a", "b"], 0)
    assert not any(one.left for one in it.flush())


def test_the_total_deadline_ends_it_with_the_last_reason() -> None:
    told, it = Told(), engine()
    it.accept([outgoing("a", told, lives_s=5, urgent=True)])
    now = 0.0
    while it.events and now < 20:
        for shipment in it.due(now):
            it.answered(shipment, refusal(Code.OVERLOADED), now)
        now = it.next_due(now) or now
    assert now <= 5.1
    outcome = told.outcome("a")
    assert isinstance(outcome, Undelivered)
    assert outcome.code is Code.OVERLOADED
    assert not outcome.maybe_stored


def test_an_event_that_may_be_stored_says_so_when_it_is_given_up() -> None:
    told, it = Told(), engine()
    it.accept([outgoing("a", told, lives_s=5, urgent=True)])
    (shipment,) = it.due(0.0)
    it.answered(shipment, RESET, 0.0)
    it.due(6.0)
    outcome = told.outcome("a")
    assert isinstance(outcome, Undelivered)
    assert outcome.maybe_stored


def test_an_attempt_never_outlives_the_deadline() -> None:
    it = engine(attempt_timeout_s=30)
    it.accept([outgoing("a", lives_s=12, urgent=True)])
    (shipment,) = it.due(2.0)
    assert shipment.timeout_s == 10


def test_the_breaker_lets_single_probes_through_and_nothing_is_dropped() -> None:
    told, it = Told(), engine(lanes=4)
    it.accept([outgoing(f"{n}", told, key=b"%d" % n, urgent=True, lives_s=1000) for n in range(40)])
    now, probes = 0.0, []
    for _ in range(60):
        for shipment in it.due(now):
            probes.append((shipment.probe, len(shipment.events)))
            it.answered(shipment, REFUSED, now)
        due = it.next_due(now)
        assert due is not None
        now = max(due, now + 0.001)
    assert all(row == (True, 1) for row in probes[12:]), "an open breaker sends one event at a time"
    assert told.rows == []
    while it.events:
        for shipment in it.due(now):
            it.answered(shipment, ok(shipment), now)
        now = it.next_due(now) or now
    assert sorted(told.ids, key=int) == [str(n) for n in range(40)]


def test_a_probe_whose_request_was_cancelled_lets_another_go() -> None:
    it = engine(breaker_threshold=1)
    it.accept([outgoing("a", urgent=True)])
    (shipment,) = it.due(0.0)
    it.answered(shipment, REFUSED, 0.0)
    (probe,) = it.due(100.0)
    assert probe.probe
    it.returned(probe, "cancelled")
    assert len(it.due(100.0)) == 1


def test_an_exhausted_budget_slows_retries_to_one_at_a_time() -> None:
    it = Engine(EngineSettings(lanes=4, breaker_threshold=1000), lambda: 0.0)
    it.accept([outgoing(f"{n}", key=b"%d" % n, urgent=True) for n in range(40)])
    at_once = []
    for _ in range(6):
        shipments = it.due(0.0)
        at_once.append(len(shipments))
        for shipment in shipments:
            it.answered(shipment, REFUSED, 0.0)
    assert at_once[0] == 4
    assert at_once[-3:] == [1, 1, 1]
    fresh = [outgoing("new", topic="other", urgent=True)]
    it.accept(fresh)
    assert ["new"] in ids(it.due(0.0)), "what was never tried is no retry"


def test_drop_oldest_makes_room_and_is_counted() -> None:
    told, it = Told(), engine(max_events=5)
    it.accept([outgoing(str(n), told, at=n) for n in range(8)])
    assert told.ids == ["0", "1", "2"]
    assert all(isinstance(outcome, Undelivered) and outcome.given_up for _, outcome in told.rows)
    assert it.counters.dropped == 3
    assert it.events == 5


def test_what_is_in_flight_is_not_dropped() -> None:
    told, it = Told(), engine(max_events=2, lanes=1)
    it.accept([outgoing("a", told, urgent=True), outgoing("b", told, urgent=True)])
    (shipment,) = it.due(0.0)
    it.accept([outgoing("c", told), outgoing("d", told)])
    assert sorted(told.ids) == ["c", "d"]
    it.answered(shipment, ok(shipment), 0.0)
    assert sorted(told.ids) == ["a", "b", "c", "d"]


def test_a_flush_waits_for_what_was_there_and_not_for_what_comes_later() -> None:
    it = engine()
    it.accept([outgoing("a", key=b"a")])
    (generation,) = it.flush()
    it.accept([outgoing("z", key=b"z", at=99.0)])
    (shipment, *_) = [one for one in it.due(0.0) if one.events[0].id == "a"]
    assert generation.left == 1
    it.answered(shipment, ok(shipment), 0.0)
    assert generation.left == 0


def test_giving_up_tells_every_event() -> None:
    told, it = Told(), engine()
    it.accept([outgoing(str(n), told, judged=n > 2) for n in range(6)])
    assert it.abandon("closed") == 6
    assert sorted(told.ids) == [str(n) for n in range(6)]
    assert it.events == 0


def test_unjudged_events_keep_the_order_of_all_and_change_over_in_order() -> None:
    """Without a contract nobody knows the keys: one lane. With it, lanes by key, but only once the others are through."""
    told, it = Told(), engine(lanes=4)
    unjudged = [outgoing(f"u{n}", told, judged=False, urgent=True) for n in range(5)]
    judged = [outgoing(f"j{n}", told, key=b"%d" % n, urgent=True) for n in range(5)]
    it.accept([*unjudged, *judged])
    (only,) = it.due(0.0)
    assert ids([only]) == [["u0", "u1", "u2", "u3", "u4"]]
    it.answered(only, ok(only), 0.0)
    later = it.due(0.0)
    assert len(later) > 1
    assert sorted(chain.from_iterable(ids(later))) == [f"j{n}" for n in range(5)]


def test_what_waits_for_the_change_of_order_has_its_deadline_too() -> None:
    """An attempt is under way for longer than the event behind it lives."""
    told, it = Told(), engine()
    it.accept([outgoing("judged", told, urgent=True, lives_s=60)])
    (shipment,) = it.due(0.0)
    it.accept([outgoing("unjudged", told, judged=False, lives_s=5)])
    assert it.next_due(0.0) == 5
    assert it.due(5.0) == []
    assert told.ids == ["unjudged"]
    it.answered(shipment, ok(shipment), 6.0)
    assert (told.ids, it.events, it.next_due(6.0)) == (["unjudged", "judged"], 0, None)


def test_what_waits_for_the_change_of_order_makes_room_too() -> None:
    told, it = Told(), engine(max_events=3)
    it.accept([outgoing("judged", told, urgent=True)])
    (shipment,) = it.due(0.0)
    it.accept([outgoing(str(n), told, judged=False) for n in range(5)])
    assert (told.ids, it.events) == (["0", "1", "2"], 3)
    it.answered(shipment, ok(shipment), 0.1)
    assert ids(it.due(9.0)) == [["3", "4"]]


def test_events_without_a_key_fill_one_batch_after_the_other() -> None:
    it = engine(lanes=4)
    it.accept([outgoing(str(n), urgent=True) for n in range(20)])
    assert sorted(len(shipment.events) for shipment in it.due(0.0)) == [10, 10]


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_whatever_fails_nothing_is_lost_and_keys_keep_their_order(seed: int) -> None:
    """The set checker: a gateway that fails at random, stores or not, answers or not. Acknowledged is stored, order of first copies holds."""
    random = Random(seed)
    told = Told()
    it = Engine(EngineSettings(batch=BatchLimits(max_events=5), lanes=3), random.random)
    log: list[Outgoing] = []

    def answer(shipment: Shipment) -> Answer:
        luck = random.random()
        if luck < 0.15:
            return REFUSED
        if luck < 0.25:
            log.extend(shipment.events)
            return RESET
        if luck < 0.3:
            return refusal(Code.OVERLOADED, retry_after_s=random.random())
        lines, dead = [], set()
        for event in shipment.events:
            if event.lane_key in dead:
                lines.append(failed(event, Code.AFTER_FAILURE))
            elif random.random() < 0.1:
                dead.add(event.lane_key)
                lines.append(failed(event, Code.BROKER_UNAVAILABLE))
            else:
                log.append(event)
                lines.append(stored(event))
        return Receipted(lines=lines)

    now = number = 0
    clock = 0.0
    while number < 60 or it.events:
        if number < 60 and random.random() < 0.6:
            it.accept([outgoing(f"{number}", told, key=b"%d" % random.randrange(4), at=clock, lives_s=1e6)])
            number += 1
        for shipment in it.due(clock):
            it.answered(shipment, answer(shipment), clock)
        due = it.next_due(clock)
        clock = clock + 0.01 if due is None or number < 60 else max(due, clock + 1e-6)
        now += 1
        assert now < 20_000, "it comes to an end"
    assert sorted(told.ids, key=int) == [str(n) for n in range(60)]
    assert all(isinstance(outcome, ResultLine) for _, outcome in told.rows)
    assert {event.id for event in log} == set(told.ids)
    for key in {event.lane_key for event in log}:
        first = list(dict.fromkeys(int(event.id) for event in log if event.lane_key == key))
        assert first == sorted(first)
