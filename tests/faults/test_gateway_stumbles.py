"""What happens to the gateway itself: a producer inside it that does nothing any more, a worker that is killed (faults.md, Broker 6, 10)."""

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.faults.contracts import ONE, ORDERS
from tests.faults.faults import WEDGING, Wedged
from tests.faults.form import FORM
from tests.faults.http1 import CUT, REFUSED
from tests.faults.rig import Gate, Rig
from tests.faults.scene import Scene, mixed
from tests.kafka.real_kafka import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_REPLACED_S = 15.0


def test_6_a_producer_wedged(one_node: Rig, tmp_path: Path) -> None:
    """Its queue is not empty and nothing is delivered: not ready, replaced within 15 s, and nobody hears of it who has the time to
    wait: what it held was never sent, so the next producer sends it."""
    path = os.pathsep.join([str(WEDGING), *filter(None, [os.environ.get("PYTHONPATH")])])
    with (
        one_node.gateway(tmp_path, deadline_s=20.0, PYTHONPATH=path) as gate,
        Scene("producer wedged", one_node, gate, mixed(ORDERS.name, ONE.name), seed=FORM.seed) as scene,
    ):
        for _ in range(FORM.count(1, 3)):
            replaced = gate.log_lines("producer is replaced")
            with scene.fault(Wedged(gate.process)):
                scene.watch.wait_ready(False, _REPLACED_S + FORM.slack_s)
                scene.watch.wait_ready(True, _REPLACED_S + FORM.slack_s)
            assert scene.healed_s - scene.began_s <= _REPLACED_S + FORM.slack_s
            assert gate.log_lines("producer is replaced") > replaced
        scene.calm()
    scene.check_promises()
    assert {attempt.status for attempt in scene.load.attempts} == {200}
    assert all(event.stored for event in scene.load.ledger)


def test_10_sigkill_of_a_worker(one_node: Rig, tmp_path: Path) -> None:
    """Lost 0, and duplicates only of ids whose answer was cut: the producers repeat them with the same id until they hear 2xx."""
    http, grpc, admin = (str(port) for port in free_ports(3))
    with ExitStack() as running:

        def start(name: str, like: Gate | None = None) -> Gate:
            return running.enter_context(
                one_node.gateway(
                    tmp_path / name,
                    deadline_s=FORM.delivery_timeout_s,
                    like=like,
                    TIDEGATE_HTTP_PORT=http,
                    TIDEGATE_GRPC_PORT=grpc,
                    TIDEGATE_ADMIN_PORT=admin,
                )
            )

        gate = first = start("first")
        scene = Scene("SIGKILL of a worker", one_node, first, mixed(ORDERS.name, ONE.name), seed=FORM.seed)
        with scene:
            for number in range(FORM.count(2, 10)):
                scene.calm()
                scene.began_s = time.monotonic()
                gate.process.signal(signal.SIGKILL)
                assert gate.process.process.wait(10) == -signal.SIGKILL
                gate = start(f"next{number}", first)
                scene.watch.follow(gate.process.pid)
                scene.healed_s = time.monotonic()
            scene.calm()
    scene.check_promises(allowed=frozenset({503, 504, REFUSED, CUT}))
    assert any(event.cut for event in scene.load.ledger), "nobody was waiting for an answer"
    assert all(event.stored for event in scene.load.ledger)
