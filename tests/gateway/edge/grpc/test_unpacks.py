"""Which of the messages that unpack to much has its turn."""

import asyncio
import gc
import zlib
from contextlib import suppress

import pytest

from tidegate.errors import Code
from tidegate_gateway.edge.grpc.messages import Unpacking
from tidegate_gateway.edge.grpc.unpacks import Unpacks
from tidegate_gateway.intake.faults import Fault

SIZE = 1_000_000


def bomb(most_bytes: int = SIZE) -> Unpacking:
    return Unpacking(zlib.compress(bytes(SIZE)), most_bytes)


async def test_two_at_a_time_and_of_each_connection_one_before_a_second() -> None:
    unpacks, ended = Unpacks(99), []

    async def one(who: str, number: int) -> None:
        assert await unpacks.whole(bomb(), who) == bytes(SIZE)
        ended.append(f"{who} {number}")

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(one("flood", number))
        group.create_task(one("guest", 0))
    assert ended[:4] == ["flood 0", "flood 1", "flood 2", "guest 0"]
    assert len(ended) == 7


async def test_who_waits_holds_one_step() -> None:
    unpacks = Unpacks(99)
    left = [bomb() for _ in range(5)]
    for unpacking in left:
        assert unpacking.step(65_536) is None
    tasks = [asyncio.create_task(unpacks.whole(unpacking, "one")) for unpacking in left]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [len(unpacking._plain) > 65_536 for unpacking in left] == [True, True, False, False, False]
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("while_it", ["waits", "has just its turn", "unpacks"])
async def test_a_call_that_ends_gives_its_place_back(while_it: str) -> None:
    unpacks = Unpacks(99)
    tasks = [asyncio.create_task(unpacks.whole(bomb(), "one")) for _ in range(4)]
    await asyncio.sleep(0)
    gone = tasks[0 if while_it == "unpacks" else 2]
    if while_it == "has just its turn":
        await tasks[0]
        await tasks[1]
    gone.cancel()
    await asyncio.wait(tasks)
    assert gone.cancelled() or while_it == "has just its turn"
    assert await asyncio.gather(*(unpacks.whole(bomb(), "next") for _ in range(3))) == [bytes(SIZE)] * 3


async def test_one_that_is_wrong_gives_its_place_back() -> None:
    unpacks = Unpacks(99)
    for _ in range(3):
        with pytest.raises(Fault):
            await unpacks.whole(bomb(SIZE - 1), "one")
    assert await unpacks.whole(bomb(), "one") == bytes(SIZE)


async def test_too_many_that_wait_are_told_so_of_whom_most_wait() -> None:
    """Or a flood of bombs is every call that the port takes."""
    unpacks = Unpacks(3)
    flood = [asyncio.create_task(unpacks.whole(bomb(), "flood")) for _ in range(5)]
    await asyncio.sleep(0)
    guest = asyncio.create_task(unpacks.whole(bomb(), "guest"))
    with pytest.raises(Fault) as caught:
        await flood[2]
    assert caught.value.code is Code.OVERLOADED
    assert await guest == bytes(SIZE)
    assert await asyncio.gather(*flood[:2], *flood[3:]) == [bytes(SIZE)] * 4
    assert not unpacks._count


async def test_who_is_told_so_leaves_nothing_to_the_collector() -> None:
    unpacks, freed = Unpacks(1), []

    class Noted(Unpacking):
        """Says when it is gone."""

        def __del__(self) -> None:
            freed.append(1)

    async def one() -> None:
        with suppress(Fault):
            await unpacks.whole(Noted(zlib.compress(bytes(SIZE)), SIZE), "flood")

    gc.disable()
    try:
        await asyncio.gather(*(one() for _ in range(8)))
        assert len(freed) == 8
    finally:
        gc.enable()
