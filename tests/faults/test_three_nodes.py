"""Leaders that move, a partition without one, too few replicas: on three nodes (faults.md, Broker 4 and 5)."""

import time
from collections import Counter

import pytest
from tests.faults.contracts import LONELY, ORDERS, STRICT
from tests.faults.faults import Killed, Restarted
from tests.faults.form import FORM
from tests.faults.load import Stream
from tests.faults.rig import Gate, Rig
from tests.faults.scene import Scene

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_FAILOVER_S = 2.0
"""After the cluster has new leaders and fewer replicas in sync: until clients have heard of it and what was under way is over."""

_BESIDE = 0.02
"""Of the answers beside a lost partition, how many may fail in the short form, where anybody may use the machine."""


def test_4_leaders_move(three_nodes: Rig, gate_of_three: Gate) -> None:
    """A node leaves in order and comes back; its partitions move away while they are written to."""
    streams = [Stream(topic=name, producers=20, pause_s=0.15) for name in (ORDERS.name, STRICT.name)]
    for place, node in enumerate(three_nodes.cluster.nodes[: FORM.count(1, 3)]):
        scene = Scene(f"leader change {place + 1}", three_nodes, gate_of_three, streams, seed=FORM.seed + place)
        with scene:
            with scene.fault(Restarted(node)):
                scene.last(FORM.seconds(1, 15))
            scene.calm()
        scene.check_promises()
        assert scene.watch.flips_between(scene.began_s, scene.healed_s) == 0, "two of three nodes are enough"
        three_nodes.wait_in_sync(STRICT.name, 3, 60)


def test_4_5_a_node_of_three_killed(three_nodes: Rig, gate_of_three: Gate) -> None:
    """A partition without a leader for longer than a producer's timeout, one short of replicas, and others that need not care:
    never 2xx where it is not stored, no other partition waits, and all work afterwards."""
    streams = [Stream(topic=topic.name, producers=15, pause_s=0.15) for topic in (ORDERS, LONELY, STRICT)]
    with Scene("leaderless, too few replicas", three_nodes, gate_of_three, streams, seed=FORM.seed) as scene:
        with scene.fault(Killed(three_nodes.cluster.nodes[2])):
            three_nodes.wait_in_sync(STRICT.name, 2, 40)
            three_nodes.wait_in_sync(ORDERS.name, 2, 40)
            gone_s = time.monotonic() - scene.began_s
            scene.last(gone_s + FORM.seconds(1.5, 5) * FORM.delivery_timeout_s)
        scene.calm(200)
        three_nodes.wait_in_sync(STRICT.name, 3, 60)
    scene.check_promises()
    assert all(event.stored for event in scene.load.ledger), "every partition works afterwards"
    lonely, strict, others = (scene.during(topic.name, after_s=gone_s) for topic in (LONELY, STRICT, ORDERS))
    for name, lost in (("without a leader", lonely), ("short of replicas", strict)):
        assert lost, name
        assert {attempt.status for attempt in lost} <= {503, 504}, f"never 2xx {name}"
        assert {attempt.status for attempt in lost[-5:]} == {503}, name
    beside = [attempt for attempt in others if attempt.at_s > scene.began_s + gone_s + _FAILOVER_S]
    failed = Counter(attempt.code for attempt in beside if not attempt.ok)
    assert failed.total() <= len(beside) * (0 if FORM.long else _BESIDE), failed
