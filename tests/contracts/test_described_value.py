"""The JSON Schema of a value agrees with the verdict: what satisfies it is accepted, what is accepted satisfies it."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tidegate.contracts.compiled import CompiledContract, CompiledVersion, compile_version
from tidegate.contracts.described_value import describe_value
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Encoded
from tidegate.repository.folder import load

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
CONTRACTS = {contract.topic: contract for contract in load(SCHEMAS, working_copies=False).contracts}

RICH = {
    "type": "record", "name": "Rich", "namespace": "t",
    "fields": [
        {"name": "flag", "type": "boolean"},
        {"name": "small", "type": "int", "exclusiveMinimum": 3, "maximum": 30, "multipleOf": 3},
        {"name": "big", "type": "long"},
        {"name": "ratio", "type": "double", "minimum": 0, "maximum": 1},
        {"name": "raw", "type": "bytes"},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "either", "type": ["null", "string", "boolean"], "default": None},
        {"name": "color", "type": {"type": "enum", "name": "Color", "symbols": ["RED", "BLUE"]}},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "minItems": 1, "maxItems": 3},
        {"name": "scores", "type": {"type": "map", "values": "int"}},
        {"name": "code", "type": "string", "pattern": "^[A-Z]{2}[0-9]+$", "maxLength": 6},
    ],
}  # fmt: skip
TREE = {
    "type": "record", "name": "Tree", "namespace": "t",
    "fields": [{"name": "name", "type": "string"}, {"name": "children", "type": {"type": "array", "items": "Tree"}}],
}  # fmt: skip
KEY = "01920000-0000-7000-8000-000000000000"
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 5, 6, 9, 10, 11, 33, 1001, 2**31, 2**63, 0.5, 1.5, "", "x", "AB12", "ab", "RED", "EUR", "PLACED", "ESPRESSO",
    "ORDER_STATUS_SHIPPED", "ada@example.com", KEY, KEY.upper(), KEY[:-1], "2026-01-31", "2026-02-30", "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00.123456+01:00", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "12:00:00.5", "24:00:00", "AAAA", "AA=A", "12.50",
    "x" * 300, [], ["x"], [1], [[]], [{}], {}, {"x": 1}, {"x": "y"}, {"x": None},
)  # fmt: skip
"""Of every kind; beside those where JSON Schema has no words (bounds of digits in a string, the tags of unions)."""


def rich(schema: dict[str, Any] = RICH) -> CompiledVersion:
    return compile_version("t.rich", VersionSource(number=1, schema_id=1, format="avro", schema=json.dumps(schema)))


def versions() -> list[CompiledVersion]:
    return [version for contract in CONTRACTS.values() for version in contract.versions.values()] + [rich()]


def drawn(version: CompiledVersion) -> dict[str, Any]:
    """The schema by itself: references resolved inside, tombstones and what JSON Schema cannot say left out."""
    schema, definitions = describe_value(version, "value.t")
    whole: dict[str, Any] = {**schema, "components": {"schemas": definitions}}
    return whole


def named(version: CompiledVersion) -> str:
    return f"{version.topic}/{version.number}"


@pytest.mark.parametrize("version", versions(), ids=named)
def test_it_is_a_schema_and_takes_the_example(version: CompiledVersion) -> None:
    schema = drawn(version)
    jsonschema_rs.meta.validate({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"})
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    example = json.loads(version.codec.example())
    assert validator.is_valid(example)
    for name in example:
        lacking = {other: value for other, value in example.items() if other != name}
        misspelt = {**lacking, f"{name}_": example[name]}
        for body in (lacking, misspelt, {**example, name: [[]]}, {**example, name: {"no": 1}}):
            accepted = isinstance(version.check(json.dumps(body).encode()), Encoded)
            assert validator.is_valid(body) == accepted, body


def replaced(value: Any, new: Any) -> Iterator[Any]:
    """The value with each of its places replaced by `new`, the deepest included."""
    yield new
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in rows:
        for changed in replaced(inner, new):
            copy = value.copy()
            copy[name] = changed
            yield copy


@pytest.mark.parametrize("version", versions(), ids=named)
def test_it_takes_what_the_verdict_takes(version: CompiledVersion) -> None:
    """Every place of the example, with values of every kind in it."""
    validator = jsonschema_rs.Draft202012Validator(drawn(version), validate_formats=True)
    example = json.loads(version.codec.example())
    told = Counter[bool]()
    for new in VALUES:
        for body in replaced(example, new):
            accepted = isinstance(version.check(json.dumps(body).encode(), key=KEY if body is None else None), Encoded)
            assert validator.is_valid(body) == accepted, (new, body)
            told[accepted] += 1
    assert told[True] > len(VALUES) // 4
    assert told[False] > len(VALUES)


def test_a_record_within_itself_is_a_definition() -> None:
    schema, definitions = describe_value(rich(TREE), "value.t")
    assert set(definitions) == {"value.t.t.Tree"}
    reference = "#/components/schemas/value.t.t.Tree"
    assert schema["properties"]["children"]["items"] == {"$ref": reference}  # type: ignore[index, call-overload]  # known shape
    validator = jsonschema_rs.Draft202012Validator({**schema, "components": {"schemas": definitions}})
    assert validator.is_valid({"name": "a", "children": [{"name": "b", "children": []}]})
    assert not validator.is_valid({"name": "a", "children": [{"name": 1, "children": []}]})


def test_fields_say_what_they_are_for_and_which_are_sensitive() -> None:
    contract: CompiledContract = CONTRACTS["customer.profiles"]
    text = json.dumps(describe_value(contract.newest, "x")[0])
    assert "Where mails go to. Sensitive: answers never show it." in text
    assert "Id of the customer, and key of the record." in text
