"""What each form of input costs: the REST door in process with coffeeco's real contracts, and a publisher that keeps nothing.

    python -m tests.bench.rest_forms

Prints microseconds of CPU an event and the ratio to plain JSON, then what a refusal costs, with issue bounds beside them; all
from this one run, each the best of some rounds.
"""

import asyncio
import base64
import gzip
import io
import json
import resource
import time
from collections.abc import Sequence

import fastavro
import msgspec
import zstandard
from starlette.types import ASGIApp, Message
from tests.bench.gateway import BAD_ORDER, ORDER, compact
from tests.bench.rest_door import Forgetful, Run, cpu_us
from tests.e2e.processes import SCHEMAS
from tests.gateway.doors.rest.conftest import make_gate

from tidegate.contracts.compiled import CompiledContract, compile_contract
from tidegate.contracts.media import AVRO, AVRO_CONTAINER, AVRO_FRAMED, JSON, PROTOBUF, PROTOBUF_FRAMED
from tidegate.contracts.verdict import Encoded
from tidegate.repository.folder import load
from tidegate_gateway.doors.media import NDJSON

BATCH = 1000
BINARY_BOUND_US = 20.0
REFUSAL_BOUND_US = 1000.0


def contracts() -> dict[str, CompiledContract]:
    """coffeeco's, without what would refuse a measurement: roles, limits, bounds of size."""
    found: dict[str, CompiledContract] = {}
    for one in load(SCHEMAS, working_copies=False).contracts:
        free = msgspec.structs.replace(one.source, roles=(), limits=None, topic_limits=None, max_event_bytes=None)
        found[one.topic] = compile_contract(free)
    return found


def requests(app: ASGIApp, path: str, body: bytes, media: str, expect: int, more: Sequence[tuple[bytes, bytes]]) -> Run:
    """Sends the same request again and again, as httptools would hand it over."""
    fields = {
        b"host": b"127.0.0.1:8080",
        b"authorization": b"Bearer good",
        b"content-type": media.encode(),
        b"content-length": b"%d" % len(body),
    }
    headers = list({**fields, **dict(more)}.items())

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != expect:
            raise RuntimeError(f"{path}: answered {message['status']}, expected {expect}")

    async def run(times: int) -> None:
        for _ in range(times):
            scope = {
                "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path,
                "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
            }  # fmt: skip
            await app(scope, receive, send)

    return run


