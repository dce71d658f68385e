"""Compatibility is Java's: verdict, types, locations, messages and order, on every recorded pair; and it always ends."""

import json
import time
from pathlib import Path

import pytest

from tidegate.contracts.avro.compatibility import MAX_INCOMPATIBILITIES, incompatibilities
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.codec import ContractError

VECTORS = Path(__file__).parents[2] / "vectors" / "avro_compatibility.jsonl"


def _record(*fields: object, name: str = "R", **more: object) -> dict[str, object]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def _field(name: str, kind: object, **more: object) -> dict[str, object]:
    return {"name": name, "type": kind, **more}


def _judged(reader: object, writer: object) -> list[tuple[str, str, str]]:
    found = incompatibilities(parse_schema(json.dumps(reader)), parse_schema(json.dumps(writer)))
    return [(one.type, one.location, one.message) for one in found]


def test_java_vectors() -> None:
    pairs = [json.loads(line) for line in VECTORS.read_text("utf-8").splitlines()]
    sound = [pair for pair in pairs if not pair.get("invalid")]
    assert len(sound) == 816
    for pair in sound:
        wanted = [(one["type"], one["location"], one["message"]) for one in pair.get("incompatibilities", [])]
        assert _judged(pair["reader"], pair["writer"]) == wanted
        assert (not wanted) is pair["compatible"]


@pytest.mark.parametrize(
    ("reader", "writer"),
    [("long", "int"), ("float", "long"), ("double", "float"), ("bytes", "string"), ("string", "bytes")],
)
def test_promotions_go_one_way_but_for_text(reader: str, writer: str) -> None:
    assert _judged(reader, writer) == []
    back = _judged(writer, reader)
    if {reader, writer} == {"bytes", "string"}:
        assert back == []
    else:
        said = f"reader type: {writer.upper()} not compatible with writer type: {reader.upper()}"
        assert back == [("TYPE_MISMATCH", "/", said)]


def test_a_fixed_of_another_size() -> None:
    small, large = ({"type": "fixed", "name": "F", "size": size} for size in (2, 4))
    assert _judged(small, large) == [("FIXED_SIZE_MISMATCH", "/size", "expected: 4, found: 2")]


def test_names_are_compared_without_namespaces_and_by_aliases() -> None:
    old = _record(name="shop.Order")
    assert _judged(_record(name="warehouse.Order"), old) == []
    assert _judged(_record(name="shop.Sale"), old) == [("NAME_MISMATCH", "/name", "expected: shop.Order")]
    assert _judged(_record(name="shop.Sale", aliases=["Order"]), old) == []
    assert _judged(_record(name="warehouse.Sale", aliases=["Order"]), old) != []


def test_field_aliases_find_the_writers_field() -> None:
    old = _record(_field("id", "int"))
    assert _judged(_record(_field("orderId", "long", aliases=["id"])), old) == []
    both = _record(_field("id", "int"), _field("orderId", "int"))
    with pytest.raises(ContractError, match="matches several fields"):
        _judged(_record(_field("id", "int", aliases=["orderId"])), both)


def test_an_enums_default_takes_unknown_symbols() -> None:
    def enum(*symbols: str, **more: object) -> dict[str, object]:
        return {"type": "enum", "name": "E", "symbols": list(symbols), **more}

    assert _judged(enum("A"), enum("A", "C", "B")) == [("MISSING_ENUM_SYMBOLS", "/symbols", "[B, C]")]
    assert _judged(enum("A", default="A"), enum("A", "B")) == []


def test_a_recursive_type_ends() -> None:
    def node(kind: str) -> object:
        return _record(_field("value", kind), _field("next", ["null", "Node"]), name="Node")

    assert _judged(node("long"), node("int")) == []
    assert [row[:2] for row in _judged(node("int"), node("long"))] == [("TYPE_MISMATCH", "/fields/0/type")]


def test_places_are_those_of_the_texts() -> None:
    item = _record(_field("id", "int"), name="Item")
    reader = parse_schema(json.dumps(_record(_field("a", item), _field("b", "Item"))))
    wide = _record(_field("id", "string"), name="Item")
    writer = parse_schema(json.dumps(_record(_field("b", wide), _field("a", "Item"))))
    first, second = incompatibilities(reader, writer)
    assert (first.location, first.reader_pointer, first.writer_pointer) == (
        "/fields/0/type/fields/0/type",
        "/fields/0/type/fields/0/type",
        "/fields/0/type/fields/0/type",
    )
    assert second == first  # a type compared before is told with the location where it was met first, as Java does


def test_what_doubles_with_every_level_is_cut() -> None:
    def chain(kind: str, levels: int) -> object:
        inner: object = _record(_field("x", kind), name="L0")
        for level in range(1, levels):
            inner = _record(_field("a", inner), _field("b", f"L{level - 1}"), name=f"L{level}")
        return inner

    started = time.process_time()
    assert len(_judged(chain("int", 40), chain("string", 40))) == MAX_INCOMPATIBILITIES
    assert time.process_time() - started < 5


def test_types_that_lead_to_each_other_without_end_are_refused_not_crashed_on() -> None:
    types = [_record(_field("next", f"T{n + 1}"), name=f"T{n}") for n in range(3000)]
    last = _record(_field("x", "int"), name="T3000")
    fields = [_field(f"f{n}", kind) for n, kind in enumerate([*types, last])]
    schema = parse_schema(json.dumps(_record(*fields)))
    other = parse_schema(json.dumps(_record(*fields)))
    with pytest.raises(ContractError, match="too deeply"):
        incompatibilities(schema, other)
