"""What grpcio's own server does not survive, or does not bound: on raw HTTP/2, since no client sends it."""

import asyncio
import gzip
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from grpc._cython import cygrpc
from tests.gateway.doors.rest.conftest import TOPIC
from tests.gateway.doors.rpc.conftest import Http2, Opener, RpcGate, event, frame, headers, message

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.doors.rpc import steady
from tidegate_gateway.doors.rpc.server import RpcSettings
from tidegate_gateway.doors.rpc.steady import KNOWN_MINOR, UnknownGrpc, check_version, path_reader

GATEWAY_PROJECT = Path(__file__).parents[4] / "gateway" / "pyproject.toml"
PUBLISH = b"/tidegate.ingest.v1.IngestService/Publish"
AUTHORIZED = (b"authorization", b"Bearer good")
DATA, HEADERS, RESET = 0, 1, 3
END_STREAM, END_HEADERS = 1, 4


async def test_the_path_of_a_call_can_still_be_read(door: RpcGate) -> None:
    """Of every grpcio that is installed: the first C method of a call gives its path."""
    assert path_reader()(cygrpc.RPCState(door.server._server._server)) == b"", grpc.__version__


def test_the_known_minor_is_the_pinned_one() -> None:
    pin = next(line for line in GATEWAY_PROJECT.read_text("utf-8").splitlines() if '"grpcio>=' in line)
    major, minor, _ = KNOWN_MINOR.split(".")
    assert f"grpcio>={KNOWN_MINOR}" in pin
    assert f"<{major}.{int(minor) + 1}" in pin
    check_version(grpc.__version__)


async def test_another_grpcio_is_refused_at_start(monkeypatch: pytest.MonkeyPatch, open_door: Opener) -> None:
    """By someone who installs past the pin: one clear line, and nothing is called by a table that may be another."""
    monkeypatch.setattr(grpc, "__version__", "1.86.0")
    with pytest.raises(UnknownGrpc, match=r"grpcio 1\.86\.0 is installed; the gRPC port is built on 1\.85\.x"):
        await open_door()


async def test_a_table_that_gives_no_path_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, open_door: Opener
) -> None:
    monkeypatch.setattr(steady, "path_reader", lambda: lambda _: ())
    with pytest.raises(UnknownGrpc, match="what should be a path is none"):
        await open_door()


async def test_a_loop_that_ends_is_told(door: RpcGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends grpcio's loop: the gateway hears of it, and does not go on without its port."""
    serving = asyncio.create_task(door.server.serve_on())
    assert (await door.publish(event())).results[0].status == pb.STATUS_STORED
    assert not serving.done()

    def fails(_state: object) -> bytes:
        raise OSError("a fault of grpcio's")

    monkeypatch.setattr(door.server._server._server, "path_of", fails)
    call = door.stub.Publish(pb.PublishRequest(topic=TOPIC), metadata=(("authorization", "Bearer good"),), timeout=10.0)
    with pytest.raises(OSError, match="a fault of grpcio's"):
        await asyncio.wait_for(serving, 5.0)
    await asyncio.wait_for(door.server.stop(0.0), 5.0)
    assert call.cancel() or call.done()


async def test_a_port_that_is_stopped_ends_in_peace(open_door: Opener) -> None:
    door = await open_door()
    serving = asyncio.create_task(door.server.serve_on())
    await door.server.stop(0.0)
    await asyncio.wait_for(serving, 5.0)


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
