"""A client with a spool: the gateway is away past the end of its producer, and every event arrives, in order, at the next start."""

import time
from pathlib import Path

import pytest

from tidegate import Client, ClientSettings, SpoolFolder
from tidegate.transport.memory import MemoryTransport
from tidegate.transport.port import Answer, Request, Unreached

AWAY = Unreached(reason="the connection was refused", maybe_stored=False)
URL = "https://gate.example.com"


def client(folder: Path, transport: MemoryTransport) -> Client:
    settings = ClientSettings(judge=False, spool=SpoolFolder(path=folder), linger_s=0.001)
    return Client(URL, settings=settings, transport=lambda: transport)


def until(true: object, within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not true():  # type: ignore[operator]  # a callable
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("count", [1, 50])
def test_events_outlive_the_producer_that_could_not_deliver_them(tmp_path: Path, count: int) -> None:
    def away(request: Request) -> Answer:
        return AWAY

    first = client(tmp_path, MemoryTransport(away))
    futures = [first.submit("t", {"n": number}, id=f"e-{number}") for number in range(count)]
    first.close(0.05)
    assert [future.result(5).status for future in futures] == ["spooled"] * count
    transport = MemoryTransport()
    second = client(tmp_path, transport)
    until(lambda: sum(len(request.events) for request in transport.requests) == count)
    assert second.close() == 0
    assert [event.id for request in transport.requests for event in request.events] == [f"e-{n}" for n in range(count)]
    third_transport = MemoryTransport()
    client(tmp_path, third_transport).close()
    assert third_transport.count == 0, "delivered once"
