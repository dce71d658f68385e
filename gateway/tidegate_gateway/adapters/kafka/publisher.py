"""The Publisher on Kafka: records are checked, queued by partition, sent in batches, and each gets an honest outcome.

The way of a submission: `picking` sorts its records -> may each partition be tried (`standing`)? -> pieces, one for each partition ->
`accumulator` -> `delivery` sends a batch for each free partition through the current generation -> the batch lands -> the pieces'
futures -> outcomes. A future belongs to a piece, not to a record. Called by `app` (start, watch_topics, close) and the intake
(publish, ready). What may come in is decided here; what Kafka says of its topics is `cluster`'s.
"""

import asyncio
import random as random_module
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import time

from tidegate_gateway.adapters.kafka.accumulator import Lane, Piece, PieceOutcome
from tidegate_gateway.adapters.kafka.cluster import Cluster
from tidegate_gateway.adapters.kafka.delivery import Delivery
from tidegate_gateway.adapters.kafka.generation import SEQUENCE_BOUND
from tidegate_gateway.adapters.kafka.picking import Picked, cuts, pick
from tidegate_gateway.adapters.kafka.refusals import CLOSED, away, no_room, partition_refused, topic_absent
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.adapters.kafka.topics import Topic, WantedTopic
from tidegate_gateway.intake.ports import NotStored, Outcome, Record, RecordStored

__all__ = ["KafkaPublisher"]

_FIRST_LOOK_S = 5.0
_WATCH_S = 5.0


