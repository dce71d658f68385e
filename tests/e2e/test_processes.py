"""The process: start, drain, reload, and what it does without a broker, a port, a contract."""

import contextlib
import json
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.e2e.processes import SCHEMAS, GatewayProcess, end, gateway_process, start
from tests.kafka.reading import read_topic


def order() -> dict[str, Any]:
    return {
        "orderId": str(uuid.uuid4()),
        "customerId": "c-1",
        "placedAt": "2026-01-31T12:00:00Z",
        "items": [{"coffee": "ESPRESSO", "boldness": 7}],
        "total": "1",
    }


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


class Producers:
    """Threads that publish until told to stop; what they were told, by event."""

    def __init__(self, gateway: GatewayProcess, threads: int = 8, most: int = 4000) -> None:
        self.statuses: Counter[int | str] = Counter()
        self.acknowledged: set[str] = set()
        self._gateway, self._most = gateway, most // threads
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._gateway.token()}"}
        with httpx2.Client(timeout=15.0, trust_env=False) as client:
            for _ in range(self._most):
                if self._stop.is_set():
                    return
                event = order()
                try:
                    response = client.post(
                        f"http://{self._gateway.http}/v1/topics/customer.orders/events", json=event, headers=headers
                    )
                except httpx2.HTTPError as error:
                    self.statuses[type(error).__name__] += 1
                    return
                self.statuses[response.status_code] += 1
                if response.status_code == 200:
                    self.acknowledged.add(event["orderId"])

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


@pytest.mark.kafka
def test_sigterm_under_load_loses_nothing(topics: str, tmp_path: Path) -> None:
    with gateway_process(tmp_path, topics) as gateway:
        producers = Producers(gateway)
        assert wait_for(lambda: len(producers.acknowledged) > 100)
        gateway.signal(signal.SIGTERM)
        began = time.monotonic()
        assert gateway.process.wait(30) == 0
        assert time.monotonic() - began < 21
        producers.end()
    assert set(producers.statuses) <= {
        200,
        429,
        503,
        "ConnectError",
        "ReadError",
        "RemoteProtocolError",
        "WriteError",
    }, producers.statuses
    stored = {record.key.decode() for record in read_topic(topics, "customer.orders") if record.key is not None}
    assert producers.acknowledged <= stored


@pytest.mark.kafka
def test_sighup_reloads_and_drops_no_request(
    topics: str, tmp_path: Path, own_schemas: Path, http: httpx2.Client
) -> None:
    contract = own_schemas / "contracts" / "customer.orders.yaml"
    with gateway_process(tmp_path, topics, contracts=own_schemas) as gateway:
        headers = {"Authorization": f"Bearer {gateway.token()}"}

        def readyz() -> dict[str, Any]:
            return dict(http.get(f"http://{gateway.admin}/readyz").json()["checks"]["contracts"])

        producers = Producers(gateway)
        sound = contract.read_text()
        contract.write_text(sound.replace("status: active", "status: activ"))
        (own_schemas / "contracts" / "customer.profiles.yaml").unlink()
        gateway.signal(signal.SIGHUP)
        assert wait_for(lambda: readyz()["served"] == 2), readyz()
        (broken,) = [row for row in readyz()["broken"] if "customer.orders" in row["file"]]
        assert broken["line"] == 6
        assert 'did you mean "active"?' in broken["detail"]
        assert http.get(f"http://{gateway.admin}/readyz").status_code == 200
        event = http.post(f"http://{gateway.http}/v1/topics/customer.orders/events", json=order(), headers=headers)
        assert event.status_code in {200, 429}, event.text  # the good version stays
        gone = http.post(f"http://{gateway.http}/v1/topics/customer.profiles/events", json={}, headers=headers)
        assert gone.status_code == 404

        contract.write_text(sound.replace("status: active", "status: retired"))
        gateway.signal(signal.SIGHUP)
        assert wait_for(
            lambda: (
                http.post(
                    f"http://{gateway.http}/v1/topics/customer.orders/events", json=order(), headers=headers
                ).status_code
                == 410
            )
        )
        contract.write_text(sound)
        gateway.signal(signal.SIGHUP)
        assert wait_for(
            lambda: (
                http.post(
                    f"http://{gateway.http}/v1/topics/customer.orders/events", json=order(), headers=headers
                ).status_code
                in {200, 429}
            )
        )
        producers.end()
        assert set(producers.statuses) <= {200, 410, 429}, producers.statuses


