"""Rigs for the fault tests, made when the first test wants one, and the table at the end of the run."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faults.form import FORM
from tests.faults.report import table
from tests.faults.rig import Gate, Rig
from tests.faults.scene import ROWS, describe
from tests.kafka.real_kafka import KafkaCluster

_WHY_NO_NAMESPACE = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if ROWS:
        terminalreporter.section(describe())
        for line in table(ROWS):
            terminalreporter.write_line(line)
    why = config.stash.get(_WHY_NO_NAMESPACE, None)
    if why is not None:
        terminalreporter.write_line(f"DROPPED PACKETS WERE NOT TESTED: {why.upper()}", red=True, bold=True)


def _rig(nodes: int, kafka_cluster: Callable[..., KafkaCluster], folder: Path) -> Iterator[Rig]:
    rig = Rig(folder, kafka_cluster, nodes)
    yield rig
    rig.close()
    rig.cluster.stop()


@pytest.fixture(scope="module")
def one_node(kafka_cluster: Callable[..., KafkaCluster], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One node, for a module's tests."""
    yield from _rig(1, kafka_cluster, tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def three_nodes(kafka_cluster: Callable[..., KafkaCluster], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Three nodes, likewise."""
    yield from _rig(3, kafka_cluster, tmp_path_factory.mktemp("three"))


@pytest.fixture(scope="module")
def gate(one_node: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """One gateway on one node, never restarted: it meets one fault after the other."""
    with one_node.gateway(tmp_path_factory.mktemp("gate"), deadline_s=FORM.delivery_timeout_s) as running:
        yield running


@pytest.fixture(scope="module")
def gate_of_three(three_nodes: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """One gateway on three nodes, likewise."""
    with three_nodes.gateway(tmp_path_factory.mktemp("gate3"), deadline_s=FORM.delivery_timeout_s) as running:
        yield running


@pytest.fixture
def namespace(one_node: Rig, request: pytest.FixtureRequest) -> None:
    """The test needs a network namespace: skipped in capitals where none may be made, a failure in CI."""
    if one_node.namespace is None:
        request.config.stash[_WHY_NO_NAMESPACE] = one_node.why_no_namespace
        if os.environ.get("CI") == "true":
            pytest.fail(one_node.why_no_namespace, pytrace=False)
        pytest.skip(one_node.why_no_namespace)
