"""An AsyncClient and its event loops: closed under it, several one after the other, cancelled (sdk.md, lifecycle)."""

import asyncio
import logging

import pytest

from tidegate import exceptions
from tidegate.async_client import AsyncClient
from tidegate.engine import Engine
from tidegate.settings import ClientSettings
from tidegate.transport.memory import MemoryTransport
from tidegate.transport.port import Answer, Request, Unreached

URL = "https://gate.example.com"


def client(transport: MemoryTransport, **settings: float) -> AsyncClient:
    return AsyncClient(URL, settings=ClientSettings(judge=False, **settings), transport=lambda: transport)  # type: ignore[arg-type]  # a test's own table


def test_events_go_on_with_the_next_loop(caplog: pytest.LogCaptureFixture) -> None:
    transport = MemoryTransport()
    gate = client(transport, linger_s=60)

    async def leave() -> None:
        for n in range(5):
            await gate.submit("t", {"n": n}, id=f"e{n}")

    async def come_back() -> None:
        await gate.publish("t", {"n": 5}, id="e5")
        assert await gate.close() == 0

    with caplog.at_level(logging.WARNING, "tidegate"):
        asyncio.run(leave())
    asyncio.run(come_back())
    assert [event.id for request in transport.requests for event in request.events] == [f"e{n}" for n in range(6)]
    assert gate.stats().delivered == 6


def test_a_loop_that_ends_before_delivery_ever_ran_says_what_is_left(caplog: pytest.LogCaptureFixture) -> None:
    gate = client(MemoryTransport())

    async def leave() -> None:
        await gate.submit("t", {"n": 1})

    with caplog.at_level(logging.WARNING, "tidegate"):
        asyncio.run(leave())
    assert "1 events that have no outcome" in caplog.text
    asyncio.run(gate.close(0))
    assert gate.stats().abandoned == 1


def test_requests_that_were_cancelled_before_they_began_are_given_up_too(caplog: pytest.LogCaptureFixture) -> None:
    """asyncio.run cancels all tasks at once, also those that the driver has just made."""
    gate = client(MemoryTransport(), linger_s=0, lanes=1)

    async def leave() -> None:
        await gate.submit("t", {"n": 1})
        await asyncio.sleep(0)

    with caplog.at_level(logging.WARNING, "tidegate"):
        asyncio.run(leave())
    asyncio.run(gate.close(0))
    stats = gate.stats()
    assert (stats.delivered, stats.abandoned) in {(0, 1), (1, 0)}
    assert stats.queued == 0


def test_a_fault_of_ours_leaves_nobody_waiting(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = client(MemoryTransport())

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def publish() -> None:
        monkeypatch.setattr(Engine, "due", broken)
        with pytest.raises(exceptions.TidegateError, match="a fault of ours"):
            await gate.publish("t", {})
        await gate.close(0)

    with caplog.at_level(logging.ERROR, "tidegate"):
        asyncio.run(asyncio.wait_for(publish(), 10))
    assert "ZeroDivisionError" in caplog.text


def test_what_was_in_flight_when_the_loop_ended_goes_again_with_its_id(caplog: pytest.LogCaptureFixture) -> None:
    class Hanging(MemoryTransport):
        async def send(self, request: Request, timeout_s: float) -> Answer:
            self.requests.append(request)
            if len(self.requests) == 1:
                sent.set()
                await asyncio.sleep(3600)
            return self.stored(request)

    sent = asyncio.Event()
    transport = Hanging()
    gate = client(transport, linger_s=0)

    async def leave() -> None:
        await gate.submit("t", {"n": 1}, id="e1")
        await sent.wait()

    with caplog.at_level(logging.WARNING, "tidegate"):
        asyncio.run(leave())
    assert "1 events that have no outcome" in caplog.text

    async def come_back() -> None:
        assert await gate.flush() == 0
        await gate.close()

    asyncio.run(come_back())
    assert [request.events[0].id for request in transport.requests] == ["e1", "e1"]
    assert gate.stats().delivered == 1


async def test_a_cancelled_publish_stops_waiting_and_is_delivered() -> None:
    transport = MemoryTransport()
    gate = client(transport, linger_s=0)
    task = asyncio.create_task(gate.publish("t", {"n": 1}))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gate.flush() == 0
    await gate.close()


async def test_a_cancelled_future_disturbs_nobody() -> None:
    gate = client(MemoryTransport(), linger_s=60)
    first, second = [await gate.submit("t", {"n": n}) for n in range(2)]
    first.cancel()
    assert await gate.flush() == 0
    assert second.result().status == "stored"
    await gate.close()


async def test_two_running_loops_are_refused() -> None:
    gate = client(MemoryTransport())
    await gate.publish("t", {"n": 1})

    def elsewhere() -> None:
        asyncio.run(gate.publish("t", {"n": 2}))  # type: ignore[arg-type]  # a coroutine

    with pytest.raises(RuntimeError, match="one event loop at a time"):
        await asyncio.to_thread(elsewhere)
    await gate.close()


def test_a_client_that_never_published_needs_no_loop() -> None:
    gate = client(MemoryTransport())
    assert asyncio.run(gate.close()) == 0


async def test_an_outage_does_not_block_the_loop_of_the_application() -> None:
    gate = client(MemoryTransport(lambda _: Unreached(reason="away", maybe_stored=False)), linger_s=0)
    futures = [await gate.submit("t", {"n": n}) for n in range(200)]
    turns = 0
    deadline = asyncio.get_running_loop().time() + 0.3
    while asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100
    assert await gate.close(0) == 200
    assert all(future.exception() is not None for future in futures)
