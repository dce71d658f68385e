"""A broker that is killed, frozen, out of reach or far away, under 50 producers (faults.md, Broker 1, 2, 3, 12)."""

import time

import pytest
from tests.faults.contracts import ONE, ORDERS
from tests.faults.faults import Cut, Frozen, Killed, Reset, Slow
from tests.faults.form import FORM
from tests.faults.rig import Gate, Rig
from tests.faults.scene import Scene, mixed, streams

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_UP_TO_S = 1.0
"""Round trips up to this are a slow Kafka, no outage: connecting and looking stay within their bounds."""


def test_1_killed_and_started_again(one_node: Rig, gate: Gate) -> None:
    with Scene("killed", one_node, gate, mixed(ORDERS.name, ONE.name), seed=FORM.seed) as scene:
        with scene.fault(Killed(one_node.cluster.nodes[0])):
            scene.last_unready(FORM.seconds(2, 25))
        scene.calm()
    scene.check_promises()
    scene.check_readiness()


def test_2_frozen(one_node: Rig, gate: Gate) -> None:
    """Every id survives its retries: what is stored has the id that was sent, whatever was answered in between. And no event
    of a batch is stored once an earlier one of its key was not."""
    with Scene("frozen", one_node, gate, mixed(ORDERS.name, ONE.name), seed=FORM.seed) as scene:
        with scene.fault(Frozen(one_node.cluster.nodes[0])):
            scene.last_unready(FORM.seconds(2, 25))
        scene.calm()
    scene.check_promises()
    scene.check_readiness()
    retried = [event for event in scene.load.ledger if event.unknown + event.refused]
    assert len({event.key for event in retried}) >= 50, "every producer met the fault"
    assert all(event.stored for event in retried)
    assert any("after_failure" in attempt.code for attempt in scene.load.attempts), "no batch had a later piece"


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize("answers_only", [False, True] if FORM.long else [False])
def test_3_packets_dropped_then_connections_reset(one_node: Rig, far_gate: Gate, answers_only: bool) -> None:
    assert one_node.namespace is not None
    cut = Cut(one_node.namespace, answers_only=answers_only)
    reset = Reset(one_node.proxies)
    with Scene(f"{cut.name}, reset", one_node, far_gate, streams(ORDERS.name), seed=FORM.seed) as scene:
        with scene.fault(reset_after(cut, reset)):
            scene.last_unready(FORM.seconds(2, 25))
        scene.calm()
    scene.check_promises()
    scene.check_readiness()


class reset_after(Cut):  # noqa: N801 -- read as a verb: `with scene.fault(reset_after(cut, reset))`
    """Packets vanish; before all is well, everything is reset for two seconds."""

    def __init__(self, cut: Cut, reset: Reset) -> None:
        self.name, self._cut, self._reset = cut.name, cut, reset

    def begin(self) -> None:
        self._cut.begin()

    def heal(self) -> None:
        self._reset.begin()
        self._cut.heal()
        time.sleep(2)
        self._reset.heal()


@pytest.mark.parametrize("rtt_s", [0.2, 1.0, 3.0, 8.0] if FORM.long else [0.2, 8.0])
def test_12_a_broker_far_away(one_node: Rig, far_gate: Gate, rtt_s: float) -> None:
    """What was answered "not stored" never turns up: work past its deadline was dropped before it was sent."""
    slow = Slow(one_node.proxies, rtt_s)
    with Scene(slow.name, one_node, far_gate, streams(ORDERS.name), seed=FORM.seed) as scene:
        with scene.fault(slow):
            scene.last(FORM.seconds(2 if rtt_s < 1 else 7, 30))
        scene.calm()
    scene.check_promises()
    if rtt_s <= _UP_TO_S:
        assert {attempt.status for attempt in scene.during()} == {200}
    elif rtt_s > FORM.delivery_timeout_s:
        before = [a for a in scene.during(after_s=1.0) if a.at_s + a.wait_s < scene.healed_s]
        assert [a for a in before if a.ok] == [], "no answer of Kafka's can have come in time"
