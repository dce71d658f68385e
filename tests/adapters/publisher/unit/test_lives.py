"""Producers and their batches where aiokafka does not do as it should: nobody waits for ever, nothing is told that is not so."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaError, NodeNotReadyError, RequestTimedOutError
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.structs import TopicPartition

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka import attempts as attempts_module
from tidegate_gateway.adapters.kafka import generation as generation_module
from tidegate_gateway.adapters.kafka.accumulator import Accumulator, Lane, Piece
from tidegate_gateway.adapters.kafka.attempts import Sealed
from tidegate_gateway.adapters.kafka.cluster import Topic
from tidegate_gateway.adapters.kafka.flight import Flight
from tidegate_gateway.adapters.kafka.generation import Generation
from tidegate_gateway.adapters.kafka.limits import KAFKA_DEFAULTS
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.rewriting import places_in
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.intake.ports import NotStored, Record, Unknown

SETTINGS = KafkaSettings(bootstrap_servers="127.0.0.1:9")
RECORD = Record(b"k", b"v", (), 1_700_000_000_000)
Landings = list[tuple[Flight, int | None]]


def generation(landings: Landings) -> Generation:
    return Generation(SETTINGS, landed=lambda _, flight, base: landings.append((flight, base)), freed=lambda _: None)


def pieces(count: int, partition: int = 0) -> list[Piece]:
    acc = Accumulator(1_000_000)
    lane = acc.lane("orders", partition)
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


async def test_a_stop_leaves_no_task_of_aiokafkas_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own stop waits for every batch in a task that nobody ends: those queued, written, and to be written again."""
    landings: Landings = []
    one = generation(landings)
    batches = one._producer._message_accumulator

    async def send_batch(batch: Any, topic: str, *, partition: int) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = await batches.add_batch(batch, TopicPartition(topic, partition), 5)
        return future

    monkeypatch.setattr(one._producer, "send_batch", send_batch)
    one._producer._txn_manager.set_pid_and_epoch(1, 0)
    one._producer._sender._sender_task = asyncio.create_task(asyncio.Event().wait())
    for partition in range(3):
        batch = pieces(2, partition)
        one.send(batch[0].lane, batch)
    batches._pop_batch(TopicPartition("orders", 1))
    batches.reenqueue(batches._pop_batch(TopicPartition("orders", 2)))
    await one.stop(0.05)
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [base for _, base in landings] == [None] * 3


