"""The records of one submission sorted: which are refused, which partition takes each of the others. Called by `publisher`.

The hot loop of the publisher. Only the event loop is touched here (it is yielded to); nothing is queued.
"""

import asyncio
from collections.abc import Iterable, Sequence

from tidegate_gateway.adapters.kafka.limits import BATCH_HEADER_BYTES, check, check_partition, record_bytes, times_taken
from tidegate_gateway.adapters.kafka.partitioning import WORTHWHILE, partition_of, partitions_of
from tidegate_gateway.adapters.kafka.topics import Topic
from tidegate_gateway.intake.ports import Outcome, Record

__all__ = ["Picked", "cuts", "pick"]

Picked = dict[int, tuple[list[int], list[int]]]
"""By partition: the sizes of its records in bytes, and their places in the submission."""

_TURN = 1_000
"""The loop is yielded to after so many records of one submission."""


async def pick(
    known: Topic, records: Sequence[Record], outcomes: list[Outcome | None], *, keyless: int, now_ms: int
) -> Picked:
    """The good records by partition; the outcomes of the others are written into `outcomes`. Records without a key go to
    partition `keyless`, those that name their partition to that. `now_ms` is milliseconds since 1970 UTC."""
    picked: Picked = {}
    limits, partitions = known.limits, known.partitions
    # What `check` would find, looked at from outside: it is called only where something may be wrong.
    plain_bytes, compacted = limits.max_message_bytes - BATCH_HEADER_BYTES, limits.compacted
    earliest_ms, latest_ms = times_taken(limits, now_ms)
    together = len(records) >= WORTHWHILE
    keyed = partitions_of([record.key for record in records if record.key is not None], partitions) if together else {}
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
        partition = record.partition
        if partition is None:
            partition = keyless if key is None else keyed[key] if together else partition_of(key, partitions)
        elif (refused := check_partition(partition, partitions)) is not None:
            outcomes[place] = refused
            continue
        found = picked.get(partition)
        if found is None:
            picked[partition] = ([size], [place])
        else:
            found[0].append(size)
            found[1].append(place)
    return picked


def cuts(sizes: Sequence[int], max_bytes: int) -> Iterable[tuple[int, int, int]]:
    """Cut sizes into runs of at most `max_bytes`, or of one: start, end, bytes."""
    start = total = 0
    for place, size in enumerate(sizes):
        if place > start and total + size > max_bytes:
            yield start, place, total
            start, total = place, 0
        total += size
    if sizes:
        yield start, len(sizes), total
