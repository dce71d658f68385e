"""The specification's JSON encoding: what it stores is what plain JSON stores, and what it is strict about."""

import io
import json
from collections.abc import Callable
from typing import Any

import fastavro
import pytest

from tidegate.contracts.codec import Payload
from tidegate.contracts.media import AVRO_JSON
from tidegate.contracts.verdict import Rejected

Make = Callable[..., Any]

UUID = "0190b5c2-7e1a-7c3d-9f00-0123456789ab"
ENUM = {"type": "enum", "name": "E", "namespace": "a.b", "symbols": ["A", "B"]}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}


@pytest.mark.parametrize(
    ("type_", "plain", "tagged"),
    [
        ("int", 5, 5),
        ("string", "x", "x"),
        ("double", 1, 1),
        ("bytes", "AP8=", "\0\xff"),
        ({"type": "fixed", "name": "F", "size": 2}, "AP8=", "\0\xff"),
        (ENUM, "B", "B"),
        (DECIMAL, "1.5", "\0\x96"),
        (MILLIS, "2026-01-31T12:00:00Z", 1769860800000),
        ({"type": "int", "logicalType": "date"}, "1970-01-02", 1),
        ({"type": "string", "logicalType": "uuid"}, UUID, UUID.upper()),
        (
            {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"},
            UUID,
            bytes.fromhex(UUID.replace("-", "")).decode("latin-1"),
        ),
        (["null", "string"], None, None),
        (["null", "string"], "x", {"string": "x"}),
        (["int", ENUM], "A", {"a.b.E": "A"}),
        (["null", {"type": "array", "items": ["null", "int"]}], [None, 1], {"array": [None, {"int": 1}]}),
        ({"type": "map", "values": ["null", "int"]}, {"a": 1, "b": None}, {"a": {"int": 1}, "b": None}),
    ],
)
def test_it_stores_what_plain_json_stores(of_type: Make, type_: object, plain: object, tagged: object) -> None:
    judge = of_type(type_)
    stored = judge({"f": plain})
    assert isinstance(stored, Payload)
    assert judge.codec.check(json.dumps({"f": tagged}).encode(), AVRO_JSON) == stored


def test_fastavro_s_json_is_taken(judge: Make) -> None:
    inner = {"type": "record", "name": "In", "namespace": "x", "fields": [{"name": "b", "type": ["null", "bytes"]}]}
    made = judge(
        {"name": "f", "type": ["null", inner, "int"]}, {"name": "m", "type": {"type": "map", "values": "float"}}
    )
    value = {"f": {"b": b"\0\xe9"}, "m": {"k": 1.5}}
    text, binary = io.StringIO(), io.BytesIO()
    fastavro.json_writer(text, made.schema, [value])
    fastavro.schemaless_writer(binary, made.schema, value)
    answer = made.codec.check(text.getvalue().encode(), AVRO_JSON)
    assert isinstance(answer, Payload), answer
    assert answer.value[5:] == binary.getvalue()


@pytest.mark.parametrize(
    ("type_", "tagged", "pointer", "rule"),
    [
        (["null", "string"], "x", "#/f", "union"),
        (["null", "string"], {"int": 1}, "#/f", "union"),
        (["null", "string"], {"null": None}, "#/f", "union"),
        (["null", "string"], {"string": 1}, "#/f/string", "type"),
        (["null", "string"], {"string": "a", "int": 1}, "#/f", "union"),
        (["int", ENUM], {"E": "A"}, "#/f", "union"),
        (["int", "string"], None, "#/f", "union"),
        ("bytes", "\u0100", "#/f", "format"),
        ({"type": "fixed", "name": "F", "size": 2}, "a", "#/f", "length"),
        (MILLIS, "2026-01-31T12:00:00Z", "#/f", "type"),
        ({"type": "int", "logicalType": "time-millis"}, 86_400_000, "#/f", "range"),
        (DECIMAL, "1.5\0\0\0", "#/f", "precision"),
        (DECIMAL, 1.5, "#/f", "type"),
        ("int", 1.0, "#/f", "type"),
    ],
)
def test_refused(of_type: Make, type_: object, tagged: object, pointer: str, rule: str) -> None:
    answer = of_type(type_).codec.check(json.dumps({"f": tagged}).encode(), AVRO_JSON)
    assert isinstance(answer, Rejected)
    assert [(v.pointer, v.rule) for v in answer.violations] == [(pointer, rule)]


def test_the_encoding_knows_no_defaults(of_type: Make) -> None:
    answer = of_type("int", default=1).codec.check(b"{}", AVRO_JSON)
    assert isinstance(answer, Rejected)
    assert [(v.pointer, v.rule) for v in answer.violations] == [("#/f", "required")]


def test_the_full_name_is_suggested(of_type: Make) -> None:
    answer = of_type(["int", ENUM]).codec.check(b'{"f":{"E":"A"}}', AVRO_JSON)
    assert isinstance(answer, Rejected)
    assert "a.b.E" in answer.violations[0].hint


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b'{"f":1', "malformed"),
        (b'{"f":1,"f":1}', "duplicate_key"),
        (b'{"f":NaN}', "malformed"),
        (b'{"f":"\\ud800"}', "encoding"),
        (b"[" * 100_000, "depth"),
        (b"\xef\xbb\xbf{}", "encoding"),
        (b"", "malformed"),
    ],
)
def test_broken_text_is_malformed_as_in_plain_json(of_type: Make, body: bytes, rule: str) -> None:
    answer = of_type("int").codec.check(body, AVRO_JSON)
    assert isinstance(answer, Rejected)
    assert (answer.malformed, answer.violations[0].rule) == (True, rule)


def test_unknown_fields_are_dropped_where_the_contract_says(judge: Make) -> None:
    made = judge({"name": "f", "type": "int"}, unknown_fields="drop")
    answer = made.codec.check(b'{"f":1,"g":{"a":[1]}}', AVRO_JSON)
    assert isinstance(answer, Payload)
    assert answer.dropped == 1


def test_key_and_time(judge: Make) -> None:
    made = judge({"name": "k", "type": "bytes"}, {"name": "t", "type": ["null", MILLIS]}, key="k", event_time="t")
    answer = made.codec.check(json.dumps({"k": "\0\xff", "t": {"long": 5}}).encode(), AVRO_JSON)
    assert isinstance(answer, Payload)
    assert (answer.key, answer.time_ms) == (b"\0\xff", 5)