async def test_a_sender_that_ends_closes_its_sockets_before_its_partitions_move(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else what another broker still has in its socket would be stored behind what the next producer sends. What is in no doubt is
    not failed either: the next producer sends it."""
    events: list[str] = []
    one = Generation(
        SETTINGS,
        landed=lambda _, flight, __: events.append("again" if flight.unsent else "failed"),
        freed=lambda _: None,
    )
    monkeypatch.setattr(generation_module, "hang_up", lambda _: events.append("hung up"))
    ends = asyncio.Event()

    async def routine() -> None:
        await ends.wait()
        raise KafkaError("a bug")

    async def starts() -> None:
        sender = one._producer._sender
        sender._sender_task = asyncio.create_task(routine())
        sender._sender_task.add_done_callback(sender._fail_all)

    batches = one._producer._message_accumulator

    async def send_batch(batch: Any, topic: str, *, partition: int) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = await batches.add_batch(batch, TopicPartition(topic, partition), 5)
        return future

    monkeypatch.setattr(one._producer, "start", starts)
    monkeypatch.setattr(one._producer, "send_batch", send_batch)
    monkeypatch.setattr(one._producer._txn_manager, "fatal_error", lambda _: None)
    one._producer._txn_manager.set_pid_and_epoch(1, 0)
    await one.start([])
    for partition in range(2):
        batch = pieces(1, partition)
        one.send(batch[0].lane, batch)
        batches._pop_batch(TopicPartition("orders", partition))
    one.flights["orders", 0].doubt = True
    ends.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert events == ["hung up", "again", "failed"]
    assert one.dead
    assert one.obstacle(("orders", 7)) is not None, "it takes nothing more"
    await one.stop(0.05)


async def test_one_landing_that_fails_keeps_no_other_from_being_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The sweep looks at producers that live: nobody would tell those of a producer that ended."""
    landed: list[Flight] = []

    def fails_once(_: Generation, flight: Flight, __: int | None) -> None:
        landed.append(flight)
        if len(landed) == 1:
            raise RuntimeError("by a bug")

    one = Generation(SETTINGS, landed=fails_once, freed=lambda _: None)
    never_ending(monkeypatch, one)
    for partition in range(3):
        batch = pieces(1, partition)
        one.send(batch[0].lane, batch)
    await one.stop(0.05)
    assert len(landed) == 3
    assert "orders-0 landed, and what follows from that failed" in caplog.text


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


def asked(deadlines_s: dict[int, float]) -> tuple[ProduceRequest, list[Flight]]:
    """A request with a batch for each of these partitions, and their flights."""
    request = ProduceRequest(
        transactional_id=None,
        required_acks=-1,
        timeout=5_000,
        topics=[("orders", [(partition, b"batch") for partition in deadlines_s])],
    )
    loop = asyncio.get_running_loop()
    lanes = {partition: Lane("orders", partition) for partition in deadlines_s}
    flights = [
        Flight(lanes[partition], [Piece(lanes[partition], [RECORD], 100, end_s, loop.create_future())], 0.0)
        for partition, end_s in deadlines_s.items()
    ]
    return request, flights


class Connecting:
    """A generation whose broker takes its time to be connected; what is written to it then is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, deadlines_s: dict[int, float]) -> None:
        self.landings: Landings = []
        self.written: list[list[Any]] = []
        self.now_s = 0.0
        self.one = generation(self.landings)
        self.request, flights = asked(deadlines_s)
        for flight in flights:
            self.one.flights[flight.lane.place] = flight
        self.transport = SimpleNamespace(aborted=False, abort=self._abort)
        self.connected = asyncio.Event()
        self.answer: Exception | None = RequestTimedOutError()

        async def connects(*_: object) -> object:
            await self.connected.wait()
            return self.transport

        async def writes(_: int, request: ProduceRequest) -> object:
            self.written.append(places_in(request))
            if self.answer is None:
                await asyncio.Event().wait()
            raise self.answer or RuntimeError

        monkeypatch.setattr(attempts_module, "connected", connects)
        monkeypatch.setattr(self.one._attempts, "_plain_send", writes)
        monkeypatch.setattr(self.one._attempts, "_loop", SimpleNamespace(time=lambda: self.now_s))
        self.sending = asyncio.create_task(self.one._attempts.send(1, self.request))

    def _abort(self) -> None:
        self.transport.aborted = True


async def test_what_became_late_while_the_broker_was_connected_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would be told to be in doubt where it surely was never sent."""
    slow = Connecting(monkeypatch, {0: 3.0, 1: 9.0})
    await asyncio.sleep(0)
    slow.now_s = 5.0
    slow.connected.set()
    with pytest.raises(RequestTimedOutError):
        await slow.sending
    assert slow.written == [[("orders", 1)]]
    ((late, base),) = slow.landings
    assert (late.lane.place, base, late.unsent, late.doubt) == (("orders", 0), None, True, False)
    assert slow.one.flights["orders", 1].doubt
    assert slow.transport.aborted, "what is still in our buffers must not be written when the broker wakes up"
    await slow.one.stop(0.05)


async def test_what_was_withdrawn_while_the_broker_was_connected_is_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = Connecting(monkeypatch, {0: 9.0, 1: 9.0})
    await asyncio.sleep(0)
    slow.one.seal()
    slow.connected.set()
    with pytest.raises(Sealed):
        await slow.sending
    assert slow.written == []
    assert [flight.unsent for flight, _ in slow.landings] == [True, True]
    await slow.one.stop(0.05)


async def test_a_broker_that_cannot_be_connected_leaves_no_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Connecting(monkeypatch, {0: 9.0})

    async def refuses(*_: object) -> object:
        raise NodeNotReadyError

    monkeypatch.setattr(attempts_module, "connected", refuses)
    with pytest.raises(NodeNotReadyError):
        await slow.sending
    assert not slow.one.flights["orders", 0].doubt
    assert slow.one.obstacle(("orders", 1)) == "has no leader", "the broker is not taken any more"
    await slow.one.stop(0.05)


async def test_no_request_outlives_its_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka's sender leaves them behind where it is stopped in time."""
    hanging = Connecting(monkeypatch, {0: 9.0})
    hanging.answer = None
    hanging.connected.set()
    for _ in range(3):
        await asyncio.sleep(0)
    assert hanging.written
    await hanging.one.stop(0.05)
    assert hanging.sending.cancelled()
    ((flight, base),) = hanging.landings
    assert (base, flight.unsent, flight.doubt) == (None, False, True)


async def test_a_stop_that_is_cancelled_lets_go_of_everything_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    landings: Landings = []
    one = generation(landings)
    future = never_ending(monkeypatch, one)
    batch = pieces(1)
    one.send(batch[0].lane, batch)
    hung_up: list[object] = []
    monkeypatch.setattr(generation_module, "hang_up", hung_up.append)
    plain_stop = one._producer.stop
    monkeypatch.setattr(one._producer, "stop", lambda: asyncio.Event().wait())
    stopping = asyncio.create_task(one.stop(60))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert [(flight.pieces, base) for flight, base in landings] == [(batch, None)]
    assert hung_up == [one._client]
    assert future.cancelled()
    await plain_stop()


@pytest.mark.parametrize("error", [asyncio.CancelledError(), RuntimeError("by a bug"), OSError("gone")])
async def test_whatever_aiokafkas_tasks_end_with_all_is_closed(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """A cancelled task of its own would end whoever waits for it, the maker of all producers among them."""
    landings: Landings = []
    one = generation(landings)
    never_ending(monkeypatch, one)
    batch = pieces(1)
    one.send(batch[0].lane, batch)
    plain_stop = one._producer.stop

    async def fails() -> None:
        raise error

    monkeypatch.setattr(one._producer, "stop", fails)
    await one.stop(0.05)
    assert [(flight.pieces, base) for flight, base in landings] == [(batch, None)]
    await plain_stop()


async def test_one_broker_has_its_part_of_the_memory_on_its_way_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request of all partitions could be larger than a broker takes, and one that hangs would hold all of it in buffers."""
    landings: Landings = []
    free: list[int] = []
    one = Generation(SETTINGS, landed=lambda _, flight, base: landings.append((flight, base)), freed=free.append)
    never_ending(monkeypatch, one)
    leaders = {0: 0, 1: 0, 2: 0, 3: 7}
    monkeypatch.setattr(one._client.cluster, "leader_for_partition", lambda place: leaders[place.partition])
    half_bytes = SETTINGS.buffer_bytes // 32 // 2
    loop = asyncio.get_running_loop()
    for partition in (0, 1):
        assert one.obstacle(("orders", partition)) is None
        lane = Lane("orders", partition)
        one.send(lane, [Piece(lane, [RECORD], half_bytes, 1e9, loop.create_future())])
    assert one.obstacle(("orders", 2)) == 0, "the broker has enough"
    assert one.obstacle(("orders", 3)) is None, "another has not"
    assert one.withdraw(one.flights["orders", 0])
    assert free == [0]
    assert one.obstacle(("orders", 2)) is None
    await one.stop(0.05)
