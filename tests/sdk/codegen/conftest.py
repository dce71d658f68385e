"""Generated text as modules that tests can use, without a file."""

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from tidegate.codegen.modules import module_of
from tidegate.codegen.writing import Style, module_text
from tidegate.contracts.source import ContractSource, VersionSource

STYLES: tuple[Style, ...] = ("dataclass", "msgspec", "pydantic")
_numbers = itertools.count()


def contract_of(schema: Any, topic: str = "shop.orders") -> ContractSource:
    """A contract with one version of an Avro schema."""
    version = VersionSource(number=1, schema_id=7, format="avro", schema=json.dumps(schema))
    return ContractSource(topic=topic, id=topic, versions=(version,))


def loaded(text: str) -> ModuleType:
    """The module of a source text. Annotations are looked up by its name, so it stands among the loaded ones."""
    module = ModuleType(f"generated_{next(_numbers)}")
    sys.modules[module.__name__] = module
    exec(compile(text, f"{module.__name__}.py", "exec"), module.__dict__)  # noqa: S102 -- what was generated is what is tested
    return module


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest) -> Style:
    return request.param


@pytest.fixture
def models(style: Style) -> Iterator[Callable[[Any], ModuleType]]:
    """Makes the models of an Avro schema, in each style."""
    made: list[str] = []

    def make(schema: Any) -> ModuleType:
        module = loaded(module_text(module_of(contract_of(schema)), style))
        made.append(module.__name__)
        return module

    yield make
    for name in made:
        del sys.modules[name]
