"""The floor of a gRPC server in Python: a bare echo, no method table, no token, nothing stored. `grpc_floor` starts it.

`python3 -m tests.bench._grpc_echo SERVER` prints its port and serves until it is ended. SERVER is `own` (the gateway's edge/http2 and edge/grpc), `aio`
(grpcio's asyncio server) or `h2` (the frames and streams of the h2 library, where it is installed). Each reads the message in its handler and answers
it, in a task of its own: what a gateway that looks at the token before the message cannot leave out.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import uvloop

from tidegate_gateway.edge.grpc.exchange import Exchange
from tidegate_gateway.edge.grpc.heads import call_head
from tidegate_gateway.edge.grpc.unpacks import Unpacks
from tidegate_gateway.edge.http2.port import Http2Port, PortBounds
from tidegate_gateway.edge.http2.streams import Stream
from tidegate_gateway.edge.http2.transport import Deadlines, Http2Transport
from tidegate_gateway.servers import bind

MOST_MESSAGE_BYTES = 1_000_000
BOUNDS = PortBounds(
    most_connections=1_024,
    most_streams=256,
    most_head_bytes=16_384,
    deadlines=Deadlines(
        hello_s=10.0, idle_s=300.0, keepalive_s=60.0, keepalive_timeout_s=20.0, age_s=1_800.0, grace_s=300.0
    ),
)


async def own() -> None:
    """The gateway's port, every connection known from its first call on, as a producer's is."""

    async def echo(call: Exchange) -> None:
        call.know()
        call.succeed(await call.read())

    unpacks = Unpacks(most_waiting=256)

    def begin(transport: Http2Transport, stream: Stream) -> None:
        call = Exchange(transport, stream, call_head(stream.head), MOST_MESSAGE_BYTES, unpacks)
        call.run(echo(call)).add_done_callback(lambda _task: call.over())

    listener = bind("127.0.0.1", 0)
    port = Http2Port(listener, BOUNDS, begin)
    await port.start()
    print(listener.getsockname()[1], flush=True)
    while True:
        await asyncio.sleep(port.sweep_s)
        port.sweep()


async def aio() -> None:
    """grpcio's own, the method served as a stream of one request, so that its handler reads."""
    import grpc.aio

    async def echo(_requests: object, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        message = await context.read()
        assert isinstance(message, bytes)
        return message

    class Anything(grpc.GenericRpcHandler):
        method = grpc.stream_unary_rpc_method_handler(echo)

        def service(self, _details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
            return self.method

    server = grpc.aio.server(handlers=(Anything(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


async def h2() -> None:
    """The library's connection on asyncio's loop; what arrives is validated, what leaves is not, and every piece is credited at once."""
    from tests.bench._h2_echo import EchoProtocol

    server = await asyncio.get_running_loop().create_server(EchoProtocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


SERVERS: dict[str, Callable[[], Awaitable[None]]] = {"own": own, "aio": aio, "h2": h2}


async def _serve(name: str) -> None:
    await SERVERS[name]()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
