"""The SDK in other people's processes: gunicorn's and celery's forks, gevent's greenlets (issue 7, lifecycle). Every event arrives once."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.e2e.processes import GatewayProcess, end
from tests.e2e.test_sdk import STATUS, free_ports
from tests.kafka.reading import read_topic

from tidegate.contracts.compiled import CompiledContract
from tidegate.repository.folder import load

ROOT = Path(__file__).resolve().parents[2]
HOSTS = Path(__file__).with_name("hosts")


@pytest.fixture(scope="module")
def contract() -> CompiledContract:
    return next(one for one in load(ROOT / "schemas", working_copies=False).contracts if one.topic == STATUS)


class Arrived:
    """The ids that came to the topic since the test began, counted."""

    def __init__(self, kafka: str) -> None:
        self.kafka = kafka
        self.since: dict[int, int] = {}
        for record in read_topic(kafka, STATUS):
            self.since[record.partition] = record.offset + 1

    def ids(self) -> Counter[str]:
        return Counter(dict(r.headers)["tidegate-id"].decode() for r in read_topic(self.kafka, STATUS, self.since))

    def wait_for(self, count: int) -> None:
        for _ in range(60):
            if len(self.ids()) >= count:
                return
            time.sleep(0.5)


@pytest.fixture
def arrived(topics: str) -> Arrived:
    return Arrived(topics)


@pytest.fixture
def environ(gateway: GatewayProcess, contract: CompiledContract) -> dict[str, str]:
    return {
        **os.environ,
        "GATE": f"http://{gateway.http}",
        "TOKEN": gateway.token(),
        "EXAMPLE": json.dumps(
            {
                **json.loads(contract.newest.codec.example()),
                "changedAt": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        ),
        "PYTHONPATH": os.pathsep.join([str(HOSTS), os.environ.get("PYTHONPATH", "")]),
    }


def stop(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


@pytest.mark.kafka
@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_under_gunicorn(environ: dict[str, str], arrived: Arrived, kind: str) -> None:
    pytest.importorskip("gunicorn")
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-w",
        "3",
        "-k",
        kind,
        "--preload",
        "-b",
        address,
        "wsgi_app:application",
    ]
    process = subprocess.Popen([*command, "--log-level", "warning"], env=environ)
    try:
        pids = set()
        for number in range(12):
            pids.add(ask(f"http://{address}/publish?publish-{number}"))
            ask(f"http://{address}/submit?submit-{number}")
        assert stop(process) == 0
    finally:
        end(process)
    assert str(process.pid) not in pids
    expected = {"before-the-fork", *(f"{what}-{number}" for what in ("publish", "submit") for number in range(12))}
    assert arrived.ids() == Counter(expected)


def ask(url: str) -> str:
    for _ in range(100):
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                text: str = answer.read().decode()
                return text
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")


@pytest.mark.kafka
def test_under_celery(environ: dict[str, str], arrived: Arrived, tmp_path: Path) -> None:
    pytest.importorskip("celery")
    environ["QUEUE"] = str(tmp_path)
    program = "import celery_tasks\nfor n in range(20): celery_tasks.send.delay(n)"
    subprocess.run([sys.executable, "-c", program], env=environ, check=True, timeout=60, cwd=tmp_path)
    command = [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "-P", "prefork", "-c", "2"]
    process = subprocess.Popen(
        [*command, "-l", "ERROR", "--without-mingle", "--without-gossip"], env={**environ, "WORKER": "1"}, cwd=tmp_path
    )
    try:
        arrived.wait_for(21)
        assert stop(process) == 0
    finally:
        end(process)
    assert arrived.ids() == Counter({"before-the-fork", *(f"task-{number}" for number in range(20))})


@pytest.mark.kafka
def test_under_gevent(environ: dict[str, str], arrived: Arrived) -> None:
    pytest.importorskip("gevent")
    subprocess.run([sys.executable, str(HOSTS / "under_gevent.py")], env=environ, check=True, timeout=90)
    expected = {*(f"publish-{number}" for number in range(20)), *(f"submit-{number}" for number in range(10))}
    assert arrived.ids() == Counter(expected)
