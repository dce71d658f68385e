"""CPU per event of the gateway process: `serve`, real Kafka, token checked, coffeeco's contracts without limits.

    python3 .ci/task.py bench gateway [--quick]

Prints microseconds of the gateway's CPU an event, and ratios, all from this one run: the floor is a bare ASGI callable on
the same server, and the issue's bounds stand beside each figure. CPU time is steadier than seconds on a noisy machine.
"""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

import fastavro
from tests.bench._load import Load, request, run_load
from tests.e2e.processes import SCHEMAS, GatewayProcess, first_line, gateway_process
from tests.e2e.topics import create_topics
from tests.kafka.real_kafka import KafkaCluster

from tidegate.contracts.framing import FRAME_BYTES
from tidegate.contracts.media import AVRO_CONTAINER, JSON
from tidegate.contracts.verdict import Encoded
from tidegate.repository.folder import load as load_folder

ORDER = {
    "orderId": "5b1e2c1e-3b0a-4e0e-9c1e-1a2b3c4d5e6f",
    "customerId": "c-1042",
    "placedAt": "2026-01-31T12:00:00Z",
    "items": [{"coffee": "ESPRESSO", "boldness": 7, "quantity": 2}, {"coffee": "FILTER", "boldness": 3, "quantity": 1}],
    "total": "12.50",
    "status": "PAID",
}
BAD_ORDER = {
    "orderId": "no-uuid",
    "customerId": "c 1",
    "placedAt": "yesterday",
    "items": [{"coffee": "ESPRESO", "boldness": 11, "quantity": 2}, {"coffee": "FILTER", "boldness": 3, "quantity": 1}],
    "total": "12.50",
    "status": "PAID",
}


@dataclass(frozen=True)
class Row:
    """One measurement: CPU us an event of the server, events a second, p50 and p99 in ms, and the bound where there is one."""

    name: str
    cpu_us: float
    per_s: float
    p50_ms: float
    p99_ms: float
    bound_us: float | None

    def __str__(self) -> str:
        bound = (
            ""
            if self.bound_us is None
            else f"{self.bound_us:>8.0f}  {'ok' if self.cpu_us <= self.bound_us else 'MISSED'}"
        )
        return f"{self.name:<44}{self.cpu_us:>9.1f}{self.per_s:>11,.0f}{self.p50_ms:>9.2f}{self.p99_ms:>9.2f}{bound}"


