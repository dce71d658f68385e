"""A gRPC echo on the h2 library, for `_grpc_echo`. Imported only where h2 is installed."""

import asyncio
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

__all__ = ["EchoProtocol"]

_HEAD = [(":status", "200"), ("content-type", "application/grpc")]
_TRAILERS = [("grpc-status", "0")]


class EchoProtocol(asyncio.Protocol):
    """One connection. A call is answered by a task of its own, once its client has said all."""

    def __init__(self) -> None:
        self._connection = H2Connection(
            H2Configuration(
                client_side=False,
                header_encoding=None,
                normalize_outbound_headers=False,
                validate_outbound_headers=False,
            )
        )
        self._bodies: dict[int, bytearray] = {}
        self._answering: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connection.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        for event in self._connection.receive_data(data):
            if isinstance(event, RequestReceived):
                self._bodies[event.stream_id] = bytearray()
            elif isinstance(event, DataReceived):
                self._bodies[event.stream_id] += event.data
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                task = asyncio.get_running_loop().create_task(self._answer(event.stream_id))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
        self._flush()

    async def _answer(self, stream: int) -> None:
        self._connection.send_headers(stream, _HEAD)
        self._connection.send_data(stream, bytes(self._bodies.pop(stream)))
        self._connection.send_headers(stream, _TRAILERS, end_stream=True)
        self._flush()

    def _flush(self) -> None:
        if said := self._connection.data_to_send():
            self._transport.write(said)
