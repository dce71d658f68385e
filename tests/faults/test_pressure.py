"""Much at once: 16,000 publishes, an outage at twice the load, an event that is too large among good ones (faults.md, Broker 7, 8, 11)."""

import asyncio
import http.client
import json
import os
import resource
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.adapters.publisher.running import running
from tests.faults.burst import Burst, run_burst
from tests.faults.checker import Sent, Verdict
from tests.faults.contracts import LONELY, ONE, ORDERS
from tests.faults.faults import Frozen
from tests.faults.form import FORM
from tests.faults.load import Attempt, Stream
from tests.faults.report import Row
from tests.faults.rig import Gate, Rig
from tests.faults.scene import ROWS, Scene, streams
from tests.faults.watch import rss_bytes

from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.intake.ports import Record, RecordStored

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_MANY = 16_000
_SOCKETS = FORM.count(4_000, _MANY)
"""Connections of the burst over HTTP: opening them takes most of its time."""
_ROUNDS = 3
"""The best of so many counts where a figure is measured: other work on the machine only ever adds."""
_MANY_RSS_BYTES = 900 * 2**20
"""16,000 connections with a request each; the events alone may take 256 MiB."""
_IN_FLIGHT_BYTES = 32 * 2**20
_CROWD = 150
_HEAVY_BYTES = 300_000
"""All at once, each counted with its copy, as the gateway does: more than twice what may be in flight."""


