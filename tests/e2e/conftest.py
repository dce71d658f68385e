"""A gateway process on the session's real Kafka, with coffeeco's contracts and topics."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.e2e.processes import SCHEMAS, GatewayProcess, gateway_process
from tests.e2e.topics import create_topics


@pytest.fixture(scope="session")
def topics(kafka: str) -> str:
    """The session's Kafka, with coffeeco's topics."""
    create_topics(kafka)
    return kafka


@pytest.fixture(scope="session")
def gateway(topics: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One `serve` for the session."""
    with gateway_process(tmp_path_factory.mktemp("gateway"), topics) as running:
        yield running


@pytest.fixture
def own_schemas(tmp_path: Path) -> Path:
    """A copy of coffeeco's contracts that a test may change."""
    return Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    """A client that follows nothing and trusts no environment."""
    with httpx2.Client(timeout=30.0, trust_env=False) as client:
        yield client


@pytest.fixture
def post(http: httpx2.Client) -> Callable[..., httpx2.Response]:
    """`post(gateway, path, body, token=None, **headers)`: JSON unless the body is bytes with a Content-Type of its own."""

    def call(
        gateway: GatewayProcess, path: str, body: Any, *, token: str | None = None, **headers: str
    ) -> httpx2.Response:
        fields = {"Authorization": f"Bearer {token or gateway.token()}", "Content-Type": "application/json"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://{gateway.http}{path}"
        return (
            http.post(url, content=body, headers=fields)
            if isinstance(body, bytes)
            else http.post(url, json=body, headers=fields)
        )

    return call


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `tidegate-gateway ...` to its end, with a state folder of the test's own."""
    import os
    import sys

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tidegate_gateway", *arguments], capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), **environ}, cwd=SCHEMAS.parent,
        )  # fmt: skip

    return run
