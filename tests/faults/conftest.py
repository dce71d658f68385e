"""Rigs for the fault tests, made when the first test wants one, and the table at the end of the run."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.e2e.processes import GatewayProcess, gateway_process
from tests.faults.form import FORM
from tests.faults.report import table
from tests.faults.rig import Gate, Rig
from tests.faults.scene import ROWS, describe
from tests.kafka.real_kafka import KafkaCluster

_WHY_NO_NAMESPACE = pytest.StashKey[str]()
_OPEN: list[ExitStack] = []
_FOLDER = Path(__file__).parent


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if ROWS:
        terminalreporter.section(describe())
        for line in table(ROWS):
            terminalreporter.write_line(line)
    why = config.stash.get(_WHY_NO_NAMESPACE, None)
    if why is not None:
        terminalreporter.write_line(f"DROPPED PACKETS WERE NOT TESTED: {why.upper()}", red=True, bold=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on what is shared come last, together: the others of this folder measure a machine without so many processes."""
    places = [place for place, item in enumerate(items) if item.path.parent == _FOLDER]
    ordered = sorted((items[place] for place in places), key=lambda item: "shared" in getattr(item, "fixturenames", ()))
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What this folder's tests share ends with the last of them: those that follow want the machine."""
    if _OPEN and (nextitem is None or nextitem.path.parent != _FOLDER):
        _OPEN[0].close()


@pytest.fixture(scope="session")
def shared() -> Iterator[ExitStack]:
    """What the tests of this folder share, closed after the last of them, or wherever the session ends."""
    with ExitStack() as stack:
        _OPEN.append(stack)
        yield stack


@contextmanager
def _rig(nodes: int, kafka_cluster: Callable[..., KafkaCluster], folder: Path) -> Iterator[Rig]:
    rig = Rig(folder, kafka_cluster, nodes)
    try:
        yield rig
    finally:
        rig.close()
        rig.cluster.kill()


@pytest.fixture(scope="session")
def one_node(
    shared: ExitStack, kafka_cluster: Callable[..., KafkaCluster], tmp_path_factory: pytest.TempPathFactory
) -> Rig:
    """One node."""
    return shared.enter_context(_rig(1, kafka_cluster, tmp_path_factory.mktemp("one")))


@pytest.fixture(scope="session")
def three_nodes(
    shared: ExitStack, kafka_cluster: Callable[..., KafkaCluster], tmp_path_factory: pytest.TempPathFactory
) -> Rig:
    """Three nodes."""
    return shared.enter_context(_rig(3, kafka_cluster, tmp_path_factory.mktemp("three")))


@pytest.fixture(scope="session")
def gate(shared: ExitStack, one_node: Rig, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """One gateway on one node, never restarted: it meets one fault after the other."""
    folder = tmp_path_factory.mktemp("gate")
    return shared.enter_context(one_node.gateway(folder, deadline_s=FORM.delivery_timeout_s))


@pytest.fixture(scope="session")
def far_gate(shared: ExitStack, one_node: Rig, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """Likewise; it reaches Kafka through the proxies only."""
    folder = tmp_path_factory.mktemp("far")
    return shared.enter_context(one_node.gateway(folder, deadline_s=FORM.delivery_timeout_s, proxied=True))


@pytest.fixture(scope="session")
def gate_of_three(shared: ExitStack, three_nodes: Rig, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """One gateway on three nodes, likewise."""
    folder = tmp_path_factory.mktemp("gate3")
    return shared.enter_context(three_nodes.gateway(folder, deadline_s=FORM.delivery_timeout_s))


@pytest.fixture(scope="session")
def edge(shared: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> GatewayProcess:
    """One gateway on its embedded broker, for strangers' tests that leave it as it was."""
    return shared.enter_context(gateway_process(tmp_path_factory.mktemp("edge"), None, more="[server]\ndrain_s = 2\n"))


@pytest.fixture
def namespace(one_node: Rig, request: pytest.FixtureRequest) -> None:
    """The test needs a network namespace: skipped in capitals where none may be made, a failure in CI."""
    if one_node.namespace is None:
        request.config.stash[_WHY_NO_NAMESPACE] = one_node.why_no_namespace
        if os.environ.get("CI") == "true":
            pytest.fail(one_node.why_no_namespace, pytrace=False)
        pytest.skip(one_node.why_no_namespace)
