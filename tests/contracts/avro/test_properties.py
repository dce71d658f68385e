"""Generated schemas and data: the bytes are another library's, and a spoilt value is named at its place."""

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import fastavro
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.contracts.avro.codec import compile_avro
from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.codec import Payload
from tidegate.contracts.media import AVRO, AVRO_FRAMED, JSON
from tidegate.contracts.rules import KEYWORDS, RULES
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Rejected

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(['":', "a:b", "\\", " :", "[{"])
_single = st.floats(width=32, allow_nan=False, allow_infinity=False)
_double = st.floats(allow_nan=False, allow_infinity=False)


class Case:
    """A schema and a strategy for its values; those are plain JSON and another library's input alike."""

    def __init__(self, schema: Any, values: st.SearchStrategy[Any]) -> None:
        self.schema = schema
        self.values = values


_LEAVES = [
    ("null", st.none()),
    ("boolean", st.booleans()),
    ("int", st.integers(-(2**31), 2**31 - 1)),
    ("long", st.integers(-(2**63), 2**63 - 1)),
    ("float", _single),
    ("double", _double),
    ("string", _text),
]


@st.composite
def _cases(draw: st.DrawFn, depth: int = 3) -> Case:
    serial = draw(st.integers(0, 2**60))
    kinds = ["leaf", "leaf", "enum"] + (["record", "record", "array", "map", "optional"] if depth else [])
    match draw(st.sampled_from(kinds)):
        case "leaf":
            return Case(*draw(st.sampled_from(_LEAVES)))
        case "enum":
            schema = {"type": "enum", "name": f"E{serial}", "symbols": ["A", "B", "C"]}
            return Case(schema, st.sampled_from("ABC"))
        case "array":
            item = draw(_cases(depth=depth - 1))
            return Case({"type": "array", "items": item.schema}, st.lists(item.values, max_size=3))
        case "map":
            item = draw(_cases(depth=depth - 1))
            return Case({"type": "map", "values": item.schema}, st.dictionaries(_text, item.values, max_size=3))
        case "optional":
            inner = draw(_cases(depth=depth - 1).filter(lambda c: c.schema != "null" and type(c.schema) is not list))
            order = ["null", inner.schema] if draw(st.booleans()) else [inner.schema, "null"]
            return Case(order, st.none() | inner.values)
        case _:
            return draw(_records(depth - 1, serial))


@st.composite
def _records(draw: st.DrawFn, depth: int, serial: int = 0) -> Case:
    members = draw(st.lists(_cases(depth=depth), max_size=4))
    fields = [{"name": f"f{index}", "type": member.schema} for index, member in enumerate(members)]
    values = st.fixed_dictionaries({f"f{index}": member.values for index, member in enumerate(members)})
    return Case({"type": "record", "name": f"R{serial}", "fields": fields}, values)


_top = st.integers(2**61, 2**62).flatmap(lambda serial: _records(3, serial))


def _names(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for branch in schema:
            yield from _names(branch)
    elif isinstance(schema, dict):
        if "name" in schema:
            yield schema["name"]
        for inner in [field["type"] for field in schema.get("fields", [])] + [
            schema.get("items"),
            schema.get("values"),
        ]:
            yield from _names(inner)


def _usable(case: Case) -> bool:
    names = list(_names(case.schema))
    return len(names) == len(set(names))


def _codec(schema: Any) -> Any:
    return compile_avro(VersionSource(number=1, schema_id=7, format="avro", schema=json.dumps(schema)), frozenset())


@settings(max_examples=150, deadline=None)
@given(data=st.data(), case=_top.filter(_usable), compact=st.booleans())
def test_the_bytes_are_those_of_fastavro(data: st.DataObject, case: Case, compact: bool) -> None:
    value = data.draw(case.values)
    body = json.dumps(value, ensure_ascii=compact, separators=(",", ":") if compact else (" ,\n", " : ")).encode()
    payload = _codec(case.schema).check(body, "application/json")
    assert isinstance(payload, Payload), payload
    parsed = fastavro.parse_schema(case.schema)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed, value)
    assert payload.value == b"\0\0\0\0\7" + out.getvalue()
    assert fastavro.schemaless_reader(io.BytesIO(payload.value[5:]), parsed, None) == value


_BYTES = [
    ("bytes", st.binary(max_size=6)),
    ({"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}, st.binary(min_size=1, max_size=2)),
    ({"type": "string", "logicalType": "uuid"}, st.uuids().map(lambda one: str(one).encode())),
    ({"type": "int", "logicalType": "date"}, st.integers(-(2**31), 2**31 - 1)),
    ({"type": "int", "logicalType": "time-millis"}, st.integers(0, 86_399_999)),
    ({"type": "long", "logicalType": "timestamp-micros"}, st.integers(-(2**63), 2**63 - 1)),
    ({"type": "long", "logicalType": "local-timestamp-nanos"}, st.integers(-(2**63), 2**63 - 1)),
]


def _encoded(kind: Any, value: Any) -> bytes:
    return zigzag(len(value)) + value if isinstance(value, bytes) else zigzag(value)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), kind=st.sampled_from(_BYTES))
