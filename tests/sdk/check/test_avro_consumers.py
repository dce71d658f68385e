"""A real breaking change for each rule of Avro compatibility, with the line that breaks and who breaks, by each level."""

import pytest
from tests.sdk.check.conftest import Shop

FILE = "avro/order.avsc"
COUNT = {"name": "count", "type": "int"}
ENUM = {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}}
LEVELS = ["BACKWARD", "FORWARD", "FULL"]


def consumers(shop: Shop) -> list[tuple[str, int, str]]:
    """Errors that are about consumers."""
    return [one for one in shop.errors() if not one[2].startswith("producer/")]


@pytest.fixture
def start(shop: Shop) -> Shop:
    """Version 2 has an enum (line 4), a fixed (line 5), and a nullable union (line 6)."""
    shop.schema(
        COUNT,
        {**ENUM, "default": "A"},
        {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}, "default": "abcd"},
        {"name": "note", "type": ["null", "string"], "default": None},
    )
    shop.release()
    assert shop.errors() == []
    return shop


CHANGES = {
    "backward/READER_FIELD_MISSING_DEFAULT_VALUE": (7, {"add": {"name": "extra", "type": "string"}}),
    "forward/READER_FIELD_MISSING_DEFAULT_VALUE": (1, {"drop": "count"}),
    "backward/TYPE_MISMATCH": (3, {"replace": {"name": "count", "type": "boolean"}}),
    "forward/TYPE_MISMATCH": (3, {"replace": {"name": "count", "type": "long"}}),
    "backward/MISSING_ENUM_SYMBOLS": (
        4,
        {"replace": {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A"]}, "default": "A"}},
    ),
    "forward/MISSING_ENUM_SYMBOLS": (
        4,
        {
            "replace": {
                "name": "kind",
                "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B", "C"]},
                "default": "A",
            }
        },
    ),
    "backward/FIXED_SIZE_MISMATCH": (
        5,
        {"replace": {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 2}, "default": "ab"}},
    ),
    "backward/NAME_MISMATCH": (
        5,
        {"replace": {"name": "hash", "type": {"type": "fixed", "name": "Digest", "size": 4}, "default": "abcd"}},
    ),
    "backward/MISSING_UNION_BRANCH": (
        6,
        {"replace": {"name": "note", "type": ["null", "int"], "default": None}},
    ),
    "forward/MISSING_UNION_BRANCH": (
        6,
        {"replace": {"name": "note", "type": ["null", "string", "int"], "default": None}},
    ),
}


@pytest.mark.parametrize("rule", CHANGES)
def test_a_breaking_change_is_named_with_its_line(start: Shop, rule: str) -> None:
    line, change = CHANGES[rule]
    fields = {
        "count": COUNT,
        "kind": {**ENUM, "default": "A"},
        "hash": {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}, "default": "abcd"},
        "note": {"name": "note", "type": ["null", "string"], "default": None},
    }
    if "add" in change:
        fields["new"] = change["add"]
    if "drop" in change:
        del fields[change["drop"]]
    if "replace" in change:
        fields[change["replace"]["name"]] = change["replace"]
    start.schema(*fields.values())
    direction = rule.partition("/")[0]
    start.contract(compatibility=direction.upper())
    assert consumers(start) == [(FILE, line, rule)]
    message = next(one.message for one in start.examine().findings if one.rule == rule)
    who = (
        "consumers of this schema cannot read events of version 2"
        if direction == "backward"
        else "consumers on version 2 cannot read new events"
    )
    assert message.endswith(who)
    start.contract(compatibility="NONE")
    assert consumers(start) == []


@pytest.mark.parametrize("level", [f"{level}{kind}" for level in LEVELS for kind in ("", "_TRANSITIVE")] + ["NONE"])
def test_all_seven_levels(shop: Shop, level: str) -> None:
    """Version 1 has an int, version 2 a default for a new field, the candidate reads 2 and writes for 2, but not for 1."""
    shop.contract(compatibility="NONE", inputs="pinned")
    shop.schema({"name": "count", "type": "string"})
    shop.release()
    shop.schema({"name": "count", "type": "string"}, {"name": "more", "type": "int", "default": 0})
    shop.contract(compatibility=level, inputs="pinned")
    found = {one[2] for one in shop.errors()}
    if not level.endswith("_TRANSITIVE"):
        assert found == set()
        return
    wanted = {"BACKWARD": {"backward"}, "FORWARD": {"forward"}, "FULL": {"backward", "forward"}}[
        level.partition("_")[0]
    ]
    assert found == {f"{direction}/TYPE_MISMATCH" for direction in wanted}


def test_equal_breaks_of_several_versions_are_one_finding(shop: Shop) -> None:
    shop.schema({"name": "count", "type": "int"}, {"name": "more", "type": "int", "default": 0})
    shop.release()
    shop.schema({"name": "count", "type": "boolean"}, {"name": "more", "type": "int", "default": 0})
    (message,) = [one.message for one in shop.examine().findings if one.rule == "backward/TYPE_MISMATCH"]
    said = "count: reader type: BOOLEAN not compatible with writer type: INT"
    assert message == f"{said}: consumers of this schema cannot read events of versions 1 and 2"


def test_a_break_in_another_file_is_named_there(shop: Shop) -> None:
    shop.schema({"name": "n", "type": "int"}, file="item", name="Item")
    shop.schema(COUNT, {"name": "item", "type": "Item"})
    shop.contract(compatibility="NONE", inputs="pinned")
    shop.release()
    shop.contract(inputs="pinned", compatibility="BACKWARD")
    shop.schema({"name": "n", "type": "string"}, file="item", name="Item")
    assert shop.errors() == [("avro/item.avsc", 3, "backward/TYPE_MISMATCH")]


def test_an_ambiguous_alias(shop: Shop) -> None:
    shop.contract(compatibility="NONE", inputs="pinned")
    shop.schema(COUNT, {"name": "number", "type": "int"})
    shop.release()
    shop.contract(compatibility="BACKWARD", inputs="pinned")
    shop.schema({"name": "count", "type": "int", "aliases": ["number"]})
    assert shop.errors() == [(FILE, 3, "compatibility/ambiguous")]


def test_another_format(shop: Shop) -> None:
    pytest.importorskip("grpc_tools")
    contract = shop.folder / "contracts/shop.orders.yaml"
    (shop.folder / "proto").mkdir()
    (shop.folder / "proto/order.proto").write_text(
        'syntax = "proto3";\npackage shop.v1;\nmessage Order { string id = 1; }\n'
    )
    text = contract.read_text().replace(
        "type: avro, url: avro/order.avsc", 'type: protobuf, url: "proto/order.proto#shop.v1.Order"'
    )
    contract.write_text(text)
    assert ("contracts/shop.orders.yaml", 5, "compatibility/format") in shop.errors()
