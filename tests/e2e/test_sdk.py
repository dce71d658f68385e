"""The SDK against `serve` on real Kafka: over HTTP and gRPC, and with the gateway killed under its producers (faults 10, issue 7)."""

import asyncio
import json
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.processes import SCHEMAS, GatewayProcess, end, start
from tests.faults.checker import Found, Sent, check
from tests.kafka.reading import read_topic

from tidegate import AsyncClient, Client, ClientSettings, ContractViolation, Forbidden
from tidegate.contracts.compiled import CompiledContract
from tidegate.errors import Code
from tidegate.repository.folder import load
from tidegate.shell.endpoint import endpoint_of
from tidegate.shell.transport_choice import load_transport, transport_for
from tidegate.transport.port import Answer, BundleAnswer, Receipted, Request, Transport, Unreached
from tidegate.wire.results import ResultLine
from tidegate_gateway.adapters.dev_key import DEV_ISSUER, DevKey, make

STATUS = "customer.order-status"
SCHEMES = ["http", "grpc"]


@pytest.fixture(scope="module")
def contracts() -> dict[str, CompiledContract]:
    return {contract.topic: contract for contract in load(SCHEMAS, working_copies=False).contracts}


@pytest.fixture(scope="module")
def status(contracts: dict[str, CompiledContract]) -> dict[str, Any]:
    """An event of now: Kafka's retention deletes what happened longer ago, also while a test still reads it."""
    made: dict[str, Any] = json.loads(contracts[STATUS].newest.codec.example())
    return {**made, "changedAt": datetime.now(UTC).isoformat(timespec="seconds")}


def url(gateway: GatewayProcess, scheme: str) -> str:
    return f"{scheme}://{gateway.http if scheme == 'http' else gateway.grpc}"


@pytest.mark.kafka
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_client_publishes_batches_and_judges(gateway: GatewayProcess, status: dict[str, Any], scheme: str) -> None:
    with Client(url(gateway, scheme), gateway.token()) as gate:
        receipt = gate.publish(STATUS, status, headers={"Source": "till"}, time="2026-01-31T12:00:00Z")
        assert (receipt.status, receipt.version) == ("stored", 2)
        futures = [gate.submit(STATUS, status) for _ in range(300)]
        assert gate.flush() == 0
        assert {future.result().status for future in futures} == {"stored"}
        with pytest.raises(ContractViolation) as caught:
            gate.publish(STATUS, {**status, "moonPhase": 1})
        assert [violation.pointer for violation in caught.value.violations] == ["#/moonPhase"]
        summary = gate.publish_many(STATUS, (status for _ in range(1500)))
        assert (summary.stored, summary.rejected, summary.failed) == (1500, 0, 0)
        stats = gate.stats()
        assert stats.requests < 40
        assert stats.unjudged == 0


@pytest.mark.kafka
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_the_async_client_does_the_same(gateway: GatewayProcess, status: dict[str, Any], scheme: str) -> None:
    async with AsyncClient(url(gateway, scheme), gateway.token()) as gate:
        receipts = await asyncio.gather(*(gate.publish(STATUS, status) for _ in range(50)))
        assert {receipt.status for receipt in receipts} == {"stored"}
        with pytest.raises(ContractViolation):
            await gate.publish(STATUS, {})


@pytest.mark.kafka
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_token_without_the_right_is_forbidden_and_tried_once(
    gateway: GatewayProcess, status: dict[str, Any], scheme: str
) -> None:
    with Client(url(gateway, scheme), gateway.token("publish:other")) as gate:
        with pytest.raises(Forbidden):
            gate.publish(STATUS, status)
        assert gate.stats().requests == 1


@pytest.mark.kafka
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_gateway_lists_the_same_violations(gateway: GatewayProcess, status: dict[str, Any], scheme: str) -> None:
    bad = {**status, "moonPhase": 1, "orderId": 7}
    told = []
    for judge in (True, False):
        with Client(url(gateway, scheme), gateway.token(), settings=ClientSettings(judge=judge)) as gate:
            with pytest.raises(ContractViolation) as caught:
                gate.publish(STATUS, bad)
            told.append([(v.pointer, v.rule, v.detail, v.expected, v.found, v.hint) for v in caught.value.violations])
    assert told[0] == told[1]


