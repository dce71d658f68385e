"""Avro binary, bare and framed: the same verdict as plain JSON's, every broken byte named, nothing that costs more than its size."""

import io
import json
import struct
import time
from collections.abc import Callable
from typing import Any

import fastavro
import pytest

from tidegate.contracts.avro.codec import AvroCodec, compile_avro
from tidegate.contracts.avro.container_readers import MAX_EMPTY_ITEMS
from tidegate.contracts.avro.reading import BrokenBytes
from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.codec import Payload
from tidegate.contracts.media import AVRO, AVRO_FRAMED
from tidegate.contracts.rules import KEYWORDS, RULES
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Rejected, Violation

Make = Callable[..., Any]

UUID = "0190b5c2-7e1a-7c3d-9f00-0123456789ab"
FRAME = b"\0\0\0\0\7"
RECURSIVE = {"name": "next", "type": ["null", "Event"], "default": None}


def logical(kind: str, logical_type: str, /, **more: object) -> dict[str, object]:
    return {"type": kind, "logicalType": logical_type, **more}


def text(value: str) -> bytes:
    data = value.encode()
    return zigzag(len(data)) + data


def codec_of(type_: object, **attributes: object) -> AvroCodec:
    fields = [{"name": "f", "type": type_, **attributes}]
    schema = json.dumps({"type": "record", "name": "Event", "fields": fields})
    return compile_avro(VersionSource(number=1, schema_id=7, format="avro", schema=schema))


def rejected(codec: AvroCodec, body: bytes) -> Rejected:
    answer = codec.check(body, AVRO)
    assert isinstance(answer, Rejected), answer
    assert all(violation.rule in RULES | KEYWORDS for violation in answer.violations)
    framed = codec.check(FRAME + body, AVRO_FRAMED)
    assert isinstance(framed, Rejected)
    for one, other in zip(answer.violations, framed.violations, strict=True):
        assert (one.pointer, one.rule, one.detail) == (other.pointer, other.rule, other.detail)
        assert one.byte_offset is not None
        assert other.byte_offset == one.byte_offset + len(FRAME)
    return answer


def first(codec: AvroCodec, body: bytes) -> Violation:
    return rejected(codec, body).violations[0]


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("null", b""),
        ("boolean", b"\1"),
        ("int", zigzag(-(2**31))),
        ("long", zigzag(2**63 - 1)),
        ("long", zigzag(-(2**63))),
        ("float", struct.pack("<f", 3.4028234663852886e38)),
        ("double", struct.pack("<d", -0.0)),
        ("string", text("ä\U0001f600" * 100)),
        ("bytes", zigzag(3) + b"\0\xff\0"),
        ({"type": "fixed", "name": "F", "size": 2}, b"\xff\0"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, b"\2"),
        ({"type": "array", "items": "int"}, b"\4\2\2\3\4\6\6\2\2\0"),
        ({"type": "map", "values": "int"}, b"\1\6" + text("a") + b"\2\2" + text("b") + b"\2\0"),
        ({"type": "array", "items": "null"}, zigzag(MAX_EMPTY_ITEMS) + b"\0"),
        (["null", "string", "int"], b"\4\x0e"),
        (logical("bytes", "decimal", precision=3, scale=1), b"\6\0\0\x63"),
        (logical("fixed", "decimal", name="D", size=2, precision=3), b"\xfc\x19"),
        (logical("string", "uuid"), text(UUID.upper())),
        (logical("fixed", "uuid", name="U", size=16), bytes(16)),
        (logical("int", "time-millis"), zigzag(86_399_999)),
        (logical("fixed", "duration", name="D", size=12), bytes(12)),
    ],
)
def test_taken_and_stored_as_it_came(type_: object, body: bytes) -> None:
    codec = codec_of(type_)
    assert codec.check(body, AVRO) == Payload(FRAME + body, None, None)
    assert codec.check(FRAME + body, AVRO_FRAMED) == Payload(FRAME + body, None, None)
    schema = {"type": "record", "name": "Event", "fields": [{"name": "f", "type": type_}]}
    assert fastavro.schemaless_reader(io.BytesIO(body), schema, None) is not None  # type: ignore[call-overload]
    if body:
        assert rejected(codec, body[:-1]).malformed
    assert (first(codec, body + b"\0").byte_offset, first(codec, body + b"\0").pointer) == (len(body), "#")


