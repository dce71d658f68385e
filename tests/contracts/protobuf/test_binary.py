"""Binary events: the same verdict as their JSON, their very bytes stored, and no bytes that hurt."""

import json
from collections.abc import Callable
from struct import pack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.media import PROTOBUF, PROTOBUF_FRAMED
from tidegate.contracts.verdict import Encoded, Rejected

FRAME = b"\0\0\0\0\7\0"
HEAD = 'syntax="proto3"; package p.v1; import "buf/validate/validate.proto"; '
modest = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def varint(number: int) -> bytes:
    """A number as Protobuf writes it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def number(field: int, value: int) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(value % 2**64)


def chunk(field: int, data: bytes) -> bytes:
    """A length-delimited field."""
    return varint(field << 3 | 2) + varint(len(data)) + data


def nested(field: int, depth: int) -> bytes:
    """Empty messages inside each other."""
    data = b""
    for _ in range(depth):
        data = chunk(field, data)
    return data


def refused(version: CompiledVersion, body: bytes, media_type: str = PROTOBUF) -> Rejected:
    """The refusal of a body."""
    verdict = version.check(body, media_type)
    assert isinstance(verdict, Rejected), verdict
    return verdict


GOOD = [
    b"",
    chunk(1, "ä".encode()),
    number(2, 1),
    number(3, -1),
    number(3, 2**31 - 1),
    number(4, 2**64 - 1),
    number(5, 2**32 - 1),
    b"\x31" + b"\xff" * 8,
    b"\x39" + pack("<d", float("nan")),
    b"\x45" + pack("<f", float("inf")),
    chunk(9, b"\xff\xfe"),
    number(10, 2),
    number(10, 77),
    chunk(11, number(1, 5) + number(2, 999_999_999)),
    chunk(11, number(1, -62_135_596_800)),
    chunk(12, number(1, -5) + number(2, -1)),
    chunk(13, number(1, 0)),
    chunk(14, chunk(1, chunk(1, b"a") + chunk(2, number(4, 1)))),
    chunk(15, chunk(5, b"")),
    chunk(16, chunk(1, b"\x11" + pack("<d", 1.5))),
    chunk(17, chunk(1, b"a_b.c") + chunk(1, b"d")),
    chunk(18, b"x"),
    chunk(21, b"\1\2\3"),
    number(21, 1) + number(21, 2),
    number(21, 1) + chunk(21, b"\2") + number(1000 // 500 + 1, 4),
    chunk(22, b"") + chunk(22, chunk(1, b"n")),
    chunk(23, b""),
    chunk(23, chunk(2, b"v") + chunk(1, b"k")),
    chunk(24, number(1, -3) + chunk(2, number(2, 9))),
    chunk(25, number(1, 1) + number(2, 1)) + chunk(25, number(2, 1)),
    chunk(28, b"\1\2"),
    number(29, 0),
    chunk(30, number(1, 0)),
    nested(27, 63),
]


@pytest.mark.parametrize("body", GOOD, ids=lambda body: body.hex() or "empty")
def test_the_very_bytes_are_stored(rich: CompiledVersion, body: bytes) -> None:
    for media_type, sent in (
        (PROTOBUF, body),
        (PROTOBUF_FRAMED, FRAME + body),
        (PROTOBUF_FRAMED, FRAME[:5] + b"\2\0" + body),
    ):
        verdict = rich.check(sent, media_type)
        assert isinstance(verdict, Encoded), verdict
        assert verdict.value == FRAME + body


UNREADABLE = [
    (b"\x0a", "/text", "malformed", 1),
    (b"\x0a\x05abc", "/text", "malformed", 1),
    (b"\x0a\xff\xff\xff\xff\x0f", "/text", "malformed", 1),
    (b"\x18", "/i32", "malformed", 1),
    (b"\x18" + b"\xff" * 100_000, "/i32", "malformed", 1),
    (b"\x18" + b"\xff" * 9 + b"\x02", "/i32", "malformed", 1),
    (b"\x18\x81\x00", "/i32", "malformed", 1),
    (b"\x8a\x00\x01a", "", "malformed", 0),
    (b"\x00\x01", "", "malformed", 0),
    (b"\x02\x00", "", "malformed", 0),
    (b"\xff\xff\xff\xff\xff\x01\x00", "", "malformed", 0),
    (b"\x0e\x00", "", "malformed", 0),
    (b"\x0f\x00", "", "malformed", 0),
    (b"\x0c", "", "malformed", 1),
    (b"\x9b\x3f", "", "malformed", 2),
    (b"\x9b\x3f\x08\x01\xa4\x3f", "", "malformed", 6),
    (b"\x31\0\0\0", "/f64", "malformed", 4),
    (b"\x45\0\0", "/small", "malformed", 3),
    (b"\x0a\x02a\xff", "/text", "encoding", 3),
    (chunk(22, b"") + chunk(22, chunk(1, b"\xc0\x80")), "/leaves/1/name", "encoding", 8),
    (chunk(23, chunk(1, b"k") + chunk(2, b"\xed\xa0\x80")), "/labels/k", "encoding", None),
    (chunk(21, b"\x80"), "/numbers/0", "malformed", None),
    (nested(27, 64), "/child" * 64, "depth", None),
    (nested(27, 200), "/child" * 64, "depth", None),
    (b"\x9b\x3f" * 200, "", "depth", None),
]  # fmt: skip


@pytest.mark.parametrize(("body", "path", "rule", "at"), UNREADABLE)
def test_bytes_that_are_no_message(rich: CompiledVersion, body: bytes, path: str, rule: str, at: int | None) -> None:
    verdict = refused(rich, body)
    assert verdict.malformed
    (violation,) = verdict.violations
    assert (violation.pointer, violation.rule) == ("#" + path, rule)
    assert violation.byte_offset is not None
    assert at is None or violation.byte_offset == at


FAULTS = [
    (number(99, 1), "/99", "unknown_field", 0),
    (chunk(27, number(99, 1) + number(99, 2)), "/child/99", "unknown_field", 3),
    (number(1, 1), "/text", "type", 0),
    (b"\x1d\0\0\0\0", "/i32", "type", 0),
    (number(1 + 2, 2**31), "/i32", "range", 0),
    (number(5, 2**32), "/u32", "range", 0),
    (number(2, 2), "/flag", "range", 0),
    (number(10, 2**40), "/colour", "range", 0),
    (chunk(1, b"a") + chunk(1, b"b"), "/text", "duplicate_key", 3),
    (chunk(18, b"a") + number(19, 1), "/rightSide", "union", 4),
    (chunk(11, number(1, 2**60)), "/atTime", "range", 2),
    (chunk(11, number(2, 1_000_000_000)), "/atTime", "range", 2),
    (chunk(11, number(3, 1)), "/atTime/3", "unknown_field", 2),
    (chunk(12, number(1, 5) + number(2, -1)), "/lasted", "range", 2),
    (chunk(15, b""), "/anyValue", "type", 2),
    (chunk(15, b"\x11" + pack("<d", float("nan"))), "/anyValue", "range", 2),
    (chunk(17, chunk(1, b"aB")), "/mask", "format", None),
    (chunk(21, b"\1" + varint(2**40)), "/numbers/1", "range", 4),
    (chunk(23, chunk(1, b"k")) + chunk(23, chunk(1, b"k")), "/labels/k", "duplicate_key", None),
    (chunk(25, number(1, 2)), "/byTruth/2", "type", None),
    (number(29, 1), "/nothing", "type", None),
    (chunk(23, chunk(1, b"k") + chunk(1, b"\xff")), "/labels/k", "duplicate_key", 2),  # what is twice is read once
    (chunk(23, chunk(1, b"k") + chunk(2, b"v") + chunk(2, b"\xff")), "/labels/k", "duplicate_key", 2),
    (chunk(24, number(1, 5) + chunk(2, b"") + chunk(2, b"\xff\xff")), "/byNumber/5", "duplicate_key", 2),
]


@pytest.mark.parametrize(("body", "path", "rule", "at"), FAULTS)
def test_what_a_parser_would_lose_in_silence(
    rich: CompiledVersion, body: bytes, path: str, rule: str, at: int | None
) -> None:
    verdict = refused(rich, body)
    assert not verdict.malformed
    (violation,) = verdict.violations
    assert (violation.pointer, violation.rule) == ("#" + path, rule)
    assert violation.byte_offset is not None
    assert at is None or violation.byte_offset == at


def test_free_form_json_deeper_than_readers_go(rich: CompiledVersion) -> None:
    value = number(4, 1)
    for _ in range(50):
        value = chunk(6, chunk(1, value))  # a list of one value
    verdict = refused(rich, chunk(15, value))
    assert verdict.violations[0].rule == "depth"


def test_unknown_fields_are_dropped_and_counted(rich_dropping: CompiledVersion) -> None:
    known = chunk(1, b"a") + chunk(27, number(3, 7))
    body = (
        number(99, 1)
        + chunk(1, b"a")
        + chunk(27, number(3, 7) + chunk(98, b"x") + chunk(98, b"y"))
        + b"\x9b\x3f\x9c\x3f"
    )
    verdict = rich_dropping.check(body, PROTOBUF)
    assert isinstance(verdict, Encoded)
    assert (verdict.value, verdict.dropped) == (FRAME + known, 3)


def test_unknown_fields_are_kept(compile_text: Callable[..., CompiledVersion]) -> None:
    version = compile_text('syntax="proto3"; package p.v1; message M { int32 a = 1; }', "p.v1.M", unknown_fields="keep")
    body = number(1, 5) + chunk(9, b"new") + b"\x9b\x3f\x9c\x3f"
    verdict = version.check(body, PROTOBUF)
    assert isinstance(verdict, Encoded)
    assert (verdict.value, verdict.dropped) == (FRAME + body, 0)
    assert [v.rule for v in refused(version, b'{"a":1,"b":2}', "application/json").violations] == ["unknown_field"]
    assert [v.rule for v in refused(version, chunk(1, b"x")).violations] == ["type"]


@pytest.mark.parametrize("frame", [b"", b"\0", b"\0\0\0\0\x08\0", b"\1\0\0\0\7\0", b"\0\0\0\0\7\2\2", b"\0\0\0\0\7"])
def test_a_frame_that_is_not_its_own(rich: CompiledVersion, frame: bytes) -> None:
    verdict = refused(rich, frame, PROTOBUF_FRAMED)
    assert verdict.malformed
    assert [(v.rule, v.byte_offset) for v in verdict.violations] == [("encoding", 0)]


def test_groups_required_fields_and_closed_enums(compile_text: Callable[..., CompiledVersion]) -> None:
    text = (
        'syntax="proto2"; package p.v1; message M { required int32 a = 1; optional group Part = 2 { optional E e = 1; } '
        "repeated E many = 3; } enum E { ZERO = 0; }"
    )
    version = compile_text(text, "p.v1.M")
    good = number(1, 1) + b"\x13" + number(1, 0) + b"\x14"
    assert isinstance(version.check(good, PROTOBUF), Encoded)
    bad = b"\x13" + number(1, 9) + b"\x14" + number(3, 0) + number(3, 5)
    found = [(v.pointer, v.rule) for v in refused(version, bad).violations]
    assert found == [("#/part/e", "enum"), ("#/many/1", "enum"), ("#/a", "required")]
    assert refused(version, number(1, 1) + b"\x13" + number(1, 0)).malformed


def test_rules_key_and_time(status: CompiledVersion) -> None:
    good = {
        "orderId": "0190d0f2-7b1c-7c3a-9a52-5b1f3f2f1a11",
        "status": "STATUS_PLACED",
        "changedAt": "2026-01-31T12:00:00Z",
        "items": [{"sku": "arabica", "quantity": 2}],
        "courier": "bike",
    }
    stored = status.check(json.dumps(good).encode())
    assert isinstance(stored, Encoded)
    assert stored.value is not None
    body = stored.value[len(FRAME) :]
    assert status.check(body, PROTOBUF) == stored
    wrong = body.replace(b"0190d0f2", b"x190d0f2")
    violations = refused(status, wrong).violations
    assert [(v.pointer, v.rule, v.byte_offset) for v in violations] == [("#/orderId", "string.uuid", 0)]
    beside = refused(status, wrong + number(99, 1)).violations
    assert [(v.pointer, v.rule) for v in beside] == [("#/orderId", "string.uuid"), ("#/99", "unknown_field")]
    framed = refused(status, FRAME + wrong, PROTOBUF_FRAMED).violations
    assert framed[0].byte_offset == len(FRAME)


@modest
@given(event=st.data())
def test_the_verdict_of_the_json_form(status: CompiledVersion, event: st.DataObject) -> None:
    items = st.fixed_dictionaries({}, optional={"sku": st.sampled_from(["", "a"]), "quantity": st.integers(-2, 12)})
    made: dict[str, Any] = event.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "orderId": st.sampled_from(["0190d0f2-7b1c-7c3a-9a52-5b1f3f2f1a11", "x", ""]),
                "status": st.sampled_from([0, 1, 9]),
                "changedAt": st.just("2026-01-31T12:00:00Z"),
                "items": st.lists(items, max_size=3),
            },
        )
    )
    stamp = {"2026-01-31T12:00:00Z": number(1, 1_769_860_800)}
    body = chunk(1, made["orderId"].encode()) if "orderId" in made else b""
    body += number(2, made["status"]) if "status" in made else b""
    body += chunk(3, stamp[made["changedAt"]]) if "changedAt" in made else b""
    for item in made.get("items", []):
        sku = chunk(1, item["sku"].encode()) if "sku" in item else b""
        body += chunk(4, sku + (number(2, item["quantity"]) if "quantity" in item else b""))
    by_json, by_bytes = status.check(json.dumps(made).encode()), status.check(body, PROTOBUF)
    assert type(by_json) is type(by_bytes)
    if isinstance(by_json, Rejected) and isinstance(by_bytes, Rejected):
        assert {(v.pointer, v.rule) for v in by_json.violations} == {(v.pointer, v.rule) for v in by_bytes.violations}
        assert by_json.omitted == by_bytes.omitted


@modest
@given(body=st.binary(max_size=60), start=st.sampled_from([body for body in GOOD if body]), cut=st.integers(0, 200))
def test_no_bytes_raise_and_protobuf_py_reads_what_is_let_through(
    rich: CompiledVersion, body: bytes, start: bytes, cut: int
) -> None:
    for one in (body, start[:cut] + body, body + start):
        verdict = rich.check(one, PROTOBUF)
        assert isinstance(verdict, Encoded | Rejected)
        if isinstance(verdict, Rejected):
            assert all(v.pointer.startswith("#") and v.rule and v.detail for v in verdict.violations)
            assert verdict.violations[0].detail != "cannot be read as the contract's message"
