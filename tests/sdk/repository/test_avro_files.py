"""Named types across files: put in once, under the right name, with places in the files they came from."""

import json
from pathlib import Path
from typing import Any

import fastavro.schema
import pytest

from tidegate.repository.avro_files import AvroFiles, AvroSchema, canonical_text
from tidegate.repository.broken import Place, Problems, Refused

ASKED = Place(file="contracts/c.yaml", line=4, column=9)


class Avro:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, value: Any) -> None:
        path = self.folder / "avro" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value, indent=1), encoding="utf-8")

    def read(self, name: str) -> AvroSchema:
        return AvroFiles(self.folder).read(f"avro/{name}", ASKED, Problems("contracts/c.yaml"))

    def refused(self, name: str) -> list[str]:
        problems = Problems("contracts/c.yaml")
        with pytest.raises(Refused):
            AvroFiles(self.folder).read(f"avro/{name}", ASKED, problems)
        return [str(row) for row in problems.rows]


@pytest.fixture
def avro(tmp_path: Path) -> Avro:
    return Avro(tmp_path)


def record(name: str, namespace: str | None = None, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "record", "name": name}
    if namespace is not None:
        found["namespace"] = namespace
    return {**found, "fields": [{"name": n, "type": t} for n, t in fields.items()]}


def test_first_use_is_put_in_and_later_ones_stay_names(avro: Avro) -> None:
    avro.write("order.avsc", record("Order", "shop", first="Item", rest={"type": "array", "items": "shop.Item"}))
    avro.write("parts/item.avsc", record("Item", "shop", coffee="Coffee", size="int"))
    avro.write("parts/coffee.avsc", {"type": "enum", "name": "Coffee", "namespace": "shop", "symbols": ["A", "B"]})
    schema = avro.read("order.avsc")
    coffee = {"type": "enum", "name": "Coffee", "namespace": "shop", "symbols": ["A", "B"]}
    item = record("Item", "shop", coffee=coffee, size="int")
    assert schema.value == record("Order", "shop", first=item, rest={"type": "array", "items": "shop.Item"})
    assert schema.text == canonical_text(schema.value)
    assert json.loads(schema.text) == schema.value
    fastavro.schema.parse_schema(schema.value)


def test_places_lead_to_the_file_that_holds_the_part(avro: Avro) -> None:
    avro.write(
        "order.avsc",
        '{"type": "record", "name": "shop.Order", "fields": [\n  {"name": "item", "type": "Item", "x": [0]}]}',
    )
    avro.write(
        "item.avsc",
        '\n{"type": "record", "namespace": "shop",\n "name": "Item", "fields": [\n\t{"name": "n", "type": "int"}]}',
    )
    places = avro.read("order.avsc").places
    assert places[""] == Place(file="avro/order.avsc", line=1, column=1)
    assert places["/fields/0/x/0"] == Place(file="avro/order.avsc", line=2, column=42)
    assert places["/fields/0/type"] == Place(file="avro/item.avsc", line=2, column=1)
    assert places["/fields/0/type/name"] == Place(file="avro/item.avsc", line=3, column=10)
    assert places["/fields/0/type/fields/0/type"] == Place(file="avro/item.avsc", line=4, column=24)


def test_a_namespace_is_written_out_where_the_new_place_would_give_another_name(avro: Avro) -> None:
    avro.write("order.avsc", record("Order", "shop", money="common.Money", old="legacy.Old"))
    avro.write("common.avsc", record("Holder", "common", money=record("Money", None, cents="long")))
    avro.write("legacy.avsc", {"type": "fixed", "name": "legacy.Old", "size": 4})
    value = avro.read("order.avsc").value
    money, old = (field["type"] for field in value["fields"])
    assert money == record("Money", "common", cents="long")
    assert old == {"type": "fixed", "name": "legacy.Old", "size": 4}
    names: dict[str, Any] = {}
    fastavro.schema.parse_schema(value, named_schemas=names)
    assert set(names) == {"shop.Order", "common.Money", "legacy.Old"}


def test_a_definition_met_again_inside_its_holder_becomes_a_name(avro: Avro) -> None:
    avro.write("order.avsc", record("Order", "shop", inner="Inner", outer="Outer"))
    avro.write("outer.avsc", record("Outer", "shop", inner=record("Inner", None, n="int")))
    value = avro.read("order.avsc").value
    assert value["fields"][0]["type"] == record("Inner", None, n="int")
    assert value["fields"][1]["type"] == record("Outer", "shop", inner="shop.Inner")
    fastavro.schema.parse_schema(value)


