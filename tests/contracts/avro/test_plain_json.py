"""Plain JSON to Avro, bullet by bullet (contracts.md): what is taken, what is stored, what is refused and where."""

import base64
import datetime as dt
import json
import time
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tidegate.contracts.avro.codec import compile_avro
from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.codec import ContractError, Payload
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Rejected

Make = Callable[..., Any]


def logical(kind: str, logical_type: str, /, **more: object) -> dict[str, object]:
    return {"type": kind, "logicalType": logical_type, **more}


FIXED = {"type": "fixed", "name": "F", "size": 4}
UUID = "0190B5C2-7e1a-7c3d-9f00-0123456789ab"
MILLIS = logical("long", "timestamp-millis")
DECIMAL = logical("bytes", "decimal", precision=6, scale=2)


@pytest.mark.parametrize(
    ("type_", "value", "read"),
    [
        ("null", None, None),
        ("boolean", True, True),
        ("int", -(2**31), -(2**31)),
        ("int", 2**31 - 1, 2**31 - 1),
        ("long", -(2**63), -(2**63)),
        ("long", 2**63 - 1, 2**63 - 1),
        ("float", 1.5, 1.5),
        ("double", 3, 3.0),
        ("double", 2**53 + 1, float(2**53)),
        ("double", -0.0, -0.0),
        ("string", "", ""),
        ("string", "ä\U0001f600" * 100, "ä\U0001f600" * 100),
        ("bytes", "+/8=", b"\xfb\xff"),
        ("bytes", "-_8", b"\xfb\xff"),
        ("bytes", "", b""),
        (FIXED, "AAECAw", b"\0\1\2\3"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "B"),
        (DECIMAL, "12.500", Decimal("12.50")),
        (DECIMAL, 12.25, Decimal("12.25")),
        (DECIMAL, b'{"f":1e2}', Decimal("100.00")),
        (DECIMAL, "-0.01", Decimal("-0.01")),
        (DECIMAL, "-1.28", Decimal("-1.28")),
        (DECIMAL, 9999, Decimal("9999.00")),
        (logical("fixed", "decimal", name="D", size=4, precision=9, scale=0), -5, Decimal(-5)),
        (logical("string", "uuid"), UUID, uuid.UUID(UUID)),
        (logical("int", "date"), "1969-12-31", dt.date(1969, 12, 31)),
        (logical("int", "date"), 1, dt.date(1970, 1, 2)),
        (logical("int", "time-millis"), "12:00:00.25", dt.time(12, 0, 0, 250000)),
        (logical("long", "time-micros"), "00:00:00.000001", dt.time(0, 0, 0, 1)),
        ({"type": "array", "items": "int"}, [], []),
        ({"type": "array", "items": "int"}, [1, 2, 3], [1, 2, 3]),
        ({"type": "map", "values": "int"}, {}, {}),
        ({"type": "map", "values": {"type": "array", "items": "string"}}, {"a": ["x"], "": []}, {"a": ["x"], "": []}),
    ],
)
def test_taken(of_type: Make, type_: object, value: object, read: object) -> None:
    judge = of_type(type_)
    back = judge.read(value if isinstance(value, bytes) else {"f": value})
    assert back == {"f": read}
    assert str(back) == str({"f": read})


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("timestamp-millis", "2026-01-31T12:00:00Z", 1769860800000),
        ("timestamp-millis", "2026-01-31T13:00:00.120+01:00", 1769860800120),
        ("timestamp-millis", "2026-01-31T12:00:00.120000Z", 1769860800120),
        ("timestamp-millis", "1969-12-31T23:59:59.999Z", -1),
        ("timestamp-millis", -5, -5),
        ("timestamp-micros", "2026-01-31T12:00:00.000001Z", 1769860800000001),
        ("timestamp-nanos", "2026-01-31T12:00:00.000000001Z", 1769860800000000001),
        ("timestamp-nanos", "2026-01-31T12:00:00.1-05:30", 1769880600100000000),
        ("local-timestamp-millis", "2026-01-31T12:00:00", 1769860800000),
        ("local-timestamp-micros", "2026-01-31T12:00:00.5", 1769860800500000),
        ("local-timestamp-nanos", "2026-01-31T12:00:00.123456789", 1769860800123456789),
    ],
)
def test_timestamps_are_stored_in_their_unit(of_type: Make, name: str, value: object, stored: int) -> None:
    assert of_type(logical("long", name)).stored({"f": value}) == zigzag(stored)