def test_without_a_broker_it_starts_and_says_so(tmp_path: Path, http: httpx2.Client) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with gateway_process(tmp_path, f"127.0.0.1:{port}", more="[server]\ndrain_s = 3\n") as gateway:
        ready = http.get(f"http://{gateway.admin}/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"]["kafka"]["ok"] is False
        assert http.get(f"http://{gateway.admin}/livez").status_code == 200
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {gateway.token()}"}
        response = http.post(f"http://{gateway.http}/v1/topics/customer.orders/events", json=order(), headers=headers)
        assert time.monotonic() - began < 11
        assert (response.status_code, response.json()["code"]) == (503, "broker_unavailable")
        assert int(response.headers["retry-after"]) >= 1
        assert gateway.stop() == 0


def test_exit_codes(command, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        busy = command("dev", "--http-port", port, "--grpc-port", "0", "--admin-port", "0")
    assert busy.returncode == 3
    assert busy.stderr.strip().splitlines()[-1].endswith(f"cannot listen on 127.0.0.1:{port}: Address already in use")

    (tmp_path / "empty" / "contracts").mkdir(parents=True)
    assert (
        command(
            "dev", "--contracts", str(tmp_path / "empty"), "--http-port", "0", "--grpc-port", "0", "--admin-port", "0"
        ).returncode
        == 4
    )
    missing = command("serve", "--config", str(tmp_path / "no.toml"))
    assert (missing.returncode, "cannot be read" in missing.stderr) == (2, True)
    assert command("check-config").returncode == 1
    sound = command(
        "check-config",
        "--json",
        TIDEGATE_KAFKA_EMBEDDED="true",
        TIDEGATE_AUTH_ISSUERS='[{"issuer":"i","name":"n","jwks_url":"https://i.example/k"}]',
    )
    assert sound.returncode == 0
    assert json.loads(sound.stdout)["options"]["kafka.embedded"] == {"value": True, "from": "TIDEGATE_KAFKA_EMBEDDED"}
    assert command("nonsense").returncode == 2


def test_demo_shows_a_stored_and_a_refused_event(command) -> None:
    shown = command("demo")
    assert shown.returncode == 0, shown.stderr
    assert "-> 200" in shown.stdout
    assert "-> 400" in shown.stdout
    assert 'did you mean \\"orderId\\"?' in shown.stdout
    assert "schema id 2 in its Confluent frame" in shown.stdout
    facts = json.loads(command("demo", "--json").stdout)
    assert (facts["good"]["status"], facts["bad"]["status"]) == (200, 400)
    assert facts["record"]["valueHex"].startswith("0000000002")


def test_token_and_dev_share_a_key(command, tmp_path: Path, http: httpx2.Client) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    process, facts = start(
        ["dev", "--http-port", "0", "--grpc-port", "0", "--admin-port", "0", "--contracts", str(SCHEMAS)],
        tmp_path / "dev.log",
        state,
    )
    try:
        minted = command("token", "--scope", "publish:customer.*", "--role", "checkout-producer").stdout.strip()
        for token in (facts["token"], minted):
            response = http.post(
                f"http://{facts['http']}/v1/topics/customer.orders/events",
                json=order(),
                headers={"Authorization": f"Bearer {token}"},
            )
            assert response.status_code == 200, response.text
        assert http.get(f"http://{facts['http']}/docs").status_code == 200  # open in dev
        key = tmp_path / "state" / "tidegate" / "dev-key.pem"
        assert key.stat().st_mode & 0o777 == 0o600
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        end(process)
    assert process.returncode == 0
    assert "stored   customer.orders" in (tmp_path / "dev.log").read_text()