def test_every_logical_type_is_read_as_it_is_encoded(data: st.DataObject, kind: tuple[Any, Any]) -> None:
    fields = [{"name": "f", "type": {"type": "map", "values": ["null", kind[0]]}}]
    body = b"".join(
        zigzag(1) + zigzag(1) + str(index).encode() + zigzag(1) + _encoded(kind[0], value)
        for index, value in enumerate(data.draw(st.lists(kind[1], max_size=5)))
    )
    codec = _codec({"type": "record", "name": "R", "fields": fields})
    payload = codec.check(body + b"\0", AVRO)
    assert isinstance(payload, Payload), payload
    assert payload.value == b"\0\0\0\0\7" + body + b"\0"


@settings(max_examples=150, deadline=None)
@given(data=st.data(), case=_top.filter(_usable))
def test_binary_is_accepted_as_its_json_and_no_mutation_raises(data: st.DataObject, case: Case) -> None:
    codec = _codec(case.schema)
    stored = codec.check(json.dumps(data.draw(case.values)).encode(), JSON)
    assert isinstance(stored, Payload)
    body = stored.value[5:]
    assert codec.check(body, AVRO) == stored
    assert codec.check(stored.value, AVRO_FRAMED) == stored
    if not body:
        return
    at = data.draw(st.integers(0, len(body) - 1))
    spoilt = body[:at] + data.draw(st.binary(max_size=12)) + body[at + 1 :]
    answer = codec.check(spoilt, AVRO)
    if isinstance(answer, Payload):
        assert answer.value[5:] == spoilt
        fastavro.schemaless_reader(io.BytesIO(spoilt), fastavro.parse_schema(case.schema), None)
    else:
        assert all(v.rule in RULES | KEYWORDS and v.byte_offset is not None for v in answer.violations)
    assert isinstance(codec.check(body[:at], AVRO), Rejected)


def _leaves(value: Any, path: str = "#") -> Iterator[tuple[Any, Any, str]]:
    """Each place in an object that holds no container: (container, key, pointer)."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        here = f"{path}/{key}"
        if isinstance(inner, (dict, list)):
            yield from _leaves(inner, here)
        elif not isinstance(key, str) or key[:1] == "f":
            yield value, key, here


@settings(max_examples=150, deadline=None)
@given(data=st.data(), case=_top.filter(_usable).filter(lambda case: '"map"' not in json.dumps(case.schema)))
def test_a_spoilt_value_is_refused_at_its_place(data: st.DataObject, case: Case) -> None:
    value = data.draw(case.values)
    places = list(_leaves(value))
    codec = _codec(case.schema)
    if not places:
        assert isinstance(codec.check(json.dumps(value).encode(), "application/json"), Payload)
        return
    container, key, pointer = data.draw(st.sampled_from(places))
    container[key] = [[]] if not isinstance(container[key], list) else "x"
    answer = codec.check(json.dumps(value).encode(), "application/json")
    # where an array of arrays may stand (a null in an optional one) the spoilt value can still be right, or deeper wrong
    if isinstance(answer, Rejected):
        assert not answer.malformed
        assert all(v.pointer == pointer or v.pointer.startswith(pointer + "/") for v in answer.violations)
    else:
        assert '"array"' in json.dumps(case.schema)


@settings(max_examples=150, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**8), max_value=10**8))
def test_decimals_are_exact(number: Decimal) -> None:
    schema = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "f", "type": {"type": "bytes", "logicalType": "decimal", "precision": 13, "scale": 4}}],
    }
    codec, parsed = _codec(schema), fastavro.parse_schema(schema)
    for body in (f'{{"f":"{number:f}"}}', f'{{"f":{number:f}}}'):
        payload = codec.check(body.encode(), "application/json")
        assert isinstance(payload, Payload)
        assert fastavro.schemaless_reader(io.BytesIO(payload.value[5:]), parsed, None) == {"f": number}


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60) | st.text(st.sampled_from('{}[]":,afn0123456789.eE+-\\u \n'), max_size=60).map(str.encode)
)
def test_no_bytes_raise(body: bytes) -> None:
    schema = {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "a", "type": ["null", "int", "double", "string", "R"], "default": None},
            {
                "name": "f",
                "type": {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 1},
                "default": "",
            },
        ],
    }
    assert isinstance(_codec(schema).check(body, "application/json"), (Payload, Rejected))
