"""aiokafka's connections where it leaves them to us: a way that is there or is not, and sockets that close at once."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import ConnectionGroup
from aiokafka.errors import NodeNotReadyError
from aiokafka.protocol.metadata import MetadataRequest, MetadataRequest_v5

from tidegate_gateway.adapters.kafka.connections import connect_apart, connected, hang_up

KEY = (1, ConnectionGroup.DEFAULT)


class Client:
    """What of AIOKafkaClient is reached for."""

    def __init__(self, *, ready: bool = True, writer: object | None = None) -> None:
        self._conns: dict[Any, Any] = {}
        self._sync_task: object | None = None
        self._ready = ready
        self.closed: list[object] = []
        connection = SimpleNamespace(_writer=writer)
        connection.close = lambda: self.closed.append(connection)
        self._conns[KEY] = connection

    async def ready(self, _: int) -> bool:
        return self._ready


async def test_the_way_to_a_broker_that_is_connected() -> None:
    transport = object()
    assert await connected(Client(writer=SimpleNamespace(transport=transport)), 1) is transport


@pytest.mark.parametrize(
    "client",
    [Client(ready=False, writer=SimpleNamespace(transport=None)), Client(writer=None)],
    ids=["refused", "closed again at once"],
)
async def test_no_way_is_said_in_aiokafkas_own_words(client: Client) -> None:
    with pytest.raises(NodeNotReadyError):
        await connected(client, 1)


async def test_hanging_up_throws_away_what_is_not_sent_and_lets_nobody_connect_again() -> None:
    done: list[str] = []
    transport = SimpleNamespace(abort=lambda: done.append("aborted"))
    client = Client(writer=SimpleNamespace(transport=transport))
    client._sync_task = SimpleNamespace(cancel=lambda: done.append("cancelled"))
    client._conns[2, ConnectionGroup.DEFAULT] = SimpleNamespace(_writer=None, close=lambda: done.append("closed"))
    hang_up(client)
    assert sorted(done) == ["aborted", "cancelled", "closed"]
    assert client.closed == [client._conns[KEY]]


async def test_a_broker_that_hangs_keeps_no_other_from_being_connected() -> None:
    hangs, began = asyncio.Event(), list[int]()

    connections = {node_id: SimpleNamespace(send=None) for node_id in (1, 2)}

    async def plain(node_id: int, **_: object) -> object:
        began.append(node_id)
        if node_id == 1:
            await hangs.wait()
        return connections[node_id]

    client = SimpleNamespace(_get_conn=plain)
    connect_apart(client)
    first, again = asyncio.create_task(client._get_conn(1)), asyncio.create_task(client._get_conn(1))
    await asyncio.sleep(0)
    assert await client._get_conn(2) is connections[2]
    assert began == [1, 2], "and nobody connects to one broker twice at once"
    hangs.set()
    assert await asyncio.gather(first, again) == [connections[1]] * 2


async def test_a_look_at_the_metadata_creates_no_topic() -> None:
    """A deleted topic would come back, empty and with the broker's own settings: its `auto.create.topics.enable` is true by default."""
    sent: list[tuple[Any, bool]] = []

    class Connection:
        def send(self, request: Any, *, expect_response: bool = True) -> None:
            sent.append((request, expect_response))

    connection = Connection()

    async def plain(_: int, **__: object) -> Connection:
        return connection

    client = SimpleNamespace(_get_conn=plain)
    connect_apart(client)
    (await client._get_conn(1)).send(MetadataRequest(["orders"]))
    (await client._get_conn(1)).send("another", expect_response=False)
    (asked, _), another = sent
    assert asked.build(MetadataRequest_v5).allow_auto_topic_creation is False
    assert another == ("another", False)