BROKEN: list[tuple[object, bytes, str, str, int]] = [
    ("int", b"", "#/f", "malformed", 0),
    ("int", b"\x80" * 40, "#/f", "encoding", 0),
    ("int", b"\x80\x00", "#/f", "encoding", 0),
    ("long", b"\x80" * 10 + b"\1", "#/f", "encoding", 0),
    ("long", b"\xff" * 9 + b"\2", "#/f", "encoding", 0),
    ("long", b"\x80\x80\x00", "#/f", "encoding", 0),
    ("long", b"\xff" * 9 + b"\0", "#/f", "encoding", 0),
    ("boolean", b"\2", "#/f", "encoding", 0),
    ("float", b"\0\0\0", "#/f", "malformed", 3),
    ("double", b"\0" * 7, "#/f", "malformed", 7),
    ("string", b"\4a", "#/f", "malformed", 0),
    ("string", b"\1", "#/f", "encoding", 0),
    ("string", b"\4\xc3\x28", "#/f", "encoding", 1),
    ("string", b"\6\xed\xa0\x80", "#/f", "encoding", 1),
    ("string", zigzag(1 << 40), "#/f", "malformed", 0),
    ("bytes", zigzag(2**63 - 1) + b"abc", "#/f", "malformed", 0),
    ("bytes", b"\1", "#/f", "encoding", 0),
    ({"type": "fixed", "name": "F", "size": 2}, b"\0", "#/f", "malformed", 1),
    ({"type": "fixed", "name": "F", "size": 2**31 - 1}, b"\0", "#/f", "malformed", 1),
    (["null", "int"], b"\4", "#/f", "union", 0),
    (["null", "int"], b"\1", "#/f", "union", 0),
    (["null", "int", "string"], b"\6", "#/f", "union", 0),
    ({"type": "array", "items": "int"}, zigzag(1 << 40) + b"\2", "#/f", "malformed", 0),
    ({"type": "array", "items": "int"}, zigzag(-(1 << 40)) + b"\2\2", "#/f", "malformed", 0),
    ({"type": "array", "items": "int"}, zigzag(-(2**63)) + b"\0", "#/f", "malformed", 0),
    ({"type": "array", "items": "int"}, b"\1\4\2\0", "#/f", "malformed", 3),
    ({"type": "array", "items": "int"}, b"\1\1\2\0", "#/f", "malformed", 0),
    ({"type": "array", "items": "int"}, b"\4\2\xff", "#/f/1", "malformed", 3),
    ({"type": "array", "items": "null"}, zigzag(1 << 40) + b"\0", "#/f", "malformed", 0),
    ({"type": "array", "items": "null"}, (zigzag(MAX_EMPTY_ITEMS) + b"\2\0"), "#/f", "malformed", 4),
    (
        {"type": "array", "items": {"type": "record", "name": "E", "fields": []}},
        zigzag(1 << 60) + b"\0",
        "#/f",
        "malformed",
        0,
    ),
    ({"type": "map", "values": "null"}, zigzag(1 << 40) + b"\0", "#/f", "malformed", 0),
    ({"type": "map", "values": "int"}, b"\2" + text("a") + b"\2\2" + text("a") + b"\2\0", "#/f/a", "duplicate_key", 5),
    ({"type": "map", "values": "boolean"}, b"\2" + text("a/b") + b"\2\0", "#/f/a~1b", "encoding", 5),
    ({"type": "map", "values": "int"}, b"\2\1", "#/f", "encoding", 1),
]


@pytest.mark.parametrize(("type_", "body", "pointer", "rule", "offset"), BROKEN)
def test_broken_bytes_are_malformed_where_they_are(
    type_: object, body: bytes, pointer: str, rule: str, offset: int
) -> None:
    answer = rejected(codec_of(type_), body)
    assert answer.malformed
    assert [(v.pointer, v.rule, v.byte_offset) for v in answer.violations] == [(pointer, rule, offset)]
    assert answer.violations[0].docs == "f"


