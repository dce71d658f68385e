"""A gRPC port on loopback over the ports in memory of the REST door's tests, and a client of its own; raw HTTP/2 (`raw_http2`) where gRPC's is too polite."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from tests.gateway.doors.rest.conftest import BASE_URL, TOPIC, Gate, make_gate
from tests.gateway.doors.rpc.raw_http2 import Http2, frame, headers, message  # noqa: F401 -- what the tests here ask of it

from tidegate.contracts.compiled import CompiledContract
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.ingest.v1 import ingest_pb2_grpc as stubs
from tidegate_gateway.doors.problems import Problems
from tidegate_gateway.doors.rpc.deps import RpcDeps
from tidegate_gateway.edge.grpc.settings import RpcSettings
from tidegate_gateway.rpc_server import RpcServer
from tidegate_gateway.servers import bind

GOOD = b'{"n":1}'
BAD = b'{"n":11}'
Metadata = tuple[tuple[str, str], ...]


@dataclass
class RpcGate:
    """The port with what is behind it (`gate`), and a channel to it."""

    gate: Gate
    server: RpcServer
    channel: grpc.aio.Channel
    ready: list[bool] = field(default_factory=lambda: [True])
    paced: list[bool] = field(default_factory=list)
    """What `on_paced` was told."""

    @property
    def stub(self) -> Any:
        return stubs.IngestServiceStub(self.channel)

    async def publish(self, *events: pb.Event, who: str | None = "good", topic: str = TOPIC) -> pb.PublishResponse:
        response: pb.PublishResponse = await self.stub.Publish(
            pb.PublishRequest(topic=topic, events=events), metadata=bearer(who)
        )
        assert self.gate.memory.used_bytes == 0, "the reservation was not given back"
        return response

    async def validate(self, *events: pb.Event, who: str | None = "good", topic: str = TOPIC) -> pb.ValidateResponse:
        response: pb.ValidateResponse = await self.stub.Validate(
            pb.ValidateRequest(topic=topic, events=events), metadata=bearer(who)
        )
        return response

    def stream(self, requests: AsyncIterator[pb.PublishRequest] | None = None, who: str | None = "good") -> Any:
        return self.stub.PublishStream(requests, metadata=bearer(who))

    async def raw(self, method: str, *messages: bytes, who: str | None = "good") -> bytes:
        """One call of bytes, answered by one response."""

        async def sent() -> AsyncIterator[bytes]:
            for body in messages:
                yield body

        call = self.channel.stream_unary(method)
        answered: bytes = await call(sent(), metadata=bearer(who), timeout=10.0)
        return answered


def bearer(who: str | None) -> Metadata:
    return (("authorization", f"Bearer {who}"),) if who is not None else ()


def event(value: bytes = GOOD, **more: Any) -> pb.Event:
    return pb.Event(json=value, **more)


async def refused(call: Awaitable[Any]) -> "Refused":
    """The error that a call ends with; it must end with one."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return Refused(caught.value)


class Refused:
    """A refused call as a stock client reads it: grpcio-status decodes the details."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.code = error.code()
        self.message = error.details() or ""
        self.trailing = dict(error.trailing_metadata() or ())
        self.status: Status | None = rpc_status.from_call(error)  # type: ignore[arg-type]  # an AioRpcError has what it reads

    def detail(self, kind: str) -> Any:
        """The detail of google.rpc.<kind>, or None; no kind stands twice."""
        assert self.status is not None
        found = [
            detail for detail in self.status.details if detail.type_url == f"type.googleapis.com/google.rpc.{kind}"
        ]
        assert len(found) <= 1
        if not found:
            return None
        found_one = getattr(error_details_pb2, kind)()
        assert found[0].Unpack(found_one)
        return found_one

    @property
    def reason(self) -> str:
        info = self.detail("ErrorInfo")
        assert info.domain == "tidegate"
        return str(info.reason)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Each violation's field and reason."""
        bad = self.detail("BadRequest")
        return [(one.field, one.reason) for one in bad.field_violations] if bad is not None else []


Opener = Callable[..., Awaitable[RpcGate]]


@asynccontextmanager
async def opened(
    *contracts: CompiledContract,
    rpc: RpcSettings | None = None,
    public: bool = False,
    read_timeout_s: float = 10.0,
    **settings: Any,
) -> AsyncIterator[RpcGate]:
    """A port over contracts, for as long as the block lasts."""
    gate = make_gate(*contracts, **settings)
    ready = [True]
    paced: list[bool] = []
    deps = RpcDeps(
        intake=gate.intake,
        problems=Problems(BASE_URL, lambda: 0.0),
        public=public,
        body_timeout_s=read_timeout_s,
        ready=lambda: ready[0],
        on_request=lambda door, code, _: gate.requests.append(f"{door} {code}"),
        on_refused=lambda *what: gate.refused.append(what),
        on_paced=paced.append,
        now_ms=lambda: 1_800_000_000_000,
    )
    settings = replace(rpc or RpcSettings(), port=0)
    server = RpcServer(settings, deps, bind(settings.host, settings.port))
    await server.start()
    channel = grpc.aio.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)])
    try:
        yield RpcGate(gate, server, channel, ready, paced)
    finally:
        await channel.close()
        await server.stop(0.0)


@pytest.fixture
async def door() -> AsyncIterator[RpcGate]:
    """A port over one contract of customer.orders."""
    async with opened() as gate:
        yield gate


@pytest.fixture
async def open_door() -> AsyncIterator[Opener]:
    """`await open_door(*contracts, **settings)`: a port as the test wants it."""
    async with AsyncExitStack() as stack:

        async def open_one(*contracts: CompiledContract, **settings: Any) -> RpcGate:
            return await stack.enter_async_context(opened(*contracts, **settings))

        yield open_one


def requests_of(*bodies: Sequence[pb.Event], topic: str = TOPIC) -> list[pb.PublishRequest]:
    return [pb.PublishRequest(topic=topic, events=events) for events in bodies]
