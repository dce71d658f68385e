"""Bodies as they arrive: in pieces, compressed, too slow, too large, or not to their end."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest
from tests.gateway.doors.rest.conftest import TOPIC, Message, drive, make_gate

from tidegate.errors import Code
from tidegate_gateway.doors.rest.body import Body, Disconnected
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.memory import MemoryBudget

PATH = f"/v1/topics/{TOPIC}/events"
HEADERS = [("authorization", "Bearer good"), ("content-type", "application/json")]
CHUNKED = ("transfer-encoding", "chunked")
LIMIT = 1_000_000


def arriving(*chunks: bytes, ends: bool = True) -> Callable[[], Awaitable[Message]]:
    """An ASGI receive that gives these chunks; then the end, or the client goes away."""
    left = list(chunks)

    async def receive() -> Message:
        if not left:
            return {"type": "http.disconnect"}
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(left) or not ends}

    return receive


async def never() -> Message:
    await asyncio.Event().wait()
    return {"type": "http.disconnect"}


async def read(*chunks: bytes, encoding: str = "", limit_bytes: int = LIMIT) -> bytes:
    budget = MemoryBudget(64_000_000)
    with budget.reserve(0) as reservation:
        body = Body(arriving(*chunks), 10.0)
        whole = await body.read(encoding=encoding, limit_bytes=limit_bytes, reservation=reservation)
        assert reservation.size_bytes >= len(whole)
    assert budget.used_bytes == 0
    return whole


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 3, 100_000])
async def test_bodies_in_pieces_are_put_together(size: int) -> None:
    data = bytes(range(256)) * 40
    assert await read(*pieces(data, size), encoding="") == data
    assert await read(*pieces(gzip.compress(data), size), encoding="gzip") == data


async def test_the_limit_is_exact() -> None:
    data = b"x" * 100
    assert await read(data, encoding="", limit_bytes=100) == data
    assert await read(gzip.compress(data), encoding="gzip", limit_bytes=100) == data
    for chunks, encoding in (([data], ""), ([data[:60], data[60:]], ""), ([gzip.compress(data)], "gzip")):
        with pytest.raises(Fault) as caught:
            await read(*chunks, encoding=encoding, limit_bytes=99)
        assert caught.value.code is Code.TOO_LARGE


async def test_every_member_counts() -> None:
    data = gzip.compress(b"one") + gzip.compress(b"") + gzip.compress(b"two")
    for size in (1, 10, 1000):
        assert await read(*pieces(data, size), encoding="gzip") == b"onetwo"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no gzip at all",
        gzip.compress(b"whole")[:-1],
        gzip.compress(b"whole")[:5],
        gzip.compress(b"whole") + b"garbage",
        gzip.compress(b"whole") + b"\x00",
        gzip.compress(b"whole") + gzip.compress(b"half")[:-4],
        gzip.compress(b"checksum")[:-8] + b"\x00" * 8,
        gzip.compress(b"") * 300,
    ],
)
@pytest.mark.parametrize("size", [1, 100_000])
async def test_what_is_not_gzip_is_malformed(data: bytes, size: int) -> None:
    with pytest.raises(Fault) as caught:
        await read(*(pieces(data, size) or [b""]), encoding="gzip")
    assert caught.value.code is Code.MALFORMED
    assert caught.value.violations[0].rule == "encoding"


async def test_a_gzip_event_is_stored() -> None:
    gate = make_gate()
    reply = await gate.event(gzip.compress(b'{"n":1}'), headers=[("Content-Encoding", "gzip")])
    assert reply.status == 200
    assert gate.limiter.asked == [(1, 7)]


async def test_a_body_that_does_not_come_is_408() -> None:
    gate = make_gate(body_timeout_s=0.0)
    reply = await drive(gate.app, "POST", PATH, headers=[*HEADERS, CHUNKED], receive=never)
    assert reply is not None
    assert (reply.status, reply.json["code"], reply.json["retryable"]) == (408, "timeout", True)
    assert reply.fields["connection"] == "close"
    assert gate.memory.used_bytes == 0


async def test_a_first_chunk_that_comes_later_is_waited_for() -> None:
    gate = make_gate()
    arrived = asyncio.Event()

    async def receive() -> Message:
        await arrived.wait()
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b'{"n":1}', "more_body": False}

    task = asyncio.ensure_future(drive(gate.app, "POST", PATH, headers=[*HEADERS, CHUNKED], receive=receive))
    await asyncio.sleep(0)
    assert not task.done()
    arrived.set()
    reply = await task
    assert reply is not None
    assert reply.status == 200


async def test_a_server_that_breaks_while_a_body_is_awaited_is_a_500() -> None:
    left = [ConnectionResetError()]

    async def receive() -> Message:
        await asyncio.sleep(0)
        if left:
            raise left.pop()
        return {"type": "http.disconnect"}

    reply = await drive(make_gate().app, "POST", PATH, headers=[*HEADERS, CHUNKED], receive=receive)
    assert reply is not None
    assert reply.status == 500


async def test_the_deadline_is_absolute() -> None:
    """A client that sends a byte now and then gains nothing by it."""
    sent = 0

    async def drip() -> Message:
        nonlocal sent
        sent += 1
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b" ", "more_body": True}

    gate = make_gate(body_timeout_s=0.02)
    reply = await drive(gate.app, "POST", PATH, headers=[*HEADERS, CHUNKED], receive=drip)
    assert reply is not None
    assert (reply.status, reply.json["code"]) == (408, "timeout")
    assert sent > 10


async def test_a_client_that_goes_away_gets_no_answer() -> None:
    gate = make_gate()
    for receive in (arriving(), arriving(b'{"n"', ends=False)):
        assert await drive(gate.app, "POST", PATH, headers=[*HEADERS, CHUNKED], receive=receive) is None
    assert gate.memory.used_bytes == 0
    assert gate.requests == ["rest disconnected"] * 2


async def test_a_cancelled_request_gives_its_memory_back() -> None:
    gate = make_gate()
    headers = [*HEADERS, ("content-length", "500000")]
    task = asyncio.ensure_future(drive(gate.app, "POST", PATH, headers=headers, receive=never))
    await asyncio.sleep(0)
    assert gate.memory.used_bytes == 500_000
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate.memory.used_bytes == 0


async def test_memory_grows_with_a_body_of_unknown_length() -> None:
    gate = make_gate(capacity_bytes=100_000)
    reply = await drive(gate.app, "POST", PATH, headers=[*HEADERS, CHUNKED], receive=arriving(*[b" " * 10_000] * 11))
    assert reply is not None
    assert (reply.status, reply.json["code"]) == (413, "too_large")
    assert gate.memory.used_bytes == 0


async def test_a_refused_long_body_is_read_on_after_the_answer() -> None:
    """Closing on unread bytes may destroy the answer on its way: head and body go out, then the rest is drained."""
    gate = make_gate()
    chunks = [b"x" * 300_000] * 6
    reply = await drive(
        gate.app, "POST", PATH, headers=[*HEADERS, ("content-length", "1800000")], receive=arriving(*chunks)
    )
    assert reply is not None
    assert reply.status == 413
    assert reply.fields["connection"] == "close"
    start, answer, end = reply.messages
    assert (answer["more_body"], end) == (True, {"type": "http.response.body", "body": b"", "more_body": False})
    assert len(answer["body"]) == int(reply.fields["content-length"])
    assert start["status"] == 413


async def test_a_client_that_waits_for_100_continue_is_refused_unread() -> None:
    gate = make_gate()
    asked = False

    async def receive() -> Message:
        nonlocal asked
        asked = True
        return {"type": "http.disconnect"}

    for headers in (
        [("content-type", "application/json"), ("content-length", "5")],
        [*HEADERS, ("content-length", "5000000")],
    ):
        reply = await drive(gate.app, "POST", PATH, headers=[*headers, ("expect", "100-continue")], receive=receive)
        assert reply is not None
        assert reply.status in {401, 413}
        assert reply.fields["connection"] == "close"
    assert not asked


async def test_small_unread_bodies_keep_the_connection() -> None:
    gate = make_gate()
    reply = await gate.event(b'{"n":1}', who=None)
    assert "connection" not in reply.fields


async def test_lingering_ends_at_its_bound_of_bytes() -> None:
    read_bytes = 0

    async def endless() -> Message:
        nonlocal read_bytes
        read_bytes += 1_000_000
        return {"type": "http.request", "body": b"x" * 1_000_000, "more_body": True}

    body = Body(endless, 10.0)
    await body.linger()
    assert 16_000_000 <= read_bytes <= 18_000_000


async def test_lingering_ends_when_the_client_does() -> None:
    body = Body(arriving(b"x", ends=False), 10.0)
    await body.linger()
    assert not body.complete
    with pytest.raises(Disconnected):
        await body.read(encoding="", limit_bytes=1, reservation=MemoryBudget(1).reserve(0))
