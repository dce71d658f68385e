"""CPU per event of the gateway process: `serve`, real Kafka, token checked, coffeeco's contracts without limits.

    python3 .ci/task.py bench gateway [--quick]

Prints microseconds of the gateway's CPU an event, and ratios, all from this one run: the floor is a bare ASGI callable on
the same server, and the issue's bounds stand beside each figure. CPU time is steadier than seconds on a noisy machine.
"""

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

from tests.bench._load import Load, request, run_load
from tests.e2e.processes import SCHEMAS, GatewayProcess, first_line, gateway_process
from tests.e2e.topics import create_topics
from tests.kafka.real_kafka import KafkaCluster

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


def measure(gateway: GatewayProcess, scale: float) -> list[Row]:
    orders, status = "/v1/topics/customer.orders", "/v1/topics/customer.order-status"
    token = gateway.token("publish:*", roles=("checkout-producer", "fulfilment-producer"))

    def load(path: str, body: bytes, connections: int, requests: int) -> Load:
        return run_load(
            gateway.http,
            gateway.pid,
            request(path, body, token),
            connections=connections,
            requests=max(connections, int(requests * scale)),
            warm_up=connections * 2,
        )

    def expect(seen: Load, status: int) -> Load:
        assert set(seen.statuses) == {status}, (seen.statuses, seen.last[:2000])
        return seen

    proto = json.loads(_example(gateway, "customer.order-status", token))
    rows = [
        row(
            "Avro, one by one, 16 connections",
            expect(load(f"{orders}/events", compact(ORDER), 16, 16_000), 200),
            1,
            200,
        ),
        row(
            "Avro, batch of 100, 16 connections",
            expect(load(f"{orders}/events:batch", batch(ORDER, 100), 16, 1_600), 200),
            100,
            25,
        ),
        row(
            "Avro, batch of 1,000, 8 connections",
            expect(load(f"{orders}/events:batch", batch(ORDER, 1000), 8, 240), 200),
            1000,
            18,
        ),
        row(
            "Avro, validate only, one by one",
            expect(load(f"{orders}/events:validate", compact(ORDER), 16, 8_000), 200),
            1,
        ),
        row(
            "Protobuf JSON, batch of 1,000, 8 connections",
            expect(load(f"{status}/events:batch", batch(proto, 1000, "changedAt"), 8, 160), 200),
            1000,
            30,
        ),
    ]
    bad = row(
        "Avro with 5 violations, batch of 100",
        expect(load(f"{orders}/events:batch", bad_batch(100), 16, 800), 400),
        100,
        rows[1].cpu_us * 3,
    )
    bad_one = row(
        "Avro with 5 violations, one by one",
        expect(load(f"{orders}/events", compact(BAD_ORDER), 16, 8_000), 400),
        1,
        rows[0].cpu_us * 3,
    )
    return [*rows, bad, bad_one]


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
            rows = bare_rows(scale)
            floor_us = batch_floor(kafka.bootstrap, scale)
            with gateway_process(folder, kafka.bootstrap, contracts=without_limits(folder)) as gateway:
                rows += measure(gateway, scale)
        finally:
            kafka.stop()
    print(f"{'':<44}{'CPU us':>9}{'events/s':>11}{'p50 ms':>9}{'p99 ms':>9}   bound")
    for line in rows:
        print(line)
    never_idle, waiting, one, _, thousand, _, _, bad, _ = rows
    print(
        f"one by one: {one.cpu_us - waiting.cpu_us:.0f} us above the bare callable that waits, {one.cpu_us - never_idle.cpu_us:.0f} above the one that never does (bound: 120)"
    )
    print(
        f"decode + encode + send_batch alone: {floor_us:.1f} us an event; a batch of 1,000 costs {thousand.cpu_us / floor_us:.2f} times that"
    )
    print(f"an event with 5 violations costs {bad.cpu_us / rows[3].cpu_us:.2f} times a good one in a batch (bound: 3)")
    return 1 if any(line.bound_us is not None and line.cpu_us > line.bound_us for line in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
