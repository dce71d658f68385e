"""What a later version makes of a golden record: each kind of loss is a difference with its cause, and nothing else is one."""

from typing import Any

import pytest
from tests.sdk.golden.conftest import TOPIC, Golden

from tidegate.golden.judging import WORKING

ID = {"name": "id", "type": "string"}


def field(kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": "f", "type": kind, **more}


def decimal(scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": scale}


def logical(kind: str, name: str) -> dict[str, Any]:
    return {"type": kind, "logicalType": name}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": symbols, **more}


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        ("int", 7, "long"),
        ("int", 2**30 + 1, "float"),
        ("long", 2**53 + 1, "double"),
        ("float", 1.5, "double"),
        ("string", "é", "bytes"),
        ("int", 7, ["null", "string", "long"]),
        (["null", "string"], None, ["string", "null"]),
        (["null", "string"], "x", ["null", "int", "string"]),
        (enum("A", "B"), "B", enum("B", "A")),
        (enum("A", "B"), "B", enum("A", default="A")),
        ({"type": "array", "items": "int"}, [1, 2], {"type": "array", "items": "long"}),
        ({"type": "map", "values": "int"}, {"k": 1}, {"type": "map", "values": "double"}),
        (logical("int", "time-millis"), "12:00:00.5", "int"),
        (logical("string", "uuid"), "01920000-0000-7000-8000-000000000000", "string"),
    ],
)
def test_what_is_read_as_it_was_written_is_no_difference(golden: Golden, before: Any, event: Any, after: Any) -> None:
    golden.released(ID, field(before))
    golden.record(1, "one", {"id": "a", "f": event})
    golden.schema(ID, field(after))
    assert golden.mismatch(1, "one", WORKING) is None


@pytest.mark.parametrize(
    ("before", "event", "after", "detail"),
    [
        (decimal(2), "12.50", decimal(3), "12.50 was written, 1.250 is read"),
        (
            logical("long", "timestamp-millis"),
            "1970-01-01T00:00:01Z",
            logical("long", "timestamp-micros"),
            "'timestamp at 1000000000 ns' was written, 'timestamp at 1000000 ns' is read",
        ),
    ],
)
def test_a_schema_that_reads_every_byte_and_loses_the_meaning_is_caught(
    golden: Golden, before: Any, event: Any, after: Any, detail: str
) -> None:
    golden.released(
        ID,
        {
            "name": "inner",
            "type": {"type": "array", "items": {"type": "record", "name": "I", "fields": [field(before)]}},
        },
    )
    golden.record(1, "one", {"id": "a", "inner": [{"f": event}]})
    golden.schema(
        ID,
        {
            "name": "inner",
            "type": {"type": "array", "items": {"type": "record", "name": "I", "fields": [field(after)]}},
        },
    )
    found = golden.mismatch(1, "one", WORKING)
    assert found is not None
    assert [(one.path, one.detail) for one in found.differences] == [("inner[0].f", detail)]
    (change,) = found.changes
    assert change.startswith("`inner.f` has another type:")


@pytest.mark.parametrize(
    ("before", "event", "after", "detail"),
    [
        ("string", "x", "int", "cannot be read: Found string, expecting int"),
        (["null", "string"], "x", ["null", "int"], "cannot be read: Found string, expecting union"),
        (enum("A", "B"), "B", enum("A"), "cannot be read: No match for B"),
    ],
)
def test_what_cannot_be_read_names_the_change(golden: Golden, before: Any, event: Any, after: Any, detail: str) -> None:
    golden.released(ID, field(before))
    golden.record(1, "one", {"id": "a", "f": event})
    golden.schema(ID, field(after))
    found = golden.mismatch(1, "one", WORKING)
    assert found is not None
    assert [one.detail for one in found.differences] == [detail]
    assert any("`f`" in change for change in found.changes)


def test_fields_that_only_one_side_has_are_no_difference(golden: Golden) -> None:
    golden.released(ID, field("int"))
    golden.schema(ID, {"name": "g", "type": "int", "default": 3})
    assert golden.mismatch(1, "maximal", WORKING) is None
    golden.schema(ID, {"name": "g", "type": "int", "aliases": ["f"]})
    assert golden.mismatch(1, "maximal", WORKING) is None, "an alias is the same field"


def test_a_record_that_its_own_version_refuses(golden: Golden) -> None:
    golden.released(ID, field("int", maximum=5))
    golden.record(1, "one", {"id": "a", "f": 6})
    found = golden.mismatch(1, "one", "version 1")
    assert found is not None
    assert "version 1, its own, which refuses it" in str(found)
    assert [one.path for one in found.differences] == ["#/f"]


def test_bytes_that_are_not_those_of_the_json(golden: Golden) -> None:
    golden.released(ID, field("int"))
    path = golden.folder / f"released/{TOPIC}/1/golden/minimal.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"\x08")
    found = golden.mismatch(1, "minimal", "version 1")
    assert found is not None
    assert "minimal.bin is not what its JSON stands for" in str(found)
