"""Which topics are asked for, when again, and what a broker's answer means."""

from aiokafka.protocol.admin import CreateTopicsRequest_v3

from tidegate_gateway.adapters.kafka.creation import Creation
from tidegate_gateway.adapters.kafka.topics import WantedTopic

EXISTS, NOT_ALLOWED, BAD_FACTOR = 36, 29, 38


def test_what_is_asked_for() -> None:
    wanted = {"a": WantedTopic(), "b": WantedTopic(partitions=6, replication_factor=3, config={"retention.ms": "5"})}
    struct = Creation().request(["a", "b"], wanted).build(CreateTopicsRequest_v3)
    assert struct.create_topic_requests == [("a", -1, -1, [], []), ("b", 6, 3, [], [("retention.ms", "5")])]
    assert (struct.timeout, struct.validate_only) == (5000, False)
    assert struct.encode()


def test_created_and_created_by_another_gateway_are_there() -> None:
    creation = Creation()
    assert creation.due(["a", "b"], 0.0) == ("a", "b")
    assert creation.note([("a", 0, None), ("b", EXISTS, "Topic 'b' already exists.")], 0.0) == ("a", "b")
    assert creation.refusals == {}
    assert creation.due([], 1.0) == ()


def test_a_refusal_is_kept_in_kafka_s_words_and_tried_again_later_and_later() -> None:
    creation = Creation()
    now_s, waits = 0.0, []
    for _ in range(6):
        assert creation.due(["a"], now_s) == ("a",)
        assert creation.note([("a", BAD_FACTOR, "3 replicas on 1 broker.")], now_s) == ()
        began_s = now_s
        while not creation.due(["a"], now_s):
            now_s += 1.0
        waits.append(now_s - began_s)
    assert waits == [2.0, 5.0, 15.0, 60.0, 60.0, 60.0]
    assert creation.refusals == {"a": "INVALID_REPLICATION_FACTOR (3 replicas on 1 broker)"}


def test_no_right_to_create() -> None:
    creation = Creation()
    creation.note([("a", NOT_ALLOWED, None)], 0.0)
    assert creation.refusals == {"a": "TOPIC_AUTHORIZATION_FAILED"}


def test_an_error_that_we_do_not_know_has_its_number() -> None:
    creation = Creation()
    creation.note([("a", 9999, None)], 0.0)
    assert "9999" in creation.refusals["a"]


def test_who_made_the_topic_in_the_meantime_is_not_our_matter() -> None:
    creation = Creation()
    creation.note([("a", BAD_FACTOR, None)], 0.0)
    assert creation.due([], 1.0) == ()
    assert creation.refusals == {}
    assert creation.due(["a"], 1.0) == ("a",), "gone again: tried at once"
