"""The broker that asks who is there, once a session."""

from collections.abc import Callable

import pytest
from tests.kafka.real_kafka import KafkaCluster
from tests.kafka.secured_kafka import SecuredKafka, secure


@pytest.fixture(scope="session")
def secured(kafka_cluster: Callable[..., KafkaCluster], tmp_path_factory: pytest.TempPathFactory) -> SecuredKafka:
    """A real broker with TLS, mutual TLS and SASL listeners."""
    return secure(kafka_cluster(nodes=1), tmp_path_factory.mktemp("certificates"))