def test_8_an_outage_at_twice_the_load(one_node: Rig, tmp_path: Path) -> None:
    """More comes in than memory may hold: `overloaded` at once, memory within its bound + 20 %; and once the outage is seen,
    everything is refused in under 50 ms with Retry-After."""
    crowd = Stream(topic=ORDERS.name, producers=_CROWD, pause_s=3.0, pad_bytes=_HEAVY_BYTES, retry_s=(1.5, 3.0))
    light = Stream(topic=LONELY.name, producers=20, pause_s=0.1)
    with (
        one_node.gateway(tmp_path, deadline_s=FORM.delivery_timeout_s, in_flight_bytes=_IN_FLIGHT_BYTES) as gate,
        Scene("outage, twice the load", one_node, gate, [crowd, light], seed=FORM.seed) as scene,
    ):
        scene.calm(6 * _CROWD)
        with scene.fault(Frozen(one_node.cluster.nodes[0])):
            scene.last_unready(FORM.seconds(2, 55))
            ends_s = time.monotonic() + 30
            while len(_refusals(scene)) < 100:
                assert time.monotonic() < ends_s, "nobody is refused"
                time.sleep(0.1)
        scene.calm()
        before = max(sample.rss_bytes for sample in scene.watch.samples if sample.at_s < scene.began_s)
        grown = max(sample.rss_bytes for sample in scene.watch.samples) - before
        scene.name += f" (memory +{grown / 2**20:.0f} MiB of {_IN_FLIGHT_BYTES / 2**20:.0f})"
    scene.check_promises()
    scene.check_readiness()
    codes = Counter(attempt.code for attempt in scene.during() if not attempt.ok)
    assert codes["overloaded"] > 0, "the bound was never reached"
    assert grown <= _IN_FLIGHT_BYTES * 1.2
    waits_s = sorted(a.wait_s - a.own_lag_s for a in _refusals(scene))
    if FORM.long:
        assert waits_s[int(len(waits_s) * 0.99)] < 0.05
    assert waits_s[len(waits_s) // 2] < FORM.delivery_timeout_s / 2, "refusals wait as if Kafka might still answer"


def _refusals(scene: Scene) -> list[Attempt]:
    """Of the light load, refused while the outage lasted and was seen."""
    seen_s = scene.began_s + (scene.watch.delay_s(False, scene.began_s) or 0.0) + 0.2
    healed_s = scene.healed_s if scene.healed_s > scene.began_s else float("inf")
    return [a for a in scene.load.since(seen_s, healed_s, LONELY.name) if a.status == 503]


def test_11_an_oversized_event_among_good_ones(one_node: Rig, gate: Gate) -> None:
    """413 for it, alone and in a batch, by Kafka's limit and by ours; nobody else notices, and no producer is replaced."""
    replaced = gate.log_lines("producer is replaced")
    beyond_kafka, beyond_us = "x" * 120_000, "x" * 1_100_000
    with Scene("oversized", one_node, gate, streams(ONE.name), seed=FORM.seed) as scene:
        scene.calm()
        for turn in range(FORM.count(3, 10)):
            for pad in (beyond_kafka, beyond_us):
                assert _ask(gate, "events", {"producer": "big", "number": turn, "pad": pad})[0] == 413
            keys = [f"batch{FORM.seed}-{turn}-{place}" for place in range(5)]
            one_node.sent += [Sent(id=f"{key}-0", topic=ONE.name, key=key, number=0) for key in keys if key != keys[2]]
            events = [
                {"id": f"{key}-0", "value": {"producer": key, "number": 0, "pad": beyond_kafka if key == keys[2] else ""}}
                for key in keys
            ]  # fmt: skip
            status, receipt = _ask(gate, "events:batch", {"events": events})
            assert status == 207, receipt
            statuses = [result["status"] for result in receipt["results"]]
            assert statuses == ["stored", "stored", "rejected", "stored", "stored"]
            assert receipt["results"][2]["error"]["status"] == 413
            stored = {result["id"]: (result["partition"], result["offset"]) for result in receipt["results"] if result["status"] == "stored"}  # fmt: skip
            for event in one_node.sent[-4:]:
                event.stored.append(stored[event.id])
        scene.calm()
    scene.check_promises(allowed=frozenset())
    assert gate.log_lines("producer is replaced") == replaced


def _ask(gate: Gate, endpoint: str, body: object) -> tuple[int, dict]:  # type: ignore[type-arg]  # the answer's JSON
    connection = http.client.HTTPConnection(gate.process.http, timeout=30)
    headers = {"Authorization": f"Bearer {gate.token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", f"/v1/topics/{ONE.name}/{endpoint}", json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


class Pulse:
    """`with Pulse(admin) as pulse:` asks /livez every 10 ms; `longest_s` is the event loop's lag, a thread's wait included."""

    def __init__(self, admin: str) -> None:
        self.longest_s = 0.0
        self._admin = admin
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Pulse":  # noqa: PYI034 -- a test's own
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._admin, timeout=30)
        while not self._stop.wait(0.01):
            began_s = time.monotonic()
            connection.request("GET", "/livez")
            connection.getresponse().read()
            self.longest_s = max(self.longest_s, time.monotonic() - began_s)
        connection.close()


def test_7_16000_requests_at_once(one_node: Rig, tmp_path: Path, run_burst_here) -> None:  # type: ignore[no-untyped-def]  # a fixture
    """Each on a connection of its own (4,000 in the short form): all are stored, and the loop lives. The long form asks for half the
    throughput of 500; the lag is shown: requests that arrive in one moment are one turn of the loop."""
    few: Burst | None = None
    with one_node.gateway(
        tmp_path,
        deadline_s=30.0,
        in_flight_bytes=2**28,
        TIDEGATE_HTTP_MAX_CONNECTIONS=str(_SOCKETS + 1_000),
        TIDEGATE_SERVER_HEADER_TIMEOUT_S="60",
    ) as gate:
        if FORM.long:
            run_burst_here(gate, "warm", 500, 4)
            few = run_burst_here(gate, "few", 500, 16)
        for _ in range(_ROUNDS):
            with Pulse(gate.process.admin) as pulse:
                many = run_burst_here(gate, "many", _SOCKETS, 1)
            if few is None or many.stored_per_s >= few.stored_per_s / 2:
                break
        rss = rss_bytes(gate.process.pid)
    verdict = one_node.check()
    for name, burst, lag_s in (("500 at once", few, None), (f"{_SOCKETS:,} at once", many, pulse.longest_s)):
        if burst is not None:
            shown = f"{name}: {burst.stored_per_s:,.0f}/s" + ("" if lag_s is None else f", lag {lag_s * 1e3:.0f} ms")
            ROWS.append(_row(shown, burst.seconds, burst.statuses, burst.longest_s, verdict, rss))
    assert verdict.clean, verdict.wrong()
    assert many.statuses == Counter({200: _SOCKETS})
    assert rss < _MANY_RSS_BYTES
    if few is not None:
        assert few.statuses == Counter({200: _MANY // 2})
        assert many.stored_per_s >= few.stored_per_s / 2


async def test_7_16000_publishes_of_one_key(one_node: Rig) -> None:
    """The publisher alone, all under way in the same moment: stored once each, in the order of their sending. tests/bench
    judges throughput and lag, which are shown here."""
    async with running(one_node.cluster.bootstrap, ORDERS.name, delivery_timeout_s=60.0) as publisher:
        per_s, lag_s = await _publish_at_once(publisher, one_node, "many", _MANY)
    verdict = await asyncio.to_thread(one_node.check)
    assert verdict.clean, verdict.wrong()
    name = f"publisher: 16,000 of one key {per_s:,.0f}/s, lag {lag_s * 1e3:.0f} ms"
    ROWS.append(_row(name, _MANY / per_s, Counter({200: _MANY}), 0.0, verdict, None))


def _row(name: str, seconds: float, statuses: Counter[int], longest_s: float, verdict: Verdict, rss: int | None) -> Row:
    return Row(name=name, seconds=seconds, statuses=statuses, longest_s=longest_s, verdict=verdict, rss_bytes=rss)


async def _publish_at_once(publisher: KafkaPublisher, rig: Rig, name: str, count: int) -> tuple[float, float]:
    """So many publishes of one event to one partition, all under way together: stored a second, and the loop's longest lag."""
    lag_s = 0.0
    key = f"{name}-{time.time_ns()}"

    async def tick() -> None:
        nonlocal lag_s
        while True:
            before_s = time.monotonic()
            await asyncio.sleep(0.005)
            lag_s = max(lag_s, time.monotonic() - before_s - 0.005)

    async def publish(number: int) -> Sent:
        event = Sent(id=f"{key}-{number}", topic=ORDERS.name, key=key, number=number)
        record = Record(key.encode(), b"x" * 100, (("tidegate-id", event.id.encode()),), int(time.time() * 1000))
        (outcome,) = await publisher.publish(ORDERS.name, [record], timeout_s=60.0)
        assert isinstance(outcome, RecordStored)
        event.stored.append((outcome.partition, outcome.offset))
        return event

    ticking = asyncio.create_task(tick())
    began_s = time.monotonic()
    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(publish(number)))
        if number % 200 == 199:
            await asyncio.sleep(0)  # requests come from sockets, never thousands in one turn of the loop
    rig.sent.extend(await asyncio.gather(*tasks))
    seconds = time.monotonic() - began_s
    ticking.cancel()
    return count / seconds, lag_s


@pytest.fixture
def run_burst_here(one_node: Rig):  # type: ignore[no-untyped-def]  # a function of Gate, name, connections, each
    """A burst into the topic of one partition; its events are the rig's. Needs descriptors for each connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < _SOCKETS + 1_000:
        why = f"{_SOCKETS:,} connections need as many descriptors; the hard limit is {hard}"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def run(gate: Gate, name: str, connections: int, each: int) -> Burst:
        burst = run_burst(
            gate.process.http, gate.token, ONE.name, connections=connections, each=each, name=f"{name}-{time.time_ns()}"
        )
        one_node.sent.extend(burst.sent)
        return burst

    yield run
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
