"""The composition root: a start that fails leaves nothing behind, a drain answers everybody, a reload takes nothing down."""

import asyncio
import dataclasses
import os
import signal
import socket
import time
from pathlib import Path

import httpx2
import pytest

from tidegate_gateway.adapters.dev_key import DevKey, make
from tidegate_gateway.adapters.embedded import EmbeddedBroker
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.app import Gateway
from tidegate_gateway.commands.dev_plan import dev_plan, dev_token
from tidegate_gateway.config.plan import Plan
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
