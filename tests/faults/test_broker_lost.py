"""A broker that is killed, frozen, out of reach or far away, under 50 producers (faults.md, Broker 1, 2, 3, 12)."""

import pytest
from tests.faults.contracts import ORDERS
from tests.faults.faults import Frozen, Killed
from tests.faults.form import FORM
from tests.faults.rig import Gate, Rig
from tests.faults.scene import Scene, streams

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_killed_and_started_again(one_node: Rig, gate: Gate) -> None:
    with Scene("killed", one_node, gate, streams(ORDERS.name), seed=FORM.seed) as scene:
        with scene.fault(Killed(one_node.cluster.nodes[0])):
            scene.last(FORM.seconds(6, 30))
        scene.calm(200)
    scene.check_promises()
    scene.check_readiness()


def test_frozen(one_node: Rig, gate: Gate) -> None:
    """Every id survives its retries: what is stored has the id that was sent, whatever was answered in between."""
    with Scene("frozen", one_node, gate, streams(ORDERS.name), seed=FORM.seed) as scene:
        with scene.fault(Frozen(one_node.cluster.nodes[0])):
            scene.last(FORM.seconds(8, 30))
        scene.calm(200)
    scene.check_promises()
    scene.check_readiness()
    retried = [event for event in scene.load.ledger if event.unknown + event.refused]
    assert len(retried) >= 50, "every producer met the fault"
    assert all(event.stored for event in retried)
