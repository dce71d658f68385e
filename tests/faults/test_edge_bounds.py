"""Faults 20 and 25 on a running gateway: limits of principals and topics, costs above a burst, and bombs."""

import gzip
import io
import json
import os
import re
import shutil
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import fastavro
import httpx2
import pytest
import zstandard
from tests.e2e.processes import SCHEMAS, GatewayProcess, gateway_process

from tidegate.contracts.media import AVRO_CONTAINER, JSON
from tidegate_gateway.doors.media import NDJSON

ORDERS, STATUS = "/v1/topics/customer.orders/events", "/v1/topics/customer.order-status/events"
BURST, TOPIC_BURST = 10, 8
BYTES = 20_000
ORDER = {
    "orderId": "2f1c6b0e-0000-4000-8000-000000000001", "customerId": "c-1", "placedAt": "2026-01-31T12:00:00Z",
    "items": [{"coffee": "ESPRESSO", "boldness": 7}], "total": "1",
}  # fmt: skip
SHIPPED = {"orderId": ORDER["orderId"], "status": "ORDER_STATUS_RECEIVED", "changedAt": "2026-01-31T12:00:00Z", "coffees": [
    {"name": "Sidamo", "boldness": 5, "quantity": 2}]}  # fmt: skip
Post = Callable[..., httpx2.Response]


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """coffeeco's contracts, with limits that a test can reach."""
    folder = tmp_path_factory.mktemp("bounds")
    contracts = Path(shutil.copytree(SCHEMAS, folder / "schemas")) / "contracts"
    own = f"{{eventsPerSecond: {BURST / 100}, bytesPerSecond: {BYTES / 100}, burstSeconds: 100}}"
    change(contracts / "customer.orders.yaml", r"(property: limits, value: )\{.*?\}", own)
    shared = f"{{eventsPerSecond: {TOPIC_BURST / 100}, burstSeconds: 100}}"
    change(contracts / "customer.order-status.yaml", r"(property: topicLimits, value: )\{.*?\}", shared)
    with gateway_process(folder, None, contracts=contracts.parent, more="[server]\ndrain_s = 2\n") as running:
        yield running


def change(file: Path, pattern: str, value: str) -> None:
    text, times = re.subn(pattern, rf"\g<1>{value}", file.read_text())
    assert times == 1
    file.write_text(text)


@pytest.fixture
def post(gate: GatewayProcess) -> Iterator[Post]:
    """`post(path, body, who=..., media=..., **headers)`; by default as somebody who never came before."""
    with httpx2.Client(trust_env=False, timeout=30, base_url=f"http://{gate.http}") as client:

        def call(path: str, body: object, *, who: str = "", media: str = JSON, **headers: str) -> httpx2.Response:
            sub = who or uuid.uuid4().hex
            roles = ("checkout-producer", "crm-producer")
            fields = {"Authorization": f"Bearer {gate.token(roles=roles, sub=sub)}", "Content-Type": media}
            fields |= {name.replace("_", "-"): value for name, value in headers.items()}
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            return client.post(path, content=content, headers=fields)

        yield call


def batch_of(count: int, **changes: object) -> dict[str, object]:
    return {"events": [{"value": ORDER | changes} for _ in range(count)]}


def published(answer: httpx2.Response) -> bool:
    """Whether it was let through; the embedded broker may need a moment for a topic's first event."""
    return answer.status_code in {200, 503}


def test_20_a_principal_has_its_burst_and_then_waits(post: Post) -> None:
    left = []
    for number in range(BURST):
        answer = post(ORDERS if number % 2 else f"{ORDERS}:validate", ORDER, who="busy")
        assert published(answer), answer.text
        left.append(int(answer.headers["ratelimit"].split("r=")[1].split(";")[0]))
    assert left == list(range(BURST - 1, -1, -1))
    refused = post(ORDERS, ORDER, who="busy")
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["retryable"]) == (429, "rate_limited", True)
    name, r, t = refused.headers["ratelimit"].split(";")
    assert (name, r) == ('"events"', "r=0")
    assert int(refused.headers["retry-after"]) >= int(t.removeprefix("t=")) >= 1
    assert problem["retryAfterS"] == int(refused.headers["retry-after"])
    assert refused.headers["ratelimit-policy"] == (
        f'"events";q={BURST};w=100, "bytes";q={BYTES};w=100;qu="content-bytes"'
    )
    assert published(post(ORDERS, ORDER, who="another"))


def test_20_a_cost_above_the_burst_is_413_and_no_endless_429(post: Post) -> None:
    too_many = post(f"{ORDERS}:batch", batch_of(BURST + 1), who="greedy")
    assert (too_many.status_code, too_many.json()["code"], too_many.json()["maxEvents"]) == (413, "too_large", BURST)
    assert too_many.json()["retryable"] is False
    assert "retry-after" not in too_many.headers
    assert "ratelimit" in too_many.headers
    assert post(f"{ORDERS}:batch", batch_of(BURST), who="greedy").status_code != 413  # as told

    too_much = post(f"{ORDERS}:batch", batch_of(4, note="x" * 9000), who="large")
    assert (too_much.status_code, too_much.json()["maxEvents"]) == (413, 2)
    assert post(f"{ORDERS}:batch", batch_of(2, note="x" * 400), who="large").status_code != 413
    alone = post(ORDERS, ORDER | {"note": "x" * BYTES}, who="huge")
    assert (alone.status_code, alone.json()["maxEvents"]) == (413, 0)