def test_what_other_libraries_do_not_say(of_type: Make) -> None:
    assert of_type(logical("string", "uuid")).stored({"f": UUID}) == b"\x48" + UUID.lower().encode()
    as_bytes = of_type(logical("fixed", "uuid", name="U", size=16)).stored({"f": UUID})
    assert as_bytes == uuid.UUID(UUID).bytes
    duration = of_type(logical("fixed", "duration", name="D", size=12))
    assert duration.stored({"f": base64.b64encode(bytes(range(12))).decode()}) == bytes(range(12))
    assert duration.wrong({"f": "AAAA"}) == [("#/f", "length")]
    assert of_type(DECIMAL).stored({"f": "-1.28"}) == b"\x02\x80"  # the fewest bytes, as Java's BigInteger


@pytest.mark.parametrize(
    ("type_", "value", "rule"),
    [
        ("null", 0, "type"),
        ("boolean", 1, "type"),
        ("boolean", "true", "type"),
        ("int", b'{"f":1.0}', "type"),
        ("int", b'{"f":1e2}', "type"),
        ("int", True, "type"),
        ("int", "1", "type"),
        ("int", None, "type"),
        ("int", 2**31, "range"),
        ("long", 2**63, "range"),
        ("long", -(2**63) - 1, "range"),
        ("float", b'{"f":1e39}', "range"),
        ("float", "1", "type"),
        ("double", 10**400, "range"),
        ("double", False, "type"),
        ("string", 1, "type"),
        ("string", None, "type"),
        ("bytes", "?", "format"),
        ("bytes", "A", "format"),
        ("bytes", "AA==AA==", "format"),
        ("bytes", "+_8=", "format"),
        ("bytes", "AA A", "format"),
        ("bytes", [1], "type"),
        (FIXED, "AAEC", "length"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "a", "enum"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, 0, "type"),
        (DECIMAL, "12.345", "precision"),
        (DECIMAL, 12345, "precision"),
        (DECIMAL, b'{"f":1e999999999999}', "precision"),
        (DECIMAL, "1e999999999999", "precision"),
        (DECIMAL, "1e99999999999999999999", "precision"),
        (DECIMAL, " 1", "format"),
        (DECIMAL, "1_0", "format"),
        (DECIMAL, "NaN", "format"),
        (DECIMAL, "\u0661", "format"),
        (DECIMAL, True, "type"),
        (logical("string", "uuid"), UUID[:-1], "format"),
        (logical("string", "uuid"), UUID.replace("-", "a"), "format"),
        (logical("string", "uuid"), UUID[:-1] + "g", "format"),
        (logical("string", "uuid"), UUID[:-1] + "-", "format"),
        (logical("string", "uuid"), "K" + UUID[1:], "format"),
        (logical("string", "uuid"), 1, "type"),
        (MILLIS, "2026-01-31T12:00:00", "format"),
        (MILLIS, "2026-01-31t12:00:00Z", "format"),
        (MILLIS, "2026-01-31T12:00:00z", "format"),
        (MILLIS, "2026-01-31 12:00:00Z", "format"),
        (MILLIS, "2026-W05-6T12:00:00Z", "format"),
        (MILLIS, "2026-01-31T12:00:60Z", "format"),
        (MILLIS, "2026-02-30T12:00:00Z", "format"),
        (MILLIS, "2026-01-31T24:00:00Z", "format"),
        (MILLIS, "2026-01-31T12:00:00.1234Z", "precision"),
        (MILLIS, 1.5, "type"),
        (MILLIS, 2**63, "range"),
        (logical("long", "timestamp-micros"), "2026-01-31T12:00:00.1234567Z", "precision"),
        (logical("long", "timestamp-nanos"), "2400-01-01T00:00:00Z", "range"),
        (logical("long", "local-timestamp-millis"), "2026-01-31T12:00:00Z", "format"),
        (logical("int", "date"), "2026-1-31", "format"),
        (logical("int", "date"), "20260131", "format"),
        (logical("int", "date"), 2**31, "range"),
        (logical("int", "time-millis"), "24:00:00", "format"),
        (logical("int", "time-millis"), "12:00:00.0001", "precision"),
        (logical("int", "time-millis"), 86_400_000, "range"),
        (logical("long", "time-micros"), -1, "range"),
        ({"type": "array", "items": "int"}, {}, "type"),
        ({"type": "map", "values": "int"}, [], "type"),
    ],
)
def test_refused(of_type: Make, type_: object, value: object, rule: str) -> None:
    assert of_type(type_).wrong(value if isinstance(value, bytes) else {"f": value}) == [("#/f", rule)]


