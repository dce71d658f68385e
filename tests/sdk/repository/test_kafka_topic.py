"""The property `kafka`: how a topic is made. What is taken, and every slip at its place."""

import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from tidegate.contracts.source import TopicSettings
from tidegate.repository.broken import Problems, Refused
from tidegate.repository.contract_file import read_contract

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
schema:
  - name: Order
    physicalName: shop.orders
    authoritativeDefinitions:
      - {type: avro, url: avro/shop/order.avsc}
    customProperties:
      - property: kafka
        value: %s
"""


def settings(value: str) -> TopicSettings | None:
    text = CONTRACT % value
    OpenDataContractStandard.from_string(text)
    return read_contract(text, "shop.orders", Problems("c.yaml")).live.kafka


def refusals(value: str) -> list[str]:
    problems = Problems("c.yaml")
    with pytest.raises(Refused):
        read_contract(CONTRACT % value, "shop.orders", problems)
    return [f"{row.file}:{row.line}:{row.column}: {row.detail}" for row in problems.rows]


def test_all_of_it() -> None:
    value = (
        "{partitions: 6, replicationFactor: 3, config: {cleanup.policy: 'compact, delete', retention.ms: -1,"
        " min.insync.replicas: 2, preallocate: false, min.cleanable.dirty.ratio: 0.25, compression.type: zstd}}"
    )
    config = {
        "cleanup.policy": "compact,delete",
        "retention.ms": "-1",
        "min.insync.replicas": "2",
        "preallocate": "false",
        "min.cleanable.dirty.ratio": "0.25",
        "compression.type": "zstd",
    }
    assert settings(value) == TopicSettings(partitions=6, replication_factor=3, config=config)


def test_nothing_said_is_the_brokers_defaults() -> None:
    assert settings("{}") == TopicSettings()
    assert TopicSettings() == TopicSettings(partitions=None, replication_factor=None, config={})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{partition: 6}", 'c.yaml:10:17: kafka has no "partition"; did you mean "partitions"?'),
        ("{partitions: 0}", "c.yaml:10:29: kafka.partitions is not an integer from 1 to 10000"),
        ("{replicationFactor: x}", "c.yaml:10:36: kafka.replicationFactor is not a number"),
        ("{config: {cleanup.polcy: compact}}", 'kafka.config has no "cleanup.polcy"; did you mean "cleanup.policy"?'),
        (
            "{config: {cleanup.policy: compacted}}",
            'kafka.config.cleanup.policy is "compacted"; did you mean "compact"?',
        ),
        ("{config: {cleanup.policy: 'compact,compact'}}", 'kafka.config.cleanup.policy is "compact,compact"'),
        ("{config: {retention.ms: 7d}}", "kafka.config.retention.ms is not a number"),
        ("{config: {retention.ms: -2}}", "kafka.config.retention.ms is not an integer from -1 to"),
        ("{config: {preallocate: 1}}", "kafka.config.preallocate is not true or false"),
        ("{config: {min.cleanable.dirty.ratio: 1.5}}", "kafka.config.min.cleanable.dirty.ratio is not between 0 and 1"),
        (
            "{replicationFactor: 1, config: {min.insync.replicas: 2}}",
            "min.insync.replicas is more than replicationFactor 1: nothing could be stored",
        ),
        ("6", "c.yaml:10:16: kafka is not a mapping"),
    ],
)
def test_a_slip_is_named_at_its_place(value: str, said: str) -> None:
    (problem,) = refusals(value)
    assert said in problem
