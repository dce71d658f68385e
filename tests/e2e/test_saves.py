"""Files that are saved while the gateway runs are served soon, without a signal, and cost nobody a request."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.e2e.processes import GatewayProcess, gateway_process

from tidegate_gateway.adapters.dev_key import make

FAST = {"TIDEGATE_SERVER_DRAIN_S": "2"}
SOON_S = 10.0


def profile() -> dict[str, Any]:
    return {
        "customerId": str(uuid.uuid4()),
        "name": "Ada",
        "email": "ada@example.com",
        "updatedAt": "2026-01-31T12:00:00Z",
    }


def wait_for(condition: Callable[[], bool]) -> bool:
    ends = time.monotonic() + SOON_S
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


class Asking:
    """A thread that asks for verdicts until it is told to stop; what was answered."""

    def __init__(self, gateway: GatewayProcess, path: str, body: dict[str, Any]) -> None:
        self.answers: Counter[int | str] = Counter()
        self._url, self._body = f"http://{gateway.http}{path}", body
        self._token = gateway.token(roles=("crm-producer",))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with httpx2.Client(timeout=15.0, trust_env=False, headers={"Authorization": f"Bearer {self._token}"}) as client:
            for _ in range(20_000):
                if self._ended.is_set():
                    return
                try:
                    self.answers[client.post(self._url, json=self._body).status_code] += 1
                except httpx2.HTTPError as error:
                    self.answers[type(error).__name__] += 1

    def end(self) -> Counter[int | str]:
        self._ended.set()
        self._thread.join(30)
        return self.answers


def edit(folder: Path, topic: str, old: str, new: str) -> None:
    path = folder / "contracts" / f"{topic}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_save_is_served_and_drops_no_request(tmp_path: Path, own_schemas: Path, http: httpx2.Client) -> None:
    with gateway_process(
        tmp_path, None, contracts=own_schemas, environ=FAST | {"TIDEGATE_CONTRACTS_RELOAD_S": "0.2"}
    ) as gateway:
        headers = {"Authorization": f"Bearer {gateway.token(roles=('crm-producer',))}"}

        def status(path: str) -> int:
            return http.post(f"http://{gateway.http}{path}", json={}, headers=headers).status_code

        def described() -> set[str]:
            return set(http.get(f"http://{gateway.http}/openapi.json", headers=headers).json()["paths"])

        asking = Asking(gateway, "/v1/topics/customer.profiles/events:validate", profile())
        assert status("/v1/customer/profile") == 404
        key = "      - {property: key, value: customerId}\n"
        route = "      - {property: route, value: /v1/customer/profile}\n"
        edit(own_schemas, "customer.profiles", key, key + route)
        assert wait_for(lambda: status("/v1/customer/profile") == 400)
        assert "/v1/customer/profile" in described()

        edit(own_schemas, "customer.profiles", "status: active", "status: activ")
        edit(own_schemas, "customer.orders", "/v1/customer/order}", "/v1/order}")
        assert wait_for(lambda: status("/v1/order") in {400, 403})
        assert status("/v1/customer/order") == 404
        assert status("/v1/customer/profile") == 400  # its contract broke, and is served as before
        assert wait_for(lambda: gateway.log.read_text().count("contract is broken") == 1)

        edit(own_schemas, "customer.profiles", "status: activ\n", "status: active\n")
        edit(own_schemas, "customer.profiles", route, "")
        assert wait_for(lambda: status("/v1/customer/profile") == 404)
        assert "/v1/customer/profile" not in described()

        answers = asking.end()
        assert set(answers) == {200}, answers
        assert answers[200] > 50


def test_a_key_file_that_is_replaced_is_read(tmp_path: Path, http: httpx2.Client) -> None:
    with gateway_process(tmp_path, None, environ=FAST | {"TIDEGATE_CONTRACTS_RELOAD_S": "0.2"}) as gateway:
        url = f"http://{gateway.http}/v1/topics"
        old, new = gateway.token(), make()
        assert http.get(url, headers={"Authorization": f"Bearer {old}"}).status_code == 200
        (tmp_path / "keys.json").write_bytes(new.jwks())
        gateway.key = new
        fresh = gateway.token()
        assert wait_for(lambda: http.get(url, headers={"Authorization": f"Bearer {fresh}"}).status_code == 200)
        assert http.get(url, headers={"Authorization": f"Bearer {old}"}).status_code == 401


@pytest.mark.slow
def test_reload_s_0_waits_for_a_signal(tmp_path: Path, own_schemas: Path, http: httpx2.Client) -> None:
    with gateway_process(
        tmp_path, None, contracts=own_schemas, environ=FAST | {"TIDEGATE_CONTRACTS_RELOAD_S": "0"}
    ) as gateway:
        headers = {"Authorization": f"Bearer {gateway.token()}"}
        edit(own_schemas, "customer.orders", "/v1/customer/order}", "/v1/order}")
        time.sleep(1.5)
        assert http.post(f"http://{gateway.http}/v1/order", json={}, headers=headers).status_code == 404
