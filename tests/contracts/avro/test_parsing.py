"""Schemas are refused exactly where Java refuses them, each time with the place."""

import json
from pathlib import Path

import fastavro.schema
import pytest

from tidegate.contracts.avro.canonical import canonical_form, crc64_avro, sha256_fingerprint
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.codec import ContractError

VECTORS = Path(__file__).parents[2] / "vectors" / "avro_compatibility.jsonl"
PAIRS = [json.loads(line) for line in VECTORS.read_text("utf-8").splitlines()]


def _refused(schema: object) -> bool:
    try:
        parse_schema(json.dumps(schema))
    except ContractError:
        return True
    return False


def test_java_vectors() -> None:
    assert len(PAIRS) == 1000
    disagree = [
        index
        for index, pair in enumerate(PAIRS)
        if (_refused(pair["reader"]) or _refused(pair["writer"])) != bool(pair.get("invalid"))
    ]
    assert disagree == []
    assert sum(bool(pair.get("invalid")) for pair in PAIRS) == 184


def test_canonical_form_is_that_of_fastavro() -> None:
    for pair in PAIRS[:300]:
        if not pair.get("invalid"):
            schema = parse_schema(json.dumps(pair["reader"]))
            other = fastavro.schema.to_parsing_canonical_form(pair["reader"])
            assert canonical_form(schema) == other
            crc = fastavro.schema.fingerprint(other, "CRC-64-AVRO")
            assert crc64_avro(schema).to_bytes(8, "little").hex() == crc
            assert sha256_fingerprint(schema).hex() == fastavro.schema.fingerprint(other, "sha256")


def _record(*fields: object, **more: object) -> dict[str, object]:
    return {"type": "record", "name": "R", "fields": list(fields), **more}


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ("{", ""),
        ('{"type": "int", "type": "long"}', "/type"),
        (3, ""),
        ({"name": "R"}, ""),
        ("Nowhere", ""),
        ({"type": "record", "name": "R"}, ""),
        ({"type": "record", "fields": []}, ""),
        (_record(name="1R"), "/name"),
        (_record(name="string"), ""),
        (_record(namespace="a..b"), "/name"),
        (_record({"name": "a-b", "type": "int"}), "/fields/0/name"),
        (_record({"name": "a", "type": "int"}, {"name": "a", "type": "int"}), "/fields/1"),
        (_record({"name": "a"}), "/fields/0"),
        (_record({"name": "a", "type": "Nowhere"}), "/fields/0/type"),
        (_record({"name": "a", "type": "int", "order": "up"}), "/fields/0/order"),
        (_record({"name": "a", "type": "int", "aliases": "b"}), "/fields/0/aliases"),
        (_record({"name": "a", "type": {"type": "fixed", "name": "R", "size": 2}}), "/fields/0/type"),
        (_record({"name": "a", "type": {"type": "fixed", "name": "F", "size": -1}}), "/fields/0/type"),
        (
            _record({"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["A", "A"]}}),
            "/fields/0/type/symbols/1",
        ),
        (_record({"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["A-B"]}}), "/fields/0/type/symbols/0"),
        (
            _record({"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}}),
            "/fields/0/type/default",
        ),
        (_record({"name": "a", "type": {"type": "array"}}), "/fields/0/type"),
        (_record({"name": "a", "type": ["int", "int"]}), "/fields/0/type/1"),
        (_record({"name": "a", "type": ["int", ["null"]]}), "/fields/0/type/1"),
        (_record({"name": "a", "type": "int", "default": 2**31}), "/fields/0/default"),
        (_record({"name": "a", "type": "int", "default": 1.0}), "/fields/0/default"),
        (_record({"name": "a", "type": ["null", "int"], "default": "D"}), "/fields/0/default"),
        (_record({"name": "a", "type": "float", "default": "ÿ"}), "/fields/0/default"),
        ({"type": "bytes", "logicalType": "big-decimal"}, ""),
    ],
)
def test_refused_with_its_place(schema: object, pointer: str) -> None:
    text = schema if schema == "{" or str(schema).startswith('{"type": "int"') else json.dumps(schema)
    with pytest.raises(ContractError) as caught:
        parse_schema(str(text))
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    "schema",
    [
        _record({"name": "a", "type": ["null", "int"], "default": 1}),  # a union's default may be for any branch
        _record({"name": "a", "type": "float", "default": "1.5"}),  # Java reads text
        _record({"name": "a", "type": "Later"}, {"name": "b", "type": {"type": "fixed", "name": "Later", "size": 1}}),
        _record({"name": "next", "type": ["null", "R"], "default": None}),
        {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3},  # invalid: ignored
        {"type": "int", "logicalType": "timestamp-millis"},
        {"type": "error", "name": "Oops", "fields": []},
        [],
    ],
)
def test_accepted_as_java_does(schema: object) -> None:
    parse_schema(json.dumps(schema))


def test_an_invalid_logical_type_is_ignored() -> None:
    for attributes in ({"precision": 2, "scale": 3}, {"precision": 0}, {"precision": "9"}, {}):
        schema = parse_schema(json.dumps({"type": "bytes", "logicalType": "decimal", **attributes}))
        assert getattr(schema, "logical", "") is None
    fixed = {"type": "fixed", "name": "F", "size": 2, "logicalType": "decimal"}
    assert getattr(parse_schema(json.dumps(fixed | {"precision": 5})), "logical", "") is None
    assert getattr(parse_schema(json.dumps(fixed | {"precision": 4})), "logical", None) is not None
