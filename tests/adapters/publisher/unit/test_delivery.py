"""What goes out and in which order, over thousands of partitions, whatever a producer does: nothing overtakes, nothing recurses."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import cast

import pytest

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.accumulator import Lane, Obstacle, Piece, Place
from tidegate_gateway.adapters.kafka.cluster import Topic
from tidegate_gateway.adapters.kafka.delivery import Delivery
from tidegate_gateway.adapters.kafka.flight import Flight
from tidegate_gateway.adapters.kafka.generation import NO_LEADER, Generation
from tidegate_gateway.adapters.kafka.limits import KAFKA_DEFAULTS
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.intake.ports import NotStored, Record, RecordStored

SETTINGS = KafkaSettings(bootstrap_servers="127.0.0.1:9", linger_ms=0)
RECORD = Record(b"k", b"v", (), 1_700_000_000_000)
LANES = 2_000


def ready(partitions: int) -> KafkaPublisher:
    """A publisher that believes in a topic, with no producer yet and nothing running."""
    publisher = KafkaPublisher(SETTINGS)
    publisher._cluster.up = True
    publisher._cluster.topics = {
        "orders": Topic(partitions=partitions, available=tuple(range(partitions)), limits=KAFKA_DEFAULTS)
    }
    return publisher


def add(delivery: Delivery, partition: int, records: int = 1, deadline_s: float = 1e9) -> Piece:
    loop = asyncio.get_running_loop()
    lane = delivery.accumulator.lane("orders", partition)
    piece = Piece(lane, [RECORD] * records, 100, deadline_s, loop.create_future())
    delivery.accumulator.add(piece, loop.time())
    return piece


class Producer:
    """Stands for a Generation: obstacles come and go, batches land when they are told to, or cannot be handed over."""

    def __init__(self, delivery: Delivery, random: Random) -> None:
        self.flights: dict[Place, Flight] = {}
        self.log: dict[Place, list[Piece]] = defaultdict(list)
        self.out: set[Place] = set()
        self.worn = False
        self.troubled = True
        self._delivery, self._random = delivery, random

    def obstacle(self, place: Place) -> Obstacle | None:
        if place in self.flights:
            return "waits for a new producer"
        return self._random.choice([None, None, None, 1, 2, NO_LEADER]) if self.troubled else None

    def send(self, lane: Lane, pieces: Sequence[Piece]) -> None:
        assert lane.place not in self.out, "a batch of the partition is out already"
        flight = self.flights[lane.place] = Flight(lane, pieces, 0.0)
        self.out.add(lane.place)
        if self.troubled and self._random.random() < 0.2:
            flight.unsent = True
            self.land(lane.place, None)

    def land(self, place: Place, base: int | None) -> None:
        flight = self.flights.pop(place)
        self.out.discard(place)
        if base is not None:
            self.log[place] += flight.pieces
        self._delivery._on_landed(cast("Generation", self), flight, base)

    def refresh(self) -> None:
        pass

    def seal(self) -> None:
        self.flights.clear()

    async def stop(self, _: float) -> None:
        pass


@pytest.mark.parametrize(("seed", "lanes"), [*((seed, 40) for seed in range(15)), (99, LANES)])
async def test_nothing_overtakes_whatever_happens(seed: int, lanes: int) -> None:
    """Obstacles, refusals in passing, landings, another producer while batches are out: each partition keeps its order."""
    random = Random(seed)
    delivery = ready(lanes)._delivery
    producer = Producer(delivery, random)
    delivery.generations.current = cast("Generation", producer)
    added: dict[Place, list[Piece]] = defaultdict(list)
    for _ in range(10 * lanes):
        match random.randrange(6):
            case 0 | 1 | 2:
                piece = add(delivery, random.randrange(lanes))
                added[piece.lane.place].append(piece)
                delivery.schedule()
            case 3 if producer.flights:
                producer.land(random.choice(list(producer.flights)[:50]), 7)
            case 4:
                delivery._on_freed(random.choice([1, 2]))
            case 5:
                if random.random() < 0.05:  # another producer, that knows nothing of what the old one has out
                    old, producer = producer, Producer(delivery, random)
                    producer.out, producer.log = old.out, old.log
                    delivery.generations.current = cast("Generation", producer)
                    delivery._on_generation()
                    while old.flights:
                        old.land(next(iter(old.flights)), 7)
                else:
                    await asyncio.sleep(0)
    producer.troubled = False
    for _ in range(10_000):
        delivery._on_generation()
        await asyncio.sleep(0)
        while producer.flights:
            producer.land(next(iter(producer.flights)), 7)
        if not delivery.accumulator.waiting:
            break
    assert producer.log == added
    assert (delivery.accumulator.held_bytes, delivery.accumulator.ready_pieces) == (0, 0)
    await delivery.close(0.01)


async def test_thousands_of_batches_that_cannot_be_handed_over_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comes to its end while the others are being sent; none of that may recurse."""
    publisher = ready(LANES)
    delivery = publisher._delivery
    one = delivery._generation()
    monkeypatch.setattr(one, "obstacle", lambda _: None)
    monkeypatch.setattr("tidegate_gateway.adapters.kafka.generation._log.exception", lambda *_: None)

    def fails(_: Flight) -> "asyncio.Future[object]":
        raise RuntimeError("its sender died")

    monkeypatch.setattr(one, "_hand_over", fails)
    pieces = [add(delivery, partition) for partition in range(LANES) for _ in range(2)]
    delivery.generations.current = one
    delivery.schedule()
    for _ in range(20):
        await asyncio.sleep(0)
    assert all(isinstance(piece.future.result(), NotStored) for piece in pieces)
    assert delivery.accumulator.held_bytes == 0
    await publisher.close(0.01)