@pytest.mark.parametrize(
    ("type_", "body", "rule", "found"),
    [
        ("int", zigzag(2**31), "range", "int 2147483648"),
        ("float", struct.pack("<f", float("nan")), "range", "number nan"),
        ("double", struct.pack("<d", float("-inf")), "range", "number -inf"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, b"\4", "enum", "int 2"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, b"\1", "enum", "int -1"),
        (logical("int", "time-millis"), zigzag(86_400_000), "range", "int 86400000"),
        (logical("long", "time-micros"), b"\1", "range", "int -1"),
        (logical("string", "uuid"), text("no uuid"), "format", "string of 7 characters"),
        (logical("bytes", "decimal", precision=2, scale=1), b"\2\x64", "precision", "number 10.0"),
        (logical("bytes", "decimal", precision=2, scale=1), b"\0", "format", "number 0"),
        (logical("bytes", "decimal", precision=2), zigzag(5000) + b"\1" * 5000, "precision", "number"),
    ],
)
def test_values_that_the_type_does_not_hold(type_: object, body: bytes, rule: str, found: str) -> None:
    answer = rejected(codec_of(type_), body)
    assert not answer.malformed
    assert [(v.pointer, v.rule, v.found, v.byte_offset) for v in answer.violations] == [("#/f", rule, found, 0)]


@pytest.mark.parametrize(
    ("type_", "attributes", "value", "body"),
    [
        ("int", {"minimum": 3}, 2, b"\4"),
        ("int", {"multipleOf": 3}, 4, b"\x08"),
        ("long", {"maximum": 300}, 1000, zigzag(1000)),
        ("float", {"maximum": 0.1}, 0.2, struct.pack("<f", 0.2)),
        ("double", {"exclusiveMinimum": 1}, 0.5, struct.pack("<d", 0.5)),
        ("string", {"minLength": 3, "pattern": "^b"}, "ab", text("ab")),
        ("string", {"format": "email"}, "ab", text("ab")),
        ("bytes", {"maxLength": 2}, "AAAA", b"\6\0\0\0"),
        (logical("bytes", "decimal", precision=4, scale=2), {"maximum": 1.5}, "1.51", zigzag(2) + b"\0\x97"),
        (logical("bytes", "decimal", precision=2, scale=1), {}, 10.5, b"\2\x69"),
        (logical("int", "date"), {"minimum": 10}, 9, b"\x12"),
        (logical("string", "uuid"), {"pattern": "^1"}, UUID.upper(), text(UUID.upper())),
        (logical("fixed", "uuid", name="U", size=16), {"pattern": "^1"}, UUID, bytes.fromhex(UUID.replace("-", ""))),
        ({"type": "array", "items": "int"}, {"minItems": 3, "maxItems": 1}, [1, 2], b"\4\2\4\0"),
        ({"type": "array", "items": "int"}, {"uniqueItems": True}, [1, 2, 1], b"\6\2\4\2\0"),
        ({"type": "array", "items": {"type": "int", "maximum": 1}}, {"minItems": 4}, [1, 2, 3], b"\6\2\4\6\0"),
        ({"type": "map", "values": {"type": "int", "maximum": 1}}, {}, {"a b": 2}, b"\2" + text("a b") + b"\4\0"),
        (["null", "string"], {"minLength": 3}, "ab", b"\2" + text("ab")),
        (["null", "int", "string"], {"minLength": 3}, "ab", b"\4" + text("ab")),
    ],
)
def test_one_verdict_with_plain_json(type_: object, attributes: dict[str, Any], value: object, body: bytes) -> None:
    codec = codec_of(type_, **attributes)
    said = codec.check(json.dumps({"f": value}).encode(), "application/json")
    assert isinstance(said, Rejected)
    answer = rejected(codec, body)
    assert [(v.pointer, v.rule, v.expected, v.docs) for v in answer.violations] == [
        (v.pointer, v.rule, v.expected, v.docs) for v in said.violations
    ]
    if not isinstance(value, (str, float)) or "logicalType" not in str(type_):
        assert [(v.detail, v.found) for v in answer.violations] == [(v.detail, v.found) for v in said.violations]
    assert not answer.malformed


