"""The record's key and time, taken from fields."""

from collections.abc import Callable
from typing import Any

import pytest

from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Encoded, Rejected

Make = Callable[..., Any]
UUID = "0190B5C2-7e1a-7c3d-9f00-0123456789ab"
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}


@pytest.mark.parametrize(
    ("type_", "possible", "impossible"),
    [
        ("string", "", b"\xff"),
        ({"type": "string", "logicalType": "uuid"}, UUID, "abc"),
        ("int", "-2147483648", "2147483648"),
        ("int", "0", "abc"),
        ("long", "2147483648", "007"),
        ("long", "-1", "-0"),
        ("int", "7", "1" * 5000),
        ("bytes", b"\xff", None),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "A", "B"),
    ],
)
def test_a_tombstone_s_key_is_one_that_the_field_can_give(
    judge: Make, type_: object, possible: str | bytes, impossible: str | bytes | None
) -> None:
    codec = judge({"name": "f", "type": type_}, key="f").codec
    source = VersionSource(number=1, schema_id=7, format="avro", schema="{}", key="f", tombstones="allow")
    version = CompiledVersion("t", source, codec)
    assert isinstance(version.check(b"null", key=possible), Encoded)
    if impossible is not None:
        refused = version.check(b"null", key=impossible)
        assert isinstance(refused, Rejected)
        assert [(one.pointer, one.rule, one.docs) for one in refused.violations] == [("#", "key", "f")]
        beside = version.check(b'{"f": true}', key=impossible)
        assert isinstance(beside, Rejected)
        assert [one.rule for one in beside.violations] == ["type", "key_mismatch"]


@pytest.mark.parametrize(
    ("type_", "value", "key"),
    [
        ("string", "\u00e4", "\u00e4".encode()),
        ("string", "", b""),
        ("int", 0, b"0"),
        ("long", -5, b"-5"),
        ("bytes", "-_8", b"\xfb\xff"),
        ({"type": "string", "logicalType": "uuid"}, UUID, UUID.lower().encode()),
        ({"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}, UUID, UUID.lower().encode()),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", b"B"),
    ],
)
def test_key_bytes(of_type: Make, judge: Make, type_: object, value: object, key: bytes) -> None:
    made = of_type(type_)
    assert not made.codec.has_key
    assert made({"f": value}).key is None
    made = judge({"name": "f", "type": type_}, key="f")
    assert made.codec.has_key
    assert made({"f": value}).key == key
    inner = {"type": "record", "name": "In", "fields": [{"name": "f", "type": type_}]}
    assert judge({"name": "in", "type": inner}, key="in.f")({"in": {"f": value}}).key == key


def test_a_default_gives_the_key_too(judge: Make) -> None:
    made = judge({"name": "f", "type": "bytes", "default": "\u00ff"}, key="f")
    assert made({}).key == b"\xff"


def test_explicit_keys(judge: Make) -> None:
    made = judge({"name": "f", "type": {"type": "string", "logicalType": "uuid"}}, key="f")
    assert made.codec.key_bytes(UUID) == UUID.lower().encode()
    assert made.codec.key_bytes(UUID.encode()) == UUID.lower().encode()
    assert judge({"name": "f", "type": "string"}).codec.key_bytes("\u00c4") == "\u00c4".encode()


@pytest.mark.parametrize("type_", ["double", "boolean", ["null", "string"], MILLIS, {"type": "array", "items": "int"}])
def test_other_keys_are_refused_at_load(judge: Make, type_: object) -> None:
    with pytest.raises(ContractError, match="key"):
        judge({"name": "f", "type": type_}, key="f")


def test_paths_that_lead_nowhere(judge: Make) -> None:
    with pytest.raises(ContractError, match='did you mean "orderId"'):
        judge({"name": "orderId", "type": "string"}, key="orderID")
    with pytest.raises(ContractError, match="no record"):
        judge({"name": "f", "type": "string"}, key="f.g")
    with pytest.raises(ContractError, match="event time"):
        judge({"name": "f", "type": "long"}, event_time="f")


@pytest.mark.parametrize(
    ("unit", "value", "time_ms"),
    [
        ("millis", "2026-01-31T12:00:00.120Z", 1769860800120),
        ("millis", 0, 0),
        ("micros", "2026-01-31T12:00:00.120999Z", 1769860800120),
        ("micros", -1, -1),
        ("nanos", "2026-01-31T12:00:00.120999999Z", 1769860800120),
    ],
)
def test_event_time(judge: Make, unit: str, value: object, time_ms: int) -> None:
    field = {"name": "f", "type": {"type": "long", "logicalType": f"timestamp-{unit}"}}
    assert judge(field, event_time="f")({"f": value}).time_ms == time_ms
    assert judge(field)({"f": value}).time_ms is None
    optional = {"name": "f", "type": ["null", field["type"]], "default": None}
    assert judge(optional, event_time="f")({"f": value}).time_ms == time_ms
    assert judge(optional, event_time="f")({}).time_ms is None
    assert judge(optional, event_time="f")({"f": {"long": value}}).time_ms == time_ms
