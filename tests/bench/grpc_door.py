"""CPU per event of the gateway process over gRPC, beside REST in the same run: `serve`, real Kafka, tokens, coffeeco's contracts.

    python3 .ci/task.py bench grpc_door [--quick]

The rows, bounds and payloads are `gateway.py`'s; the client is grpc.aio in this process, whose CPU is not counted. The bounds are
the issue's: unary 450 us, a stream of 100 events a message 20 us (binary) and 30 us (JSON), a contract's own service 500 us.
"""

import asyncio
import base64
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc.aio
from tests.bench._load import Load, cpu_seconds, request, run_load
from tests.bench.gateway import ORDER, Row, _example, batch, binary, compact, row, without_limits
from tests.e2e.processes import SCHEMAS, GatewayProcess, gateway_process
from tests.e2e.topics import create_topics
from tests.kafka.real_kafka import KafkaCluster

from tidegate.contracts.framing import protobuf_frame
from tidegate.contracts.media import JSON
from tidegate.contracts.verdict import Encoded
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.repository.folder import load as load_folder

SERVICE = "/tidegate.ingest.v1.IngestService"
ORDERS, STATUS = "customer.orders", "customer.order-status"
TYPED = "/coffeeco.customer.v1.CustomerService/TrackOrder"
ROUNDS = 3

Metadata = tuple[tuple[str, str], ...]


def best(rounds: list[Row]) -> Row:
    """The round that a neighbour disturbed least."""
    return min(rounds, key=lambda one: one.cpu_us)


async def unary(
    gateway: GatewayProcess, method: str, body: bytes, check: Callable[[bytes], None], *, calls: int, at_once: int = 64
) -> Load:
    """`calls` calls in all, so many at once, over one channel."""
    metadata = bearer(gateway)
    async with grpc.aio.insecure_channel(gateway.facts["grpc"]) as channel:
        call = channel.unary_unary(method)
        check(await call(body, metadata=metadata))
        left = iter(range(calls))
        load = Load()

        async def worker() -> None:
            for _ in left:
                started = time.perf_counter()
                answer = await call(body, metadata=metadata)
                load.waits_s.append(time.perf_counter() - started)
                load.last = answer

        await measured(load, gateway.pid, [worker() for _ in range(at_once)])
    check(load.last)
    load.statuses[200] = len(load.waits_s)
    return load


