"""What bites later, each with its line; and the warnings of what the verdict allows."""

from typing import Any

import pytest
from tests.sdk.check.conftest import Shop

FILE = "avro/order.avsc"
COUNT = {"name": "count", "type": "int"}


def field(name: str = "x", kind: Any = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "default": "a", **more}


NULLABLE = field(kind=["null", "string"], default="a")
LINTS = {
    "lint/doc": field(doc=""),
    "lint/name": field("Odd_Name"),
    "lint/default": NULLABLE,
    "registry/long": field(kind="long", default=0),
    "registry/nanos": field(kind={"type": "long", "logicalType": "timestamp-nanos"}, default=0),
}


@pytest.mark.parametrize("rule", LINTS)
def test_a_warning_with_its_line(shop: Shop, rule: str) -> None:
    shop.schema(COUNT, LINTS[rule])
    assert shop.warnings() == [(FILE, 4, rule)]
    assert shop.errors() == []


def test_names_of_types_and_symbols(shop: Shop) -> None:
    enum = {"type": "enum", "name": "odd_kind", "symbols": ["GOOD", "Bad"]}
    shop.schema(COUNT, field("kind", enum, default="GOOD"))
    assert shop.warnings() == [(FILE, 4, "lint/name"), (FILE, 4, "lint/name")]


def test_a_bounded_long_is_safe(shop: Shop) -> None:
    shop.schema(COUNT, field("n", "long", default=0, minimum=0, maximum=2**53 - 1))
    assert shop.warnings() == []


def test_a_description_in_the_contract_file_is_a_doc(shop: Shop) -> None:
    shop.schema(COUNT, field(doc=""))
    path = shop.folder / "contracts/shop.orders.yaml"
    path.write_text(path.read_text() + "    properties: [{name: x, description: An x.}]\n")
    assert shop.warnings() == []


def test_an_example_that_its_rules_refuse_is_an_error(shop: Shop) -> None:
    shop.schema(COUNT, field(maxLength=3, example="toolong"))
    assert shop.errors() == [(FILE, 4, "lint/example")]
    shop.schema(COUNT, field(maxLength=3, examples=["ok", "toolong"]))
    assert shop.errors() == [(FILE, 4, "lint/example")]
    shop.schema(COUNT, field(maxLength=3, example="ok"))
    assert shop.errors() == []


def test_nobody_to_ask_is_a_warning(shop: Shop) -> None:
    path = shop.folder / "contracts/shop.orders.yaml"
    path.write_text(path.read_text().replace("team: {name: shop}\n", ""))
    assert shop.warnings() == [("contracts/shop.orders.yaml", 1, "lint/owner")]


BROKEN = {
    "no JSON": ("{", 1, "schema/invalid"),
    "a type that is not there": ('{"type": "record", "name": "R",\n "fields": [{"name": "id", "type": "strin"}]}', 2, "schema/invalid"),
    "a rule that does not compile": ('{"type": "record", "name": "R", "fields": [\n{"name": "id", "type": "string", "pattern": "("}]}', 2, "schema/invalid"),
    "an expression that does not compile": (
        '{"type": "record", "name": "R", "fields": [\n{"name": "id", "type": "string", "confluent:rules": [{"name": "r", "expr": "this +"}]}]}', 2, "schema/invalid",
    ),
    "a union inside a union": ('{"type": "record", "name": "R", "fields": [\n{"name": "id", "type": ["string",\n ["null"]]}]}', 3, "schema/invalid"),
    "a wrong default": ('{"type": "record", "name": "R", "fields": [\n{"name": "id", "type": "string", "default": 1}]}', 2, "schema/invalid"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_schema(shop: Shop, name: str) -> None:
    text, line, rule = BROKEN[name]
    (shop.folder / FILE).write_text(text)
    assert (FILE, line, rule) in shop.errors()


def test_a_misspelt_contract(shop: Shop) -> None:
    path = shop.folder / "contracts/shop.orders.yaml"
    path.write_text(path.read_text().replace("property: key", "property: kye"))
    (finding,) = shop.examine().findings
    assert (finding.place.line, finding.rule) == (7, "contract/invalid")
    assert 'did you mean "key"?' in finding.message


def test_one_broken_contract_takes_no_other_down(shop: Shop) -> None:
    shop.contract(topic="shop.items", file="missing")
    shop.schema({"name": "count", "type": "boolean"})
    found = {row[0] for row in shop.errors()}
    assert found == {FILE, "contracts/shop.items.yaml"}


QUIRKS = {
    "bytes and strings": (field(kind="bytes"), field(), "compatibility/bytes-string"),
    "a namespace inside a union": (
        field(kind=["null", {"type": "fixed", "name": "F", "namespace": "old", "size": 1}], default=None),
        field(kind=["null", {"type": "fixed", "name": "F", "namespace": "new", "size": 1}], default=None),
        "compatibility/namespace",
    ),
}


@pytest.mark.parametrize("name", QUIRKS)
def test_what_the_verdict_allows_and_still_bites(shop: Shop, name: str) -> None:
    old, new, rule = QUIRKS[name]
    shop.contract(inputs="pinned")
    shop.schema(COUNT, old)
    shop.release()
    shop.schema(COUNT, new)
    assert shop.errors() == []
    assert (FILE, 4, rule) in shop.warnings()
    shop.release()
    assert [row for row in shop.warnings() if row[2].startswith("compatibility/")] == [], "and is not told for ever"


def test_a_field_that_the_contract_still_names_hides_no_break(shop: Shop) -> None:
    """The key was renamed in the schema only: who breaks is told in the same run."""
    path = shop.folder / "contracts/shop.orders.yaml"
    path.write_text(path.read_text() + "    properties: [{name: count, description: How many.}]\n")
    shop.schema({"name": "number", "type": "int"})
    assert shop.errors() == [
        (FILE, 1, "forward/READER_FIELD_MISSING_DEFAULT_VALUE"),
        (FILE, 1, "producer/field-removed"),
        (FILE, 3, "backward/READER_FIELD_MISSING_DEFAULT_VALUE"),
        (FILE, 3, "producer/field-required"),
        ("contracts/shop.orders.yaml", 8, "contract/invalid"),
    ]


def test_what_javas_decoder_refuses_is_a_warning(shop: Shop) -> None:
    """An enum inside a union under another namespace: the verdict looks at short names, the decoder at full ones."""

    def union(space: str) -> dict[str, Any]:
        kind = {"type": "enum", "name": "Kind", "namespace": space, "symbols": ["A"]}
        return field(kind=["null", kind], default=None)

    shop.contract(inputs="pinned")
    shop.schema(COUNT, union("old"), field("more", ["null", "int"], default=None))
    shop.release()
    swapped = union("new")
    swapped["type"] = swapped["type"][::-1]
    swapped["default"] = "A"
    shop.schema(COUNT, swapped, field("more", ["null", "int"], default=None))
    assert shop.errors() == []
    assert {(FILE, 1, "compatibility/decoder"), (FILE, 4, "compatibility/namespace")} <= set(shop.warnings())
