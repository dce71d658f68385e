"""What aiokafka's client does not do with its connections: brokers are connected side by side, sockets close at once. Called by `generation`.

The one module that reaches for them.
"""

import asyncio
from contextlib import nullcontext
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import NodeNotReadyError
from aiokafka.protocol.api import Request
from aiokafka.protocol.metadata import MetadataRequest

__all__ = ["connect_apart", "connected", "hang_up"]


def connect_apart(client: AIOKafkaClient) -> None:
    """aiokafka connects to one broker at a time: one that hangs would keep the others from being connected."""
    plain_get = client._get_conn  # noqa: SLF001 -- there is no other way to two connects at once
    locks: dict[tuple[int, object], asyncio.Lock] = {}

    async def get_conn(node_id: int, *, group: Any = ConnectionGroup.DEFAULT, no_hint: bool = False) -> Any:
        async with locks.setdefault((node_id, group), asyncio.Lock()):
            connection = await plain_get(node_id, group=group, no_hint=no_hint)
        if connection is not None:
            _create_no_topics(connection)
        return connection

    client._get_conn = get_conn  # noqa: SLF001
    client._get_conn_lock_value = nullcontext()  # noqa: SLF001


def _create_no_topics(connection: AIOKafkaConnection) -> None:
    """aiokafka's metadata requests let the broker create a topic that is not there (`auto.create.topics.enable`): one that was deleted
    would come back, empty and with other settings. Only `create_topics` creates."""
    if "send" in vars(connection):
        return
    plain_send = connection.send

    def send(request: Request[Any], **options: bool) -> Any:
        if isinstance(request, MetadataRequest):
            request._allow_auto_topic_creation = False  # noqa: SLF001 -- aiokafka's client never says
        return plain_send(request, **options)

    connection.send = send


async def connected(client: AIOKafkaClient, node_id: int) -> asyncio.WriteTransport:
    """The way to a broker, connected first where there is none: that may take as long as a request. What is sent to it at once waits
    for nothing more. Raises NodeNotReadyError, and nothing was sent."""
    there = await client.ready(node_id)
    connection = client._conns.get((node_id, ConnectionGroup.DEFAULT))  # noqa: SLF001 -- aiokafka has no way to abort
    writer: asyncio.StreamWriter | None = connection._writer if there and connection is not None else None  # noqa: SLF001
    if writer is None:  # closed again at once, too
        raise NodeNotReadyError(f"broker {node_id} cannot be reached")
    return writer.transport


def hang_up(client: AIOKafkaClient) -> None:
    """Close all sockets now: what a broker that hangs has not taken from us yet, it never gets."""
    for connection in tuple(client._conns.values()):  # noqa: SLF001
        writer = connection._writer  # noqa: SLF001
        connection.close()
        if writer is not None:
            writer.transport.abort()
    if client._sync_task is not None:  # noqa: SLF001 -- it would connect again
        client._sync_task.cancel()  # noqa: SLF001
