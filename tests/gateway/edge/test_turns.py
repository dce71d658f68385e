"""So many requests begin in a turn of the loop; the others keep their order and wait for the next ones."""

import asyncio
from functools import partial

from tidegate_gateway.edge.turns import Turns


async def test_a_turn_begins_so_many_and_the_next_goes_on() -> None:
    begun: list[int] = []
    turns = Turns(3)
    for number in range(8):
        turns.begin(partial(begun.append, number))
    assert begun == [0, 1, 2]
    assert len(turns) == 5
    seen = []
    while len(turns):
        await asyncio.sleep(0)
        seen.append(list(begun))
    assert seen == [list(range(6)), list(range(8))]


async def test_who_comes_while_others_wait_goes_behind_them() -> None:
    begun: list[str] = []
    turns = Turns(1)
    for name in "abc":
        turns.begin(partial(begun.append, name))
    await asyncio.sleep(0)
    turns.begin(lambda: begun.append("late"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert begun == ["a", "b", "c", "late"]


async def test_a_lone_request_begins_at_once_every_time() -> None:
    begun: list[int] = []
    turns = Turns(1)
    for number in range(3):
        turns.begin(partial(begun.append, number))
        assert begun == list(range(number + 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_what_is_begun_may_begin_more() -> None:
    begun: list[str] = []
    turns = Turns(2)

    def outer() -> None:
        begun.append("outer")
        turns.begin(lambda: begun.append("inner"))
        turns.begin(lambda: begun.append("next"))

    turns.begin(outer)
    assert begun == ["outer", "inner"]
    await asyncio.sleep(0)
    assert begun == ["outer", "inner", "next"]


async def test_of_several_who_wait_each_has_its_turn() -> None:
    begun: list[str] = []
    turns = Turns(1)
    for number in range(4):
        turns.begin(partial(begun.append, f"flood {number}"), "flood")
    turns.begin(partial(begun.append, "guest 0"), "guest")
    turns.begin(partial(begun.append, "guest 1"), "guest")
    assert len(turns) == 5
    for _ in range(7):
        await asyncio.sleep(0)
    assert begun == ["flood 0", "flood 1", "guest 0", "flood 2", "guest 1", "flood 3"]
    assert not len(turns)


async def test_what_is_over_takes_no_place() -> None:
    begun: list[int] = []
    turns = Turns(2)
    for number in range(600):
        turns.begin(partial(over, begun, number))
    turns.begin(lambda: begun.append(1_000))
    await asyncio.sleep(0)
    assert begun == [0, 1]
    assert len(turns) == 601 - 2 - 512  # and passing over has its bound, too
    await asyncio.sleep(0)
    assert begun == [0, 1, 1_000]


def over(begun: list[int], number: int) -> object:
    if number >= 2:
        return False
    begun.append(number)
    return None
