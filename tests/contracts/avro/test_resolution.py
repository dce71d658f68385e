"""Reading with another schema gives what Java reads, for every recorded pair; and bytes that are none give one kind of error."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.contracts.avro.defaults import default_bytes
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.avro.resolution import Resolution, ResolutionError
from tidegate.contracts.avro.values import read_value
from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.codec import ContractError

VECTORS = Path(__file__).parents[2] / "vectors" / "avro_resolution.jsonl"


def resolution(writer: object, reader: object) -> Resolution:
    return Resolution(parse_schema(json.dumps(writer)), parse_schema(json.dumps(reader)))


def record(*fields: object, name: str = "R", **more: object) -> dict[str, object]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name: str, kind: object, **more: object) -> dict[str, object]:
    return {"name": name, "type": kind, **more}


def test_java_vectors() -> None:
    rows = [json.loads(line) for line in VECTORS.read_text("utf-8").splitlines()]
    read = refused = 0
    for row in rows:
        reader = parse_schema(json.dumps(row["reader"]))
        found = Resolution(parse_schema(json.dumps(row["writer"])), reader)
        payload = bytes.fromhex(row["payload"])
        if "error" in row:
            refused += 1
            with pytest.raises(ResolutionError):
                found.read(payload)
        else:
            read += 1
            wanted = read_value(reader, bytes.fromhex(row["value"]), tagged=True)
            assert found.read(payload, tagged=True) == wanted, row
    assert (read + refused, read > 500, refused > 100) == (700, True, True)


def test_nested_defaults_are_filled() -> None:
    address = record(field("city", "string"), field("country", "string", default="DE"), name="Address")
    reader = record(field("id", "int"), field("address", address, default={"city": "Berlin"}))
    assert resolution(record(field("id", "int")), reader).read(b"\x02") == {
        "id": 1,
        "address": {"city": "Berlin", "country": "DE"},
    }


def test_aliases_of_types_and_fields_are_followed() -> None:
    writer = record(field("id", "int"), field("by", record(field("n", "string"), name="Who", namespace="old")))
    person = record(field("name", "string", aliases=["n"]), name="Person", namespace="new", aliases=["old.Who"])
    reader = record(field("orderId", "long", aliases=["id"]), field("customer", ["null", person], aliases=["by"]))
    found = resolution(writer, reader)
    assert found.read(b"\x02\x06Ada") == {"orderId": 1, "customer": {"name": "Ada"}}
    assert found.read(b"\x02\x06Ada", tagged=True) == {"orderId": 1, "customer": {"new.Person": {"name": "Ada"}}}


@pytest.mark.parametrize(
    ("writer", "reader", "payload", "value"),
    [
        ("int", "long", zigzag(-7), -7),
        ("int", "double", zigzag(2**31 - 1), 2.0**31 - 1),
        ("long", "double", zigzag(2**63 - 1), 2.0**63),
        ("float", "double", struct.pack("<f", 0.1), 0.10000000149011612),
        ("bytes", "string", b"\x04ab", "ab"),
        ("string", "bytes", b"\x04ab", b"ab"),
        ("int", ["null", "float"], zigzag(16777217), 16777216.0),
    ],
)
def test_promotions(writer: object, reader: object, payload: bytes, value: object) -> None:
    assert resolution(writer, reader).read(payload) == value


def test_a_long_becomes_a_float_with_one_rounding() -> None:
    """Through a double, 2^60 + 2^36 + 1 would become the even neighbour; Java rounds once."""
    number = 2**60 + 2**36 + 1
    assert resolution("long", "float").read(zigzag(number)) == float(2**60 + 2**37)
    assert resolution("long", "float").read(zigzag(-number)) == -float(2**60 + 2**37)


def test_an_enums_default_stands_for_unknown_symbols() -> None:
    writer = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
    reader = {"type": "enum", "name": "E", "symbols": ["Z", "A"], "default": "Z"}
    assert [resolution(writer, reader).read(zigzag(n)) for n in (0, 1)] == ["A", "Z"]
    del reader["default"]
    with pytest.raises(ResolutionError, match="No match for B"):
        resolution(writer, reader).read(zigzag(1))


def test_a_union_is_taken_apart_only_where_the_data_allows() -> None:
    found = resolution(["null", "int"], "long")
    assert found.read(b"\x02\x04") == 2
    with pytest.raises(ResolutionError, match="Found null, expecting long"):
        found.read(b"\x00")


def test_recursive_types() -> None:
    def node(kind: str, **more: object) -> dict[str, object]:
        return record(field("v", kind), field("next", ["null", "Node"], **more), name="Node")

    found = resolution(node("int"), node("long", default=None))
    assert found.read(b"\x02\x02\x04\x00") == {"v": 1, "next": {"v": 2, "next": None}}
    with pytest.raises(ResolutionError, match="nested too deeply"):
        found.read(b"\x02\x02" * 5000 + b"\x02\x00")


def test_a_default_that_never_ends_is_refused_when_it_is_made() -> None:
    inner = record(field("again", "Loop", default={}), name="Loop")
    with pytest.raises(ContractError):
        resolution(record(), record(field("loop", inner, default={})))


HOSTILE = [
    (record(field("a", "int")), record(field("a", "long")), b""),
    (record(field("a", "int")), record(field("a", "long")), b"\x02\x02"),
    ("string", "bytes", b"\x7fa"),
    ("string", "string", b"\x02\xff"),
    (
        {"type": "array", "items": "null"},
        {"type": "array", "items": "null"},
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00",
    ),
    ({"type": "array", "items": "int"}, {"type": "array", "items": "long"}, b"\x80\x80\x80\x10\x00"),
    (["null", "int"], ["int", "null"], b"\x08"),
    ({"type": "enum", "name": "E", "symbols": ["A"]}, {"type": "enum", "name": "E", "symbols": ["A"]}, b"\x02"),
    ("float", "double", b"\x00\x00"),
]


@pytest.mark.parametrize(("writer", "reader", "payload"), HOSTILE)
def test_bytes_that_are_none_are_one_kind_of_error(writer: object, reader: object, payload: bytes) -> None:
    with pytest.raises(ResolutionError):
        resolution(writer, reader).read(payload)


FUZZED = resolution(
    record(
        field("a", ["null", "string", "long"]), field("b", {"type": "map", "values": "bytes"}), field("c", "double")
    ),
    record(
        field("b", {"type": "map", "values": "string"}),
        field("a", ["string", "null", "double"]),
        field("d", "int", default=1),
    ),
)


@given(st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    try:
        value = FUZZED.read(payload)
    except ResolutionError:
        return
    assert set(value) == {"a", "b", "d"}  # type: ignore[arg-type]  # a record's value


def test_defaults_are_those_of_the_encoder() -> None:
    schema = parse_schema(
        '{"type": "record", "name": "R", "fields": [{"name": "x", "type": ["int", "null"], "default": 3}]}'
    )
    assert default_bytes(schema, {}, "") == b"\x00\x06"


def refused(writer: object, reader: object) -> bool:
    try:
        return bool(resolution(writer, reader).errors)
    except ContractError:  # a default that no value can hold
        return True


def test_errors_are_what_javas_decoder_refuses() -> None:
    """Of pairs that the verdict calls compatible, those are told that Java's ResolvingGrammar judges otherwise, and no others."""
    pairs = [json.loads(line) for line in (VECTORS.parent / "avro_compatibility.jsonl").read_text("utf-8").splitlines()]
    compatible = [pair for pair in pairs if pair.get("compatible")]
    assert len(compatible) == 240
    told = [pair for pair in compatible if refused(pair["writer"], pair["reader"])]
    assert told == [pair for pair in compatible if not pair["grammar_agrees"]]
    assert len(told) == 3