def test_20_a_refused_batch_costs_nothing(post: Post) -> None:
    assert published(post(ORDERS, ORDER, who="careful"))
    assert post(f"{ORDERS}:batch", batch_of(BURST), who="careful").status_code == 429
    assert post(f"{ORDERS}:batch", batch_of(BURST - 1), who="careful").status_code in {200, 207, 503}


def test_20_bad_events_spend_the_allowance_too(post: Post) -> None:
    for _ in range(BURST):
        assert post(ORDERS, {}, who="wrong").status_code == 400
    assert post(ORDERS, {}, who="wrong").status_code == 429


def test_20_a_topics_limit_is_all_principals_together(post: Post) -> None:
    for number in range(TOPIC_BURST):
        assert published(post(STATUS, SHIPPED, who=f"warehouse-{number}"))
    refused = post(STATUS, SHIPPED, who="one-more")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["ratelimit"].startswith('"topic-events";r=0;t=')
    assert refused.headers["ratelimit-policy"] == f'"topic-events";q={TOPIC_BURST};w=100'


def container(codec: str) -> bytes:
    """A file of one small order and one whose note is 40 MB of the same letter."""
    text = (SCHEMAS / "released/customer.orders/1/schema.avsc").read_text()
    schema = fastavro.parse_schema(json.loads(text))
    names = {field["name"] for field in schema["fields"]} if isinstance(schema, dict) else set()
    order = {name: value for name, value in ORDER.items() if name in names}
    order |= {
        "placedAt": 0,
        "total": Decimal(1),
        "note": "x" * 40_000_000,
        "items": [{"coffee": "LUNGO", "boldness": 1, "quantity": 1}],
    }
    value = io.BytesIO()
    fastavro.schemaless_writer(value, schema, order)
    # By hand: fastavro's own writer knows zstandard by a package that nothing here needs.
    raw = zlib.compressobj(9, wbits=-15)
    block = raw.compress(value.getvalue()) + raw.flush() if codec == "deflate" else zstd(value.getvalue())
    meta = {b"avro.schema": text.encode(), b"avro.codec": codec.encode()}
    head = b"".join(long(len(part)) + part for pair in meta.items() for part in pair)
    sync = bytes(16)
    return b"Obj\x01" + long(len(meta)) + head + long(0) + sync + long(1) + long(len(block)) + block + sync


def long(number: int) -> bytes:
    """A natural number as Avro writes it."""
    left, written = 2 * number, b""
    while left > 127:
        written += bytes([left & 127 | 128])
        left >>= 7
    return written + bytes([left])


def zstd(data: bytes, *, declared: bool = True) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_content_size=declared).compress(data)


SPACES = b" " * 10_000_000
MEMBERS = gzip.compress(SPACES, 9) * 20
BOMBS = {
    "gzip": ("gzip", gzip.compress(SPACES * 20, 9)),
    "gzip, cut": ("gzip", gzip.compress(SPACES * 20, 9)[:-20_000]),
    "gzip of many members": ("gzip", MEMBERS),
    "zstd that says its size": ("zstd", zstd(SPACES * 20)),
    "zstd that does not": ("zstd", zstd(SPACES * 20, declared=False)),
    "zstd of many frames": ("zstd", zstd(SPACES) * 20),
}


@pytest.mark.parametrize("name", BOMBS)
def test_25_a_bomb_is_413_and_costs_no_memory(gate: GatewayProcess, post: Post, name: str) -> None:
    encoding, bomb = BOMBS[name]
    for small in (gzip.compress(b"{}"), zstd(b"{}")):  # what is loaded once is no bomb's doing
        post(ORDERS, small, Content_Encoding="gzip" if small[0] == 0x1F else "zstd")
    before, cpu_s = forget_peak(gate), spent_s(gate)
    for path, media in ((ORDERS, JSON), (f"{ORDERS}:batch", NDJSON), (f"{ORDERS}:batch", JSON)):
        # A compressed body that is itself past the limit is refused by its length.
        answer = post(path, bomb[: 60_000 if path == ORDERS else None], media=media, Content_Encoding=encoding)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), answer.text
    assert peak_bytes(gate) - before < 20_000_000
    assert spent_s(gate) - cpu_s < 3 * 0.150  # 50 ms each where nothing else runs
    assert gate.process.poll() is None


@pytest.mark.parametrize("codec", ["deflate", "zstandard"])
def test_25_a_bomb_in_a_container_file_too(gate: GatewayProcess, post: Post, codec: str) -> None:
    file = container(codec)
    before = forget_peak(gate)
    answer = post(f"{ORDERS}:batch", file, media=AVRO_CONTAINER, Event_Version="1")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), answer.text
    assert peak_bytes(gate) - before < 20_000_000 + len(file)
    assert gate.process.poll() is None


def forget_peak(gate: GatewayProcess) -> int:
    """The kernel forgets the process's peak of resident memory; what it holds now, in bytes."""
    Path(f"/proc/{gate.pid}/clear_refs").write_text("5")
    return status_of(gate, "VmRSS")


def peak_bytes(gate: GatewayProcess) -> int:
    return status_of(gate, "VmHWM")


def status_of(gate: GatewayProcess, name: str) -> int:
    lines = Path(f"/proc/{gate.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def spent_s(gate: GatewayProcess) -> float:
    """CPU of the process so far, all its threads, once it rests."""
    time.sleep(0.05)
    fields = Path(f"/proc/{gate.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
