"""Producers and their batches where aiokafka does not do as it should: nobody waits for ever, nothing is told that is not so."""

import asyncio
from typing import Any

import pytest

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka import generation as generation_module
from tidegate_gateway.adapters.kafka.accumulator import Accumulator, Piece
from tidegate_gateway.adapters.kafka.cluster import Topic
from tidegate_gateway.adapters.kafka.flight import Flight
from tidegate_gateway.adapters.kafka.generation import Generation
from tidegate_gateway.adapters.kafka.limits import KAFKA_DEFAULTS
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.intake.ports import NotStored, Record, Unknown

SETTINGS = KafkaSettings(bootstrap_servers="127.0.0.1:9")
RECORD = Record(b"k", b"v", (), 1_700_000_000_000)
Landings = list[tuple[Flight, int | None]]


def generation(landings: Landings) -> Generation:
    return Generation(SETTINGS, landed=lambda _, flight, base: landings.append((flight, base)), freed=lambda _: None)


def pieces(count: int) -> list[Piece]:
    acc = Accumulator(1_000_000)
    lane = acc.lane("orders", 0)
    made = [Piece(lane, [RECORD], 100, 1e9, asyncio.get_running_loop().create_future()) for _ in range(count)]
    for one in made:
        acc.add(one, 0.0)
    return acc.take(lane, 1_000_000, late_s=0.0, why=NotStored(Code.BROKER_UNAVAILABLE, "late"))


def never_ending(monkeypatch: pytest.MonkeyPatch, one: Generation) -> "asyncio.Future[Any]":
    """aiokafka's producer takes every batch, and its future is this one."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def send_batch(*_: object, **__: object) -> "asyncio.Future[Any]":
        return future

    monkeypatch.setattr(one._producer, "send_batch", send_batch)
    return future


async def test_a_batch_that_never_ends_is_abandoned_with_its_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its partition would be taken for ever, and its bytes with it."""
    landings: Landings = []
    one = generation(landings)
    future = never_ending(monkeypatch, one)
    batch = pieces(2)
    one.send(batch[0].lane, batch)
    await one.stop(0.05)
    ((flight, base),) = landings
    assert (flight.pieces, base, one.flights) == (batch, None, {})
    assert future.cancelled(), "aiokafka's flush waited for it"
    await asyncio.sleep(0)
    assert len(landings) == 1, "an end after the end is none"


async def test_a_record_that_aiokafka_left_out_of_a_batch_is_never_told_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`append` says only None; the offsets of all that follow would be another's."""
    monkeypatch.setattr(generation_module, "_ANY_SIZE", 75)
    landings: Landings = []
    one = generation(landings)
    never_ending(monkeypatch, one)
    batch = pieces(3)
    one.send(batch[0].lane, batch)
    await one.stop(0.5)
    assert [(flight.pieces, base) for flight, base in landings] == [(batch, None)]


async def test_who_is_looked_at_while_it_closes_gets_an_answer() -> None:
    """Nobody would see to the deadline of what is queued after the close."""
    publisher = ready_publisher()
    publishing = asyncio.create_task(publisher.publish("orders", [RECORD] * 5_000, timeout_s=5))
    await asyncio.sleep(0)
    await publisher.close(0.1)
    outcomes = await asyncio.wait_for(publishing, 5)
    assert len(outcomes) == 5_000
    assert {outcome.code for outcome in outcomes if isinstance(outcome, NotStored)} == {Code.OVERLOADED}


@pytest.mark.parametrize(("doubt", "told"), [(True, Unknown), (False, NotStored)])
async def test_close_answers_whoever_waits_and_waits_for_nobody_else(
    monkeypatch: pytest.MonkeyPatch, doubt: bool, told: type
) -> None:
    publisher = ready_publisher()
    delivery = publisher._delivery
    one = delivery._generation()
    monkeypatch.setattr(one, "obstacle", lambda place: "taken" if place in one.flights else None)
    never_ending(monkeypatch, one)
    delivery.generations.current = one
    publishing = asyncio.create_task(publisher.publish("orders", [RECORD], timeout_s=5))
    await asyncio.sleep(0)
    (flight,) = one.flights.values()
    flight.doubt = doubt
    assert delivery.owed()
    await publisher.close(0.05)
    (outcome,) = await asyncio.wait_for(publishing, 5)
    assert isinstance(outcome, told)
    assert not delivery.owed()


async def test_a_sweep_that_fails_is_not_the_last(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tidegate_gateway.adapters.kafka.delivery._SWEEP_S", 0)
    publisher = ready_publisher()
    sweeps: list[float] = []

    def fails(now_s: float) -> None:
        sweeps.append(now_s)
        raise RuntimeError("by a bug")

    monkeypatch.setattr(publisher._delivery, "_sweep_once", fails)
    sweeping = asyncio.create_task(publisher._delivery.sweep())
    for _ in range(6):
        await asyncio.sleep(0)
    sweeping.cancel()
    await publisher.close(0.05)
    assert len(sweeps) > 1
    assert "a sweep failed" in caplog.text


async def test_a_look_that_fails_as_none_should_is_an_outage_and_not_the_last_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publisher = ready_publisher()

    async def fails(*_: object) -> None:
        raise ValueError("an answer that aiokafka cannot read")

    monkeypatch.setattr(publisher._cluster, "_ask", fails)
    await publisher._cluster._look()
    ok, detail = publisher.ready()
    assert not ok
    assert "127.0.0.1:9 gives no usable answer (ValueError: an answer that aiokafka cannot read)" in detail
    await publisher.close(0.05)


def ready_publisher() -> KafkaPublisher:
    """A publisher that believes in a topic of one partition, with no producer yet and nothing running."""
    publisher = KafkaPublisher(SETTINGS)
    publisher._cluster.up = True
    publisher._cluster.topics = {"orders": Topic(partitions=1, available=(0,), limits=KAFKA_DEFAULTS)}
    return publisher
