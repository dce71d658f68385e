"""Fault 31: slow heads, bodies and readers, idle connections, hundreds at once: each is ended, and nobody else waits for them."""

import asyncio
import select
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.e2e.processes import ROOT, GatewayProcess, gateway_process
from tests.e2e.topics import create_topics
from tests.faults.strangers import SHAPES, Producer, Shape, head, stay_of

HEADER_S = 1.0
IDLE_S = 3.0
SLACK_S = 10.0
"""A sweep, two seconds of lingering after a refusal, and a busy machine. What is asked is that it ends."""
AS_GOOD_AS_AT_ONCE_S = 0.25
"""Below it no ratio is asked for: this machine has other work. The figure is `tests/bench/strangers_day.py`'s."""
ATTEMPTS = 3
"""The machine has other work: an attempt counts where both halves were measured in the same weather."""
SERVER = f"[server]\ndrain_s = 2\nheader_timeout_s = {HEADER_S}\nbody_timeout_s = {HEADER_S}\nkeep_alive_s = {IDLE_S}\n"


@pytest.fixture(scope="module")
def gate(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    create_topics(kafka)
    with gateway_process(tmp_path_factory.mktemp("slow"), kafka, more=SERVER) as running:
        yield running


@pytest.mark.parametrize("name", SHAPES)
async def test_31_a_slow_client_is_let_go(gate: GatewayProcess, name: str) -> None:
    stay = await stay_of(gate.http, SHAPES[name], most_s=25.0)
    assert stay.seconds < (IDLE_S if name == "idle after an answer" else HEADER_S) + SLACK_S
    if name in {"a slow head (-H)", "half a request line"}:
        assert stay.status == 408
    if name == "nothing":
        assert stay.status == 0


async def test_31_a_slow_body_with_a_token_is_408(gate: GatewayProcess) -> None:
    fields = (f"Authorization: Bearer {gate.token()}", "Content-Type: application/json", "Content-Length: 5000")
    stay = await stay_of(gate.http, Shape(head(*fields), b" "), most_s=25.0)
    assert stay.status == 408
    assert stay.seconds < HEADER_S + SLACK_S


@pytest.mark.parametrize("port", ["http", "admin"])
async def test_31_the_defaults_let_go_within_fifteen_seconds(
    tmp_path_factory: pytest.TempPathFactory, port: str
) -> None:
    with gateway_process(tmp_path_factory.mktemp("patient"), None) as running:
        names = ("a slow head (-H)", "nothing", "a slow body where nothing is", "a slow reader (-X)")
        shapes = [SHAPES[name] for name in names if port == "http" or name != "a slow reader (-X)"]
        stays = await asyncio.gather(*(stay_of(getattr(running, port), shape, most_s=30.0) for shape in shapes))
    for stay in stays:
        assert 5.0 < stay.seconds < 15.0 + SLACK_S


async def test_31_five_hundred_slow_sockets_cost_a_good_producer_nothing(gate: GatewayProcess) -> None:
    producer = Producer(gate.http, gate.token())
    await producer.publish_once_stored()
    before = resident_bytes(gate)
    for _ in range(ATTEMPTS):
        normal_s = await producer.p99_of_windows(3, 1.0)
        command = [sys.executable, "-m", "tests.faults.strangers", gate.http, "500", "6"]
        strangers = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        try:
            await asyncio.sleep(2.0)
            assert open_connections(gate) > 200
            beside_s = await producer.p99_of_windows(3, 1.0)
            assert await asyncio.wait_for(strangers.wait(), 60) == 0
        finally:
            await ended(strangers)
        if beside_s < max(2 * normal_s, AS_GOOD_AS_AT_ONCE_S):
            break
    else:
        pytest.fail(f"p99 {beside_s * 1000:.1f} ms beside them, {normal_s * 1000:.1f} ms alone")
    assert set(producer.statuses) == {200}
    assert gate.process.poll() is None
    assert resident_bytes(gate) - before < 40_000_000


async def test_a_full_port_lets_go_of_who_waits_longest(
    gate: GatewayProcess, kafka: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    patient = SERVER.replace("= 1.0", "= 30")
    with gateway_process(
        tmp_path_factory.mktemp("full"), kafka, more=patient, environ={"TIDEGATE_HTTP_MAX_CONNECTIONS": "20"}
    ) as full:
        host, port = full.http.rsplit(":", 1)
        idle = [socket.create_connection((host, int(port)), timeout=5) for _ in range(20)]
        await asyncio.sleep(0.3)
        producer = Producer(full.http, full.token())
        await producer.publish_once_stored()
        await producer.publish_for(0.3)
        assert set(producer.statuses) == {200}
        gone, _, _ = select.select(idle, [], [], 2.0)
        assert [sock.recv(1) for sock in gone] == [b""] * len(gone)
        assert gone, "an idle connection had to go"
        with httpx2.Client(trust_env=False) as client:
            assert client.get(f"http://{full.admin}/livez").status_code == 200
        for sock in idle:
            sock.close()


async def ended(process: asyncio.subprocess.Process) -> None:
    """Whatever a test found, its strangers do not outlive it."""
    if process.returncode is None:
        process.kill()
        await process.wait()


def resident_bytes(gate: GatewayProcess) -> int:
    status = Path(f"/proc/{gate.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def open_connections(gate: GatewayProcess) -> int:
    return len(list(Path(f"/proc/{gate.pid}/fd").iterdir()))