class KafkaPublisher:
    """`ports.Publisher` on aiokafka: idempotent, acks=all, bounded in bytes and in time. One for a process and event loop."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        random: Callable[[], float] = random_module.random,
        sequence_bound: int = SEQUENCE_BOUND,
    ) -> None:
        """`random` gives numbers in [0, 1); after `sequence_bound` records in a partition the producer is replaced. Raises
        ValueError where the settings do not validate."""
        if wrong := settings.validate():
            raise ValueError("; ".join(wrong))
        self._random = random
        self._cluster = Cluster(settings, changed=self._on_cluster)
        self._delivery = Delivery(settings, self._cluster, random=random, sequence_bound=sequence_bound)
        self._accumulator = self._delivery.accumulator
        self._refused = self._delivery.refused
        self._closed = False
        self._loop = asyncio.get_running_loop()

    async def start(self) -> None:
        """Look for the brokers, at most 10 s, and go on looking. A broker that is away is no failure: it is `ready`'s matter."""
        await self._cluster.start(_FIRST_LOOK_S)
        self._delivery.start()
        if self._cluster.up:
            await self._delivery.generations.wait_made(_FIRST_LOOK_S)

    async def watch_topics(self, topics: Iterable[str] | Mapping[str, WantedTopic]) -> None:
        """The catalogue's topics from now on: their partitions and limits are read, at most 5 s long. Call at each change."""
        await self._cluster.watch(topics, _WATCH_S)

    def topics_missing(self) -> Mapping[str, str]:
        """Topics of the catalogue that Kafka does not have, each with why (`does not exist in Kafka`)."""
        return self._cluster.absent

    def ready(self) -> tuple[bool, str]:
        """Whether brokers answer and a producer is there that moves; what is wrong, topics that are missing and partitions that
        are refused named."""
        if not self._cluster.up:
            return False, self._cluster.detail
        if self._delivery.generations.current is None:
            return False, "brokers answer; the producer is being made"
        if self._delivery.watchdog.suspicious:
            return False, f"brokers answer; the producer has not moved for {self._delivery.watchdog.silent_s:.0f} s"
        if not self._refused:
            return True, self._cluster.detail
        refused = ", ".join(f"{topic}-{partition}" for topic, partition in sorted(self._refused)[:5])
        return True, f"{self._cluster.detail}; {len(self._refused)} partitions take no events now: {refused}"

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float) -> Sequence[Outcome]:
        """Store the records of one submission: see `ports.Publisher`.

        A record that the topic would never take is refused alone. `offset` is -1 where Kafka says that a record was stored
        by an earlier attempt and no longer knows where.
        """
        known = self._cluster.topics.get(topic)
        refusal = self._refusal(topic, known)
        if refusal is not None or known is None:
            return [refusal or CLOSED] * len(records)
        outcomes: list[Outcome | None] = [None] * len(records)
        for piece, places in await self._take_in(topic, known, records, outcomes, self._loop.time() + timeout_s):
            _tell(await piece.future, piece, places, outcomes)
        return [outcome or CLOSED for outcome in outcomes]

    async def _take_in(
        self, topic: str, known: Topic, records: Sequence[Record], outcomes: list[Outcome | None], deadline_s: float
    ) -> list[tuple[Piece, Sequence[int]]]:
        """Queue what may be; the outcomes of all others are written into `outcomes`. What each piece's places in the submission are."""
        keyless = self._sticky_partition(topic, known)
        picked = await pick(known, records, outcomes, keyless=keyless, now_ms=int(time() * 1000))
        if self._closed:  # while they were looked at: nobody would see to their deadline any more
            return []
        trials = self._without_refused(topic, picked, outcomes) if self._refused else []
        why = self._crowd(topic, picked)
        if why is not None:
            outcomes[:] = [outcome or why for outcome in outcomes]
            return []
        for lane in trials:
            lane.standing.tried(self._loop.time(), self._random())
        return self._queue(topic, known, picked, records, deadline_s)

    async def close(self, drain_s: float) -> None:
        """Take nothing more, send what waits, at most `drain_s` seconds, and close. What was not sent is not stored."""
        self._closed = True
        try:
            await self._delivery.close(drain_s)
        finally:
            await self._cluster.close()

    def _on_cluster(self) -> None:
        self._delivery.on_cluster()

    def _refusal(self, topic: str, known: Topic | None) -> NotStored | None:
        """Why nothing can be stored in the topic now; None where it can be tried."""
        if self._closed:
            return CLOSED
        if not self._cluster.up:
            return away(self._random())
        if known is None:
            return topic_absent(topic, self._cluster.absent.get(topic, "is not known in Kafka yet"), self._random())
        return None

    def _without_refused(self, topic: str, picked: Picked, outcomes: list[Outcome | None]) -> list[Lane]:
        """Take out what is for a partition that is refused, and say so; the partitions that are to be tried with what is left."""
        now_s = self._loop.time()
        trials: list[Lane] = []
        for partition in tuple(picked):
            lane = self._refused.get((topic, partition))
            if lane is None:
                continue
            if self._delivery.has_leader(lane) and lane.standing.admits(now_s):
                trials.append(lane)
                continue
            refused = partition_refused(lane, self._random())
            for place in picked.pop(partition)[1]:
                outcomes[place] = refused
        return trials

    def _crowd(self, topic: str, picked: Picked) -> NotStored | None:
        """Why there is no room for these; None where there is."""
        accumulator = self._accumulator
        held = {partition: accumulator.held(len(sizes), sum(sizes)) for partition, (sizes, _) in picked.items()}
        if not accumulator.has_room(sum(held.values())):
            return no_room(accumulator.held_bytes, self._random())
        for partition, held_bytes in held.items():
            lane = accumulator.lane(topic, partition)
            if not accumulator.has_share(lane, held_bytes):
                return no_room(lane.held_bytes, self._random())
        return None

    def _queue(
        self, topic: str, known: Topic, picked: Picked, records: Sequence[Record], deadline_s: float
    ) -> list[tuple[Piece, Sequence[int]]]:
        """Queue the picked records in pieces of at most a batch each; what each piece's places in the submission are."""
        max_bytes = self._delivery.batch_bytes(known)
        now_s = self._loop.time()
        sent: list[tuple[Piece, Sequence[int]]] = []
        for partition, (sizes, places) in picked.items():
            lane = self._accumulator.lane(topic, partition)
            before: Piece | None = None
            for start, end, size_bytes in cuts(sizes, max_bytes):
                part = places[start:end]
                held = [records[place] for place in part]
                before = Piece(lane, held, size_bytes, deadline_s, self._loop.create_future(), before)
                self._accumulator.add(before, now_s)
                sent.append((before, part))
        self._delivery.schedule()
        return sent

    def _sticky_partition(self, topic: str, known: Topic) -> int:
        """Where records without a key go until the next flush (KIP-480): together, so that batches fill. Refused ones are avoided."""
        chosen = self._delivery.sent.get(topic, 0)
        available = known.available
        if self._refused:
            for step in range(len(available)):
                partition = available[(chosen + step) % len(available)]
                if (topic, partition) not in self._refused:
                    return partition
        return available[chosen % len(available)]


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