def test_the_text_of_a_float_is_judged_in_every_form() -> None:
    codec = codec_of("float", maximum=0.1, multipleOf=0.1)
    assert isinstance(codec.check(b'{"f":0.1}', "application/json"), Payload)
    assert isinstance(codec.check(struct.pack("<f", 0.1), AVRO), Payload)


@pytest.mark.parametrize(
    ("item", "one", "same"),
    [
        (logical("string", "uuid"), text(UUID), text(UUID.upper())),
        (logical("bytes", "decimal", precision=4), b"\2\1", b"\4\0\1"),
        ({"type": "array", "items": "int"}, b"\4\2\4\0", b"\2\2\2\4\0"),
        ({"type": "map", "values": "int"}, b"\4\2a\2\2b\2\0", b"\4\2b\2\2a\2\0"),
        (["null", {"type": "array", "items": "null"}], b"\2\4\0", b"\2\2\2\0"),
    ],
)
def test_items_are_equal_in_meaning(item: object, one: bytes, same: bytes) -> None:
    codec = codec_of({"type": "array", "items": item}, uniqueItems=True)
    assert first(codec, b"\4" + one + same + b"\0").rule == "uniqueItems"
    assert first(codec, b"\2" + one + b"\2" + same + b"\0").detail == "has equal items at 0 and 1"


def test_unique_items_that_take_no_bytes() -> None:
    codec = codec_of({"type": "array", "items": "null"}, uniqueItems=True)
    assert isinstance(codec.check(b"\2\0", AVRO), Payload)
    assert first(codec, zigzag(1 << 20) + b"\0").rule == "uniqueItems"


def test_all_violations_are_told_at_once_and_counted() -> None:
    codec = codec_of({"type": "array", "items": {"type": "int", "maximum": 1}}, maxItems=1)
    answer = rejected(codec, zigzag(500) + b"\4" * 500 + b"\0")
    assert (answer.violations[0].pointer, answer.violations[0].rule) == ("#/f", "maxItems")
    assert [v.pointer for v in answer.violations[1:]] == [f"#/f/{index}" for index in range(24)]
    assert [v.byte_offset for v in answer.violations[1:]] == list(range(2, 26))
    assert answer.omitted == 476


def test_sensitive_keys_and_values_are_not_shown() -> None:
    codec = codec_of({"type": "map", "values": {"type": "int", "maximum": 1}}, **{"confluent:tags": ["PII"]})
    said = first(codec, b"\2" + text("secret") + b"\4\0")
    assert (said.pointer, said.found) == ("#/f/*", "int")
    assert "secret" not in str(rejected(codec, b"\2" + text("secret") + b"\x80\x00\0"))


def test_key_and_event_time_are_those_of_json(judge: Make) -> None:
    moment = logical("long", "timestamp-micros")
    inner = {
        "type": "record",
        "name": "In",
        "fields": [{"name": "at", "type": ["null", moment]}, {"name": "k", "type": logical("string", "uuid")}],
    }
    made = judge(
        {"name": "pad", "type": "string"}, {"name": "in", "type": inner}, RECURSIVE, key="in.k", event_time="in.at"
    )
    outer = {"pad": "p", "in": {"at": "2026-01-31T12:00:00.5Z", "k": UUID.upper()}}
    said = made({**outer, "next": {**outer, "in": {"at": None, "k": UUID.replace("0", "1")}}})
    assert isinstance(said, Payload)
    assert (said.key, said.time_ms) == (UUID.encode(), 1769860800500)
    assert made.codec.check(said.value[5:], AVRO) == said
    without = made({**outer, "in": {"at": None, "k": UUID}})
    assert isinstance(without, Payload)
    assert without.time_ms is None
    assert made.codec.check(without.value, AVRO_FRAMED) == without