class Restartable:
    """`serve` on ports that stay the same over restarts."""

    def __init__(self, folder: Path, kafka: str | None, grpc: str = "") -> None:
        """`kafka` None: its embedded one, which ends with it. `grpc`: more options of its section."""
        self.folder = folder
        self.key: DevKey = make()
        self.ports = free_ports(3)
        (folder / "keys.json").write_bytes(self.key.jwks())
        http, rpc, admin = self.ports
        broker = "embedded = true" if kafka is None else f'bootstrap_servers = "{kafka}"'
        (folder / "tidegate.toml").write_text(
            f"[http]\nport = {http}\n[grpc]\nport = {rpc}\n{grpc}[admin]\nport = {admin}\n"
            f'[contracts]\ndir = "{SCHEMAS}"\n[kafka]\n{broker}\n'
            f'[[auth.issuers]]\nissuer = "{DEV_ISSUER}"\nname = "coffeeco"\n'
            f'jwks_file = "{folder / "keys.json"}"\nalgorithms = ["ES256"]\n'
        )
        self.begin()

    def begin(self) -> None:
        self.process, _ = start(["serve", "--config", str(self.folder / "tidegate.toml")], self.folder / "gateway.log")

    def drain(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.terminate()
        code = self.process.wait(30)
        end(self.process)
        return code

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(20)
        end(self.process)

    def url(self, scheme: str) -> str:
        return f"{scheme}://127.0.0.1:{self.ports[0 if scheme == 'http' else 1]}"

    def token(self) -> str:
        return self.key.mint(
            sub="tester",
            scopes=("publish:*", "contracts:read"),
            roles=("checkout-producer",),
            ttl_s=3600,
            now_s=time.time(),
        )


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(params=SCHEMES)
def restartable(request: pytest.FixtureRequest, topics: str, tmp_path: Path) -> Iterator[tuple[Restartable, str, str]]:
    gateway = Restartable(tmp_path, topics)
    yield gateway, request.param, topics
    gateway.kill()


class Witness:
    """A transport that notes what each attempt of each event was told."""

    def __init__(self, inner: Transport, sent: dict[str, Sent]) -> None:
        self.inner = inner
        self.sent = sent

    async def send(self, request: Request, timeout_s: float) -> Answer:
        for event in request.events:
            self.sent[event.id].unknown += 1
        answer = await self.inner.send(request, timeout_s)
        sure = not isinstance(answer, Unreached) or not answer.maybe_stored
        for index, event in enumerate(request.events):
            noted = self.sent[event.id]
            line = answer.lines[index] if isinstance(answer, Receipted) else None
            if line is not None and line.status == "stored":
                noted.stored.append((line.partition or 0, line.offset if line.offset is not None else -1))
            if sure and not (line is not None and line.error is not None and line.error.code == Code.OUTCOME_UNKNOWN):
                noted.unknown -= 1
        return answer

    async def bundle(self, topic: str, etag: str | None, token: str | None, timeout_s: float) -> BundleAnswer:
        return await self.inner.bundle(topic, etag, token, timeout_s)

    async def aclose(self) -> None:
        await self.inner.aclose()


@pytest.mark.kafka
def test_a_gateway_killed_under_eight_producers_loses_nothing(
    restartable: tuple[Restartable, str, str], status: dict[str, Any]
) -> None:
    """Lost 0, order within each key kept, duplicates only of ids that were not acknowledged."""
    gateway, scheme, kafka = restartable
    each, sent, clients, futures = 120, {}, [], []
    since = {
        partition: max((r.offset + 1 for r in read_topic(kafka, STATUS) if r.partition == partition), default=0)
        for partition in range(3)
    }
    endpoint, settings = endpoint_of(gateway.url(scheme)), ClientSettings(linger_s=0.005, batch_events=20)
    load_transport(endpoint)
    inner = transport_for(endpoint, settings)
    for _ in range(8):
        make_transport = lambda: Witness(inner(), sent)  # noqa: E731 -- one line, used in the next
        clients.append(Client(endpoint.url, gateway.token(), settings=settings, transport=make_transport))

    def produce(client: Client) -> None:
        keys = [str(uuid.uuid4()) for _ in range(3)]
        for number in range(each):
            key, event_id = keys[number % 3], str(uuid.uuid4())
            sent[event_id] = Sent(id=event_id, topic=STATUS, key=key, number=number)
            futures.append(client.submit(STATUS, {**status, "orderId": key}, id=event_id))
            time.sleep(0.01)

    threads = [threading.Thread(target=produce, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(0.6)
    gateway.kill()
    time.sleep(0.5)
    gateway.begin()
    for thread in threads:
        thread.join(60)
    assert [client.flush(60) for client in clients] == [0] * 8
    assert {future.result().status for future in futures} == {"stored"}
    for client in clients:
        client.close()
    found = [
        Found(
            id=dict(record.headers)["tidegate-id"].decode(),
            topic=STATUS,
            key=(record.key or b"").decode(),
            partition=record.partition,
            offset=record.offset,
        )
        for record in read_topic(kafka, STATUS, since)
    ]
    verdict = check(sent.values(), found)
    assert verdict.acknowledged == 8 * each
    assert verdict.wrong() == {}
    assert sum(client.stats().retries for client in clients) > 0, "the gateway was away while they sent"


class Asked:
    """A transport that keeps what was answered."""

    def __init__(self, inner: Transport, answers: list[Answer]) -> None:
        self.inner = inner
        self.answers = answers

    async def send(self, request: Request, timeout_s: float) -> Answer:
        answer = await self.inner.send(request, timeout_s)
        self.answers.append(answer)
        return answer

    async def bundle(self, topic: str, etag: str | None, token: str | None, timeout_s: float) -> BundleAnswer:
        return await self.inner.bundle(topic, etag, token, timeout_s)

    async def aclose(self) -> None:
        await self.inner.aclose()


def asking(gateway: Restartable, scheme: str, answers: list[Answer]) -> Client:
    endpoint, settings = endpoint_of(gateway.url(scheme)), ClientSettings(linger_s=0.005, batch_events=20)
    load_transport(endpoint)
    inner = transport_for(endpoint, settings)
    return Client(endpoint.url, gateway.token(), settings=settings, transport=lambda: Asked(inner(), answers))


@pytest.fixture(scope="module")
def ageing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restartable]:
    """A gateway whose gRPC connections are told to go after a second, and closed a second later."""
    gateway = Restartable(
        tmp_path_factory.mktemp("ageing"), None, "max_connection_age_s = 1\nmax_connection_grace_s = 1\n"
    )
    yield gateway
    gateway.kill()


def test_connections_that_grow_old_cost_their_producers_nothing(ageing: Restartable, status: dict[str, Any]) -> None:
    """GOAWAY and the end of each stream, several times: no event is sent twice, and nothing is refused."""
    answers: list[Answer] = []
    with asking(ageing, "grpc", answers) as gate:
        futures = []
        for _ in range(300):
            futures.append(gate.submit(STATUS, status))
            time.sleep(0.01)
        assert gate.flush(30) == 0
        assert {future.result().status for future in futures} == {"stored"}
        assert gate.stats().retries == 0
    assert {type(answer) for answer in answers} == {Receipted}


def test_a_gateway_that_drains_under_load_says_of_every_event_whether_it_is_stored(
    ageing: Restartable, status: dict[str, Any]
) -> None:
    """Over HTTP and gRPC: what it does not store any more is refused, or finds no connection; nobody is left in doubt."""
    answers: list[Answer] = []
    futures: list[Future[ResultLine]] = []
    stop = threading.Event()

    def produce(gate: Client) -> None:
        while not stop.is_set():
            futures.append(gate.submit(STATUS, status))
            time.sleep(0.002)

    gates = [asking(ageing, scheme, answers) for scheme in SCHEMES]
    threads = [threading.Thread(target=produce, args=(gate,)) for gate in gates]
    for gate, thread in zip(gates, threads, strict=True):
        gate.publish(STATUS, status)
        thread.start()
    time.sleep(0.3)
    assert ageing.drain() == 0
    stop.set()
    for thread in threads:
        thread.join(30)
    ageing.begin()
    assert [gate.flush(60) for gate in gates] == [0, 0]
    assert {future.result().status for future in futures} == {"stored"}
    assert all(gate.stats().retries > 0 for gate in gates), "the gateway was away while they sent"
    for gate in gates:
        gate.close()
    unsure = [answer for answer in answers if isinstance(answer, Unreached) and answer.maybe_stored]
    assert unsure == []
