"""Contracts as bundles, and both clients behind one face, so that one test body runs over both."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tidegate.async_client import AsyncClient
from tidegate.client import Client
from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.source import encode_source
from tidegate.repository.folder import load
from tidegate.settings import ClientSettings
from tidegate.stats import Stats
from tidegate.tally import Summary
from tidegate.transport.memory import MemoryTransport
from tidegate.transport.port import Answer, Bundle, Request
from tidegate.wire.results import ResultLine

ROOT = Path(__file__).resolve().parents[3]
TOPIC = "customer.orders"
URL = "https://gate.example.com"


@pytest.fixture(scope="session")
def contracts() -> dict[str, CompiledContract]:
    return {contract.topic: contract for contract in load(ROOT / "schemas", working_copies=False).contracts}


@pytest.fixture(scope="session")
def order(contracts: dict[str, CompiledContract]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(contracts[TOPIC].newest.codec.example())
    return made


@pytest.fixture
def bundles(contracts: dict[str, CompiledContract]) -> dict[str, Bundle]:
    return {
        topic: Bundle(body=encode_source(contract.source), etag=f'"{topic}"') for topic, contract in contracts.items()
    }


class Face:
    """One client, sync or async, as coroutines."""

    def __init__(self, client: Client | AsyncClient) -> None:
        self.client = client

    async def publish(self, topic: str, value: object, **facts: Any) -> ResultLine:
        if isinstance(self.client, AsyncClient):
            return await self.client.publish(topic, value, **facts)
        return await asyncio.to_thread(self.client.publish, topic, value, **facts)

    async def submit(self, topic: str, value: object, **facts: Any) -> "asyncio.Future[ResultLine]":
        if isinstance(self.client, AsyncClient):
            return await self.client.submit(topic, value, **facts)
        return asyncio.wrap_future(await asyncio.to_thread(self.client.submit, topic, value, **facts))

    async def publish_many(self, topic: str, values: Iterable[object], **more: Any) -> Summary:
        if isinstance(self.client, AsyncClient):
            return await self.client.publish_many(topic, values, **more)
        return await asyncio.to_thread(self.client.publish_many, topic, values, **more)

    async def validate(self, topic: str, value: object, **facts: Any) -> None:
        if isinstance(self.client, AsyncClient):
            return await self.client.validate(topic, value, **facts)
        return await asyncio.to_thread(self.client.validate, topic, value, **facts)

    async def flush(self, timeout_s: float = 10) -> int:
        if isinstance(self.client, AsyncClient):
            return await self.client.flush(timeout_s)
        return await asyncio.to_thread(self.client.flush, timeout_s)

    async def close(self, timeout_s: float = 5) -> int:
        if isinstance(self.client, AsyncClient):
            return await self.client.close(timeout_s)
        return await asyncio.to_thread(self.client.close, timeout_s)

    def stats(self) -> Stats:
        return self.client.stats()


class Gate:
    """A client on a gateway in memory."""

    def __init__(self, kind: type[Client] | type[AsyncClient], bundles: dict[str, Bundle]) -> None:
        self.kind = kind
        self.bundles = bundles
        self.transport = MemoryTransport(bundles=bundles)
        self.face = Face(kind(URL, transport=lambda: self.transport))
        self.made = [self.face]

    def reopen(self, answer: Callable[[Request], Answer] | None = None, token: Any = None, **settings: Any) -> Face:
        """Another client, with these settings, on a gateway that answers as told."""
        self.transport = transport = MemoryTransport(answer, self.bundles)
        self.face = Face(self.kind(URL, token, settings=ClientSettings(**settings), transport=lambda: transport))
        self.made.append(self.face)
        return self.face

    @property
    def sent(self) -> list[str]:
        """The ids of all events that were sent, in order."""
        return [event.id for request in self.transport.requests for event in request.events]


@pytest.fixture(params=[Client, AsyncClient], ids=["sync", "async"])
async def gate(request: pytest.FixtureRequest, bundles: dict[str, Bundle]) -> AsyncIterator[Gate]:
    made = Gate(request.param, bundles)
    yield made
    for face in made.made:
        await face.close(0)
