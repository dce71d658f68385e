"""Work on clients' schemas: one at a time, off the event loop, few waiting, and its refusals are the caller's."""

import asyncio
import threading

import pytest

from tidegate_gateway.doors.registry.errors import NotServed
from tidegate_gateway.doors.registry.turns import Turns


async def test_the_loop_goes_on_and_who_comes_too_late_is_told() -> None:
    turns, go = Turns(), threading.Event()
    waiting = [asyncio.create_task(turns.take(go.wait)) for _ in range(16)]
    await asyncio.sleep(0)
    with pytest.raises(NotServed) as busy:
        await turns.take(bool)
    assert (busy.value.status, busy.value.code) == (503, 503)
    go.set()
    assert await asyncio.gather(*waiting) == [True] * 16
    assert await turns.take(lambda: 1) == 1


async def test_what_the_work_raises_is_raised() -> None:
    def work() -> None:
        raise ValueError("no schema")

    with pytest.raises(ValueError, match="no schema"):
        await Turns().take(work)
