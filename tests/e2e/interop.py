"""gRPC's own interoperability service (grpc.testing.TestService) on our methods and our port: what its stock clients are tested against.

Used by `test_grpc_interop`. Only what a gateway has no use for is done by hand here: metadata in front of an answer.
"""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from tidegate_gateway.doors.rpc.calls import Call, Said
from tidegate_gateway.doors.rpc.codes import StatusCode
from tidegate_gateway.doors.rpc.methods import Method, Service
from tidegate_gateway.edge.grpc.exchange import Exchange
from tidegate_gateway.edge.grpc.heads import ANSWER_HEAD
from tidegate_gateway.edge.http2.fields import field

__all__ = ["PROTO", "interop_service"]

PROTO = Path(__file__).parent / "clients" / "interop" / "test.proto"
LEADING, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"


class Messages:
    """The classes of the .proto file, by their names."""

    def __init__(self, folder: Path) -> None:
        made = folder / "interop.binpb"
        command = [sys.executable, "-P", "-m", "grpc_tools.protoc", f"-I{PROTO.parent}", f"--descriptor_set_out={made}"]
        ran = subprocess.run([*command, PROTO.name], capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stderr
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(made.read_bytes()).file:
            pool.Add(file)
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(f"grpc.testing.{name}"))


class TestService:
    """The handlers. Whoever calls shows a token first: strangers have narrow windows and short messages."""

    __test__ = False

    def __init__(self, messages: Messages) -> None:
        self._of = messages

    async def empty_call(self, call: Call) -> bytes:
        await call.authenticate()
        assert self._of.Empty.FromString(await call.read_one()) == self._of.Empty()
        return b""

    async def unary_call(self, call: Call) -> bytes:
        await call.authenticate()
        request = self._of.SimpleRequest.FromString(await call.read_one())
        echo_metadata(call)
        echo_status(request)
        return self._payload(self._of.SimpleResponse, request.response_size)

    async def streaming_input_call(self, call: Call) -> bytes:
        await call.authenticate()
        size = 0
        while (message := await call.read()) is not None:
            size += len(self._of.StreamingInputCallRequest.FromString(message).payload.body)
        answer: bytes = self._of.StreamingInputCallResponse(aggregated_payload_size=size).SerializeToString()
        return answer

    async def streaming_output_call(self, call: Call) -> None:
        await call.authenticate()
        await self._respond(call, self._of.StreamingOutputCallRequest.FromString(await call.read_one()))

    async def full_duplex_call(self, call: Call) -> None:
        await call.authenticate()
        echo_metadata(call)
        while (message := await call.read()) is not None:
            request = self._of.StreamingOutputCallRequest.FromString(message)
            echo_status(request)
            await self._respond(call, request)

    async def _respond(self, call: Call, request: Any) -> None:
        for wanted in request.response_parameters:
            await asyncio.sleep(wanted.interval_us / 1e6)
            await call.write(self._payload(self._of.StreamingOutputCallResponse, wanted.size))

    def _payload(self, kind: type[Message], size: int) -> bytes:
        answer: bytes = kind(payload=self._of.Payload(body=bytes(size))).SerializeToString()
        return answer


def echo_metadata(call: Call) -> None:
    """Say what the client wants to hear again, in front of the answer and behind it."""
    asked = dict(call.metadata)
    if (leading := asked.get(LEADING)) is not None:
        exchange = call._context
        assert isinstance(exchange, Exchange)
        assert isinstance(leading, str)
        exchange._told = True
        exchange._connection.send_head(exchange._stream, ANSWER_HEAD + field(LEADING.encode(), leading.encode()))
    if (trailing := asked.get(TRAILING)) is not None:
        call.ends_with = ((TRAILING, trailing),)


def echo_status(request: Any) -> None:
    """End the call as the client wants it."""
    if request.response_status.code:
        raise Said(StatusCode(request.response_status.code), request.response_status.message)


def interop_service(folder: Path) -> Service:
    """The service; `folder` takes what protoc makes."""
    handlers = TestService(Messages(folder))
    methods = (
        Method(name="EmptyCall", unary=handlers.empty_call),
        Method(name="UnaryCall", unary=handlers.unary_call),
        Method(name="StreamingInputCall", unary=handlers.streaming_input_call),
        Method(name="StreamingOutputCall", stream=handlers.streaming_output_call),
        Method(name="FullDuplexCall", stream=handlers.full_duplex_call),
    )
    return Service(name="grpc.testing.TestService", methods=methods)