async def stream(gateway: GatewayProcess, body: bytes, *, messages: int, streams: int = 4) -> Load:
    """The same message again and again on some streams; each is read as it is answered."""
    async with grpc.aio.insecure_channel(gateway.facts["grpc"]) as channel:
        method = channel.stream_stream(f"{SERVICE}/PublishStream")
        load = Load()

        async def one() -> None:
            async def sent() -> AsyncIterator[bytes]:
                for _ in range(messages // streams):
                    yield body

            started = time.perf_counter()
            async for answer in method(sent(), metadata=bearer(gateway)):
                load.waits_s.append(time.perf_counter() - started)
                started = time.perf_counter()
                load.last = answer

        await measured(load, gateway.pid, [one() for _ in range(streams)])
    stored(load.last)
    load.statuses[200] = len(load.waits_s)
    return load


async def measured(load: Load, pid: int, work: list[Awaitable[None]]) -> None:
    """The seconds, and the server's CPU, that the work took."""
    started, cpu = time.perf_counter(), cpu_seconds(pid)
    await asyncio.gather(*work)
    load.seconds, load.cpu_s = time.perf_counter() - started, cpu_seconds(pid) - cpu


def bearer(gateway: GatewayProcess) -> Metadata:
    token = gateway.token("publish:*", roles=("checkout-producer", "fulfilment-producer"))
    return (("authorization", f"Bearer {token}"),)


def stored(answer: bytes) -> None:
    """Every event of the answer is in Kafka."""
    results = pb.PublishResponse.FromString(answer).results
    assert results, answer
    assert all(result.status == pb.STATUS_STORED for result in results), results[0]


def answered(_answer: bytes) -> None:
    """A contract's own service answers OK only for what is stored."""


def messages() -> tuple[bytes, bytes, bytes]:
    """One event as JSON; 100 as JSON; the same 100 in Avro binary."""
    values = [compact(event["value"]) for event in json.loads(batch(ORDER, 100))["events"]]
    data = [base64.b64decode(event["data"]) for event in json.loads(binary(100)[1])["events"]]
    return (
        pb.PublishRequest(topic=ORDERS, events=[pb.Event(json=values[0])]).SerializeToString(),
        pb.PublishRequest(topic=ORDERS, events=[pb.Event(json=value) for value in values]).SerializeToString(),
        pb.PublishRequest(topic=ORDERS, events=[pb.Event(data=value) for value in data]).SerializeToString(),
    )


def typed_body(gateway: GatewayProcess) -> bytes:
    """The example of the contract that has a service, in Protobuf binary: encoded by the contract itself, the frame left out."""
    contract = next(one for one in load_folder(SCHEMAS, working_copies=False).contracts if one.topic == STATUS)
    newest = contract.newest
    verdict = newest.check(_example(gateway, STATUS, bearer(gateway)[0][1].removeprefix("Bearer ")))
    assert isinstance(verdict, Encoded), verdict
    assert verdict.value is not None
    return verdict.value[len(protobuf_frame(newest.schema_id, newest.source.message_index)) :]


def rest(gateway: GatewayProcess, tail: str, body: bytes, requests: int) -> Load:
    token = bearer(gateway)[0][1].removeprefix("Bearer ")
    load = run_load(
        gateway.http, gateway.pid, request(f"/v1/topics/{ORDERS}/{tail}", body, token, JSON),
        connections=16, requests=requests, warm_up=32,
    )  # fmt: skip
    assert set(load.statuses) == {200}, (load.statuses, load.last[:500])
    return load


def measure(gateway: GatewayProcess, scale: float) -> list[Row]:
    """The table."""
    one, as_json, as_binary = messages()
    calls, many = int(6_000 * scale), int(1_200 * scale)
    typed = typed_body(gateway)

    def rounds(name: str, events: int, bound_us: float | None, load: Callable[[], Load]) -> Row:
        return best([row(name, load(), events, bound_us) for _ in range(ROUNDS)])

    return [
        rounds("REST, one by one, 16 connections", 1, None, lambda: rest(gateway, "events", compact(ORDER), calls)),
        rounds("gRPC unary, one JSON event, 64 at once", 1, 450,
               lambda: asyncio.run(unary(gateway, f"{SERVICE}/Publish", one, stored, calls=calls))),
        rounds("gRPC, a contract's own service, 64 at once", 1, 500,
               lambda: asyncio.run(unary(gateway, TYPED, typed, answered, calls=calls))),
        rounds("REST, batch of 100 JSON, 16 connections", 100, None,
               lambda: rest(gateway, "events:batch", batch(ORDER, 100), many)),
        rounds("gRPC unary, 100 JSON events, 64 at once", 100, None,
               lambda: asyncio.run(unary(gateway, f"{SERVICE}/Publish", as_json, stored, calls=many))),
        rounds("gRPC stream, 100 JSON events a message", 100, 30, lambda: asyncio.run(stream(gateway, as_json, messages=many))),
        rounds("gRPC stream, 100 binary events a message", 100, 20,
               lambda: asyncio.run(stream(gateway, as_binary, messages=many))),
    ]  # fmt: skip


def main() -> int:
    """Run everything once; exit code 1 where a bound is missed."""
    scale = 0.25 if "--quick" in sys.argv else 1.0
    print(f"order: {len(compact(ORDER))} bytes; {os.cpu_count()} cores; Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kafka").mkdir()
        kafka = KafkaCluster(folder / "kafka", 1)
        try:
            kafka.start()
            create_topics(kafka.bootstrap)
            with gateway_process(folder, kafka.bootstrap, contracts=without_limits(folder)) as gateway:
                rows = measure(gateway, scale)
        finally:
            kafka.stop()
    print(f"{'':<44}{'CPU us':>9}{'events/s':>11}{'p50 ms':>9}{'p99 ms':>9}   bound")
    for line in rows:
        print(line)
    return 1 if any(line.bound_us is not None and line.cpu_us > line.bound_us for line in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
