"""What metadata and configs say of topics, and what is told of it."""

from tidegate_gateway.adapters.kafka.limits import KAFKA_DEFAULTS, TopicLimits
from tidegate_gateway.adapters.kafka.topics import (
    MISSING,
    Topic,
    View,
    WantedTopic,
    configs_asked,
    read_topics,
    said,
)

ANY = WantedTopic()


def row(name: str, leaders: list[int], code: int = 0, replicas: int = 1) -> tuple[object, ...]:
    return (code, name, False, [(0, n, leader, list(range(replicas)), [0], []) for n, leader in enumerate(leaders)])


def test_partitions_leaders_and_limits() -> None:
    configs = {"orders": {"max.message.bytes": "5000", "cleanup.policy": "compact", "min.insync.replicas": "2"}}
    view = read_topics([row("orders", [1, -1, 2])], configs, {"orders": ANY}, {})
    assert view.topics == {
        "orders": Topic(partitions=3, available=(0, 2), limits=TopicLimits(max_message_bytes=5000, compacted=True))
    }
    assert (view.absent, view.lonely, view.differs) == ({}, (), {})


def test_without_any_leader_all_partitions_stay_possible() -> None:
    view = read_topics([row("orders", [-1, -1])], {}, {"orders": ANY}, {})
    assert view.topics["orders"].available == (0, 1)


def test_limits_that_are_not_told_stay_as_they_were() -> None:
    limits = TopicLimits(max_message_bytes=7)
    known = {"orders": Topic(partitions=1, available=(0,), limits=limits)}
    rows = [row("orders", [1]), row("bills", [1])]
    view = read_topics(rows, {}, {"orders": ANY, "bills": ANY}, known)
    assert view.topics["orders"].limits == limits
    assert view.topics["bills"].limits == KAFKA_DEFAULTS


def test_why_a_topic_is_absent() -> None:
    rows = [row("a", [], 3), row("b", [], 29), row("c", [], 17), row("d", [], 5)]
    view = read_topics(rows, {}, dict.fromkeys("abcd", ANY), {})
    assert view.absent == {
        "a": "does not exist in Kafka",
        "b": "may not be described by this gateway in Kafka",
        "c": "has a name that Kafka does not take",
        "d": "is not ready in Kafka (error 5)",
    }
    assert view.missing == ("a",)


def test_how_a_topic_differs_from_its_contract() -> None:
    wanted = WantedTopic(
        partitions=6,
        replication_factor=3,
        config={
            "cleanup.policy": "compact,delete",
            "retention.ms": "100",
            "min.cleanable.dirty.ratio": "0.50",
            "preallocate": "false",
        },
    )
    configs = {
        "cleanup.policy": "delete,compact",
        "retention.ms": "200",
        "min.cleanable.dirty.ratio": "0.5",
        "min.insync.replicas": "1",
    }
    view = read_topics([row("orders", [1, 1])], {"orders": configs}, {"orders": wanted}, {})
    assert view.differs == {"orders": "2 partitions, not 6, replication factor 1, not 3, retention.ms 200, not 100"}
    assert view.lonely == ("orders",)


def test_more_partitions_than_the_contract_says_are_no_difference() -> None:
    view = read_topics([row("orders", [1] * 8)], {}, {"orders": WantedTopic(partitions=6)}, {})
    assert view.differs == {}


def test_the_configs_that_are_asked_for_hold_the_contract_s_own_once() -> None:
    asked = configs_asked(WantedTopic(config={"cleanup.policy": "compact", "retention.ms": "1"}))
    assert asked.count("cleanup.policy") == 1
    assert asked[-1] == "retention.ms"


def test_what_is_told_and_what_to_do() -> None:
    view = View(absent={"a": MISSING, "b": "is not ready in Kafka (error 5)"}, lonely=("c",), differs={"d": "1 of 2"})
    told = said(view, {}, creates=False)
    assert told == (
        "topics that do not exist in Kafka (create them, or set kafka.create_topics = true): a; "
        "topic b is not ready in Kafka (error 5); "
        "topics with min.insync.replicas = 1, where an acknowledged event may be on one broker alone: c; "
        "topic d is not as its contract says: 1 of 2"
    )
    assert said(View(), {}, creates=True) == ""


def test_a_refused_creation_is_told_with_kafka_s_reason() -> None:
    told = said(View(absent={"a": MISSING}), {"a": "INVALID_REPLICATION_FACTOR (3 > 1)"}, creates=True)
    assert told == "topic a does not exist in Kafka, and Kafka does not create it: INVALID_REPLICATION_FACTOR (3 > 1)"


def test_a_long_list_is_cut() -> None:
    told = said(View(absent={f"t{n}": MISSING for n in range(23)}), {}, creates=True)
    assert told.endswith("t19 and 3 more")
    assert "they are being created" in told
