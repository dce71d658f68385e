"""A gateway on a loopback port that is FakeGate behind HTTP: for commands that make their own connections."""

import json
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.source import encode_source
from tidegate.contracts.verdict import Encoded
from tidegate.repository.folder import load

ROOT = Path(__file__).resolve().parents[3]
TOPIC = "customer.orders"


class Gateway:
    """What the handler serves and keeps."""

    def __init__(self, contracts: dict[str, CompiledContract]) -> None:
        self.contracts = contracts
        self.token = "good"
        self.may = set(contracts)
        self.stored: list[dict[str, Any]] = []
        self.clock_s: float | None = None
        self.broken_after: int | None = None
        self.url = ""

    def get(self, path: str) -> tuple[int, bytes]:
        if path == "/v1/topics":
            rows = [
                {
                    "topic": one.topic,
                    "status": "active",
                    "version": one.newest.number,
                    "owner": {"team": "till"},
                    "purpose": "p",
                }
                for one in self.contracts.values()
            ]
            return 200, json.dumps({"topics": rows}).encode()
        topic = path.removeprefix("/v1/topics/").removesuffix("/bundle")
        if topic in self.contracts:
            return 200, encode_source(self.contracts[topic].source)
        return 404, self.problem("unknown_topic", 404)

    def post(self, path: str, body: bytes, authorization: str) -> tuple[int, bytes]:
        if authorization != f"Bearer {self.token}":
            return 401, self.problem("unauthenticated", 401)
        topic, _, what = path.removeprefix("/v1/topics/").partition("/")
        if topic not in self.may:
            return 403, self.problem("forbidden", 403)
        if what.endswith(":validate"):
            return 422, self.problem("contract_violation", 422)
        if self.broken_after is not None and len(self.stored) >= self.broken_after:
            return 403, self.problem("forbidden", 403)
        return 200, json.dumps(
            {"topic": topic, "results": [self.keep(topic, line) for line in body.splitlines()]}
        ).encode()

    def keep(self, topic: str, line: bytes) -> dict[str, Any]:
        event = json.loads(line)
        value = bytes(msgspec.json.decode(line, type=dict[str, msgspec.Raw])["value"])
        verdict = self.contracts[topic].newest.check(value)
        if not isinstance(verdict, Encoded):
            return {
                "id": event["id"],
                "status": "rejected",
                "error": json.loads(self.problem("contract_violation", 422)),
            }
        self.stored.append(event)
        return {"id": event["id"], "status": "stored", "partition": 0, "offset": len(self.stored)}

    def problem(self, code: str, status: int) -> bytes:
        said = {
            "type": "t",
            "title": code,
            "status": status,
            "detail": f"it is {code}",
            "code": code,
            "retryable": False,
        }
        return json.dumps(said).encode()


@pytest.fixture(scope="session")
def contracts() -> dict[str, CompiledContract]:
    return {contract.topic: contract for contract in load(ROOT / "schemas", working_copies=False).contracts}


@pytest.fixture
def order(contracts: dict[str, CompiledContract]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(contracts[TOPIC].newest.codec.example())
    return made


@pytest.fixture
def gateway(
    contracts: dict[str, CompiledContract], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Gateway]:
    made = Gateway(contracts)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(*made.get(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.answer(*made.post(self.path, body, self.headers.get("authorization", "")))

        def answer(self, status: int, body: bytes) -> None:
            self.send_response_only(status)
            self.send_header("date", formatdate(made.clock_s, usegmt=True))
            self.send_header("etag", '"e"')
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("TIDEGATE_URL", made.url)
    monkeypatch.setenv("TIDEGATE_TOKEN", "good")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield made
    server.shutdown()
    thread.join(5)
    server.server_close()