class Table:
    """The rows; each is compared with the first of its part."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._base_us = 0.0

    async def row(
        self,
        name: str,
        path: str,
        body: bytes,
        media: str = JSON,
        *,
        events: int = 1,
        expect: int = 200,
        base: bool = False,
        bound_us: float | None = None,
        more: Sequence[tuple[bytes, bytes]] = (),
    ) -> float:
        """Measure one form and print its line; `events` a request."""
        times = 1500 if events == 1 else 4
        cost_us = await cpu_us(requests(self._app, path, body, media, expect, more), times) / events
        if base:
            self._base_us = cost_us
        bound = "" if bound_us is None else f"   bound {bound_us:,.0f}: {'ok' if cost_us <= bound_us else 'MISSED'}"
        print(f"{name:<44}{cost_us:>10.2f} us{cost_us / self._base_us:>8.2f}{bound}")
        return cost_us


def encoded(contract: CompiledContract, value: object) -> bytes:
    """The framed encoding of a value."""
    verdict = contract.newest.check(compact(value))
    assert isinstance(verdict, Encoded), verdict
    assert verdict.value is not None
    return verdict.value


def container(contract: CompiledContract, binary: bytes) -> bytes:
    """A container file of `BATCH` values."""
    schema = fastavro.parse_schema(json.loads(contract.newest.source.schema))
    value = fastavro.schemaless_reader(io.BytesIO(binary), schema, None)
    out = io.BytesIO()
    fastavro.writer(out, schema, [value] * BATCH)
    return out.getvalue()


async def measure() -> None:
    """The table."""
    served = contracts()
    gate = make_gate(*served.values())
    gate.publisher.stored = gate.tokens.seen = gate.limiter.asked = Forgetful()  # type: ignore[assignment]  # keeps nothing
    gate.requests = Forgetful()
    orders, status = served["customer.orders"], served["customer.order-status"]
    one = "/v1/topics/customer.orders/events"
    many = f"{one}:batch"
    proto_one = "/v1/topics/customer.order-status/events"
    order, framed = compact(ORDER), encoded(orders, ORDER)
    proto = json.loads(status.newest.codec.example())
    proto_framed = encoded(status, proto)
    json_batch = b'{"events":[' + b",".join([b'{"value":' + order + b"}"] * BATCH) + b"]}"
    data = b'{"data":"' + base64.b64encode(framed[5:]) + b'"}'
    data_batch = b'{"events":[' + b",".join([data] * BATCH) + b"]}"
    proto_data = b'{"data":"' + base64.b64encode(proto_framed[6:]) + b'"}'
    table = Table(gate.app)

    print(f"one by one, CPU an event (order: {len(order)} bytes of JSON, {len(framed) - 5} of Avro)")
    good = await table.row("Avro contract, plain JSON", one, order, base=True)
    await table.row("Avro binary", one, framed[5:], AVRO)
    await table.row("Avro binary, framed", one, framed, AVRO_FRAMED)
    await table.row("plain JSON, gzip", one, gzip.compress(order), more=[(b"content-encoding", b"gzip")])
    await table.row("plain JSON, zstd", one, zstandard.compress(order), more=[(b"content-encoding", b"zstd")])
    await table.row("Protobuf contract, JSON", proto_one, compact(proto))
    await table.row("Protobuf binary", proto_one, proto_framed[6:], PROTOBUF)
    await table.row("Protobuf binary, framed", proto_one, proto_framed, PROTOBUF_FRAMED)

    print(f"batches of {BATCH}, CPU an event")
    await table.row("Avro contract, JSON", many, json_batch, events=BATCH, base=True)
    await table.row("NDJSON", many, b"\n".join([b'{"value":' + order + b"}"] * BATCH), NDJSON, events=BATCH)
    await table.row("JSON, gzip", many, gzip.compress(json_batch), events=BATCH, more=[(b"content-encoding", b"gzip")])
    await table.row(
        "JSON, zstd", many, zstandard.compress(json_batch), events=BATCH, more=[(b"content-encoding", b"zstd")]
    )
    await table.row("data (Avro)", many, data_batch, events=BATCH, bound_us=BINARY_BOUND_US)
    await table.row(
        "container file", many, container(orders, framed[5:]), AVRO_CONTAINER, events=BATCH, bound_us=BINARY_BOUND_US
    )
    await table.row(
        "data (Protobuf), NDJSON", f"{proto_one}:batch", b"\n".join([proto_data] * BATCH), NDJSON, events=BATCH
    )

    text = b"[" * 20_000_000
    members = gzip.compress(text[:1_000_000]) * 20
    bombs = (("gzip", gzip.compress(text)), ("gzip", members), ("zstd", zstandard.compress(text)))
    del text
    print("refusals, CPU a request, and times a good event")
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await table.row("a good event", one, order, base=True)
    bad_token = [(b"authorization", b"Bearer bad")]
    await table.row("bad token", one, order, expect=401, more=bad_token, bound_us=REFUSAL_BOUND_US)
    await table.row("oversized body", one, bytes(2_000_000), expect=413, bound_us=REFUSAL_BOUND_US)
    for encoding, bomb in bombs:
        for path, where in ((one, "event"), (many, "batch")):
            head = [(b"content-encoding", encoding.encode())]
            name = f"{encoding} bomb{' of members' if bomb is members else ''}, {where}"
            await table.row(name, path, bomb, expect=413, more=head, bound_us=REFUSAL_BOUND_US)
    await table.row("5 violations", one, compact(BAD_ORDER), expect=400)
    bad = {**BAD_ORDER, **{f"unknown{n}": n for n in range(25)}}
    await table.row("25 violations", one, compact(bad), expect=400, bound_us=5 * good)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    print(f"the refusals raised the process's peak memory by {grown_mb:.1f} MB (bound: 20)")
    started = time.process_time()
    await requests(gate.app, many, bombs[0][1], JSON, 413, [(b"content-encoding", b"gzip")])(1)
    print(f"one gzip bomb alone: {(time.process_time() - started) * 1e3:.2f} ms")


if __name__ == "__main__":
    asyncio.run(measure())
