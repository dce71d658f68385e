"""A Publisher in memory: topics, partitions, records, with Kafka's own rules of place and refusal. Keeps no promise over a restart.

Called by tests of the doors and the intake, and by whoever wants a gateway without a broker. Scripted outcomes come first, so
that every answer of the port can be had without a fault of a real broker.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import time

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.limits import KAFKA_DEFAULTS, TopicLimits, check, check_partition, record_bytes
from tidegate_gateway.adapters.kafka.partitioning import partition_of
from tidegate_gateway.intake.ports import NotStored, Outcome, Record, RecordStored, Unknown

__all__ = ["MemoryPublisher"]


class MemoryPublisher:
    """`topics` maps a topic to its partitions, each a list of its records: an offset is a place in that list.

    `partitions`: of each topic. `limits`: by topic, Kafka's defaults where none. `missing`: topics that do not exist.
    `script`: outcomes for the records that come next, one for each, None for "as usual"; after one that is `NotStored` or
    `Unknown`, later records of its partition in the submission are `after_failure`, as with Kafka. A scripted `RecordStored`
    is told and not kept. `ready_detail` empty: ready.
    """

    def __init__(
        self,
        *,
        partitions: int = 3,
        limits: Mapping[str, TopicLimits] | None = None,
        missing: Iterable[str] = (),
        script: Iterable[Outcome | None] = (),
        ready_detail: str = "",
        now_ms: Callable[[], int] = lambda: int(time() * 1000),
    ) -> None:
        self.topics: dict[str, list[list[Record]]] = {}
        self.ready_detail = ready_detail
        self._partitions = partitions
        self._limits = dict(limits or {})
        self._missing = frozenset(missing)
        self._script = iter(script)
        self._now_ms = now_ms
        self._submissions = 0

    async def start(self) -> None:
        """Nothing to start."""

    async def watch_topics(self, topics: Iterable[str]) -> None:
        """Make the topics that are named, unless they are missing."""
        for topic in topics:
            if topic not in self._missing:
                self._partitions_of(topic)

    async def close(self, drain_s: float) -> None:
        """Nothing waits here, so nothing is drained; not ready from now on. `drain_s` seconds is the port's bound."""
        self.ready_detail = f"closed, {drain_s:g} s were allowed"

    def topics_missing(self) -> Mapping[str, str]:
        """Topics that do not exist, each with why."""
        return dict.fromkeys(sorted(self._missing), "does not exist in Kafka")

    def ready(self) -> tuple[bool, str]:
        """Whether it was told to be."""
        return not self.ready_detail, self.ready_detail or "in memory"

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float) -> Sequence[Outcome]:
        """Keep the records at once: see `ports.Publisher`. `timeout_s` seconds are never needed."""
        if topic in self._missing:
            why = NotStored(Code.BROKER_UNAVAILABLE, f"topic {topic} does not exist in Kafka", 5.0)
            return [why] * len(records)
        if timeout_s <= 0:
            return [NotStored(Code.BROKER_UNAVAILABLE, "the deadline had passed; nothing was sent")] * len(records)
        self._submissions += 1
        failed: set[int] = set()
        return [self._one(topic, record, failed) for record in records]

    def records(self, topic: str) -> list[Record]:
        """All records of a topic, partition after partition."""
        return [record for partition in self.topics.get(topic, ()) for record in partition]

    def _one(self, topic: str, record: Record, failed: set[int]) -> Outcome:
        refused = check(record, record_bytes(record), self._limits.get(topic, KAFKA_DEFAULTS), self._now_ms())
        if refused is not None:
            return refused
        partitions = self._partitions_of(topic)
        key, place = record.key, record.partition
        if place is None:
            place = self._submissions % len(partitions) if key is None else partition_of(key, len(partitions))
        elif (refused := check_partition(place, len(partitions))) is not None:
            return refused
        if place in failed:
            return NotStored(Code.AFTER_FAILURE, "an earlier event for the same partition was not stored")
        scripted = next(self._script, None)
        if scripted is not None:
            if isinstance(scripted, NotStored | Unknown):
                failed.add(place)
            return scripted
        partitions[place].append(record)
        return RecordStored(place, len(partitions[place]) - 1)

    def _partitions_of(self, topic: str) -> list[list[Record]]:
        return self.topics.setdefault(topic, [[] for _ in range(self._partitions)])
