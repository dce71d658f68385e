"""The composition root: a start that fails leaves nothing behind, a drain answers everybody, a reload takes nothing down."""

import asyncio
import dataclasses
import logging
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import grpc
import httpx2
import pytest

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.adapters.dev_key import DevKey, make
from tidegate_gateway.adapters.embedded import EmbeddedBroker
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.app import Gateway
from tidegate_gateway.commands.dev_plan import dev_plan, dev_token
from tidegate_gateway.config.plan import Plan
from tidegate_gateway.edge.http2.frames import PREFACE, PRIORITY, frame, settings
from tidegate_gateway.servers import PortTakenError, bind

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def plan_of(key: DevKey, **changes: object) -> Plan:
    plan = dev_plan(key, SCHEMAS, http_port=0, admin_port=0, quiet=True)
    return dataclasses.replace(plan, **changes)  # type: ignore[arg-type]  # by name


async def test_a_start_that_fails_late_leaves_no_process_and_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int | None] = []
    free = bind("127.0.0.1", 0)
    port = free.getsockname()[1]
    free.close()
    key = make()
    gateway = Gateway(plan_of(key, http=dataclasses.replace(plan_of(key).http, port=port)), key)

    async def fails(*_: object) -> None:
        broker = gateway._broker
        assert isinstance(broker, EmbeddedBroker)
        seen.append(broker.pid)
        raise RuntimeError("after everything else")

    monkeypatch.setattr(KafkaPublisher, "watch_topics", fails)
    with pytest.raises(RuntimeError, match="after everything else"):
        await gateway.start()
    (pid,) = seen
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    bind("127.0.0.1", port).close()
    assert len(asyncio.all_tasks()) == 1


async def test_a_taken_admin_port_gives_the_other_back() -> None:
    key = make()
    with bind("127.0.0.1", 0) as taken, bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
        free.close()
        plan = plan_of(key)
        plan = dataclasses.replace(
            plan,
            http=dataclasses.replace(plan.http, port=port),
            admin=dataclasses.replace(plan.admin, port=taken.getsockname()[1]),
        )
        with pytest.raises(PortTakenError):
            await Gateway(plan, key).start()
        with socket.socket() as again:
            again.bind(("127.0.0.1", port))


async def test_a_drain_in_an_outage_answers_everybody_in_time() -> None:
    """503 or 504 as Kafka's part is known; never uvicorn's 500, and no longer than `drain_s` and a moment."""
    key = make()
    gateway = Gateway(plan_of(key, drain_s=2.0), key)
    bound = await gateway.start()
    ended = asyncio.Event()
    running = asyncio.create_task(gateway.run(ended))
    token = dev_token(key, gateway.catalogue)
    body = gateway.catalogue.contracts["customer.orders"].newest.codec.example()
    url = f"http://{bound.http}/v1/topics/customer.orders/events"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    assert gateway._broker is not None
    assert gateway._broker.pid is not None
    async with httpx2.AsyncClient(headers=headers, timeout=20.0, trust_env=False) as client:
        assert (await client.post(url, content=body)).status_code == 200
        os.kill(gateway._broker.pid, signal.SIGSTOP)
        posts = [asyncio.create_task(client.post(url, content=body)) for _ in range(3)]
        await asyncio.sleep(0.2)
        started = time.perf_counter()
        ended.set()
        answers = await asyncio.gather(*posts)
        assert time.perf_counter() - started < 2.5
    os.kill(gateway._broker.pid, signal.SIGCONT)
    await running
    assert {answer.status_code for answer in answers} <= {503, 504}
    assert {answer.json()["code"] for answer in answers} <= {"overloaded", "broker_unavailable", "outcome_unknown"}
    assert time.perf_counter() - started < 8


