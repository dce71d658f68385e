"""Fixtures for every test: real Kafka, started when the first test wants it. `tests/kafka/README.md` says how to use them."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kafka.reading import ReadRecord, read_topic
from tests.kafka.real_kafka import KafkaCluster, KafkaUnavailable

_WHY_NO_KAFKA = pytest.StashKey[str]()


def _no_kafka(config: pytest.Config, why: str) -> None:
    """Skip, and say so in capitals at the end; in CI that is a failure."""
    config.stash[_WHY_NO_KAFKA] = why
    if os.environ.get("CI") == "true":
        pytest.fail(f"real Kafka cannot run, and in CI it must: {why}", pytrace=False)
    pytest.skip(f"real Kafka cannot run: {why}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    why = config.stash.get(_WHY_NO_KAFKA, None)
    if why is not None:
        terminalreporter.write_line(f"TESTS ON REAL KAFKA WERE NOT RUN: {why.upper()}", red=True, bold=True)


@pytest.fixture(scope="session")
def kafka_cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., KafkaCluster]]:
    """A factory of running clusters: `kafka_cluster(nodes=3)`, with KafkaCluster's further options. Each is stopped at the end of the session, or earlier by its test."""
    running: list[KafkaCluster] = []
    failure: list[str] = []

    def make(nodes: int = 1, **options: Any) -> KafkaCluster:
        if failure:
            _no_kafka(request.config, failure[0])
        folder: Path = tmp_path_factory.mktemp("kafka")
        try:
            cluster = KafkaCluster(folder, nodes, **options)
            running.append(cluster)
            cluster.start()
        except KafkaUnavailable as error:
            failure.append(str(error))
            _no_kafka(request.config, str(error))
        return cluster

    yield make
    for cluster in running:
        cluster.kill()


@pytest.fixture(scope="session")
def kafka(kafka_cluster: Callable[..., KafkaCluster]) -> str:
    """The `host:port` of one real broker, shared by the session: let every test make its own topics."""
    return kafka_cluster(nodes=1).bootstrap


@pytest.fixture
def new_topic(kafka: str) -> Callable[..., str]:
    """Create a topic on the real broker: `new_topic(partitions=3, config={"cleanup.policy": "compact"}) -> name`."""
    # Imported here: a run without real Kafka needs no admin client.
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    def make(*, partitions: int = 1, config: dict[str, str] | None = None, name: str = "", replicas: int = 1) -> str:
        topic = name or f"test.{uuid.uuid4().hex[:12]}"
        admin = AdminClient({"bootstrap.servers": kafka})
        wanted = NewTopic(topic, num_partitions=partitions, replication_factor=replicas, config=config or {})
        admin.create_topics([wanted], operation_timeout=20)[topic].result(20)
        return topic

    return make


@pytest.fixture
def read_all(kafka: str) -> Callable[[str], list[ReadRecord]]:
    """All records of a topic of the real broker, read by a stock consumer, partition after partition."""
    return lambda topic: read_topic(kafka, topic)