async def test_what_becomes_ready_while_others_are_sent_goes_in_the_next_turn() -> None:
    delivery = ready(2)._delivery
    random = Random(1)
    producer = Producer(delivery, random)
    producer.troubled = False
    first = add(delivery, 0)
    plain_send = producer.send

    def sends(lane: Lane, pieces: Sequence[Piece]) -> None:
        plain_send(lane, pieces)
        if pieces[0] is first:
            add(delivery, 1)
            delivery.schedule()

    producer.send = sends  # type: ignore[method-assign]  # to see what is sent
    delivery.generations.current = cast("Generation", producer)
    delivery.schedule()
    assert list(producer.flights) == [("orders", 0)]
    await asyncio.sleep(0)
    assert list(producer.flights) == [("orders", 0), ("orders", 1)]
    producer.flights.clear()
    await delivery.close(0.01)


async def test_while_it_drains_a_refusal_in_passing_is_tried_again_and_a_failure_spoils_its_partition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A drain stores what it can: only after it is everybody told that it was not."""
    publisher = ready(2)
    delivery = publisher._delivery
    producer = Producer(delivery, Random(1))
    producer.troubled = False
    spoiled: list[Place] = []
    monkeypatch.setattr(delivery.generations, "spoil", lambda _, place, __: spoiled.append(place))
    refused, doubtful = add(delivery, 0), add(delivery, 1)
    delivery.generations.current = cast("Generation", producer)
    delivery.schedule()
    closing = asyncio.create_task(delivery.close(60))
    await asyncio.sleep(0)
    producer.flights["orders", 0].unsent = True
    producer.land(("orders", 0), None)
    producer.flights["orders", 1].doubt = True
    producer.land(("orders", 1), None)
    assert spoiled == [("orders", 1)]
    await asyncio.sleep(0)
    producer.land(("orders", 0), 7)
    delivery.generations.current = None
    await asyncio.wait_for(closing, 20)
    assert refused.future.result() == 7
    assert not isinstance(doubtful.future.result(), int)


@pytest.mark.parametrize("room", [True, False])
async def test_a_trial_that_there_is_no_room_for_is_not_spent(monkeypatch: pytest.MonkeyPatch, room: bool) -> None:
    publisher = ready(1)
    delivery = publisher._delivery
    lane = delivery.accumulator.lane("orders", 0)
    lane.standing.failed(0.0, "NOT_ENOUGH_REPLICAS", 0.5)
    lane.standing.failed(0.0, "", 0.5)
    delivery.refused[lane.place] = lane
    monkeypatch.setattr(delivery, "has_leader", lambda _: True)
    monkeypatch.setattr(delivery.accumulator, "has_room", lambda _: room)
    now_ms = 1_700_000_000_000
    monkeypatch.setattr("tidegate_gateway.adapters.kafka.publisher.time", lambda: now_ms / 1_000)
    publishing = asyncio.create_task(publisher.publish("orders", [RECORD], timeout_s=5))
    await asyncio.sleep(0)
    assert lane.standing.admits(asyncio.get_running_loop().time()) is not room
    if room:
        delivery.accumulator.clear(lane, NotStored(Code.BROKER_UNAVAILABLE, "enough"))
    (outcome,) = await publishing
    assert isinstance(outcome, NotStored)
    assert outcome.code is (Code.BROKER_UNAVAILABLE if room else Code.OVERLOADED)
    assert not isinstance(outcome, RecordStored)
    await publisher.close(0.01)


async def test_a_partition_whose_topic_is_gone_is_named_no_more() -> None:
    publisher = ready(1)
    delivery = publisher._delivery
    lane = delivery.accumulator.lane("orders", 0)
    for _ in range(2):
        delivery._fails(lane, "UNKNOWN_TOPIC_OR_PARTITION")
    assert list(delivery.refused) == [lane.place]
    delivery._was_up = True
    delivery.on_cluster()
    assert delivery.refused, "the topic is there"
    publisher._cluster.topics = {}
    delivery.on_cluster()
    assert (delivery.refused, lane.standing.refused) == ({}, False)
    await publisher.close(0.01)