async def test_dev_has_the_same_line_of_both_doors(caplog: pytest.LogCaptureFixture) -> None:
    """A line for each event, good or bad, and one for what stopped before: by whichever door it came."""
    key = make()
    gateway = Gateway(plan_of(key, quiet=False), key)
    bound = await gateway.start()
    ended = asyncio.Event()
    running = asyncio.create_task(gateway.run(ended))
    token = dev_token(key, gateway.catalogue)
    example = gateway.catalogue.contracts["customer.orders"].newest.codec.example()
    too_long = gateway._intake.settings.max_batch_bytes
    await until_it_answers(f"http://{bound.admin}/livez")

    async def lines(topic: str, token: str, event: bytes) -> tuple[list[str], list[str]]:
        """What REST's and gRPC's request make the terminal say, but for offsets."""
        authorization = {"authorization": f"Bearer {token}"}
        body = b'{"events": [{%s}]}' % (b'"value": %s' % event if event else b"")
        caplog.clear()
        url = f"http://{bound.http}/v1/topics/{topic}/events:batch"
        await client.post(url, content=body, headers={**authorization, "content-type": "application/json"})
        rest = events_of(caplog)
        caplog.clear()
        request = pb.PublishRequest(topic=topic, events=[pb.Event(json=event) if event else pb.Event()])
        with suppress(grpc.aio.AioRpcError):
            await publish(request.SerializeToString(), metadata=tuple(authorization.items()), timeout=10)
        return rest, events_of(caplog)

    with caplog.at_level(logging.INFO):
        async with (
            httpx2.AsyncClient(timeout=20.0, trust_env=False) as client,
            grpc.aio.insecure_channel(bound.grpc) as channel,
        ):
            publish = channel.unary_unary("/tidegate.ingest.v1.IngestService/Publish")
            found = {
                what: await lines(*sent)
                for what, sent in {
                    "stored   customer.orders at": ("customer.orders", token, example),
                    "rejected customer.orders contract_violation": ("customer.orders", token, b"{}"),
                    "rejected customer.orders malformed: value is missing": ("customer.orders", token, b""),
                    "customer.orders unauthenticated": ("customer.orders", "bad", example),
                    "rejected no.topic unknown_topic": ("no.topic", token, example),
                    "rejected customer.orders too_large": ("customer.orders", token, b" " * too_long + b"1"),
                }.items()
            }
    ended.set()
    await running
    for what, (rest, grpcs) in found.items():
        assert len(rest) == 1, (what, rest)
        assert what in rest[0]
        if "unauthenticated" in what:  # gRPC's topic is in the request, which is not read without a token
            rest = [rest[0].replace("customer.orders", "(no topic)")]
        assert grpcs == rest, what


def events_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of events, without their places in Kafka."""
    said = [record.getMessage() for record in caplog.records if record.name == "tidegate.events"]
    return [line.partition(" at ")[0] + " at" if line.startswith("stored") else line for line in said]


async def test_a_connection_that_is_paced_stands_in_the_metrics() -> None:
    key = make()
    gateway = Gateway(plan_of(key), key)
    bound = await gateway.start()
    ended = asyncio.Event()
    running = asyncio.create_task(gateway.run(ended))
    url = f"http://{bound.admin}/metrics"
    await until_it_answers(url)
    host, _, port = bound.grpc.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(PREFACE + settings({}) + frame(PRIORITY, 0, 99, bytes(5)) * 3_000)
    async with httpx2.AsyncClient(trust_env=False) as client, asyncio.timeout(10):
        while 'tidegate_grpc_paced_total{known="false"} 0.0' in (told := (await client.get(url)).text):  # noqa: ASYNC110 -- a scrape is all it tells
            await asyncio.sleep(0.02)
    assert 'tidegate_grpc_paced_total{known="false"}' in told
    assert 'tidegate_grpc_paced_total{known="true"} 0.0' in told
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    ended.set()
    await running


async def until_it_answers(url: str) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client, asyncio.timeout(10):
        while True:
            try:
                assert (await client.get(url)).status_code == 200
                return
            except httpx2.TransportError:
                await asyncio.sleep(0.02)
