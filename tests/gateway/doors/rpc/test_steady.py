"""What grpcio's own server does not survive, or does not bound: on raw HTTP/2, since no client sends it."""

import gzip
from contextlib import suppress

import grpc
from grpc._cython import cygrpc
from tests.gateway.doors.rest.conftest import TOPIC
from tests.gateway.doors.rpc.conftest import Http2, Opener, RpcGate, event, frame, headers, message

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.doors.rpc.server import RpcSettings
from tidegate_gateway.doors.rpc.steady import path_reader

PUBLISH = b"/tidegate.ingest.v1.IngestService/Publish"
AUTHORIZED = (b"authorization", b"Bearer good")
DATA, HEADERS, RESET = 0, 1, 3
END_STREAM, END_HEADERS = 1, 4


def test_the_path_of_a_call_can_still_be_read() -> None:
    """Of every grpcio that is installed: `methods[0]` is `RPCState.method`, or the server must not start."""
    assert callable(path_reader())
    assert "__pyx_vtable__" in cygrpc.RPCState.__dict__, grpc.__version__


async def test_a_path_that_is_not_utf8_ends_that_call_alone(door: RpcGate) -> None:
    for path in (b"/\xff\xfe/x", b"/tidegate.ingest.v1.IngestService/\xc3\x28"):
        connection = await Http2.open(door.server.address)
        connection.send(frame(HEADERS, END_HEADERS, 1, headers(path)), frame(DATA, END_STREAM, 1, message(b"")))
        seen = await connection.frames(lambda kind, _, stream: stream == 1 and kind in {HEADERS, RESET})
        await connection.close()
        assert seen[-1][0] == RESET or seen[-1][1] & END_STREAM
        assert (await door.publish(event())).results[0].status == pb.STATUS_STORED


async def test_a_refusal_is_trailers_only(door: RpcGate) -> None:
    """One HEADERS frame that ends the stream: clients may retry it without having seen a response begin."""
    connection = await Http2.open(door.server.address)
    connection.send(frame(HEADERS, END_HEADERS, 1, headers(PUBLISH)), frame(DATA, END_STREAM, 1, message(b"")))
    seen = await connection.frames(lambda _, flags, stream: stream == 1 and bool(flags & END_STREAM))
    assert [(kind, flags) for kind, flags, stream, _ in seen if stream == 1] == [(HEADERS, END_HEADERS | END_STREAM)]
    assert b"grpc-status-details-bin" in seen[-1][3]
    assert len(seen[-1][3]) < 8192
    await connection.close()


async def test_a_message_that_unpacks_to_more_than_is_allowed_is_refused_unread(door: RpcGate) -> None:
    """A gzip bomb: gRPC's core stops unpacking at the message's limit."""
    packed = gzip.compress(b"\x00" * 100_000_000)
    connection = await Http2.open(door.server.address)
    head = headers(PUBLISH, AUTHORIZED, (b"grpc-encoding", b"gzip"))
    body = message(packed, compressed=True)
    connection.send(frame(HEADERS, END_HEADERS, 1, head), frame(8, 0, 0, (1 << 30).to_bytes(4, "big")))
    pieces = [body[at : at + 16_000] for at in range(0, len(body), 16_000)]
    for piece in pieces[:-1]:
        connection.send(frame(DATA, 0, 1, piece))
    connection.send(frame(DATA, END_STREAM, 1, pieces[-1]))
    seen = await connection.frames(lambda kind, _, stream: stream == 1 and kind in {HEADERS, RESET})
    assert seen[-1][0] in {HEADERS, RESET}
    await connection.close()
    assert door.gate.publisher.stored == []
    assert (await door.publish(event())).results[0].status == pb.STATUS_STORED


async def test_a_packed_request_is_taken(door: RpcGate) -> None:
    request = pb.PublishRequest(topic=TOPIC, events=[event()])
    response = await door.stub.Publish(
        request, metadata=(("authorization", "Bearer good"),), compression=grpc.Compression.Gzip
    )
    assert response.results[0].status == pb.STATUS_STORED


async def test_a_request_that_does_not_arrive_is_let_go(open_door: Opener) -> None:
    """A client with a good token that sends half of its request, and then nothing."""
    door = await open_door(read_timeout_s=0.2)
    connection = await Http2.open(door.server.address)
    half = message(pb.PublishRequest(topic=TOPIC, events=[event()]).SerializeToString())[:-3]
    connection.send(frame(HEADERS, END_HEADERS, 1, headers(PUBLISH, AUTHORIZED)), frame(DATA, 0, 1, half))
    seen = await connection.frames(lambda _, flags, stream: stream == 1 and bool(flags & END_STREAM))
    await connection.close()
    told = [(kind, flags) for kind, flags, stream, _ in seen if stream == 1 and kind in {DATA, HEADERS, RESET}]
    assert told == [(HEADERS, END_HEADERS | END_STREAM)]
    assert door.gate.requests == ["grpc timeout"]
    assert (await door.publish(event())).results[0].status == pb.STATUS_STORED


async def test_connections_beyond_the_most_are_closed(open_door: Opener) -> None:
    door = await open_door(rpc=RpcSettings(max_connections=3))
    connections = [await Http2.open(door.server.address) for _ in range(5)]
    kept = 0
    for connection in connections:
        with suppress(ConnectionError):
            connection.send(frame(6, 0, 0, b"12345678"))
            seen = await connection.frames(lambda kind, flags, _: kind == 6 and bool(flags & 1))
            kept += bool(seen) and seen[-1][0] == 6
    for connection in connections:
        await connection.close()
    assert kept == 3
