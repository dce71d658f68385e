"""What was accepted stays accepted: a real change for each rule about producers, with its line; and what is no breach."""

from typing import Any

import pytest
from tests.sdk.check.conftest import Shop

FILE = "avro/order.avsc"
CONTRACT = "contracts/shop.orders.yaml"
ID = {"name": "id", "type": "string"}
COUNT = {"name": "count", "type": "int"}


def change(shop: Shop, old: dict[str, Any], new: dict[str, Any] | None) -> list[tuple[str, int, str]]:
    """Releases with the field `old` in line 4, then makes it `new`; the errors about producers."""
    shop.contract(compatibility="NONE")
    shop.schema(COUNT, old)
    shop.release()
    shop.schema(COUNT, *([new] if new is not None else []))
    found = [one for one in shop.errors() if one[2].startswith("producer/")]
    if found:
        shop.contract(compatibility="NONE", inputs="pinned")
        assert shop.errors() == [], "producers that name their version lose nothing"
    return found


def field(kind: Any = "int", **more: Any) -> dict[str, Any]:
    return {"name": "x", "type": kind, **more}


ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}

BREACHES = {
    "a removed field": (field(default=1), None, 1, "field-removed"),
    "a lost default": (field(default=1), field(), 4, "default-removed"),
    "int to string": (field(), field("string"), 4, "type-narrowed"),
    "long to int": (field("long"), field("int"), 4, "type-narrowed"),
    "a lost branch": (field(["null", "string", "int"]), field(["null", "string"]), 4, "type-narrowed"),
    "null no longer": (field(["null", "int"]), field("int"), 4, "type-narrowed"),
    "items of another type": (field({"type": "array", "items": "int"}), field({"type": "array", "items": "boolean"}), 4, "type-narrowed"),
    "values of another type": (field({"type": "map", "values": "int"}), field({"type": "map", "values": "boolean"}), 4, "type-narrowed"),
    "a unit of time": (field(MILLIS), field({**MILLIS, "logicalType": "timestamp-micros"}), 4, "type-narrowed"),
    "a decimal's precision": (field(DECIMAL), field({**DECIMAL, "precision": 5}), 4, "type-narrowed"),
    "a decimal's scale": (field(DECIMAL), field({**DECIMAL, "scale": 1}), 4, "type-narrowed"),
    "a lost symbol": (field(ENUM), field({**ENUM, "symbols": ["A"], "default": "A"}), 4, "symbol-removed"),
    "a new minimum": (field(), field(minimum=1), 4, "rule-added"),
    "a higher minimum": (field(minimum=1), field(minimum=2), 4, "rule-tightened"),
    "an open minimum": (field(minimum=1), field(exclusiveMinimum=1), 4, "rule-tightened"),
    "a lower maximum": (field(maximum=9), field(maximum=8.5), 4, "rule-tightened"),
    "another multiple": (field(multipleOf=2), field(multipleOf=4), 4, "rule-tightened"),
    "longer at least": (field("string", minLength=1), field("string", minLength=2), 4, "rule-tightened"),
    "shorter at most": (field("string"), field("string", maxLength=9), 4, "rule-added"),
    "fewer items": (field({"type": "array", "items": "int"}, maxItems=9), field({"type": "array", "items": "int"}, maxItems=8), 4, "rule-tightened"),
    "items that may not be equal": (field({"type": "array", "items": "int"}), field({"type": "array", "items": "int"}, uniqueItems=True), 4, "rule-added"),
    "a rule of items": (field({"type": "array", "items": "int"}), field({"type": "array", "items": {"type": "int", "maximum": 5}}), 4, "rule-added"),
    "a new pattern": (field("string"), field("string", pattern="^a", example="a"), 4, "rule-added"),
    "a narrower pattern": (field("string", pattern="^[a-z]{2}$"), field("string", pattern="^[a-z]{3}$"), 4, "rule-tightened"),
    "another format": (field("string"), field("string", format="email"), 4, "rule-added"),
    "a new expression": (field(), field(**{"confluent:rules": [{"name": "r", "expr": "this > 0"}]}), 4, "rule-added"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_named_with_its_line(shop: Shop, name: str) -> None:
    old, new, line, rule = BREACHES[name]
    assert change(shop, old, new) == [(FILE, line, f"producer/{rule}")]


FINE = {
    "int to long": (field(), field("long")),
    "long to double": (field("long"), field("double")),
    "an enum to a string": (field(ENUM), field("string")),
    "a uuid to a string": (field({"type": "string", "logicalType": "uuid"}), field("string")),
    "a fixed to bytes": (field({"type": "fixed", "name": "F", "size": 2}), field("bytes")),
    "nullable": (field(), field(["null", "int"])),
    "one more branch": (field(["null", "int"]), field(["null", "int", "string"])),
    "a new default": (field(), field(default=1)),
    "a wider decimal": (field(DECIMAL), field({**DECIMAL, "precision": 9, "scale": 3})),
    "a lower minimum": (field(minimum=2), field(minimum=1)),
    "a closed minimum": (field(exclusiveMinimum=1), field(minimum=1)),
    "no bounds": (field(minimum=2, maximum=3), field()),
    "a divisor": (field(multipleOf=4), field(multipleOf=2)),
    "no pattern": (field("string", pattern="^a"), field("string")),
    "minLength 0": (field("string"), field("string", minLength=0)),
    "a rule that moved into the type": (field(minimum=1), field({"type": "int", "minimum": 1})),
    "another doc": (field(), field(doc="Other.")),
}


@pytest.mark.parametrize("name", FINE)
def test_what_is_no_breach(shop: Shop, name: str) -> None:
    assert change(shop, *FINE[name]) == []


def test_a_new_field_without_default(shop: Shop) -> None:
    shop.contract(compatibility="NONE")
    shop.schema(COUNT, field())
    assert shop.errors() == [(FILE, 4, "producer/field-required")]


def test_a_removed_field_that_is_dropped_is_fine(shop: Shop) -> None:
    shop.contract(compatibility="NONE", unknownFields="drop")
    shop.schema()
    assert shop.errors() == []


def test_what_cannot_be_compared_is_a_warning(shop: Shop) -> None:
    """A pattern that may be wider, a rule that says something else."""
    old = field("string", pattern="^[a-z]{1,2}$", **{"confluent:rules": [{"name": "r", "expr": "this != 'b'"}]})
    new = field("string", pattern="^[a-z]{1,3}$", **{"confluent:rules": [{"name": "r", "expr": "this != 'c'"}]})
    assert change(shop, old, new) == []
    shop.contract(compatibility="NONE")
    assert [row[2] for row in shop.warnings()] == ["producer/rule-changed", "producer/rule-changed"]


def test_rules_of_the_contract_file(shop: Shop) -> None:
    path = shop.folder / CONTRACT
    rows = "    properties: [{name: count, logicalTypeOptions: {maximum: %d}}]\n"
    text = path.read_text()
    path.write_text(text + rows % 9)
    assert [row[2] for row in shop.errors()] == ["producer/rule-added"]
    shop.release()
    path.write_text(text + rows % 8)
    (finding,) = [one for one in shop.examine().findings if one.severity == "error"]
    assert finding.message == '"count" has maximum 8, and had maximum 9: producers on version 2 are refused'
    assert (finding.place.file, finding.place.line) == (CONTRACT, 8)
    path.write_text(text + rows % 10)
    assert shop.errors() == []


TERMS = {
    "unknown fields": ({"unknownFields": "drop"}, {"unknownFields": "reject"}, 8, "producer/unknown-fields"),
    "tombstones": ({"tombstones": "allow"}, {"tombstones": "reject"}, 8, "producer/tombstones"),
}


@pytest.mark.parametrize("name", TERMS)
def test_what_the_contract_file_asks(shop: Shop, name: str) -> None:
    before, after, line, rule = TERMS[name]
    shop.contract(**before)
    shop.release()
    assert shop.errors() == []
    shop.contract(**after)
    assert shop.errors() == [(CONTRACT, line, rule)]


def test_a_key_that_comes(shop: Shop) -> None:
    path = shop.folder / CONTRACT
    keyed = path.read_text()
    path.write_text(
        keyed.replace("      - {property: key, value: id}\n", "      - {property: tombstones, value: reject}\n")
    )
    shop.release()
    path.write_text(keyed)
    assert shop.errors() == [(CONTRACT, 7, "producer/key")]


def test_golden_records_are_judged_by_the_candidate(shop: Shop) -> None:
    """The break is one that no comparison sees: an expression that says something else."""
    rules = {"confluent:rules": [{"name": "r", "expr": "this.count > 0"}]}
    shop.schema(COUNT, **rules)
    shop.release()
    for version, count in ((1, 5), (2, 2)):
        golden = shop.folder / f"released/shop.orders/{version}/golden"
        golden.mkdir(exist_ok=True)
        (golden / "some.json").write_text(f'{{"id": "a", "count": {count}}}')
    shop.schema(COUNT, **{"confluent:rules": [{"name": "r", "expr": "this.count > 3"}]})
    (finding,) = [one for one in shop.examine().findings if one.severity == "error"]
    assert finding.rule == "producer/golden"
    assert finding.message.startswith('golden record "some" of version 2 is refused: # ')
    assert finding.message.endswith("producers on version 2 are refused")


def test_a_golden_record_that_its_own_version_refuses(shop: Shop) -> None:
    golden = shop.folder / "released/shop.orders/1/golden"
    golden.mkdir()
    (golden / "bad.json").write_text('{"id": "a"}')
    assert shop.errors() == [("released/shop.orders/1/golden/bad.json", 1, "golden/invalid")]


def test_a_golden_record_that_nobody_would_look_at(shop: Shop) -> None:
    base = "released/shop.orders/1/golden"
    golden = shop.folder / base
    golden.mkdir()
    (golden / "paid in full.json").write_text('{"id": "a", "count": 1}')
    (golden / "lost.bin").write_bytes(b"x")
    (golden / ".swap.json").write_text("")
    (golden / "README.md").write_text("Why these.")
    found = {one.place.file: (one.rule, one.message) for one in shop.examine().findings}
    assert found == {
        f"{base}/lost.bin": ("golden/invalid", "are the bytes of a record, and lost.json is not there"),
        f"{base}/paid in full.json": (
            "golden/invalid",
            "is not looked at: a record's name has letters, digits and . _ -, 100 at most",
        ),
    }


def test_more_golden_records_than_are_looked_at(shop: Shop) -> None:
    golden = shop.folder / "released/shop.orders/1/golden"
    golden.mkdir()
    for number in range(1001):
        (golden / f"r{number}.json").write_text('{"id": "a", "count": 1}')
    (finding,) = shop.examine().findings
    assert finding.message == "holds 1001 golden records: 1000 are looked at"


def test_what_the_newest_version_refuses_already_is_not_told_again(shop: Shop) -> None:
    shop.contract(compatibility="NONE", inputs="pinned")
    golden = shop.folder / "released/shop.orders/1/golden"
    golden.mkdir()
    (golden / "old.json").write_text('{"id": "a", "count": 1}')
    shop.schema(COUNT, field())
    shop.release()
    shop.contract(compatibility="NONE")
    assert shop.errors() == []
