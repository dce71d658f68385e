"""Pure parts of the publisher: partitions, linger, limits, settings, the table of answers."""

import pytest
from aiokafka.errors import (
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
)
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.answers import NOT_APPENDED, STORED
from tidegate_gateway.adapters.kafka.limits import (
    KAFKA_DEFAULTS,
    TopicLimits,
    check,
    limits_from,
    record_bytes,
    times_taken,
)
from tidegate_gateway.adapters.kafka.linger import Linger
from tidegate_gateway.adapters.kafka.partitioning import (
    murmur2,
    murmur2_all,
    partition_of,
    partitions_of,
)
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.intake.ports import Record, RecordRefused

NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_javas(key: bytes, signed: int) -> None:
    """The vectors of Kafka's own UtilsTest.testMurmur2."""
    assert murmur2(key) == signed & 0xFFFFFFFF


@settings(max_examples=200)
@given(st.binary(max_size=80), st.integers(1, 100))
def test_murmur2_is_aiokafkas(key: bytes, partitions: int) -> None:
    assert murmur2(key) == aiokafka_murmur2(key) & 0xFFFFFFFF
    assert partition_of(key, partitions) == (aiokafka_murmur2(key) & 0x7FFFFFFF) % partitions


def test_who_comes_alone_never_waits() -> None:
    linger = Linger(2.0)
    for _ in range(5):
        assert linger.wait_s(1, 0.0) == 0.0
        linger.flushed(1)


def test_company_is_waited_for_where_there_was_some() -> None:
    linger = Linger(2.0)
    linger.flushed(16)
    assert linger.wait_s(1, 0.0) == pytest.approx(0.002)
    assert linger.wait_s(1, 0.0015) == pytest.approx(0.0005)
    assert linger.wait_s(15, 0.003) == 0.0, "never longer than the linger"
    assert linger.wait_s(16, 0.0) == 0.0, "all are there"


def test_expectations_fall_step_by_step() -> None:
    linger = Linger(2.0)
    linger.flushed(16)
    waits = 0
    while linger.wait_s(1, 0.0) > 0 and waits < 20:
        linger.flushed(1)
        waits += 1
    assert waits == 4


def test_no_linger_never_waits() -> None:
    linger = Linger(0)
    linger.flushed(100)
    assert linger.wait_s(1, 0.0) == 0.0


def test_limits_are_read_from_the_topics_configs() -> None:
    read = limits_from(
        {
            "max.message.bytes": "2000",
            "message.timestamp.type": "CreateTime",
            "message.timestamp.before.max.ms": "9223372036854775807",
            "message.timestamp.after.max.ms": "60000",
            "cleanup.policy": "compact,delete",
        }
    )
    assert read == TopicLimits(max_message_bytes=2_000, after_max_ms=60_000, compacted=True)


@pytest.mark.parametrize("configs", [{}, {"max.message.bytes": None}, {"max.message.bytes": "much"}])
def test_what_the_broker_does_not_say_is_kafkas_default(configs: dict[str, str | None]) -> None:
    assert limits_from(configs) == KAFKA_DEFAULTS


def refused(record: Record, limits: TopicLimits = KAFKA_DEFAULTS) -> RecordRefused | None:
    return check(record, record_bytes(record), limits, NOW_MS)


def test_times_are_taken_inside_the_bounds() -> None:
    limits = TopicLimits(before_max_ms=100_000, after_max_ms=10_000_000)
    assert times_taken(limits, NOW_MS) == (NOW_MS - 95_000, NOW_MS + 9_990_000)
    earliest, latest = times_taken(limits, NOW_MS)
    for time_ms, good in ((earliest, True), (earliest - 1, False), (latest, True), (latest + 1, False)):
        found = refused(Record(b"k", b"v", (), time_ms), limits)
        assert (found is None) is good
        if found is not None:
            assert found.violation is not None
            assert (found.code, found.violation.rule) == (Code.CONTRACT_VIOLATION, "event_time")
            assert "2027-01-15T" in found.violation.expected


def test_a_time_before_1970_is_refused() -> None:
    found = refused(Record(b"k", b"v", (), -1))
    assert found is not None
    assert found.violation is not None
    assert found.violation.found == "1969-12-31T23:59:59.999Z"


def test_a_time_past_every_calendar_is_refused_and_shown() -> None:
    found = refused(Record(b"k", b"v", (), 2**62))
    assert found is not None
    assert found.violation is not None
    assert found.violation.found == f"{2**62} ms since 1970"


def test_a_topic_that_stamps_itself_takes_all_times() -> None:
    limits = limits_from({"message.timestamp.type": "LogAppendTime"})
    assert refused(Record(b"k", b"v", (), NOW_MS * 5), limits) is None


def test_an_empty_key_is_a_key() -> None:
    limits = TopicLimits(compacted=True)
    assert refused(Record(b"", b"v", (), NOW_MS), limits) is None
    found = refused(Record(None, b"v", (), NOW_MS), limits)
    assert found is not None
    assert found.violation is not None
    assert found.violation.rule == "key"


def test_what_comes_after_the_append_proves_nothing() -> None:
    assert NotEnoughReplicasError.errno in NOT_APPENDED
    assert NotEnoughReplicasAfterAppendError.errno not in NOT_APPENDED
    assert RequestTimedOutError.errno not in NOT_APPENDED
    assert NotLeaderForPartitionError.errno not in NOT_APPENDED, "a broker that loses its leadership after the append"
    assert not STORED & set(NOT_APPENDED)


def test_good_settings_have_nothing_wrong() -> None:
    assert KafkaSettings(bootstrap_servers="127.0.0.1:9092, kafka-2:9093").validate() == ()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"bootstrap_servers": "kafka"}, "bootstrap_servers"),
        ({"bootstrap_servers": ""}, "bootstrap_servers"),
        ({"bootstrap_servers": "a:1,b:99999"}, "bootstrap_servers"),
        ({"compression": "brotli"}, "compression"),
        ({"linger_ms": -1}, "linger_ms"),
        ({"delivery_timeout_s": 0}, "delivery_timeout_s"),
        ({"buffer_bytes": 1}, "buffer_bytes"),
        ({"probe_s": 10}, "probe_s"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, object], named: str) -> None:
    (line,) = KafkaSettings(**{"bootstrap_servers": "kafka:9092", **options}).validate()  # type: ignore[arg-type]  # by name
    assert line.startswith(named + ":")


@given(
    st.integers(1, 40).flatmap(lambda size: st.lists(st.binary(min_size=size, max_size=size), min_size=1, max_size=30))
)
@settings(max_examples=200)
def test_keys_hashed_together_hash_as_alone(keys: list[bytes]) -> None:
    edges = [b"\xff" * len(keys[0]), b"\0" * len(keys[0])]
    assert list(murmur2_all(keys + edges)) == [murmur2(key) for key in keys + edges]


@given(st.lists(st.one_of(st.binary(max_size=9), st.binary(min_size=4, max_size=4)), max_size=60), st.integers(1, 1000))
@settings(max_examples=200)
def test_partitions_of_many_keys_of_any_length(keys: list[bytes], partitions: int) -> None:
    assert partitions_of(keys, partitions) == {key: partition_of(key, partitions) for key in keys}
