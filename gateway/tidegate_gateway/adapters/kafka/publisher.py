"""The Publisher on Kafka: records are checked, queued by partition, sent in batches, and each gets an honest outcome.

The way of a submission: `limits.check` each record -> pieces, one for each partition -> `accumulator` -> a flush sends a batch
for each free partition through the current `generation` -> the batch lands -> the pieces' futures -> outcomes. A future
belongs to a piece, not to a record. Called by `app` (start, watch_topics, close) and the intake (publish, ready). What Kafka says
of its topics is `cluster`'s, producers' lives are `generations`'.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from time import time

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.accumulator import Accumulator, Lane, Piece, PieceOutcome
from tidegate_gateway.adapters.kafka.cluster import Cluster, Topic
from tidegate_gateway.adapters.kafka.generation import Flight, Generation
from tidegate_gateway.adapters.kafka.generations import Generations
from tidegate_gateway.adapters.kafka.limits import BATCH_HEADER_BYTES, check, record_bytes, times_taken
from tidegate_gateway.adapters.kafka.linger import Linger
from tidegate_gateway.adapters.kafka.partitioning import WORTHWHILE, partition_of, partitions_of
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.intake.ports import NotStored, Outcome, Record, RecordStored, Unknown

__all__ = ["KafkaPublisher"]

_SWEEP_S = 0.1
_FIRST_LOOK_S = 5.0
_WATCH_S = 5.0
_STOP_S = 0.5
_TURN = 1_000
"""The loop is yielded to after so many records of one submission."""

_LATE = NotStored(Code.BROKER_UNAVAILABLE, "Kafka took no events before the deadline; this one was not sent")
_CLOSED = NotStored(Code.OVERLOADED, "the gateway is shutting down")
_log = logging.getLogger(__name__)


class KafkaPublisher:
    """`ports.Publisher` on aiokafka: idempotent, acks=all, bounded in bytes and in time. One for a process and event loop."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Raises ValueError where the settings do not validate."""
        if wrong := settings.validate():
            raise ValueError("; ".join(wrong))
        self._settings = settings
        self._accumulator = Accumulator(settings.buffer_bytes)
        self._linger = Linger(settings.linger_ms)
        self._cluster = Cluster(settings, changed=self._on_topics)
        self._generations = Generations(
            settings, landed=self._on_landed, freed=self._schedule, topics=lambda: sorted(self._cluster.topics)
        )
        self._sticky: dict[str, int] = {}
        self._flush_handle: asyncio.TimerHandle | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._closed = False
        self._progress = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def start(self) -> None:
        """Look for the brokers, at most 10 s, and go on looking. A broker that is away is no failure: it is `ready`'s matter."""
        await self._cluster.start(_FIRST_LOOK_S)
        self._generations.start()
        if self._cluster.up:
            await self._generations.wait_made(_FIRST_LOOK_S)
        self._sweeper = asyncio.create_task(self._sweep(), name="kafka-sweep")

    async def watch_topics(self, topics: Iterable[str]) -> None:
        """The catalogue's topics from now on: their partitions and limits are read, at most 5 s long. Call at each change."""
        await self._cluster.watch(topics, _WATCH_S)

    def topics_missing(self) -> Mapping[str, str]:
        """Topics of the catalogue that Kafka does not have, each with why (`does not exist in Kafka`)."""
        return self._cluster.absent

    def ready(self) -> tuple[bool, str]:
        """Whether brokers answer and a producer is there; what is wrong, topics that are missing named."""
        if self._cluster.up and self._generations.current is None:
            return False, "brokers answer; the producer is being made"
        return self._cluster.up, self._cluster.detail

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float) -> Sequence[Outcome]:
        """Store the records of one submission: see `ports.Publisher`.

        A record that the topic would never take is refused alone. `offset` is -1 where Kafka says that a record was stored
        by an earlier attempt and no longer knows where.
        """
        known = self._cluster.topics.get(topic)
        refusal = self._refusal(topic, known)
        if refusal is not None or known is None:
            return [refusal or _CLOSED] * len(records)
        outcomes: list[Outcome | None] = [None] * len(records)
        picked = await self._pick(topic, known, records, outcomes)
        if self._closed:  # while they were looked at: nobody would see to their deadline any more
            return [outcome or _CLOSED for outcome in outcomes]
        size_bytes = sum(size for sizes, _ in picked.values() for size in sizes)
        if not self._accumulator.has_room(size_bytes):
            return [outcome or self._no_room() for outcome in outcomes]
        deadline_s = self._loop.time() + timeout_s
        sent = self._queue(topic, known, picked, records, deadline_s)
        for piece, places in sent:
            _tell(await piece.future, piece, places, outcomes)
        return [outcome or _CLOSED for outcome in outcomes]

    async def close(self, drain_s: float) -> None:
        """Take nothing more, send what waits, at most `drain_s` seconds, and close. What was not sent is not stored."""
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                while self._owed():
                    self._progress.clear()
                    await self._progress.wait()
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        self._accumulator.expire(float("inf"), _CLOSED)
        for generation in self._generations.flying():
            generation.seal()
            for flight in generation.flights.values():
                _give_up(flight, float("inf"))
        await self._generations.close(_STOP_S)
        await self._cluster.close()
        if self._flush_handle is not None:
            self._flush_handle.cancel()

    def _owed(self) -> bool:
        """Whether anybody still waits for an answer: what is past its deadline and told keeps nobody from going."""
        flights = (flight for generation in self._generations.flying() for flight in generation.flights.values())
        return self._accumulator.waiting > 0 or any(
            not piece.future.done() for flight in flights for piece in flight.pieces
        )

    def _refusal(self, topic: str, known: Topic | None) -> NotStored | None:
        """Why nothing can be stored in the topic now; None where it can be tried."""
        if self._closed:
            return _CLOSED
        if not self._cluster.up:
            return NotStored(Code.BROKER_UNAVAILABLE, "Kafka is away")  # where and why is for the log and readyz
        if known is None:
            why = self._cluster.absent.get(topic, "is not known in Kafka yet")
            return NotStored(Code.BROKER_UNAVAILABLE, f"topic {topic} {why}", 5.0)
        return None

    def _no_room(self) -> NotStored:
        return NotStored(
            Code.OVERLOADED,
            f"{self._accumulator.held_bytes} bytes of events wait for Kafka already, at most so many may",
        )

    async def _pick(
        self, topic: str, known: Topic, records: Sequence[Record], outcomes: list[Outcome | None]
    ) -> dict[int, tuple[list[int], list[int]]]:
        """Sizes and places of the good records by partition; the outcomes of the others."""
        picked: dict[int, tuple[list[int], list[int]]] = {}
        now_ms = int(time() * 1000)
        limits, partitions = known.limits, known.partitions
        # What `check` would find, looked at from outside: it is called only where something may be wrong.
        plain_bytes, compacted = limits.max_message_bytes - BATCH_HEADER_BYTES, limits.compacted
        earliest_ms, latest_ms = times_taken(limits, now_ms)
        keyless = self._sticky_partition(topic, known)
        together = len(records) >= WORTHWHILE
        keyed = (
            partitions_of([record.key for record in records if record.key is not None], partitions) if together else {}
        )
        for place, record in enumerate(records):
            if place % _TURN == _TURN - 1:
                await asyncio.sleep(0)
            size = record_bytes(record)
            key = record.key
            if size > plain_bytes or not earliest_ms <= record.timestamp_ms <= latest_ms or (key is None and compacted):
                refused = check(record, size, limits, now_ms)
                if refused is not None:
                    outcomes[place] = refused
                    continue
            partition = keyless if key is None else keyed[key] if together else partition_of(key, partitions)
            found = picked.get(partition)
            if found is None:
                picked[partition] = ([size], [place])
            else:
                found[0].append(size)
                found[1].append(place)
        return picked

    def _queue(
        self,
        topic: str,
        known: Topic,
        picked: Mapping[int, tuple[list[int], list[int]]],
        records: Sequence[Record],
        deadline_s: float,
    ) -> list[tuple[Piece, Sequence[int]]]:
        """Queue the picked records in pieces of at most a batch each; what each piece's places in the submission are."""
        max_bytes = self._batch_bytes(known)
        now_s = self._loop.time()
        sent: list[tuple[Piece, Sequence[int]]] = []
        for partition, (sizes, places) in picked.items():
            lane = self._accumulator.lane(topic, partition)
            before: Piece | None = None
            for start, end, size_bytes in _cuts(sizes, max_bytes):
                part = places[start:end]
                held = [records[place] for place in part]
                before = Piece(lane, held, size_bytes, deadline_s, self._loop.create_future(), before)
                self._accumulator.add(before, now_s)
                sent.append((before, part))
        self._schedule()
        return sent

    def _batch_bytes(self, known: Topic) -> int:
        return min(self._settings.batch_bytes, known.limits.max_message_bytes) - BATCH_HEADER_BYTES

    def _sticky_partition(self, topic: str, known: Topic) -> int:
        """Where records without a key go until the next flush (KIP-480): together, so that batches fill."""
        chosen = self._sticky.setdefault(topic, 0)
        return known.available[chosen % len(known.available)]

    def _schedule(self) -> None:
        """Flush now, or see that it is done once the linger is over."""
        accumulator = self._accumulator
        if not accumulator.waiting:
            return
        wait_s = self._linger.wait_s(accumulator.waiting, self._loop.time() - accumulator.oldest_s)
        if wait_s <= 0:
            self._flush()
        elif self._flush_handle is None:
            self._flush_handle = self._loop.call_later(wait_s, self._flush)

    def _flush(self) -> None:
        """Send a batch of every partition that has something and is free."""
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        generation = self._generations.current
        if generation is None:
            return
        together = 0
        for lane in self._accumulator.ready():
            known = self._cluster.topics.get(lane.topic)
            if known is None or not generation.takes(lane.topic, lane.partition) or self._flies_elsewhere(lane):
                continue
            pieces = self._accumulator.take(lane, self._batch_bytes(known))
            if not pieces:
                continue
            together += len(pieces)
            generation.send(lane, pieces)
            self._sticky[lane.topic] = self._sticky.get(lane.topic, 0) + 1
        if together:
            self._linger.flushed(together)

    def _flies_elsewhere(self, lane: Lane) -> bool:
        return any((lane.topic, lane.partition) in generation.flights for generation in self._generations.flying())

    def _on_landed(self, generation: Generation, flight: Flight, base: int | None) -> None:
        """A batch came to its end."""
        self._progress.set()
        if base is not None:
            for piece in flight.pieces:
                piece.resolve(base)
                base = base + len(piece.records) if base >= 0 else -1
            self._accumulator.done(flight.lane, flight.pieces)
        elif flight.unsent and not self._closed:
            self._accumulator.put_back(flight.lane, flight.pieces, self._loop.time())
        else:
            _give_up(flight, float("inf"))
            self._accumulator.done(flight.lane, flight.pieces)
            self._generations.replace(
                generation,
                f"a batch for {flight.lane.topic}-{flight.lane.partition} failed ({flight.answer or 'no answer'})",
                at_once=False,
            )
            self._cluster.stale()
        self._schedule()

    def _on_topics(self) -> None:
        """The view of the brokers changed."""
        self._generations.follow(sorted(self._cluster.topics))
        self._schedule()

    async def _sweep(self) -> None:
        """Keep the deadlines: nothing here waits longer than it was told, whatever Kafka's client does."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                self._sweep_once(self._loop.time())
            except Exception:  # without it every later wait would be for ever
                _log.exception("kafka: a sweep failed")

    def _sweep_once(self, now_s: float) -> None:
        self._accumulator.expire(now_s, _LATE)
        self._progress.set()
        for generation in self._generations.flying():
            overdue = [flight for flight in generation.flights.values() if _give_up(flight, now_s)]
            if overdue:
                certain = any(not flight.doubt for flight in overdue)
                self._generations.replace(generation, "a batch was not answered in time", at_once=certain)
        self._schedule()


def _give_up(flight: Flight, now_s: float) -> bool:
    """Resolve what is past its deadline in a batch that has not landed; whether there was any."""
    overdue = [piece for piece in flight.pieces if piece.deadline_s <= now_s and not piece.future.done()]
    for piece in overdue:
        if flight.doubt:
            piece.resolve(Unknown("Kafka got the event and did not say before the deadline whether it is stored"))
        else:
            answer = f": {flight.answer}" if flight.answer else ""
            piece.resolve(NotStored(Code.BROKER_UNAVAILABLE, f"Kafka did not take the event{answer}"))
    return bool(overdue)


def _cuts(sizes: Sequence[int], max_bytes: int) -> Iterable[tuple[int, int, int]]:
    """Cut sizes into runs of at most `max_bytes`, or of one: start, end, bytes."""
    start = total = 0
    for place, size in enumerate(sizes):
        if place > start and total + size > max_bytes:
            yield start, place, total
            start, total = place, 0
        total += size
    if sizes:
        yield start, len(sizes), total


def _tell(outcome: PieceOutcome, piece: Piece, places: Sequence[int], outcomes: list[Outcome | None]) -> None:
    """A piece's outcome, said for each of its records."""
    if not isinstance(outcome, int):
        for place in places:
            outcomes[place] = outcome
        return
    partition = piece.lane.partition
    if outcome < 0:
        for place in places:
            outcomes[place] = RecordStored(partition, -1)
        return
    for offset, place in enumerate(places, outcome):
        outcomes[place] = RecordStored(partition, offset)
