"""The cork between uvicorn and the socket: one write a turn, nothing held past a bound, nothing said to the dead."""

import asyncio
import socket

import uvloop

from tidegate_gateway.edge.cork import CorkedTransport


class FakeTransport:
    """What is written, in the writes that came."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


def corked() -> tuple[FakeTransport, CorkedTransport]:
    inner = FakeTransport()
    return inner, CorkedTransport(inner, asyncio.get_running_loop())  # type: ignore[arg-type]  # what a cork uses of it


async def test_a_turns_writes_leave_together() -> None:
    inner, cork = corked()
    cork.write(b"head")
    cork.write(b"body")
    assert inner.writes == []
    await asyncio.sleep(0)
    assert inner.writes == [b"headbody"]
    cork.write(b"next")
    await asyncio.sleep(0)
    assert inner.writes == [b"headbody", b"next"]


async def test_close_writes_what_is_held_first() -> None:
    inner, cork = corked()
    cork.write(b"last")
    cork.close()
    assert (inner.writes, inner.closed) == ([b"last"], True)
    await asyncio.sleep(0)
    assert inner.writes == [b"last"]


async def test_a_long_answer_is_not_held() -> None:
    """The socket's flow control must see it, or a slow reader's answer would all be in memory."""
    inner, cork = corked()
    for _ in range(5):
        cork.write(b"x" * 40_000)
    assert [len(data) for data in inner.writes] == [80_000, 80_000]
    await asyncio.sleep(0)
    assert sum(map(len, inner.writes)) == 200_000


async def test_what_is_held_when_the_connection_ends_is_dropped() -> None:
    inner, cork = corked()
    cork.write(b"late")
    cork.abort()
    await asyncio.sleep(0)
    assert inner.writes == []


def test_uvloops_transport_is_not_written_to_after_its_end() -> None:
    """uvloop raises RuntimeError there, in a callback that nobody hears of but the log."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(_faults_of_writing_late()) == []


async def _faults_of_writing_late() -> list[str]:
    loop = asyncio.get_running_loop()
    faults: list[str] = []
    loop.set_exception_handler(lambda _, context: faults.append(context["message"]))
    made: asyncio.Future[CorkedTransport] = loop.create_future()
    ended = asyncio.Event()

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.set_result(CorkedTransport(transport, loop))  # type: ignore[arg-type]  # a TCP transport

        def connection_lost(self, exc: Exception | None) -> None:
            ended.set()

    server = await loop.create_server(Protocol, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()):
        cork = await asyncio.wait_for(made, 5)
        cork.close()
        await asyncio.wait_for(ended.wait(), 5)
        cork.write(b"late")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    server.close()
    return faults
