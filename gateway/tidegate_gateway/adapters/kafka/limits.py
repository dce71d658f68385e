"""What a topic takes and what it does not: its settings in Kafka, and each record judged by them before it is batched.

Pure. Why before: a record that the broker refuses takes the good ones of its batch with it, and every later batch of its
partition until the producer is replaced. Called by the publishers; the settings come from `cluster`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate_gateway.intake.ports import Record, RecordRefused

__all__ = [
    "BATCH_HEADER_BYTES", "KAFKA_DEFAULTS", "TopicLimits", "check", "check_partition", "limits_from", "record_bytes", "times_taken",
]  # fmt: skip

BATCH_HEADER_BYTES = 61
"""The header of a record batch of magic 2 (Kafka protocol, RecordBatch)."""

_CLOCK_MS = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER_MS = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicLimits:
    """The settings of a topic that a record can offend (Kafka's topic configs of the same names).

    `before_max_ms` and `after_max_ms` are None where the topic stamps records itself (`message.timestamp.type`
    `LogAppendTime`): then no record's time is looked at.
    """

    max_message_bytes: int = 1_048_588
    before_max_ms: int | None = _NEVER_MS
    after_max_ms: int | None = 3_600_000
    compacted: bool = False


KAFKA_DEFAULTS = TopicLimits()
"""Kafka 4's own defaults, for brokers that do not say (no DescribeConfigs)."""


def limits_from(configs: Mapping[str, str | None]) -> TopicLimits:
    """The limits in a topic's described configs; what is missing or unreadable stays at Kafka's default."""
    stamped = configs.get("message.timestamp.type") == "LogAppendTime"
    before_ms = _number(configs.get("message.timestamp.before.max.ms"), _NEVER_MS)
    after_ms = _number(configs.get("message.timestamp.after.max.ms"), 3_600_000)
    return TopicLimits(
        max_message_bytes=_number(configs.get("max.message.bytes"), KAFKA_DEFAULTS.max_message_bytes),
        before_max_ms=None if stamped else before_ms,
        after_max_ms=None if stamped else after_ms,
        compacted="compact" in (configs.get("cleanup.policy") or "").split(","),
    )


def record_bytes(record: Record) -> int:
    """At most what the record takes in a batch, uncompressed, the batch's header not counted."""
    estimate: int = DefaultRecordBatchBuilder.estimate_size_in_bytes(record.key, record.value, list(record.headers))
    return estimate - BATCH_HEADER_BYTES


def times_taken(limits: TopicLimits, now_ms: int) -> tuple[int, int]:
    """The earliest and the latest time of a record that the topic takes at `now_ms`, milliseconds since 1970 UTC.

    Each is 10 s inside the topic's own bound (a twentieth of the bound where that is less): the broker's clock is another,
    and the record still has a way to go. Times before 1970 are never taken: Kafka's timestamps begin there.
    """
    if limits.before_max_ms is None or limits.after_max_ms is None:
        return 0, _NEVER_MS
    return max(0, now_ms - _inside(limits.before_max_ms)), now_ms + _inside(limits.after_max_ms)


def check(record: Record, size_bytes: int, limits: TopicLimits, now_ms: int) -> RecordRefused | None:
    """Why the topic would never take this record; None where it would.

    `size_bytes` is `record_bytes`; the exact size is computed only where that is too much. Sizes are uncompressed. `now_ms`
    is milliseconds since 1970 UTC.
    """
    if size_bytes + BATCH_HEADER_BYTES > limits.max_message_bytes:
        exact = _alone_bytes(record)
        if exact > limits.max_message_bytes:
            return RecordRefused(
                Code.TOO_LARGE,
                f"the record takes {exact} bytes in Kafka, the topic's max.message.bytes is {limits.max_message_bytes}",
            )
    if limits.compacted and record.key is None:
        return _violation("key", "the topic is compacted: a record needs a key", "a key", "no key")
    earliest_ms, latest_ms = times_taken(limits, now_ms)
    if not earliest_ms <= record.timestamp_ms <= latest_ms:
        return _bad_time(record.timestamp_ms, earliest_ms, latest_ms)
    return None


def check_partition(partition: int, partitions: int) -> RecordRefused | None:
    """Why a record cannot go to the partition that its producer asks for, in a topic of so many; None where it can."""
    if 0 <= partition < partitions:
        return None
    detail = f"the topic has {partitions} partition{'s' if partitions != 1 else ''}, and no partition {partition}"
    return _violation("range", detail, f"a partition from 0 to {partitions - 1}", str(partition))


def _alone_bytes(record: Record) -> int:
    """Exactly what a batch of this record alone takes, uncompressed."""
    builder = DefaultRecordBatchBuilder(
        2, 0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0, batch_size=0
    )
    size: int = builder.size_in_bytes(0, record.timestamp_ms, record.key, record.value, list(record.headers))
    return size + BATCH_HEADER_BYTES


def _inside(bound_ms: int) -> int:
    return bound_ms - min(_CLOCK_MS, bound_ms // 20)


def _bad_time(time_ms: int, earliest_ms: int, latest_ms: int) -> RecordRefused:
    latest = (
        f"from {_date(earliest_ms)} to {_date(latest_ms)}" if latest_ms < _NEVER_MS else f"from {_date(earliest_ms)}"
    )
    way = "later" if time_ms > latest_ms else "earlier"
    detail = f"the event time is {way} than the topic takes now (message.timestamp.*.max.ms)"
    return _violation("event_time", detail, latest, _date(time_ms))


def _date(time_ms: int) -> str:
    try:
        return (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        return f"{time_ms} ms since 1970"


def _violation(rule: str, detail: str, expected: str, found: str) -> RecordRefused:
    violation = Violation(pointer="#", rule=rule, detail=detail, expected=expected, found=found)
    return RecordRefused(Code.CONTRACT_VIOLATION, detail, violation)


def _number(text: str | None, default: int) -> int:
    try:
        return int(text) if text is not None else default
    except ValueError:
        return default
