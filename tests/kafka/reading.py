"""A topic read back to its end by a stock consumer (librdkafka): what a test believes, not what a producer was told."""

from collections.abc import Mapping
from time import monotonic, sleep
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

_WAIT_S = 10.0
_READ_S = 60.0


class ReadRecord(NamedTuple):
    """One record as a consumer sees it; `timestamp_ms` counts from 1970 UTC."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int


def read_topic(bootstrap: str, topic: str, since: Mapping[int, int] | None = None) -> list[ReadRecord]:
    """Every record of the topic up to the end it has now, partition after partition, in the order of offsets.

    `since`: for some partitions, the offset to begin at.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "tests",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 20,
            "fetch.error.backoff.ms": 20,
        }
    )
    try:
        found = consumer.list_topics(topic, timeout=_WAIT_S).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return _read_to(consumer, topic, _ends(consumer, topic, sorted(found.partitions), since or {}))
    finally:
        consumer.close()


def _ends(consumer: Consumer, topic: str, partitions: list[int], since: Mapping[int, int]) -> dict[int, int]:
    """Start at the first record of each partition that has any, or at `since`; the offset after the last of each."""
    ends: dict[int, int] = {}
    begin: list[TopicPartition] = []
    for partition in partitions:
        low, high = _watermarks(consumer, topic, partition)
        low = max(low, since.get(partition, 0))
        if high > low:
            begin.append(TopicPartition(topic, partition, low))
            ends[partition] = high
    consumer.assign(begin)
    return ends


def _watermarks(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """The first offset and the one after the last. A leader that was just elected says for a moment that it cannot know."""
    until = monotonic() + _WAIT_S
    while True:
        try:
            marks = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_WAIT_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.OFFSET_NOT_AVAILABLE or monotonic() > until:
                raise
            sleep(0.2)
            continue
        if marks is None:
            raise AssertionError(f"{topic}-{partition} has no watermarks")
        return marks


def _read_to(consumer: Consumer, topic: str, ends: dict[int, int]) -> list[ReadRecord]:
    records: list[ReadRecord] = []
    open_ends = dict(ends)
    until = monotonic() + _READ_S
    while open_ends and monotonic() < until:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error() is not None:
            raise KafkaException(message.error())
        records.append(_record(message))
        partition, offset = records[-1].partition, records[-1].offset
        if offset + 1 >= ends[partition]:
            open_ends.pop(partition, None)
    if open_ends:
        raise AssertionError(f"{topic} was not read to its ends {open_ends} in {_READ_S} s")
    return sorted(records, key=lambda record: (record.partition, record.offset))


def _record(message: Message) -> ReadRecord:
    partition, offset = message.partition(), message.offset()
    if partition is None or offset is None:
        raise AssertionError("a message without a place")
    return ReadRecord(partition, offset, message.key(), message.value(), _headers(message), message.timestamp()[1])


def _headers(message: Message) -> list[tuple[str, bytes]]:
    """The headers in their order; none are None in what Tidegate writes."""
    return [(str(pair[0]), bytes(pair[1])) for pair in message.headers() or [] if not isinstance(pair, str)]  # type: ignore[arg-type]  # the stub allows str
