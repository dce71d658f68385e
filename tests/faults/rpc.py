"""The gRPC side of the load: one event by one unary call, and what came of it as an `Answer` with HTTP's statuses. Called by `load`.

gRPC's synchronous client in a thread of its own: its asyncio one is bound to the loop that met it first, and every load
has its own.
"""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import grpc
from tests.faults.checker import Sent
from tests.faults.http1 import CUT, REFUSED, SILENT, Answer

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.ingest.v1 import ingest_pb2_grpc as stubs

__all__ = ["RpcConnection", "answer_of"]

_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 300),
    ("grpc.enable_retries", 0),  # what an attempt was told is what is counted
)
_STATUSES = {grpc.StatusCode.DEADLINE_EXCEEDED: 504, grpc.StatusCode.UNAVAILABLE: 503}


class RpcConnection:
    """A channel that connects when there is something to ask. One call at a time."""

    def __init__(self, address: str, token: str) -> None:
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._stub = stubs.IngestServiceStub(self._channel)  # type: ignore[no-untyped-call]  # generated
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._thread = ThreadPoolExecutor(1, "rpc")

    async def publish(self, event: Sent, value: bytes, timeout_s: float) -> Answer:
        """The answer; never raises for what a server or a network does."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._publish, event, value, timeout_s)

    def close(self) -> None:
        """Drop the connection."""
        self._channel.close()
        self._thread.shutdown()

    def _publish(self, event: Sent, value: bytes, timeout_s: float) -> Answer:
        request = pb.PublishRequest(topic=event.topic, events=[pb.Event(id=event.id, json=value)])
        try:
            response = self._stub.Publish(request, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            return answer_of(error)
        (result,) = response.results
        if result.status == pb.STATUS_STORED:
            return Answer(200, 0, json.dumps({"partition": result.partition, "offset": result.offset}).encode())
        return Answer(result.error.status, result.error.retry_after_s, json.dumps({"code": result.error.code}).encode())


def answer_of(error: grpc.RpcError) -> Answer:
    """A status of the whole call: the gateway's own, which comes with metadata, or that of gRPC's client."""
    assert isinstance(error, grpc.Call)
    trailing = dict(error.trailing_metadata() or ())
    if "grpc-status-details-bin" in trailing:
        wait_s = int(trailing.get("grpc-retry-pushback-ms", 0)) // 1000
        return Answer(_STATUSES.get(error.code(), 500), wait_s, json.dumps({"code": f"gRPC {error.code().name}"}).encode())  # fmt: skip
    if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
        return Answer(SILENT)
    if error.code() == grpc.StatusCode.UNAVAILABLE:
        return Answer(REFUSED if "failed to connect" in (error.details() or "").lower() else CUT)
    return Answer(500, 0, json.dumps({"code": f"gRPC {error.code().name}: {error.details()}"}).encode())
