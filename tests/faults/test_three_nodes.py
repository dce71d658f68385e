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

_FAILOVER_S = 6.0
"""A killed node is fenced after 3 s here, then leaders are elected, the replicas in sync shrink, and clients hear of it."""


def streams(beside: str) -> list[Stream]:
    return [
        Stream(topic=ORDERS.name, producers=30, pause_s=0.15),
        Stream(topic=beside, producers=10, pause_s=0.15),
    ]


def test_leaders_move(three_nodes: Rig, gate_of_three: Gate) -> None:
    """Every node leaves in order and comes back; its partitions move away while they are written to."""
    for place, node in enumerate(three_nodes.cluster.nodes if FORM.long else three_nodes.cluster.nodes[:1]):
        scene = Scene(
            f"leader change {place + 1}", three_nodes, gate_of_three, streams(STRICT.name), seed=FORM.seed + place
        )
        with scene:
            with scene.fault(Restarted(node)):
                scene.last(FORM.seconds(3, 15))
            scene.calm(200)
        scene.check_promises()
        assert scene.watch.flips_between(scene.began_s, scene.healed_s) == 0, "two of three nodes are enough"


def test_a_partition_without_a_leader(three_nodes: Rig, gate_of_three: Gate) -> None:
    """Away for longer than a producer's timeout; the other partitions do not wait for it, and then it works again."""
    with Scene("leaderless", three_nodes, gate_of_three, streams(LONELY.name), seed=FORM.seed) as scene:
        with scene.fault(Killed(three_nodes.cluster.nodes[2])):
            scene.last(FORM.delivery_timeout_s * 2 + _FAILOVER_S)
        scene.calm(200)
    scene.check_promises()
    lonely, others = (scene.during(topic.name, after_s=_FAILOVER_S) for topic in (LONELY, ORDERS))
    assert lonely
    assert [attempt for attempt in lonely if attempt.ok] == []
    failed = Counter(attempt.code for attempt in others if not attempt.ok)
    assert failed == {}, "partitions with a leader paid for the one without"
    assert all(event.stored for event in scene.load.ledger), "the partition works afterwards"


def test_too_few_replicas(three_nodes: Rig, gate_of_three: Gate) -> None:
    with Scene("too few replicas", three_nodes, gate_of_three, streams(STRICT.name), seed=FORM.seed) as scene:
        with scene.fault(Killed(three_nodes.cluster.nodes[1])):
            three_nodes.wait_in_sync(STRICT.name, 2, 20)
            starved_s = time.monotonic() - scene.began_s
            scene.last(starved_s + FORM.seconds(2, 5) * FORM.delivery_timeout_s)
        scene.calm(200)
        three_nodes.wait_in_sync(STRICT.name, 3, 20)
    scene.check_promises()
    starved = scene.during(STRICT.name, after_s=starved_s)
    assert starved
    assert {attempt.status for attempt in starved} <= {503, 504}, "never 2xx with a replica missing"
    assert {attempt.status for attempt in starved[-5:]} == {503}
    others = scene.during(ORDERS.name, after_s=max(starved_s, _FAILOVER_S))
    assert Counter(attempt.code for attempt in others if not attempt.ok) == {}
    assert all(event.stored for event in scene.load.ledger)
