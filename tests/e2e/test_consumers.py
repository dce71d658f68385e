"""The programs of gateway/CONSUMING.md, as they stand there: none knows Tidegate, each reads Avro and Protobuf from real Kafka.

The events came through REST, gRPC and CloudEvents. Where a toolchain is missing its program is skipped by name.
"""

import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import grpc
import httpx2
import pytest
from tests.e2e.clients.toolchains import fetched, needs, run
from tests.e2e.processes import ROOT, GatewayProcess

from tidegate.ingest.v1 import ingest_pb2, ingest_pb2_grpc

pytestmark = pytest.mark.kafka

PROJECTS = Path(__file__).parent / "clients" / "consumers"
READ_S = 90.0
"""A consumer group's first join takes seconds, on a busy machine many."""


def program(language: str) -> str:
    page = (ROOT / "gateway" / "CONSUMING.md").read_text("utf-8")
    found = re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert found is not None, f"CONSUMING.md has no program in {language}"
    return found[1]


@pytest.fixture(scope="session")
def python_consumer(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("consume-python") / "main.py"
    path.write_text(program("python"), "utf-8")
    return [sys.executable, str(path)]


@pytest.fixture(scope="session")
def go_consumer(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    go = needs("go")
    folder = tmp_path_factory.mktemp("consume-go")
    shutil.copytree(PROJECTS / "go", folder, dirs_exist_ok=True)
    (folder / "main.go").write_text(program("go"), "utf-8")
    fetched([go, "mod", "download"], folder, "Go modules")
    run([go, "build", "-trimpath", "-o", "consume", "."], folder)
    return [f"{folder}/consume"]


@pytest.fixture(scope="session")
def javascript_consumer(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    node, npm = needs("node"), needs("npm")
    folder = tmp_path_factory.mktemp("consume-node")
    shutil.copytree(PROJECTS / "node", folder, dirs_exist_ok=True)
    (folder / "main.js").write_text(program("javascript"), "utf-8")
    fetched([npm, "ci", "--no-audit", "--no-fund", "--prefer-offline"], folder, "npm packages")
    return [node, f"{folder}/main.js"]


@pytest.fixture(scope="session")
def java_consumer(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    java, mvn = needs("java"), needs("mvn")
    folder = tmp_path_factory.mktemp("consume-java")
    shutil.copytree(PROJECTS / "java", folder, dirs_exist_ok=True)
    (folder / "Main.java").write_text(program("java"), "utf-8")
    listing = folder / "classpath.txt"
    fetched([mvn, "-q", "-B", "dependency:build-classpath", f"-Dmdep.outputFile={listing}"], folder, "Java packages")
    return [java, "-cp", listing.read_text("utf-8").strip(), f"{folder}/Main.java"]


@pytest.fixture(scope="session")
def published(gateway: GatewayProcess) -> set[str]:
    """Orders and steps through every door; the lines that a consumer should print for them."""
    headers = {"Authorization": f"Bearer {gateway.token()}"}
    lines: set[str] = set()

    def order() -> dict[str, object]:
        number = str(uuid.uuid4())
        lines.add(f"customer.orders {number}")
        item = {"coffee": "ESPRESSO", "boldness": 7}
        return {
            "orderId": number,
            "customerId": "c-1",
            "placedAt": "2026-01-31T12:00:00Z",
            "items": [item],
            "total": "12.50",
        }

    def step() -> dict[str, object]:
        number = str(uuid.uuid4())
        lines.add(f"customer.order-status {number}")
        coffees = [{"name": "Espresso", "boldness": 8, "quantity": 1}]
        return {
            "orderId": number,
            "status": "ORDER_STATUS_ROASTING",
            "changedAt": "2026-01-31T12:00:00Z",
            "coffees": coffees,
        }

    made = {"customer.orders": order, "customer.order-status": step}
    with httpx2.Client(base_url=f"http://{gateway.http}", headers=headers, timeout=30.0, trust_env=False) as http:
        for topic, value in made.items():
            cloud = {"specversion": "1.0", "id": f"ce-{topic}", "source": "/test", "type": topic, "data": value()}
            sent = [
                http.post(f"/v1/topics/{topic}/events", json=value()),
                http.post(
                    "/v1/events", content=json.dumps(cloud), headers={"Content-Type": "application/cloudevents+json"}
                ),
            ]
            assert [answer.status_code for answer in sent] == [200, 200], [answer.text for answer in sent]
    with grpc.insecure_channel(gateway.grpc) as channel:
        stub = ingest_pb2_grpc.IngestServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        for topic, value in made.items():
            event = ingest_pb2.Event(json=json.dumps(value()).encode())
            request = ingest_pb2.PublishRequest(topic=topic, events=[event])
            answer = stub.Publish(request, metadata=[("authorization", headers["Authorization"])], timeout=30)
            assert answer.results[0].status == ingest_pb2.STATUS_STORED, answer
    return lines


@pytest.mark.parametrize("language", ["python", "go", "javascript", "java"])
def test_a_stock_consumer_reads_what_came_through_every_door(
    language: str,
    gateway: GatewayProcess,
    topics: str,
    published: set[str],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    command: list[str] = request.getfixturevalue(f"{language}_consumer")
    environ = {**os.environ, "KAFKA": topics, "REGISTRY": f"http://{gateway.http}/registry", "TOKEN": gateway.token()}
    missing = set(published)
    with (tmp_path / "errors").open("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environ)
        assert process.stdout is not None
        try:
            ends = time.monotonic() + READ_S
            told = b""
            while missing and time.monotonic() < ends and process.poll() is None:
                ready, _, _ = select.select([process.stdout], [], [], 1.0)
                if ready:  # by the descriptor: what a buffered reader holds back, select does not see
                    told += os.read(process.stdout.fileno(), 65_536)
                    missing -= set(told.decode("utf-8", "replace").split("\n"))
        finally:
            process.kill()
            process.communicate(timeout=10)
        errors.seek(0)
        assert not missing, f"not read: {missing}\n{errors.read()}"
    assert len(published) == 6
