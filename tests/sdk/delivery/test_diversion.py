"""The spool's rule: new events go behind what is on disk, nothing is lost over restarts, keys keep their order (sdk.md, batching and spool)."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sdk.delivery.conftest import Told, failed, outgoing, refusal, stored

from tidegate.batching import BatchLimits
from tidegate.engine import Engine, Shipment
from tidegate.engine_settings import EngineSettings
from tidegate.errors import Code
from tidegate.lanes import lane_of
from tidegate.outgoing import Outgoing, Undelivered
from tidegate.spooling import SpoolRefused
from tidegate.transport.port import Answer, Receipted, Unreached
from tidegate.wire.results import ResultLine

AWAY = Unreached(reason="connection refused", maybe_stored=False)


class Disk:
    """A spool in memory that outlives engines. `room` events fit."""

    def __init__(self, room: int = 10**6) -> None:
        self.rows: dict[tuple[str, int], list[Outgoing]] = {}
        self.room = room
        self.read_ids: set[str] = set()

    def reopened(self) -> "Disk":
        again = Disk(self.room)
        again.rows = {key: list(rows) for key, rows in self.rows.items()}
        return again

    def depths(self, lanes: int) -> dict[tuple[str, int], int]:
        return {key: len(rows) for key, rows in self.rows.items() if rows}

    def append(self, events: Sequence[Outgoing], lane: int, *, front: bool) -> None:
        if sum(map(len, self.rows.values())) + len(events) > self.room:
            raise SpoolRefused("the spool is full")
        rows = self.rows.setdefault((events[0].topic, lane), [])
        copies = [outgoing(e.id, topic=e.topic, key=e.lane_key, judged=e.judged, lives_s=1e18) for e in events]
        at = sum(row.id in self.read_ids for row in rows) if front else len(rows)
        rows[at:at] = copies

    def read(self, topic: str, lane: int, limits: BatchLimits, most: int) -> Sequence[Outgoing]:
        found = [row for row in self.rows.get((topic, lane), []) if row.id not in self.read_ids][:most]
        self.read_ids |= {row.id for row in found}
        for row in found:
            row.spooled = True
        return found

    def remove(self, events: Sequence[Outgoing], lane: int) -> None:
        gone = {event.id for event in events}
        assert all(event.spooled for event in events)
        key = (events[0].topic, lane)
        self.rows[key] = [row for row in self.rows[key] if row.id not in gone]

    def close(self) -> None:
        pass

    @property
    def ids(self) -> list[str]:
        return [row.id for rows in self.rows.values() for row in rows]


def engine(disk: Disk, **more: int) -> Engine:
    return Engine(EngineSettings(batch=BatchLimits(max_events=4), lanes=2, **more), lambda: 0.5, None, disk)


def ok(shipment: Shipment) -> Receipted:
    return Receipted(lines=[stored(event) for event in shipment.events])


def drain(it: Engine, now: float) -> list[str]:
    sent: list[str] = []
    while shipments := it.due(now):
        for shipment in shipments:
            sent += [event.id for event in shipment.events]
            it.answered(shipment, ok(shipment), now)
    return sent


def test_while_the_gateway_is_away_events_go_to_disk_and_are_acknowledged_as_spooled() -> None:
    told, disk = Told(), Disk()
    it = engine(disk, breaker_threshold=1)
    it.accept([outgoing("0", told, key=b"k", urgent=True)])
    (shipment,) = it.due(0.0)
    it.answered(shipment, AWAY, 0.0)
    it.accept([outgoing(str(n), told, key=b"k") for n in range(1, 6)])
    assert sorted(told.ids) == [str(n) for n in range(6)]
    assert all(isinstance(outcome, ResultLine) and outcome.status == "spooled" for _, outcome in told.rows)
    assert (it.counters.spooled, it.counters.delivered) == (6, 0)
    assert drain(it, 500.0) + drain(it, 600.0) == [str(n) for n in range(6)], "a probe, then the rest"
    assert disk.ids == []


def test_new_events_go_behind_the_spool_also_when_the_gateway_is_back() -> None:
    told, disk = Told(), Disk()
    disk.append([outgoing("old", key=b"k", judged=True)], 0, front=False)
    it = engine(disk)
    key = next(b"%d" % n for n in range(9) if lane_of(b"%d" % n, 2) == 0)
    it.accept([outgoing("new", told, key=key)])
    assert told.ids == ["new"], "acknowledged as spooled: it may not overtake"
    assert drain(it, 1.0) == ["old", "new"]


def test_a_full_spool_is_an_error_to_the_sender() -> None:
    told, disk = Told(), Disk(room=1)
    disk.append([outgoing("old")], 0, front=False)
    it = engine(disk)
    it.accept([outgoing("new", told)])
    outcome = told.outcome("new")
    assert isinstance(outcome, Undelivered)
    assert "full" in outcome.reason
    assert drain(it, 1.0) == ["old"]


def test_a_spool_that_refuses_the_first_leaves_memory_as_it_was() -> None:
    told, disk = Told(), Disk(room=0)
    it = engine(disk, spool_after_events=1)
    it.accept([outgoing(str(n), told) for n in range(3)])
    assert told.rows == []
    assert drain(it, 1.0) == ["0", "1", "2"]


def test_what_memory_holds_at_the_end_is_spooled_in_front_of_newer_ones() -> None:
    told, disk = Told(), Disk()
    it = engine(disk, spool_after_events=6)
    it.accept([outgoing(str(n), told, urgent=True) for n in range(4)])
    (shipment,) = it.due(0.0)
    it.accept([outgoing(str(n), told) for n in range(4, 8)])
    it.answered(shipment, refusal(Code.OVERLOADED), 0.0)
    assert it.abandon("closed") == 0
    again = engine(disk.reopened())
    assert drain(again, 1.0) == [str(n) for n in range(8)]


def test_nothing_expires_while_there_is_a_spool() -> None:
    told, disk = Told(), Disk()
    it = engine(disk)
    it.accept([outgoing("a", told, urgent=True, lives_s=5)])
    (shipment,) = it.due(0.0)
    it.answered(shipment, refusal(Code.OVERLOADED, 60), 0.0)
    it.due(6.0)
    outcome = told.outcome("a")
    assert isinstance(outcome, ResultLine)
    assert outcome.status == "spooled"
    assert drain(it, 100.0) == ["a"]


def test_a_refused_event_of_the_spool_is_told_though_nobody_waits() -> None:
    disk = Disk()
    disk.append([outgoing("bad"), outgoing("good")], 0, front=False)
    it = engine(disk)
    (shipment,) = it.due(0.0)
    lines = [failed(shipment.events[0], Code.CONTRACT_VIOLATION), stored(shipment.events[1])]
    it.answered(shipment, Receipted(lines=lines), 0.0)
    (lost,) = it.take_lost()
    assert "contract_violation" in lost.reason
    assert it.take_lost() == []
    assert disk.ids == []
    assert (it.counters.drained, it.counters.spool_lost) == (1, 1)
    assert (it.counters.delivered, it.counters.undelivered) == (0, 0), "those count this process's own events"


@pytest.mark.parametrize("room", [10**6, 15])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_over_crashes_nothing_acknowledged_is_lost(room: int, seed: int) -> None:
    """Random outages and crashes (the engine is gone, the disk stays): acknowledged is stored or on disk; keys keep their order."""
    random, disk, told, log = Random(seed), Disk(room), Told(), []
    it, clock = engine(disk, breaker_threshold=2, spool_after_events=8), 0.0

    def answer(shipment: Shipment) -> Answer:
        if away:
            return AWAY
        lines, dead = [], set()
        for event in shipment.events:
            if event.lane_key in dead or random.random() < 0.1:
                dead.add(event.lane_key)
                lines.append(failed(event, Code.AFTER_FAILURE))
            else:
                log.append(event)
                lines.append(stored(event))
        return Receipted(lines=lines)

    away = False
    for turn in range(150):
        away = random.random() < 0.5 if turn % 10 == 0 else away
        clock += random.random()
        it.accept([outgoing(f"{turn}", told, key=b"%d" % random.randrange(3), at=clock, lives_s=1e6)])
        for shipment in it.due(clock):
            it.answered(shipment, answer(shipment), clock)
        if random.random() < 0.03:
            if random.random() < 0.5:
                it.abandon("closed")
            disk = disk.reopened()
            it = engine(disk, breaker_threshold=2, spool_after_events=8)
    away = False
    for _ in range(400):
        clock += 40
        for shipment in it.due(clock):
            it.answered(shipment, answer(shipment), clock)
    acknowledged = {event_id for event_id, outcome in told.rows if isinstance(outcome, ResultLine)}
    assert acknowledged <= {event.id for event in log}
    assert disk.ids == []
    for key in {event.lane_key for event in log}:
        first = list(dict.fromkeys(int(event.id) for event in log if event.lane_key == key))
        assert first == sorted(first)