@pytest.mark.parametrize(
    ("type_", "value", "key"),
    [
        ("string", "ä", "ä".encode()),
        ("long", -5, b"-5"),
        ("bytes", "AP8=", b"\0\xff"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", b"B"),
        (logical("fixed", "uuid", name="U", size=16), UUID.upper(), UUID.encode()),
    ],
)
def test_keys_of_every_type(judge: Make, type_: object, value: object, key: bytes) -> None:
    made = judge({"name": "f", "type": type_}, key="f")
    said = made({"f": value})
    assert isinstance(said, Payload)
    assert said.key == key
    assert made.codec.check(said.value[5:], AVRO) == said


def test_a_frame_of_another_schema() -> None:
    codec = codec_of("int")
    for body, words in ((b"\0\0\0\0\1\2", "id 1, not 7"), (b"\2", "no"), (b"", "no"), (b"\1\0\0\0\7\2", "no")):
        answer = codec.check(body, AVRO_FRAMED)
        assert isinstance(answer, Rejected)
        assert answer.malformed
        assert answer.violations[0].rule == "encoding"
        assert words in answer.violations[0].detail


def test_an_empty_body_says_how_a_tombstone_is_sent() -> None:
    assert "tombstone" in first(codec_of("int"), b"").hint
    assert isinstance(codec_of("null").check(b"", AVRO), Payload)


def test_depth_is_counted_as_in_json(judge: Make) -> None:
    made = judge(RECURSIVE)
    assert isinstance(made.codec.check(b"\2" * 63 + b"\0", AVRO), Payload)
    deep = rejected(made.codec, b"\2" * 64 + b"\0")
    assert (deep.violations[0].rule, deep.malformed) == ("depth", True)
    assert isinstance(made.text(b'{"next":' * 63 + b"{}" + b"}" * 63), Payload)
    assert isinstance(made.text(b'{"next":' * 64 + b"{}" + b"}" * 64), Rejected)
    tall: object = "int"
    for _ in range(64):
        tall = {"type": "array", "items": tall}
    assert rejected(codec_of(tall), b"\2" * 64 + b"\0" * 65).violations[0].rule == "depth"


class Counting(bytes):
    """A body that counts the bytes which are looked at one by one."""

    looks = 0

    def __getitem__(self, at: Any) -> Any:
        Counting.looks += 1
        return super().__getitem__(at)


@pytest.mark.parametrize(
    "body",
    [
        b"\2" * 100_000,  # a hundred thousand levels of a recursive schema
        b"\0" + zigzag(1 << 40) + b"\0",
        b"\0" + zigzag(-(1 << 40)) + zigzag(0) + b"\0",
        b"\0" + b"\xff" * 1_000_000,
        b"\0\0" + zigzag(1 << 62) + b"a",
        b"\0\0\0" + bytes(1_000_000),
    ],
    ids=["depth", "count", "negative", "varint", "length", "trailing"],
)
def test_hostile_bodies_cost_nothing(judge: Make, body: bytes) -> None:
    """Faults 26: counted in steps; the clock is asked with room for a busy machine."""
    made = judge(
        RECURSIVE, {"name": "none", "type": {"type": "array", "items": "null"}}, {"name": "s", "type": "string"}
    )
    Counting.looks = 0
    if body[3:] == bytes(1_000_000):
        assert made.codec.check_next(Counting(body), 0)[1] == 3
    else:
        with pytest.raises(BrokenBytes):
            made.codec.check_next(Counting(body), 0)
    assert Counting.looks < 300
    began = time.perf_counter()
    answer = made.codec.check(body, AVRO)
    assert time.perf_counter() - began < 0.1
    assert isinstance(answer, Rejected)
    assert answer.malformed


def test_a_record_that_needs_itself_has_no_values() -> None:
    schema = {"type": "array", "items": {"type": "record", "name": "N", "fields": [{"name": "n", "type": "N"}]}}
    assert isinstance(codec_of(schema).check(b"\0", AVRO), Payload)
    assert rejected(codec_of(schema), zigzag(3) + b"\0\0\0\0").malformed


def test_types_inside_each_other_by_name_are_measured() -> None:
    """The fewest bytes of B, met first inside A, are those of A through the null of the union."""
    b = {"type": "record", "name": "B", "fields": [{"name": "a", "type": "A"}]}
    a = {"type": "record", "name": "A", "fields": [{"name": "b", "type": ["null", b]}]}
    pair = {"type": "record", "name": "P", "fields": [{"name": "x", "type": a}, {"name": "y", "type": "B"}]}
    codec = codec_of({"type": "array", "items": pair})
    assert isinstance(codec.check(b"\2" + b"\0\0" + b"\0", AVRO), Payload)
