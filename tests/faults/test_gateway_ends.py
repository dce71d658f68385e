"""A gateway that is told to end under load or in an outage, one that starts before Kafka or stays ready (faults.md, Broker 9)."""

import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.faults.contracts import ONE, ORDERS
from tests.faults.faults import Frozen, Killed
from tests.faults.form import FORM
from tests.faults.http1 import CUT, REFUSED
from tests.faults.rig import Rig
from tests.faults.scene import Scene, mixed, streams

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_GRACE_S = 1.0
"""Beyond drain_s, for what closing takes; an orchestrator's grace period has to be longer than drain_s anyway."""


@pytest.mark.parametrize("outage", [False, True], ids=["under load", "in an outage"])
def test_9_sigterm(one_node: Rig, tmp_path: Path, outage: bool) -> None:
    """NOT_SERVING before connections are refused, exit within grace with code 0, lost 0."""
    drain_s = FORM.seconds(5.0, 20.0)
    name = "SIGTERM in an outage" if outage else "SIGTERM under load"
    node = one_node.cluster.nodes[0]
    with (
        ExitStack() as healing,
        one_node.gateway(tmp_path, deadline_s=FORM.delivery_timeout_s, drain_s=drain_s) as gate,
        Scene(name, one_node, gate, mixed(ORDERS.name, ONE.name), seed=FORM.seed) as scene,
    ):
        scene.calm()
        frozen = Frozen(node)
        healing.callback(frozen.heal)
        if outage:
            frozen.begin()
            time.sleep(1.0)
        scene.began_s = time.monotonic()
        gate.process.signal(signal.SIGTERM)
        code = gate.process.process.wait(drain_s + 30)
        scene.healed_s = time.monotonic()
        scene.load.stop(0.5)
        frozen.heal()
    assert code == 0
    assert scene.healed_s - scene.began_s <= drain_s + _GRACE_S + FORM.slack_s
    refused = [a.at_s + a.wait_s for a in scene.load.attempts if a.status in {REFUSED, CUT}]
    unready_s = scene.unready_s()
    assert unready_s is not None, "readyz never said that it is ending"
    assert refused, "nobody came after the end"
    assert scene.began_s + unready_s < min(refused) + FORM.slack_s, "connections ended before readyz said so"
    told = [a for a in scene.load.attempts if a.status == 503 and scene.began_s < a.at_s + a.wait_s < min(refused)]
    assert told, "nobody was answered 503 before connections ended"
    # HTTP/1.1 closes idle connections without a word: a request that is on its way at that moment is cut. It was not read.
    scene.check_promises(allowed=frozenset({503, 504, REFUSED, CUT}))
    cut = {event.id for event in scene.load.ledger if event.cut == event.unknown > 0 and not event.stored}
    assert cut.isdisjoint(found.id for found in one_node.read()), "requests that were read ended without an answer"


@pytest.mark.parametrize(
    "always", [False, True] if FORM.long else [False], ids=lambda always: "ready" if always else "not ready"
)
def test_started_without_kafka(one_node: Rig, tmp_path: Path, always: bool) -> None:
    """It serves when Kafka comes, without being started again. With `ready_without_kafka` the balancer sends to it all the time, and
    everybody hears 503 with Retry-After."""
    killed = Killed(one_node.cluster.nodes[0])
    more = f"ready_without_kafka = {str(always).lower()}\n"
    with ExitStack() as stack:
        began_s = time.monotonic()
        stack.callback(killed.heal)
        killed.begin()
        gate = stack.enter_context(one_node.gateway(tmp_path, deadline_s=FORM.delivery_timeout_s, more=more))
        name = "started ready without Kafka" if always else "started without Kafka"
        scene = Scene(name, one_node, gate, streams(ORDERS.name, 10), seed=FORM.seed)
        with scene:
            scene.began_s = began_s
            scene.watch.wait_ready(always, 10)
            time.sleep(FORM.seconds(1, 20))
            started_s = time.monotonic()
            killed.heal()
            scene.healed_s = time.monotonic()
            scene.calm()
    scene.check_promises()
    away = [attempt for attempt in scene.load.attempts if attempt.at_s + attempt.wait_s < started_s]
    assert away
    assert {attempt.status for attempt in away} == {503}
    ready_s = scene.ready_s()
    assert ready_s is not None
    assert ready_s <= 5 + FORM.slack_s
    assert [flip.ready for flip in scene.watch.flips] == ([True] if always else [False, True])


@pytest.mark.skipif(not FORM.long, reason="the long form only: the other half of ready_without_kafka")
def test_ready_without_kafka(one_node: Rig, tmp_path: Path) -> None:
    """Kafka goes away later: ready all the time, and everybody is answered in time."""
    with (
        one_node.gateway(tmp_path, deadline_s=FORM.delivery_timeout_s, more="ready_without_kafka = true\n") as gate,
        Scene("ready without Kafka", one_node, gate, streams(ORDERS.name, 20), seed=FORM.seed) as scene,
    ):
        with scene.fault(Killed(one_node.cluster.nodes[0])):
            scene.last(20)
            away_s = time.monotonic()
        scene.calm()
    scene.check_promises()
    assert scene.watch.flips_between(scene.began_s, scene.healed_s + 5) == 0
    away = [a for a in scene.during(after_s=5.0) if a.at_s < away_s]
    assert away
    assert {a.status for a in away} == {503}