def test_missing_default_and_unknown_fields(judge: Make) -> None:
    made = judge(
        {"name": "userId", "type": "string"},
        {"name": "note", "type": ["null", "string"]},
        {"name": "size", "type": "int", "default": 5},
    )
    assert made.read({"userId": "a", "note": None}) == {"userId": "a", "note": None, "size": 5}
    assert made.wrong({"userid": "a", "size": 1}) == [
        ("#/userid", "unknown_field"),
        ("#/userId", "required"),
        ("#/note", "required"),
    ]
    answer = made({"userid": "secret", "size": 1})
    assert answer.violations[0].hint == 'did you mean "userId"?'
    assert answer.violations[0].found == "string of 6 characters"
    assert answer.violations[1].detail == "is missing"
    assert made.wrong([]) == [("#", "type")]


def test_deep_defaults(judge: Make) -> None:
    inner = {
        "type": "record",
        "name": "Inner",
        "fields": [
            {"name": "a", "type": "int", "default": 300},
            {"name": "b", "type": {"type": "array", "items": "bytes"}, "default": ["\u00ff"]},
            {"name": "c", "type": {"type": "map", "values": ["int", "string"]}, "default": {"k": "v"}},
            {"name": "d", "type": "double", "default": 0.5},
        ],
    }
    made = judge({"name": "x", "type": inner, "default": {"a": 7}})
    assert made.read({}) == {"x": {"a": 7, "b": [b"\xff"], "c": {"k": "v"}, "d": 0.5}}
    assert made.read({"x": {"d": 2}}) == {"x": {"a": 300, "b": [b"\xff"], "c": {"k": "v"}, "d": 2.0}}


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        ("bytes", "\u0100"),
        (FIXED, "abc"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "B"),
        ("double", "NaN"),
        ("float", 1e39),
        (logical("string", "uuid"), "x"),
        ({"type": "int", "minimum": 1}, 0),
    ],
)
def test_a_default_that_no_event_could_hold_is_refused_at_load(of_type: Make, type_: object, default: object) -> None:
    with pytest.raises(ContractError) as caught:
        of_type(type_, default=default)
    assert caught.value.pointer == "/fields/0/default"


def test_unknown_fields_may_be_dropped_and_are_counted(judge: Make) -> None:
    made = judge({"name": "a", "type": "int"}, unknown_fields="drop")
    payload = made({"a": 1, "b": {"c": [{"d": 1}]}, "e": 2})
    assert isinstance(payload, Payload)
    assert payload.value[5:] == b"\2"
    assert payload.dropped == 2
    assert made.wrong(b'{"a":1,"b":{"c":1,"c":2}}') == [("#/b/c", "duplicate_key")]
    assert made.wrong(b'{"a":1,"b":' + b"[" * 64 + b"]" * 64 + b"}") == [("#", "depth")]
    assert isinstance(made.text('{"a":1,"b":' + "[" * 63 + "]" * 63 + "}"), Payload)
    assert made.wrong({"b": 1}) == [("#/a", "required")]


TREE = {
    "type": "record",
    "name": "Tree",
    "fields": [
        {"name": "value", "type": "int"},
        {"name": "left", "type": ["null", "Tree"], "default": None},
        {"name": "more", "type": {"type": "array", "items": "Tree"}, "default": []},
    ],
}


