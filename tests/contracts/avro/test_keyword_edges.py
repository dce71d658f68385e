"""The edges of every keyword and format, one row a value: as plain JSON, as binary, and as a constraint of the contract file.

A value is sent as JSON to a field without the rule, so that its bytes exist; then both go to the field with it.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tidegate.contracts.avro.codec import AvroCodec
from tidegate.contracts.codec import Payload
from tidegate.contracts.formats import FORMATS
from tidegate.contracts.media import AVRO
from tidegate.contracts.rules import KEYWORDS
from tidegate.contracts.source import FieldRules
from tidegate.contracts.verdict import Rejected

Make = Callable[..., Any]
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
DATE = {"type": "int", "logicalType": "date"}
TIME = {"type": "int", "logicalType": "time-millis"}
CENTS = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
UUID = {"type": "string", "logicalType": "uuid"}
INTS = {"type": "array", "items": "int"}
Row = tuple[object, dict[str, object], object, bool]

KEYWORD_ROWS: list[Row] = [
    # integers, at the bound, one past it, and at the type's own ends
    ("int", {"minimum": -(2**31)}, -(2**31), True),
    ("int", {"maximum": 2**31 - 1}, 2**31 - 1, True),
    ("int", {"minimum": 2**31 - 1}, 2**31 - 2, False),
    ("int", {"exclusiveMaximum": -(2**31) + 1}, -(2**31), True),
    ("int", {"exclusiveMinimum": -(2**31)}, -(2**31), False),
    ("int", {"minimum": 1.5}, 2, True),
    ("int", {"minimum": 1.5}, 1, False),
    ("int", {"minimum": -1.5}, -1, True),
    ("int", {"minimum": -1.5}, -2, False),
    ("int", {"maximum": -1.5}, -1, False),
    ("int", {"maximum": -1.5}, -2, True),
    ("int", {"exclusiveMinimum": 1.5}, 2, True),
    ("int", {"exclusiveMaximum": 1.5}, 1, True),
    ("int", {"minimum": 5, "maximum": 3}, 4, False),
    ("int", {"minimum": 3, "maximum": 3}, 3, True),
    ("long", {"maximum": 2**53 + 1}, 2**53 + 1, True),
    ("long", {"maximum": 2**53 + 1}, 2**53 + 2, False),
    ("long", {"minimum": 2**63 - 1}, 2**63 - 1, True),
    ("long", {"minimum": 2**63 - 1}, 2**63 - 2, False),
    ("long", {"maximum": 1e300}, 2**63 - 1, True),
    ("long", {"maximum": 1e19, "multipleOf": 1e-15}, 7, True),
    ("long", {"multipleOf": 2**53 + 1}, 2**53 + 1, True),
    ("long", {"multipleOf": 2**53 + 1}, 2**53, False),
    ("int", {"multipleOf": 3}, 0, True),
    ("int", {"multipleOf": 3}, -3, True),
    ("int", {"multipleOf": 3}, -4, False),
    ("int", {"multipleOf": 0.5}, 7, True),
    ("int", {"multipleOf": 1.5}, 3, True),
    ("int", {"multipleOf": 1.5}, 4, False),
    # floats
    ("double", {"minimum": 0}, -0.0, True),
    ("double", {"exclusiveMinimum": 0}, -0.0, False),
    ("double", {"exclusiveMinimum": 0}, 5e-324, True),
    ("double", {"maximum": 1.7976931348623157e308}, 1.7976931348623157e308, True),
    ("double", {"maximum": 0.3}, 0.30000000000000004, False),
    ("double", {"exclusiveMaximum": 1}, 0.9999999999999999, True),
    ("double", {"multipleOf": 0.1}, 0.3, True),
    ("double", {"multipleOf": 0.1}, 0.35, False),
    ("double", {"multipleOf": 0.01}, 19.99, True),
    ("double", {"multipleOf": 1}, 1e300, True),
    ("double", {"minimum": 2**53 + 1}, 2**53, True),  # the bound rounds as the values do
    ("float", {"maximum": 0.1}, 0.1, True),
    ("float", {"minimum": 0.1}, 0.1, True),
    ("float", {"exclusiveMaximum": 0.1}, 0.1, False),
    ("float", {"multipleOf": 0.1}, 0.3, True),
    # decimals are exact
    (CENTS, {"minimum": 0.01}, "0.01", True),
    (CENTS, {"minimum": 0.01}, "0.00", False),
    (CENTS, {"exclusiveMaximum": 0.02}, "0.01", True),
    (CENTS, {"exclusiveMaximum": 0.02}, "0.02", False),
    (CENTS, {"multipleOf": 0.25}, "1234567.75", True),
    (CENTS, {"multipleOf": 0.25}, "1234567.76", False),
    (CENTS, {"maximum": 9999999.99}, "9999999.99", True),
    # dates and times are integers in their unit
    (DATE, {"minimum": 0}, "1970-01-01", True),
    (DATE, {"minimum": 0}, "1969-12-31", False),
    (TIME, {"maximum": 43_200_000}, "12:00:00", True),
    (TIME, {"maximum": 43_200_000}, "12:00:00.001", False),
    (MILLIS, {"exclusiveMinimum": 0}, "1970-01-01T00:00:00Z", False),
    (MILLIS, {"exclusiveMinimum": 0}, "1970-01-01T00:00:00.001Z", True),
    (MILLIS, {"multipleOf": 1000}, "2026-01-31T12:00:00Z", True),
    (MILLIS, {"multipleOf": 1000}, "2026-01-31T12:00:00.5Z", False),
    # lengths count code points, of bytes bytes
    ("string", {"minLength": 0}, "", True),
    ("string", {"maxLength": 0}, "", True),
    ("string", {"maxLength": 0}, "a", False),
    ("string", {"minLength": 2, "maxLength": 2}, "e\u0301", True),
    ("string", {"maxLength": 1}, "e\u0301", False),
    ("string", {"maxLength": 1}, "\U0001f468", True),
    ("string", {"minLength": 2}, "\U0001f468", False),
    ("string", {"maxLength": 63}, "ä" * 63, True),
    ("string", {"maxLength": 63}, "ä" * 64, False),
    ("string", {"minLength": 200}, "x" * 200, True),
    ("bytes", {"maxLength": 0}, "", True),
    ("bytes", {"maxLength": 0}, "AA==", False),
    ("bytes", {"minLength": 3}, "AAAA", True),
    ("bytes", {"minLength": 3}, "AAA=", False),
    (UUID, {"minLength": 36}, "0190b5c2-7e1a-7c3d-9f00-0123456789ab", True),
    (UUID, {"pattern": "^0190B"}, "0190B5C2-7e1a-7c3d-9f00-0123456789ab", False),  # judged as it is stored, in lower case
    (UUID, {"pattern": "^0190b"}, "0190B5C2-7e1a-7c3d-9f00-0123456789ab", True),
    # a pattern is a search, `$` the very end
    ("string", {"pattern": ""}, "anything", True),
    ("string", {"pattern": "b$"}, "ab", True),
    ("string", {"pattern": "b$"}, "ab\n", False),
    ("string", {"pattern": "^b"}, "a\nb", False),
    ("string", {"pattern": "a.c"}, "a\nc", False),
    ("string", {"pattern": "^.$"}, "\U0001f468", True),
    ("string", {"pattern": "^\\d+$"}, "\u0661", False),
    ("string", {"pattern": "^[^\\x00]*$"}, "a\0b", False),
    ("string", {"pattern": "(?i)^straße$"}, "STRAßE", True),
    ("string", {"pattern": "^(a|aa)+$"}, "a" * 5000 + "b", False),
    # items
    (INTS, {"minItems": 0}, [], True),
    (INTS, {"maxItems": 0}, [], True),
    (INTS, {"maxItems": 0}, [1], False),
    (INTS, {"minItems": 2, "maxItems": 2}, [1, 2], True),
    (INTS, {"minItems": 2}, [1], False),
    (INTS, {"uniqueItems": True}, [], True),
    (INTS, {"uniqueItems": True}, [1], True),
    (INTS, {"uniqueItems": True}, [1, -1], True),
    (INTS, {"uniqueItems": True}, [1, 2, 1], False),
    (INTS, {"uniqueItems": False}, [1, 1], True),
    ({"type": "array", "items": UUID}, {"uniqueItems": True}, ["0190b5c2-7e1a-7c3d-9f00-0123456789ab", "0190B5C2-7E1A-7C3D-9F00-0123456789AB"], False),
    ({"type": "array", "items": CENTS}, {"uniqueItems": True}, ["1", "1.00"], False),
    ({"type": "array", "items": ["null", "int"]}, {"uniqueItems": True}, [None, None], False),
    ({"type": "array", "items": ["null", "int"]}, {"uniqueItems": True}, [None, 0], True),
    ({"type": "array", "items": {"type": "map", "values": "int"}}, {"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1}], False),
]  # fmt: skip

FORMAT_ROWS: dict[str, tuple[list[str], list[str]]] = {
    "date": (
        ["2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"],
        ["", "2023-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-01-32", "2026-1-1", "20260131", "2026-01-31 ", "2026-W05-6", "2026-01-31T00:00:00Z", "\u0662026-01-31"],
    ),
    "date-time": (
        ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456789012Z", "2026-01-31T12:00:00+14:00", "2026-01-31T00:00:00-00:00", "0001-01-01T00:00:00Z"],
        ["", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-01-31t12:00:00z", "2026-01-31T24:00:00Z", "2026-01-31T23:59:60Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+0100", "2026-01-31T12:00:00+24:00", "2026-02-30T12:00:00Z", "2026-01-31T12:00:00Z\n"],
    ),
    "time": (
        ["12:00:00Z", "23:59:59.999Z", "00:00:00+05:30"],
        ["", "12:00:00", "12:00Z", "24:00:00Z", "23:59:60Z", "12:60:00Z", "1:00:00Z", "12:00:00z", "12:00:00.Z", "12:00:00+24:00"],
    ),
    "email": (
        ["a@b", "a.b@example.com", "a+b@example.com", "!#$%&'*+/=?^_`{|}~-@example.com", "x" * 64 + "@example.com"],
        ["", "a", "@example.com", "a@", ".a@example.com", "a.@example.com", "a..b@example.com", "a b@example.com", "a@b@example.com", "a@-b.com", "a@b_c.com", "x" * 65 + "@example.com", "ä@example.com", "a@example.com\n", "a@[192.0.2.1]", "a@example..com"],
    ),
    "hostname": (
        ["a", "a.b", "xn--bcher-kva.example", "1.example", "A-b.Example", "a" * 63, ".".join(["a" * 49] * 5)],
        ["", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "a_b", "a b", "bücher.example", "a" * 64, ".".join(["a" * 50] * 5), "a\n"],
    ),
    "ipv4": (
        ["10.0.0.0", "255.255.255.255", "192.0.2.1"],
        ["", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4/8", " 1.2.3.4", "0x1.2.3.4", "1.2.3.\u0661", "::1", "1.2.3.4\n"],
    ),
    "ipv6": (
        ["::", "::1", "2001:db8::1", "2001:DB8:0:0:0:0:0:1", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8", "1::8"],
        ["", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "fe80::1%eth0", "[::1]", "::1/64", "::256.0.0.1", "192.0.2.1", "::1\n"],
    ),
    "uri": (
        ["a:", "a:b", "https://example.com", "https://u:p@example.com:8080/a/b?c=d#e", "https://[::1]/", "mailto:a@example.com", "urn:isbn:0451450523", "file:///etc/hosts", "data:,a%20b", "x+y-z.1:/", "https://example.com/?a=b?c"],
        ["", ":", "/a", "//example.com", "a", "1a:b", "http://a b", "http://example.com/%", "http://example.com/%zz", "http://example.com/ä", "http://exa[mple.com", "http://[::1", "http://[1.2.3.4]/", "http://example.com:x/", "http://example.com/a#b#c", "http://example.com/<a>", "http://example.com/a\\b", "http://example.com/\n"],
    ),
    "uuid": (
        ["0190b5c2-7e1a-7c3d-9f00-0123456789ab", "0190B5C2-7E1A-7C3D-9F00-0123456789AB", "00000000-0000-0000-0000-000000000000"],
        ["", "0190b5c27e1a7c3d9f000123456789ab", "{0190b5c2-7e1a-7c3d-9f00-0123456789ab}", "urn:uuid:0190b5c2-7e1a-7c3d-9f00-0123456789ab", "0190b5c2-7e1a-7c3d-9f00-0123456789a", "0190b5c2-7e1a-7c3d-9f00-0123456789abc", "g190b5c2-7e1a-7c3d-9f00-0123456789ab", "0190b5c2-7e1a-7c3d-9f00-0123456789ab\n", "0190b5c2_7e1a_7c3d_9f00_0123456789ab"],
    ),
}  # fmt: skip


def verdicts(of_type: Make, judge: Make, type_: object, rules: dict[str, object], value: object) -> list[list[str]]:
    """The rules broken: as JSON and as binary, by the schema's own keyword and by the contract file's."""
    binary = of_type(type_).stored({"f": value})
    own = of_type(type_, **rules)
    added = judge({"name": "f", "type": type_}, rules=(FieldRules(path="f", keywords=rules),))
    answers = []
    for made in (own, added):
        codec: AvroCodec = made.codec
        for answer in (made({"f": value}), codec.check(binary, AVRO)):
            if isinstance(answer, Payload):
                assert answer.value[5:] == binary
                answers.append([])
            else:
                assert isinstance(answer, Rejected)
                assert not answer.malformed
                assert {violation.pointer for violation in answer.violations} == {"#/f"}
                answers.append([violation.rule for violation in answer.violations])
    return answers


@pytest.mark.parametrize(
    ("type_", "rules", "value", "good"),
    KEYWORD_ROWS,
    ids=lambda part: str(part)[:30],
)
def test_a_keyword_at_its_edges(
    of_type: Make, judge: Make, type_: object, rules: dict[str, object], value: object, good: bool
) -> None:
    answers = verdicts(of_type, judge, type_, rules, value)
    assert answers == [answers[0]] * 4
    if good:
        assert answers[0] == []
    else:
        assert answers[0]
        assert set(answers[0]) <= set(rules)


def test_every_keyword_has_rows_of_both_kinds() -> None:
    for keyword in KEYWORDS - {"format"}:
        assert {row[3] for row in KEYWORD_ROWS if keyword in row[1]} >= {True, False}, keyword
    assert FORMAT_ROWS.keys() == FORMATS.keys()


@pytest.mark.parametrize(
    ("name", "text", "good"),
    [(name, text, good) for name, both in FORMAT_ROWS.items() for good, texts in zip((True, False), both, strict=True) for text in texts],
    ids=lambda part: repr(part)[:40],
)  # fmt: skip
def test_a_format_at_its_edges(of_type: Make, judge: Make, name: str, text: str, good: bool) -> None:
    assert verdicts(of_type, judge, "string", {"format": name}, text) == [[] if good else ["format"]] * 4