def row(name: str, load: Load, events_a_request: int, bound_us: float | None = None) -> Row:
    requests = sum(load.statuses.values())
    events = requests * events_a_request
    waits = sorted(load.waits_s)
    return Row(
        name,
        load.cpu_s / events * 1e6,
        events / load.seconds,
        waits[len(waits) // 2] * 1e3,
        waits[int(len(waits) * 0.99)] * 1e3,
        bound_us,
    )


def without_limits(folder: Path) -> Path:
    """coffeeco's contracts as they are, but for `limits`: live fields, so that the versions stay as released."""
    copy = folder / "schemas"
    shutil.copytree(SCHEMAS, copy)
    for file in (copy / "contracts").glob("*.yaml"):
        file.write_text(
            re.sub(r"^.*property: (?:limits|topicLimits|maxEventBytes).*\n", "", file.read_text(), flags=re.MULTILINE)
        )
    return copy


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def batch(value: dict[str, object], count: int, time_field: str = "placedAt") -> bytes:
    """So many events, each with a key and a time of its own, as in life."""
    return compact(
        {"events": [{"value": {**value, "orderId": _order_id(n), time_field: _time(n)}} for n in range(count)]}
    )


def _order_id(n: int) -> str:
    return str(uuid.UUID(int=n, version=4))


def _time(n: int) -> str:
    return f"2026-01-31T12:{n // 60 % 60:02}:{n % 60:02}Z"


def bad_batch(count: int) -> bytes:
    return compact({"events": [{"value": BAD_ORDER}] * count})


def many_items(count: int, quantity: int) -> bytes:
    """Orders of 25 items each: with a quantity of 0, 25 violations."""
    items = [{"coffee": "ESPRESSO", "boldness": 7, "quantity": quantity}] * 25
    return batch({**ORDER, "items": items}, count)


def binary(count: int) -> tuple[bytes, bytes]:
    """The orders of `batch` in Avro binary: as a container file, and as base64 in a batch of JSON."""
    contract = next(
        one for one in load_folder(SCHEMAS, working_copies=False).contracts if one.topic == "customer.orders"
    )
    schema = json.loads(contract.newest.source.schema)
    values: list[bytes] = []
    for event in json.loads(batch(ORDER, count))["events"]:
        verdict = contract.newest.check(compact(event["value"]))
        assert isinstance(verdict, Encoded), verdict
        assert verdict.value is not None
        values.append(verdict.value[FRAME_BYTES:])
    parsed = fastavro.parse_schema(schema)
    out = io.BytesIO()
    fastavro.writer(out, parsed, [fastavro.schemaless_reader(io.BytesIO(value), parsed, None) for value in values])
    return out.getvalue(), compact({"events": [{"data": base64.b64encode(value).decode()} for value in values]})


def measure(gateway: GatewayProcess, scale: float) -> dict[str, Row]:
    """A row for each load, by a short name."""
    orders, status = "/v1/topics/customer.orders", "/v1/topics/customer.order-status"
    token = gateway.token("publish:*", roles=("checkout-producer", "fulfilment-producer"))

    def load(path: str, body: bytes, connections: int, requests: int, media: str = JSON) -> Load:
        return run_load(
            gateway.http,
            gateway.pid,
            request(path, body, token, media),
            connections=connections,
            requests=max(connections, int(requests * scale)),
            warm_up=connections * 2,
        )

    def expect(seen: Load, status: int) -> Load:
        assert set(seen.statuses) == {status}, (seen.statuses, seen.last[:2000])
        return seen

    proto = json.loads(_example(gateway, "customer.order-status", token))
    file, data = binary(1000)
    batches = f"{orders}/events:batch"
    one = row(
        "Avro, one by one, 16 connections", expect(load(f"{orders}/events", compact(ORDER), 16, 16_000), 200), 1, 200
    )
    hundred = row(
        "Avro, batch of 100, 16 connections", expect(load(batches, batch(ORDER, 100), 16, 1_600), 200), 100, 25
    )
    bad_hundred = expect(load(batches, bad_batch(100), 16, 800), 400)
    bad_one = expect(load(f"{orders}/events", compact(BAD_ORDER), 16, 8_000), 400)
    items = row("Avro, 25 items an event, batch of 100", expect(load(batches, many_items(100, 2), 8, 320), 200), 100)
    wrong = expect(load(batches, many_items(100, 0), 8, 160), 400)
    proto_load = load(f"{status}/events:batch", batch(proto, 1000, "changedAt"), 8, 160)
    return {
        "one": one,
        "hundred": hundred,
        "thousand": row(
            "Avro, batch of 1,000, 8 connections", expect(load(batches, batch(ORDER, 1000), 8, 240), 200), 1000, 18
        ),
        "container": row(
            "Avro container file of 1,000, 8 connections",
            expect(load(batches, file, 8, 240, AVRO_CONTAINER), 200),
            1000,
            20,
        ),
        "data": row("Avro binary in base64, batch of 1,000", expect(load(batches, data, 8, 240), 200), 1000, 20),
        "validated": row(
            "Avro, validate only, one by one",
            expect(load(f"{orders}/events:validate", compact(ORDER), 16, 8_000), 200),
            1,
        ),
        "protobuf": row("Protobuf JSON, batch of 1,000, 8 connections", expect(proto_load, 200), 1000, 30),
        "bad": row("Avro with 5 violations, batch of 100", bad_hundred, 100, hundred.cpu_us * 3),
        "bad one": row("Avro with 5 violations, one by one", bad_one, 1, one.cpu_us * 3),
        "items": items,
        "25": row("Avro with 25 violations, batch of 100", wrong, 100, items.cpu_us * 5),
    }


def _example(gateway: GatewayProcess, topic: str, token: str) -> bytes:
    call = urllib.request.Request(
        f"http://{gateway.http}/v1/topics/{topic}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(call) as response:
        return json.dumps(json.load(response)["example"]).encode()


def bare_rows(scale: float) -> list[Row]:
    """The bare callable, never idle, and waiting 2 ms for each request as for a broker."""
    return [
        _bare("floor: bare ASGI callable, never idle", "0", int(16_000 * scale)),
        _bare("floor: bare ASGI callable that waits 2 ms", "0.002", int(8_000 * scale)),
    ]


def _bare(name: str, wait_s: str, requests: int) -> Row:
    command = [sys.executable, "-m", "tests.bench._bare", wait_s]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = json.loads(first_line(process, 20))["http"]
        body = request("/", compact(ORDER), "x" * 300)
        return row(name, run_load(address, process.pid, body, connections=16, requests=requests), 1)
    finally:
        process.terminate()
        process.wait()


def batch_floor(bootstrap: str, scale: float) -> float:
    """CPU us an event of decode, encode and send_batch alone."""
    command = [sys.executable, "-m", "tests.bench._floor", bootstrap, "customer.orders", str(int(100 * scale))]
    done = subprocess.run(command, input=batch(ORDER, 1000), capture_output=True, check=True, timeout=120)
    return float(done.stdout)


def main() -> int:
    """Run everything once; exit code 1 where a bound is missed."""
    scale = 0.25 if "--quick" in sys.argv else 1.0
    print(f"order: {len(compact(ORDER))} bytes; {os.cpu_count()} cores; Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kafka_folder = folder / "kafka"
        kafka_folder.mkdir()
        kafka = KafkaCluster(kafka_folder, 1)
        try:
            kafka.start()
            create_topics(kafka.bootstrap)
            bare = bare_rows(scale)
            floor_us = batch_floor(kafka.bootstrap, scale)
            with gateway_process(folder, kafka.bootstrap, contracts=without_limits(folder)) as gateway:
                rows = measure(gateway, scale)
        finally:
            kafka.stop()
    print(f"{'':<44}{'CPU us':>9}{'events/s':>11}{'p50 ms':>9}{'p99 ms':>9}   bound")
    for line in (*bare, *rows.values()):
        print(line)
    one, thousand = rows["one"].cpu_us, rows["thousand"].cpu_us
    never_idle, waiting = (line.cpu_us for line in bare)
    print(
        f"one by one: {one - waiting:.0f} us above the bare callable that waits, {one - never_idle:.0f} above the one that never does (bound: 120)"
    )
    print(
        f"decode + encode + send_batch alone: {floor_us:.1f} us an event; a batch of 1,000 costs {thousand / floor_us:.2f} times that"
    )
    for name in ("container", "data"):
        print(f"{rows[name].name}: {rows[name].cpu_us / thousand:.2f} times the same events in JSON (bound: 1)")
    print(
        f"an event with 5 violations costs {rows['bad'].cpu_us / rows['hundred'].cpu_us:.2f} times a good one in a batch (bound: 3)"
    )
    print(
        f"one with 25 violations, {rows['25'].cpu_us / rows['items'].cpu_us:.2f} times the same event without (bound: 5)"
    )
    return 1 if any(line.bound_us is not None and line.cpu_us > line.bound_us for line in rows.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
