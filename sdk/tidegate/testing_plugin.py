"""The pytest plugin, found by its entry point: the fixture `fake_gate` and the option `tidegate_contracts`.

Beside the package `testing`, not in it: pytest imports this in every project that has the SDK installed, and no more of the SDK until a test wants it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tidegate.contracts.compiled import CompiledContract
    from tidegate.testing.gate import FakeGate

__all__ = ["fake_gate", "pytest_addoption", "tidegate_contracts"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini option."""
    parser.addini(
        "tidegate_contracts", "the schemas folder whose contracts `fake_gate` judges by (below rootdir)", default=""
    )


@pytest.fixture(scope="session")
def tidegate_contracts(request: pytest.FixtureRequest) -> "tuple[CompiledContract, ...]":
    """The contracts of the ini option's folder, compiled once; none where it is not set. A project may override it."""
    folder = str(request.config.getini("tidegate_contracts"))
    if not folder:
        return ()
    from tidegate.testing.loading import contracts_of

    return contracts_of(Path(request.config.rootpath) / folder)


@pytest.fixture
def fake_gate(tidegate_contracts: "tuple[CompiledContract, ...]") -> "Iterator[FakeGate]":
    """A gateway in memory, closed with the test."""
    from tidegate.testing.gate import FakeGate

    with FakeGate(tidegate_contracts) as gate:
        yield gate