def test_recursion_within_and_across_files(avro: Avro) -> None:
    avro.write("a.avsc", record("A", "x", b=["null", "B"], again=["null", "A"]))
    avro.write("b.avsc", record("B", "x", a=["null", "A"]))
    value = avro.read("a.avsc").value
    assert value == record("A", "x", b=["null", record("B", "x", a=["null", "A"])], again=["null", "A"])


def test_attributes_of_any_shape_stay_and_are_no_references(avro: Avro) -> None:
    field = {"name": "n", "type": "string", "default": "Item", "confluent:tags": ["PII"], "type2": {"type": "Item"}}
    avro.write("order.avsc", {"type": "record", "name": "Order", "fields": [field], "aliases": ["Item"], "doc": "é"})
    avro.write("item.avsc", record("Item", None, n="int"))
    schema = avro.read("order.avsc")
    assert schema.value["fields"] == [field]
    assert "é" in schema.text


def test_unknown_names_get_the_nearest_and_two_definitions_are_refused(avro: Avro) -> None:
    avro.write(
        "order.avsc",
        '{"type": "record", "name": "Order", "fields": [\n{"name": "a", "type": "shop.Itme"},\n{"name": "b", "type": "shop.Two"}]}',
    )
    avro.write("item.avsc", record("Item", "shop", n="int"))
    avro.write("one.avsc", record("Two", "shop"))
    avro.write("two.avsc", [record("Two", "shop")])
    assert avro.refused("order.avsc") == [
        'avro/order.avsc:2:23: "shop.Itme" is defined nowhere below avro/; did you mean "shop.Item"?',
        'avro/order.avsc:3:23: "shop.Two" is defined more than once: avro/one.avsc, avro/two.avsc',
    ]


def test_an_unreadable_neighbour_is_named_when_a_name_is_missing_and_only_then(avro: Avro) -> None:
    avro.write("order.avsc", record("Order", None, a="Elsewhere", b="Elsewhere"))
    avro.write("broken.avsc", "{")
    avro.write("near.avsc", record("Elsewher", None))
    first, _second, broken = sorted(avro.refused("order.avsc"), reverse=True)
    assert first.endswith(
        '"Elsewhere" is defined nowhere below avro/; it may be in what cannot be read there: avro/broken.avsc'
    )
    assert broken == "avro/broken.avsc:1:2: is not JSON: a member's name is due"
    avro.write("order.avsc", record("Order", None, a="int"))
    assert avro.read("order.avsc").value == record("Order", None, a="int")


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ('{"type":\n "record",}', "avro/x.avsc:2:11: is not JSON: a member's name is due"),
        ('{"a": 1,\n"a": 2}', 'avro/x.avsc:2:1: is not JSON: "a" is given twice'),
        ("", "avro/x.avsc:1:1: is not JSON: the text ends where a value is due"),
    ],
)
def test_what_is_no_json_is_said_with_its_place(avro: Avro, content: str, row: str) -> None:
    avro.write("x.avsc", content)
    assert avro.refused("x.avsc") == [row]


def test_a_missing_file_is_the_contracts_problem(avro: Avro) -> None:
    assert avro.refused("x.avsc") == ["contracts/c.yaml:4:9: avro/x.avsc cannot be read: No such file or directory"]


def test_bytes_that_are_no_utf8_have_their_place(avro: Avro) -> None:
    avro.write("x.avsc", "")
    (avro.folder / "avro/x.avsc").write_bytes(b'{\n "a": "\xff"}')
    assert avro.refused("x.avsc") == ["avro/x.avsc:2:8: is not UTF-8 text"]


def test_a_chain_of_files_that_nests_without_end_is_bounded(avro: Avro) -> None:
    for step in range(120):
        avro.write(f"{step}.avsc", record(f"R{step}", None, next=f"R{step + 1}"))
    avro.write("120.avsc", record("R120"))
    (row,) = avro.refused("0.avsc")
    assert "is nested deeper than 200, its named types put in" in row


def test_a_misspelt_file_gets_the_nearest(avro: Avro) -> None:
    avro.write("order.avsc", record("Order", None))
    assert avro.refused("ordr.avsc") == [
        'contracts/c.yaml:4:9: avro/ordr.avsc cannot be read: No such file or directory; did you mean "avro/order.avsc"?'
    ]


def test_what_a_merge_left_is_said(avro: Avro) -> None:
    avro.write("x.avsc", '{"type":\r\n<<<<<<< HEAD\r\n"int"\r\n=======\r\n"long"\r\n>>>>>>> main\r\n}')
    assert avro.refused("x.avsc") == [
        "avro/x.avsc:2:1: git stopped here, with two versions of what follows: choose, and remove its three marks"
    ]
    avro.write("x.avsc", "<<<<<<< HEAD\n" * 50_000)
    (row,) = avro.refused("x.avsc")
    assert row.startswith("avro/x.avsc:1:1: is "), "one mark is none"