def test_recursive_schemas(judge: Make) -> None:
    made = judge({"name": "t", "type": TREE})
    value = {"t": {"value": 1, "left": {"value": 2, "left": None, "more": [{"value": 3}]}, "more": []}}
    assert made.read(value)["t"]["left"]["more"][0]["value"] == 3
    assert made.wrong({"t": {"value": 1, "left": {"value": 2, "more": [{"value": "x"}]}}}) == [
        ("#/t/left/more/0/value", "type")
    ]
    deep: dict[str, object] = {"value": 1}
    for _ in range(62):
        deep = {"value": 1, "left": deep}
    assert isinstance(made({"t": deep}), Payload)
    assert made.wrong({"t": {"value": 1, "left": deep}}) == [("#", "depth")]
    assert [row.path for row in made.codec.fields()] == ["t", "t.value", "t.left", "t.more"]


def test_the_body_is_strict_json(judge: Make) -> None:
    made = judge(
        {"name": "a", "type": "double"}, {"name": "m", "type": {"type": "map", "values": "int"}, "default": {}}
    )
    for body, pointer, rule in [
        (b'{"a":NaN}', "#", "malformed"),
        (b'{"a":1e999}', "#", "malformed"),
        (b'\xef\xbb\xbf{"a":1}', "#", "encoding"),
        (b'{"a":1,"a":2}', "#/a", "duplicate_key"),
        (b'{"a":1,"m":{"k":1,"k":1}}', "#/m/k", "duplicate_key"),
        (b'{"a":"x","m":{"k":1,"k":1}}', "#/m/k", "duplicate_key"),
        (b'{"a":"\\ud800"}', "#", "encoding"),
        (b"[" * 70 + b"]" * 70, "#", "depth"),
        (b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}", "#", "depth"),
    ]:
        answer = made.text(body)
        assert isinstance(answer, Rejected), body
        assert answer.malformed
        assert [(v.pointer, v.rule) for v in answer.violations] == [(pointer, rule)]
    assert not made({"a": "x"}).malformed


def test_a_timestamp_does_not_hide_a_duplicate(judge: Make) -> None:
    made = judge({"name": "t", "type": MILLIS}, {"name": "a", "type": "int"})
    good = '"2026-01-31T12:00:00Z"'
    for escaped in (good, good.replace(":", "\\u003a", 1), good.replace(":", "\\u003a")):
        for body in (f'{{"t":{escaped},"a":1,"a":1}}', f'{{"t":{good},"a":1,"t":{escaped}}}'):
            assert made.wrong(body.encode())[0][1] == "duplicate_key"
        assert isinstance(made.text(f'{{"t":{escaped},"a":1}}'), Payload)


def test_violations_come_in_the_order_of_the_document_and_are_cut(judge: Make) -> None:
    item = {"type": "record", "name": "Item", "fields": [{"name": "n", "type": "int"}]}
    made = judge({"name": "a", "type": "int"}, {"name": "items", "type": {"type": "array", "items": item}})
    assert made.wrong({"items": [{"n": 1}, {"m": 1}], "a": "x"}) == [
        ("#/items/1/m", "unknown_field"),
        ("#/items/1/n", "required"),
        ("#/a", "type"),
    ]
    answer = made({"a": 1, "items": [{"n": "x"}] * 40})
    assert [v.pointer for v in answer.violations] == [f"#/items/{i}/n" for i in range(25)]
    assert answer.omitted == 15
    wide = made({f"k{i}": 1 for i in range(100)})
    assert (len(wide.violations), wide.omitted) == (25, 77)


def test_many_faults_cost_little(judge: Make) -> None:
    made = judge({"name": "m", "type": {"type": "map", "values": "int"}, "default": {}})
    for value in ({f"unknown{i}": 1 for i in range(100_000)}, {"m": {f"k{i}": "x" for i in range(100_000)}}):
        start = time.process_time()
        answer = made(value)
        assert time.process_time() - start < 2
        assert (len(answer.violations), answer.omitted) == (25, 99_975)


