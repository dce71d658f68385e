"""One life of an idempotent aiokafka producer, and what became of each batch that went into it. Called by `generations` and `publisher`.

Its requests are watched on their way by `attempts`. No decisions about submissions here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from random import sample
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from tidegate_gateway.adapters.kafka.accumulator import Lane, Obstacle, Piece, Place
from tidegate_gateway.adapters.kafka.attempts import Attempts, Sealed
from tidegate_gateway.adapters.kafka.connecting import login_arguments
from tidegate_gateway.adapters.kafka.connections import connect_apart, hang_up
from tidegate_gateway.adapters.kafka.flight import Flight
from tidegate_gateway.adapters.kafka.settings import KafkaSettings

__all__ = ["NO_LEADER", "SEQUENCE_BOUND", "Generation", "Landed"]

SEQUENCE_BOUND = 1_500_000_000
"""So many records in a partition, and the producer is replaced: sequence numbers end at 2^31 (KIP-98), aiokafka's then turn negative and
the broker refuses them for ever."""

NO_LEADER = "has no leader"
_SPOILED = "waits for a new producer"
_PART = 32
"""So small a part of the memory may be on its way to one broker, or one batch. A request of all partitions could be larger than a broker takes
(`socket.request.max.bytes`: it closes the connection), and one that hangs would hold all of it in buffers."""

_REQUEST_S = 5.0
_CONNECT_S = 3.0

_ANY_SIZE = 2**30
"""aiokafka's own bound of a batch, out of the way: the accumulator cuts batches, by each topic's limit."""

_log = logging.getLogger(__name__)

Landed = Callable[["Generation", Flight, int | None], None]
"""Called when a batch came to its end: with its base offset, or None where it failed."""


class Generation:
    """A producer with its own producer id. `retired`: it gets no new batches. `sealed`: it sends none. `worn`: a partition's sequence
    numbers come to their end."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        landed: Landed,
        freed: Callable[[int], None],
        answered: Callable[[float], None] = lambda _: None,
        sequence_bound: int = SEQUENCE_BOUND,
    ) -> None:
        """`freed` is told a broker that can take a request; `answered` how long an answer took, in seconds. Raises OSError, ssl.SSLError
        and ValueError (`login_arguments`)."""
        self.flights: dict[Place, Flight] = {}
        self.retired = False
        self.sealed = False
        self.worn = False
        self._landed = landed
        self._freed = freed
        self._bound = sequence_bound
        self._sequences: dict[Place, int] = {}
        self._spoiled: set[Place] = set()
        self._load_bytes: dict[int, int] = {}
        self._most_bytes = settings.buffer_bytes // _PART
        self._ends: set[asyncio.Future[Any]] = set()
        self._settled = asyncio.Event()
        self._settled.set()
        self._loop = asyncio.get_running_loop()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=sample(settings.servers, len(settings.servers)),  # the first may be the one that hangs
            **login_arguments(settings),
            acks="all",
            enable_idempotence=True,
            compression_type=None if settings.compression == "none" else settings.compression,
            max_batch_size=_ANY_SIZE,
            max_request_size=_ANY_SIZE,
            request_timeout_ms=int(min(_REQUEST_S, settings.delivery_timeout_s) * 1000),
            retry_backoff_ms=100,
        )
        self._client = self._producer.client
        self._attempts = Attempts(self._client, self, freed=freed, answered=answered)
        connect_apart(self._client)

    async def start(self, topics: Sequence[str]) -> None:
        """Connect to every broker, get a producer id and the topics' metadata. Raises KafkaError and OSError; bound the wait outside."""
        await self._producer.start()
        self._producer._sender.sender_task.add_done_callback(lambda _: self._end_sender())  # noqa: SLF001
        if topics:
            await self._client.set_topics(topics)
        await asyncio.gather(*(self._connect(broker.nodeId) for broker in self._client.cluster.brokers()))

    def _end_sender(self) -> None:
        """aiokafka's sender ended, whyever: it fails its batches next. What is written to other brokers must not reach them once the
        partitions have moved, and what is in no doubt goes with the next producer."""
        hang_up(self._client)
        self.seal()

    async def _connect(self, node_id: int) -> None:
        """A broker that hangs is no reason to keep all others waiting for this producer."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._client.ready(node_id)
        except TimeoutError:
            _log.warning("kafka: broker %s does not answer", node_id)

    def follow(self, topics: Sequence[str]) -> None:
        """Keep the metadata of these topics from now on; never waits."""
        if topics and not self.retired:
            self._client.set_topics(topics)

    def refresh(self) -> None:
        """Ask for the metadata again; never waits."""
        if not self.retired:
            self._client.force_metadata_update()

    def obstacle(self, place: Place) -> Obstacle | None:
        """Why a batch of the partition would not be written now: a broker with another request, or a phrase. None: it would."""
        if self.retired or place in self._spoiled or place in self.flights:
            return _SPOILED
        leader = self._client.cluster.leader_for_partition(TopicPartition(*place))
        if leader is None or leader == -1:
            return NO_LEADER
        return leader if self._attempts.taken(leader) or self._is_full(leader) else None

    def _is_full(self, leader: int) -> bool:
        return self._load_bytes.get(leader, 0) >= self._most_bytes

    @property
    def moved_s(self) -> float:
        """When an attempt last began or ended."""
        return self._attempts.moved_s

    @property
    def dead(self) -> bool:
        """Whether aiokafka's sender ended, by an error or a cancellation: it never sends again."""
        task = self._producer._sender.sender_task  # noqa: SLF001 -- aiokafka does not say
        return task is not None and task.done()

    def departed_s(self) -> float | None:
        """When the oldest of its batches was handed over; None where it has none."""
        return min((flight.departed_s for flight in self.flights.values()), default=None)

    def send(self, lane: Lane, pieces: Sequence[Piece]) -> None:
        """Hand one batch to aiokafka. Only where there is no `obstacle`: then `send_batch` has nothing to wait for."""
        flight = Flight(lane, pieces, self._loop.time())
        self.flights[lane.place] = flight
        leader = self._client.cluster.leader_for_partition(TopicPartition(*lane.place))
        flight.leader = -1 if leader is None else leader
        self._load_bytes[flight.leader] = self._load_bytes.get(flight.leader, 0) + flight.size_bytes
        self._settled.clear()
        try:
            future = self._hand_over(flight)
        except Exception:
            # A sender that died, a record that aiokafka cannot encode: never sent, and no reason to keep the lane waiting.
            _log.exception("kafka: a batch for %s-%s could not be handed over", *lane.place)
            self._land(flight, None)
        else:
            self._count(flight)
            self._ends.add(future)
            future.add_done_callback(lambda done: self._end_flight(flight, done))

    def _hand_over(self, flight: Flight) -> "asyncio.Future[Any]":
        batch = self._producer.create_batch()
        append = batch.append
        for piece in flight.pieces:
            for record in piece.records:
                append(
                    timestamp=record.timestamp_ms,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                )
        batch.close()
        if batch.record_count() != flight.records:
            # `append` says no more than None: an offset would be told for what is not there
            raise RuntimeError(f"aiokafka took {batch.record_count()} of {flight.records} records into a batch")
        lane = flight.lane
        return _without_waiting(self._producer.send_batch(batch, lane.topic, partition=lane.partition))

    def _count(self, flight: Flight) -> None:
        """Keep the sequence numbers of a partition far from their end."""
        place = flight.lane.place
        sequence = self._sequences.get(place, 0) + flight.records
        self._sequences[place] = sequence
        if sequence > self._bound:
            self.worn = True
            if sequence > self._bound + self._bound // 3:  # no successor came in all that time
                self._spoiled.add(place)

    def spoil(self, place: Place) -> None:
        """The partition gets nothing more from this producer: its sequence numbers went wrong."""
        self._spoiled.add(place)

    def withdraw(self, flight: Flight) -> bool:
        """Take back a batch that is not in doubt: it is not sent any more, whatever aiokafka does. Whether that could be."""
        place = flight.lane.place
        if flight.doubt or self.flights.get(place) is not flight:
            return False
        self._spoiled.add(place)
        flight.unsent = True
        self._land(flight, None)
        return True

    def seal(self) -> None:
        """Send nothing from now on; what is written stays written. What is not in doubt is taken back. It is retired too."""
        self.retired = True
        self.sealed = True
        for flight in tuple(self.flights.values()):
            self.withdraw(flight)
        self._settled.set()

    async def wait_settled(self, timeout_s: float) -> None:
        """Wait until no batch is on its way, or it is sealed, at most so long."""
        await _wait(self._settled, timeout_s)

    async def wait_empty(self, timeout_s: float) -> None:
        """Sealed: wait for the answers to what is written, at most so long."""
        if self.flights:
            self._settled.clear()
            await _wait(self._settled, timeout_s)

    async def stop(self, timeout_s: float) -> None:
        """Close the producer and its sockets, at most so long each; at once where this is cancelled. Never raises for a fault of the broker.

        What aiokafka left without an end has failed then, so that its partitions can go on elsewhere.
        """
        self.retired = True
        try:
            # The producer's `stop` waits for every batch, whatever time it takes; where it may not, its sender would go on without an end.
            await self._close(self._producer.stop, timeout_s)
            await self._close(self._producer._sender.close, timeout_s)  # noqa: SLF001 -- aiokafka has no other way to end it
            await self._close(self._attempts.end, timeout_s)
            hang_up(self._client)
            await self._close(self._client.close, timeout_s)
        finally:
            self._end_all()

    async def _close(self, closing: Callable[[], Awaitable[None]], timeout_s: float) -> None:
        """One step of closing. aiokafka's own tasks may end with anything: the steps after it must be made all the same."""
        try:
            async with asyncio.timeout(timeout_s):
                await closing()
        except (KafkaError, OSError) as error:  # TimeoutError is one
            _log.debug("kafka: a producer did not stop in time: %r", error)
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is None or this.cancelling():  # else it was a task of aiokafka's that was cancelled, not this one
                raise
        except Exception:
            _log.exception("kafka: a producer did not stop cleanly")

    def _end_all(self) -> None:
        """Let go of everything now, however far the closing came."""
        sender = self._producer._sender.sender_task  # noqa: SLF001
        if sender is not None:
            sender.cancel()
        self._attempts.cancel()
        hang_up(self._client)
        for future in tuple(self._ends):
            future.cancel()
        _abandon(self._producer)
        for flight in tuple(self.flights.values()):
            self._land(flight, None)

    def _end_flight(self, flight: Flight, done: "asyncio.Future[Any]") -> None:
        """aiokafka says that a batch came to its end."""
        self._ends.discard(done)
        error = KafkaError("cancelled") if done.cancelled() else done.exception()
        if self.flights.get(flight.lane.place) is not flight:
            return  # it was withdrawn, or the producer closed
        if error is None:
            self._land(flight, -1 if flight.duplicate else done.result().offset)
        else:
            flight.unsent = flight.unsent or (isinstance(error, Sealed) and not flight.doubt)
            self._land(flight, None)

    def _land(self, flight: Flight, base: int | None) -> None:
        place = flight.lane.place
        self.flights.pop(place, None)
        free = self._attempts.landed(place)
        if self._is_full(flight.leader):
            free.append(flight.leader)
        self._load_bytes[flight.leader] = max(0, self._load_bytes.get(flight.leader, 0) - flight.size_bytes)
        if not self.flights:
            self._settled.set()
        try:
            self._landed(self, flight, base)
            for node_id in free:
                self._freed(node_id)
        except Exception:  # all others must land all the same: nobody else would tell who waits for them
            _log.exception("kafka: a batch for %s-%s landed, and what follows from that failed", *place)

    def may_go(self, places: Iterable[Place], now_s: float) -> dict[Place, Flight]:
        """Of these the flights that may be sent still: not withdrawn, and not late at `now_s`."""
        flights: dict[Place, Flight] = {}
        for place in places:
            flight = self.flights.get(place)
            if flight is not None and flight.deadline_s <= now_s:
                self.withdraw(flight)
            if flight is not None and not self.sealed and self.flights.get(place) is flight:
                flights[place] = flight
        return flights

    def take_back(self, flight: Flight) -> None:
        """Nothing of the batch is stored, and no other of its partition is on its way: its sequence numbers are free again."""
        place, records = flight.lane.place, flight.records
        if self.flights.get(place) is not flight:
            return
        flight.unsent = True
        self._sequences[place] -= records
        numbers = self._producer._txn_manager  # noqa: SLF001 -- Java's producer does the same (adjustSequencesDueToFailedBatch)
        numbers.increment_sequence_number(TopicPartition(*place), -records)


def _abandon(producer: AIOKafkaProducer) -> None:
    """End what aiokafka has of batches: its flush waits for them, in a task that would never end."""
    batches = producer._message_accumulator  # noqa: SLF001 -- what `send_batch` gives is a shield before a batch's own future
    for queue in batches._batches.values():  # noqa: SLF001
        batches._pending_batches.update(queue)  # noqa: SLF001 -- one that was tried before takes itself out of there when it ends
    for batch in tuple(batches._pending_batches):  # noqa: SLF001
        batch.future.cancel()


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, timeout_s)):
            await event.wait()


def _without_waiting(sending: Any) -> "asyncio.Future[Any]":
    """Run a coroutine that has nothing to wait for: a task for each batch would cost more than the batch."""
    try:
        sending.send(None)
    except StopIteration as done:
        future: asyncio.Future[Any] = done.value
        return future
    sending.close()
    raise RuntimeError("aiokafka's send_batch waits although the partition's leader is known and its queue is empty")
