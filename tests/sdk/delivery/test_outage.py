"""The gateway is away for a minute while events go on: every one arrives, in the order of its key, without a spool (issue 7, done when)."""

from random import Random

import pytest
from tests.sdk.delivery.conftest import Told, outgoing, stored

from tidegate.engine import Engine, Shipment
from tidegate.engine_settings import EngineSettings
from tidegate.outgoing import Outgoing
from tidegate.transport.port import Answer, Receipted, Unreached
from tidegate.wire.results import ResultLine

PER_S = 10
AWAY = range(10, 70)
TICKS = PER_S * 100


@pytest.mark.parametrize("seed", range(5))
def test_a_minute_without_a_gateway_loses_nothing(seed: int) -> None:
    told, random = Told(), Random(seed)
    it = Engine(EngineSettings(), random.random)
    arrived: list[Outgoing] = []

    def answer(shipment: Shipment, now: float) -> Answer:
        if int(now) in AWAY:
            return Unreached(reason="connection refused", maybe_stored=False)
        arrived.extend(shipment.events)
        return Receipted(lines=[stored(event) for event in shipment.events])

    for tick in range(4 * TICKS):
        now, then = tick / PER_S, (tick + 1) / PER_S
        if tick < TICKS:
            it.accept([outgoing(str(tick), told, key=b"%d" % (tick % 7), at=now)])
        elif not it.events:
            break
        while now < then:
            for shipment in it.due(now):
                it.answered(shipment, answer(shipment, now), now)
            due = it.next_due(now)
            now = then if due is None else max(due, now + 0.001)
    assert it.events == 0
    assert all(isinstance(outcome, ResultLine) for _, outcome in told.rows)
    assert sorted(int(event.id) for event in arrived) == list(range(TICKS))
    for key in {event.lane_key for event in arrived}:
        numbers = [int(event.id) for event in arrived if event.lane_key == key]
        assert numbers == sorted(numbers)
