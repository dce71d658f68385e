"""One life of an idempotent aiokafka producer, and what became of each batch that went into it. Called by `generations`.

aiokafka says of a batch only that it failed, or nothing for ever. So its requests are watched on their way
(`AIOKafkaClient.send`): a batch is in doubt once an attempt of it was written and not answered, and it is surely not stored
while every attempt was refused. A sealed generation sends nothing any more. No decisions about submissions here.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, NodeNotReadyError
from aiokafka.protocol.api import Request
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.structs import TopicPartition

from tidegate_gateway.adapters.kafka.accumulator import Lane, Piece
from tidegate_gateway.adapters.kafka.answers import NOT_APPENDED, STORED
from tidegate_gateway.adapters.kafka.settings import KafkaSettings

__all__ = ["Flight", "Generation"]

_log = logging.getLogger(__name__)
_ANY_SIZE = 2**30
"""aiokafka's own bound of a batch, out of the way: the accumulator cuts batches, by each topic's limit."""


class Sealed(KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """Raised in place of sending, once a generation is sealed. Not retriable: the batch fails, and was not sent."""


class Flight:
    """One batch on its way. `doubt`: an attempt was written and its fate is not known. `answer`: the last refusal's name.

    `unsent`: it failed only because its generation was sealed first; it may be sent by another.
    """

    __slots__ = ("answer", "doubt", "lane", "pieces", "unsent")

    def __init__(self, lane: Lane, pieces: Sequence[Piece]) -> None:
        self.lane = lane
        self.pieces = pieces
        self.doubt = False
        self.answer = ""
        self.unsent = False


Landed = Callable[["Generation", Flight, int | None], None]
"""Called when a batch came to its end: with its base offset, or None where it failed."""


class Generation:
    """A producer with its own producer id. `retired`: it gets no new batches. `sealed`: it sends none."""

    def __init__(self, settings: KafkaSettings, *, landed: Landed, freed: Callable[[], None]) -> None:
        self.flights: dict[tuple[str, int], Flight] = {}
        self.retired = False
        self.sealed = False
        self._landed = landed
        self._freed = freed
        self._out: dict[int, set[tuple[str, int]]] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=[server.strip() for server in settings.bootstrap_servers.split(",")],
            client_id=settings.client_id,
            acks="all",
            enable_idempotence=True,
            compression_type=None if settings.compression == "none" else settings.compression,
            max_batch_size=_ANY_SIZE,
            max_request_size=_ANY_SIZE,
            request_timeout_ms=int(min(5.0, settings.delivery_timeout_s) * 1000),
            retry_backoff_ms=100,
        )
        self._client = self._producer.client
        self._plain_send = self._client.send
        self._client.send = self._watched_send

    async def start(self, topics: Sequence[str]) -> None:
        """Connect, get a producer id and the topics' metadata. Raises KafkaError and OSError; bound the wait outside."""
        await self._producer.start()
        if topics:
            await self._client.set_topics(topics)

    def follow(self, topics: Sequence[str]) -> None:
        """Keep the metadata of these topics from now on; never waits."""
        if topics and not self.retired:
            self._client.set_topics(topics)

    def takes(self, topic: str, partition: int) -> bool:
        """Whether a batch of the partition would be written now: its leader is known and no request to it is out."""
        if self.retired or (topic, partition) in self.flights:
            return False
        leader = self._client.cluster.leader_for_partition(TopicPartition(topic, partition))
        return leader is not None and leader != -1 and not self._out.get(leader)

    def send(self, lane: Lane, pieces: Sequence[Piece]) -> None:
        """Hand one batch to aiokafka. Only where `takes` says so: then `send_batch` has nothing to wait for."""
        flight = Flight(lane, pieces)
        place = (lane.topic, lane.partition)
        self.flights[place] = flight
        self._empty.clear()
        try:
            future = self._hand_over(lane, pieces)
        except Exception:
            # A sender that died, a record that aiokafka cannot encode: never sent, and no reason to keep the lane waiting.
            _log.exception("kafka: a batch for %s-%s could not be handed over", *place)
            self._leave(place)
            self._landed(self, flight, None)
        else:
            future.add_done_callback(lambda done: self._end_flight(place, flight, done))

    def _hand_over(self, lane: Lane, pieces: Sequence[Piece]) -> "asyncio.Future[Any]":
        batch = self._producer.create_batch()
        append = batch.append
        for piece in pieces:
            for record in piece.records:
                append(
                    timestamp=record.timestamp_ms,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                )
        batch.close()
        records = sum(len(piece.records) for piece in pieces)
        if (
            batch.record_count() != records
        ):  # `append` says no more than None: an offset would be told for what is not there
            raise RuntimeError(f"aiokafka took {batch.record_count()} of {records} records into a batch")
        return _without_waiting(self._producer.send_batch(batch, lane.topic, partition=lane.partition))

    def seal(self) -> None:
        """Send nothing from now on; what is written stays written. It is retired too."""
        self.retired = True
        self.sealed = True

    async def wait_empty(self, timeout_s: float) -> bool:
        """Wait until no batch is on its way, at most so long; whether none is."""
        try:
            await asyncio.wait_for(self._empty.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def stop(self, timeout_s: float) -> None:
        """Close the producer and its sockets, at most so long each. Never raises for a fault of the broker."""
        self.retired = True
        # `stop` waits for every batch, whatever time it takes; where it may not, its sender would go on without an end.
        stop_sending = self._producer._sender.close  # noqa: SLF001 -- aiokafka has no other way to end it
        for closing in (self._producer.stop, stop_sending, self._client.close):
            try:
                await asyncio.wait_for(closing(), timeout_s)
            except (KafkaError, OSError, TimeoutError):
                continue

    def abandon(self) -> None:
        """Once stopped: what aiokafka left without an end has failed, so that its partitions can go on elsewhere."""
        for place, flight in tuple(self.flights.items()):
            self._leave(place)
            self._landed(self, flight, None)

    def _end_flight(self, place: tuple[str, int], flight: Flight, done: "asyncio.Future[Any]") -> None:
        if self.flights.get(place) is not flight:
            done.exception() if not done.cancelled() else None  # it was abandoned
            return
        self._leave(place)
        error = done.exception() if not done.cancelled() else KafkaError("cancelled")
        flight.unsent = isinstance(error, Sealed) and not flight.doubt
        self._landed(self, flight, None if error is not None else done.result().offset)

    def _leave(self, place: tuple[str, int]) -> None:
        self.flights.pop(place, None)
        for out in self._out.values():
            out.discard(place)
        if not self.flights:
            self._empty.set()

    async def _watched_send(self, node_id: int, request: Request[Any], **options: Any) -> Any:
        if not isinstance(request, ProduceRequest):
            return await self._plain_send(node_id, request, **options)
        if self.sealed:
            raise Sealed("the producer is being replaced")
        places = self._places_in(request)
        flights = {place: self.flights[place] for place in places if place in self.flights}
        doubts = {place: flight.doubt for place, flight in flights.items()}
        for flight in flights.values():
            flight.doubt = True
        self._out[node_id] = set(flights)
        landing: set[tuple[str, int]] = set()
        try:
            response = await self._plain_send(node_id, request, **options)
        except NodeNotReadyError as error:
            for place, flight in flights.items():
                flight.doubt = doubts[place]
            raise self._final(error) from error
        except KafkaError as error:
            raise self._final(error) from error
        else:
            landing = self._note_answers(response, flights, doubts)
            return response
        finally:
            # Those that land now keep the broker taken until they have: then their partitions can send again too.
            self._out[node_id] &= landing
            if not self._out[node_id]:
                self._freed()

    @staticmethod
    def _places_in(request: ProduceRequest) -> list[tuple[str, int]]:
        topics = request.prepare({ProduceRequest.API_KEY: (3, 7)}).topics
        return [(topic, partition) for topic, partitions in topics for partition, _ in partitions]

    @staticmethod
    def _note_answers(
        response: Any,
        flights: dict[tuple[str, int], Flight],
        doubts: dict[tuple[str, int], bool],
    ) -> set[tuple[str, int]]:
        """Write down what each answer proves; the places whose batch is stored."""
        stored: set[tuple[str, int]] = set()
        for topic, partitions in response.topics:
            for partition, code, *_ in partitions:
                place = (topic, partition)
                flight = flights.get(place)
                if flight is None:
                    continue
                if code in NOT_APPENDED:
                    flight.doubt = doubts[place]
                    flight.answer = NOT_APPENDED[code]
                elif code in STORED:
                    stored.add(place)
        return stored

    def _final(self, error: KafkaError) -> KafkaError:
        """A failed attempt as aiokafka should see it: no reason to try again, once sealed."""
        return Sealed("the producer is being replaced") if self.sealed else error


def _without_waiting(sending: Any) -> "asyncio.Future[Any]":
    """Run a coroutine that has nothing to wait for: a task for each batch would cost more than the batch."""
    try:
        sending.send(None)
    except StopIteration as done:
        future: asyncio.Future[Any] = done.value
        return future
    sending.close()
    raise RuntimeError("aiokafka's send_batch waits although the partition's leader is known and its queue is empty")