def test_what_is_said(of_type: Make) -> None:
    violation = of_type("int", minimum=1, maximum=10)({"f": 11}).violations[0]
    assert violation.pointer == "#/f"
    assert violation.rule == "maximum"
    assert violation.detail == "is 11, at most 10 is allowed"
    assert violation.expected == "int, 1 to 10"
    assert violation.found == "int 11"
    assert violation.docs == "f"
    enum = of_type({"type": "enum", "name": "E", "symbols": ["SMALL", "LARGE"]})({"f": "SMAL"}).violations[0]
    assert enum.hint == 'did you mean "SMALL"?'
    assert enum.expected == "one of SMALL, LARGE"
    odd = of_type({"type": "map", "values": "int"})({"f": {"a/b~ \u00e4\n": "x"}}).violations[0]
    assert odd.pointer == "#/f/a~1b~0%20%C3%A4%5Cn"


def test_sensitive_fields_show_nothing(judge: Make) -> None:
    tagged = {"confluent:tags": ["PII"]}
    inner = {"type": "record", "name": "In", "fields": [{"name": "n", "type": "int", "maximum": 3}]}
    made = judge(
        {"name": "n", "type": "int", "maximum": 3, **tagged},
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["SECRET"]}, **tagged},
        {"name": "m", "type": {"type": "map", "values": inner}},
        {"name": "s", "type": {"type": "string", "maxLength": 2, "pattern": "^a", **tagged}},
        sensitive=frozenset({"m"}),
    )
    answer = made({"n": 4711, "e": "SECRE", "m": {"hidden": {"n": 4711, "hidden": 4711}}, "s": "hidden"})
    assert [v.pointer for v in answer.violations] == ["#/n", "#/e", "#/m/*/n", "#/m/*/*", "#/s", "#/s"]
    assert [v.found for v in answer.violations] == ["int", "string", "int", "int", "string", "string"]
    said = str(answer)
    assert "4711" not in said
    assert "hidden" not in said
    assert "did you mean" not in said
    assert "hidden" not in str(made.text('{"m":{"hidden":1,"hidden":2}}'))
    assert [row.path for row in made.codec.fields() if row.sensitive] == ["n", "e", "m", "m.n", "s"]


def test_the_top_level_must_be_a_record() -> None:
    from tidegate.contracts.avro.codec import compile_avro
    from tidegate.contracts.source import VersionSource

    with pytest.raises(ContractError, match="record"):
        compile_avro(VersionSource(number=1, schema_id=1, format="avro", schema='"int"'), frozenset())


def test_nothing_of_a_sensitive_event_is_shown_anywhere() -> None:
    """Every kind of violation inside sensitive data, and duplicate keys that a sender chose."""
    fields = [
        {"name": "text", "type": "string", "maxLength": 3, "pattern": "^x"},
        {"name": "number", "type": "int", "maximum": 9},
        {"name": "symbol", "type": {"type": "enum", "name": "E", "symbols": ["S3CRETS"]}},
        {"name": "labels", "type": {"type": "map", "values": "int"}},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}},
        {"name": "many", "type": {"type": "array", "items": "int", "uniqueItems": True}},
        {"name": "raw", "type": {"type": "fixed", "name": "F", "size": 2}},
    ]
    schema = {"type": "record", "name": "Event", "confluent:tags": ["pii"], "fields": fields}
    source = VersionSource(number=1, schema_id=7, format="avro", schema=json.dumps(schema))
    codec = compile_avro(source)
    event = {
        "text": "S3CRET", "number": 424242, "symbol": "S3CRET", "labels": {"S3CRET": "S3CRET"}, "amount": "424242.42",
        "many": [424242, 424242], "raw": "UzNDUkVU", "S3CRET-name": 424242,
    }  # fmt: skip
    answer = codec.check(json.dumps(event).encode())
    assert isinstance(answer, Rejected)
    assert len(answer.violations) == 9
    for violation in answer.violations:
        said = violation.pointer + violation.detail + violation.found + violation.hint
        assert "S3CRET" not in said
        assert "4242" not in said
    assert answer.violations[0].detail == "has more than 3 characters"
    twice = codec.check(b'{"S3CRET":1,"S3CRET":2}')
    assert isinstance(twice, Rejected)
    assert [v.pointer for v in twice.violations] == ["#/*"]
