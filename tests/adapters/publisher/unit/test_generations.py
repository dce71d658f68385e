"""Producers made, replaced and ended, whatever comes together: at most two live, none is left behind, nobody waits for ever."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaError

from tidegate_gateway.adapters.kafka import generations as generations_module
from tidegate_gateway.adapters.kafka.generation import Generation
from tidegate_gateway.adapters.kafka.generations import Generations
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings

SETTINGS = KafkaSettings(bootstrap_servers="127.0.0.1:9")


class Producer:
    """Stands for a Generation: how long it takes to begin and to end is told, in turns of the loop."""

    def __init__(self, begins: Callable[[], Any], ends_turns: int) -> None:
        self.flights: dict[object, object] = {}
        self.retired = False
        self.alive = True
        self.began = False
        self._begins, self._ends_turns = begins, ends_turns

    async def start(self, _: object) -> None:
        await self._begins()
        self.began = True

    async def stop(self, _: float) -> None:
        try:
            for _ in range(self._ends_turns):
                await asyncio.sleep(0)
        finally:
            self.alive = False

    async def wait_settled(self, _: float) -> None:
        await asyncio.sleep(0)

    wait_empty = wait_settled

    def seal(self) -> None:
        self.retired = True

    def follow(self, _: object) -> None:
        pass


class Maker:
    """Makes producers and remembers all of them."""

    def __init__(self) -> None:
        self.made: list[Producer] = []
        self.begins: Callable[[], Any] = lambda: asyncio.sleep(0)
        self.ends_turns = 3
        self.most_alive = 0

    def __call__(self) -> Generation:
        self.made.append(Producer(self.begins, self.ends_turns))
        self.most_alive = max(self.most_alive, len(self.alive()))
        return cast("Generation", self.made[-1])

    def alive(self) -> list[Producer]:
        return [one for one in self.made if one.alive]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations_module, "_REST_S", 0.0)
    monkeypatch.setattr(generations_module, "_BACKOFF_S", (0.0,))


def begun(maker: Maker, *, up: Callable[[], bool] = lambda: True) -> Generations:
    generations = Generations(SETTINGS, maker, changed=lambda: None, topics=list, up=up)
    generations.start()
    return generations


async def until(true: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if true():
            return
        await asyncio.sleep(0)
    raise AssertionError("never")


async def never() -> None:
    await asyncio.Event().wait()


async def refused() -> None:
    raise KafkaError("no producer id")


@pytest.mark.parametrize("seed", range(20))
async def test_at_most_two_live_whatever_comes_together(seed: int) -> None:
    random = Random(seed)
    maker = Maker()

    async def begins() -> None:
        for _ in range(random.randrange(6)):
            await asyncio.sleep(0)
        if random.random() < 0.3:
            raise KafkaError("no producer id")

    maker.begins = begins
    generations = begun(maker)
    for _ in range(300):
        maker.ends_turns = random.randrange(6)
        current = generations.current
        match random.randrange(8):
            case 0:
                generations.renew("the brokers are back")
            case 1 if current is not None:
                generations.drop(current, "it is stuck")
            case 2 if current is not None:
                generations.replace(current, "a batch failed")
            case _:
                await asyncio.sleep(0)
    maker.begins = lambda: asyncio.sleep(0)
    await until(lambda: generations.current is not None and len(maker.alive()) == 1)
    assert maker.most_alive <= 2
    assert len(maker.made) > 10
    await generations.close(0.05)
    assert maker.alive() == []


async def test_what_is_half_made_when_brokers_come_back_is_ended_before_the_next_begins() -> None:
    maker = Maker()
    maker.begins = never
    generations = begun(maker)
    await until(lambda: len(maker.made) == 1)
    maker.begins = lambda: asyncio.sleep(0)
    for _ in range(5):
        generations.renew("the brokers are back")
    await until(lambda: generations.current is not None)
    assert maker.most_alive == 1
    assert [one.alive for one in maker.made] == [False, True]
    await generations.close(0.05)


async def test_a_start_that_swallows_its_cancellation_makes_no_second_maker() -> None:
    """As `asyncio.wait_for` of Python 3.11 may, where both come together."""
    maker = Maker()

    async def stubborn() -> None:
        try:
            await never()
        except asyncio.CancelledError:
            await asyncio.sleep(0)

    maker.begins = stubborn
    generations = begun(maker)
    await until(lambda: len(maker.made) == 1)
    generations.renew("the brokers are back")
    await until(lambda: generations.current is not None)
    for _ in range(50):
        await asyncio.sleep(0)
    assert maker.most_alive == len(maker.made) == 1
    await generations.close(0.05)


async def test_a_producer_that_cannot_begin_leaves_nothing_behind() -> None:
    maker = Maker()
    maker.begins = refused
    generations = begun(maker)
    await until(lambda: len(maker.made) == 4)
    assert sum(one.alive for one in maker.made) <= 1
    await generations.close(0.05)
    assert maker.alive() == []


async def test_a_producer_that_cannot_be_put_in_place_is_not_the_last(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The maker is one task: without it, no producer would ever be replaced again."""
    maker = Maker()
    generations = begun(maker)
    await until(lambda: generations.current is not None)
    current = generations.current
    assert current is not None
    plain_end = generations._end_oldest

    async def fails_once() -> None:
        monkeypatch.setattr(generations, "_end_oldest", plain_end)
        raise RuntimeError("by a bug")

    monkeypatch.setattr(generations, "_end_oldest", fails_once)
    generations.replace(current, "a batch failed")
    await until(lambda: generations.current is not current)
    assert "was not put in place" in caplog.text
    await generations.close(0.05)
    assert maker.alive() == []


async def test_none_is_made_while_no_broker_answers() -> None:
    maker = Maker()
    answers: list[bool] = []
    generations = begun(maker, up=lambda: bool(answers))
    for _ in range(50):
        await asyncio.sleep(0)
    assert maker.made == []
    answers.append(True)
    generations.renew("the brokers are back")
    await until(lambda: generations.current is not None)
    await generations.close(0.05)


@pytest.mark.parametrize("turns", range(12))
async def test_a_close_at_any_moment_ends_all(turns: int) -> None:
    maker = Maker()
    generations = begun(maker)
    await until(lambda: generations.current is not None)
    assert generations.current is not None
    generations.drop(generations.current, "it is stuck")
    for _ in range(turns):
        await asyncio.sleep(0)
    await generations.close(0.05)
    assert maker.alive() == []
    assert generations.flying() == []


async def test_one_that_fails_to_stop_keeps_nobody_from_being_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = KafkaPublisher(SETTINGS)
    maker = Maker()
    one = maker()

    async def fails(_: float) -> None:
        raise RuntimeError("by a bug")

    monkeypatch.setattr(one, "stop", fails)
    publisher._delivery.generations.current = one
    closed: list[str] = []
    plain_close = publisher._cluster.close

    async def closes() -> None:
        closed.append("cluster")
        await plain_close()

    monkeypatch.setattr(publisher._cluster, "close", closes)
    await publisher.close(0.05)
    assert closed == ["cluster"]


async def test_a_close_that_is_cancelled_in_its_drain_closes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = KafkaPublisher(SETTINGS)
    maker = Maker()
    publisher._delivery.generations.current = maker()
    monkeypatch.setattr(publisher._delivery, "owed", lambda: True)
    closing = asyncio.create_task(publisher.close(60))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert maker.alive() == []
    assert publisher._delivery.generations.current is None
