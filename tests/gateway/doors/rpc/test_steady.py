"""What grpcio's own server does not survive, or does not bound: on raw HTTP/2, since no client sends it."""

import gzip

import grpc
from grpc._cython import cygrpc
from tests.gateway.doors.rest.conftest import TOPIC
from tests.gateway.doors.rpc.conftest import Http2, RpcGate, event, frame, headers, message

from tidegate.ingest.v1 import ingest_pb2 as pb
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
