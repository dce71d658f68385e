"""What a future's callback may do: it runs on the thread that delivers, so it may submit and must never wait for delivery."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

import pytest

from tidegate.client import Client
from tidegate.settings import ClientSettings
from tidegate.transport.memory import MemoryTransport

URL = "https://gate.example.com"


@pytest.mark.parametrize(
    "call",
    [lambda gate: gate.publish("t", {}), lambda gate: gate.publish_many("t", [{}]), lambda gate: gate.flush()],
    ids=["publish", "publish_many", "flush"],
)
def test_what_would_wait_for_its_own_thread_is_an_error(call: Callable[[Client], object]) -> None:
    said: SimpleQueue[object] = SimpleQueue()

    def callback(_: "Future[Any]") -> None:
        try:
            said.put(call(gate))
        except RuntimeError as error:
            said.put(error)

    with Client(URL, settings=ClientSettings(judge=False), transport=MemoryTransport) as gate:
        gate.submit("t", {}).add_done_callback(callback)
        gate.flush()
        error = said.get(timeout=10)
    assert "use submit" in str(error)


def test_a_callback_may_submit() -> None:
    more: SimpleQueue[Future[Any]] = SimpleQueue()
    with Client(URL, settings=ClientSettings(judge=False), transport=MemoryTransport) as gate:
        gate.submit("t", {}).add_done_callback(lambda _: more.put(gate.submit("t", {})))
        gate.flush()
        assert more.get(timeout=10).result(10).status == "stored"
