"""Rule keywords on fields, items, map values and types; what does not fit is refused when the contract loads."""

from collections.abc import Callable
from typing import Any

import pytest

from tidegate.contracts.codec import ContractError, Payload
from tidegate.contracts.source import FieldRules

Make = Callable[..., Any]
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 20}
CENTS = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
STRINGS = {"type": "array", "items": "string"}


@pytest.mark.parametrize(
    ("type_", "rules", "good", "bad", "broken"),
    [
        ("int", {"minimum": 1}, 1, 0, ["minimum"]),
        ("int", {"maximum": 10}, 10, 11, ["maximum"]),
        ("int", {"minimum": 0.5}, 1, 0, ["minimum"]),
        ("long", {"exclusiveMinimum": 1}, 2, 1, ["exclusiveMinimum"]),
        ("long", {"exclusiveMaximum": 1.5}, 1, 2, ["exclusiveMaximum"]),
        ("int", {"multipleOf": 5}, -10, 11, ["multipleOf"]),
        ("int", {"multipleOf": 5, "maximum": 10}, 10, 11, ["multipleOf", "maximum"]),
        ("double", {"minimum": 0.1}, 0.1, 0.09999999999999999, ["minimum"]),
        ("double", {"maximum": 0.1}, 0.1, 0.10000000000000002, ["maximum"]),
        ("double", {"multipleOf": 0.01}, 4.35, 4.355, ["multipleOf"]),
        ("float", {"exclusiveMinimum": 0}, 1, 0, ["exclusiveMinimum"]),
        (DECIMAL, {"maximum": 0.1}, "0.1", "0.10000000000000000001", ["maximum"]),
        (CENTS, {"multipleOf": 0.05}, "1.15", "1.16", ["multipleOf"]),
        (CENTS, {"minimum": 0}, 0, -1, ["minimum"]),
        ("string", {"minLength": 1}, "\U0001f600", "", ["minLength"]),
        ("string", {"maxLength": 2}, "\U0001f600\U0001f600", "abc", ["maxLength"]),
        ("string", {"maxLength": 2, "pattern": "^a"}, "ab", "bcd", ["maxLength", "pattern"]),
        ("string", {"pattern": "b"}, "abc", "ac", ["pattern"]),
        ("string", {"pattern": "^a$"}, "a", "a\n", ["pattern"]),
        ("string", {"pattern": "^\\p{L}+$"}, "\u00e4\u00df", "1", ["pattern"]),
        ("string", {"pattern": "(x+x+)+y"}, "xxy", "x" * 30_000, ["pattern"]),
        ("string", {"format": "email"}, "a@example.com", "a@", ["format"]),
        ("bytes", {"minLength": 2, "maxLength": 3}, "AAA=", "AA==", ["minLength"]),
        (STRINGS, {"minItems": 1}, [""], [], ["minItems"]),
        (STRINGS, {"maxItems": 1}, [""], ["", "a"], ["maxItems"]),
        (STRINGS, {"uniqueItems": True}, ["a", "b"], ["a", "a"], ["uniqueItems"]),
        ({"type": "array", "items": "double"}, {"uniqueItems": True}, [1, 2], [1, 1.0], ["uniqueItems"]),
        (
            {"type": "array", "items": {"type": "map", "values": "int"}},
            {"uniqueItems": True},
            [{"a": 1}, {"a": 2}],
            [{"a": 1, "b": 2}, {"b": 2, "a": 1}],
            ["uniqueItems"],
        ),
        (STRINGS, {"uniqueItems": False}, ["a", "a"], 1, ["type"]),
        ({"type": "long", "logicalType": "timestamp-millis"}, {"minimum": 0}, "1970-01-01T00:00:00Z", -1, ["minimum"]),
    ],
)
def test_keyword(
    of_type: Make, type_: object, rules: dict[str, object], good: object, bad: object, broken: list[str]
) -> None:
    full = type_ if isinstance(type_, dict) else {"type": type_}
    made = [
        of_type(type_, **rules),
        of_type(full | rules),
        of_type(["null", full | rules]),
        of_type(type_),
    ]
    for judge in made[:3]:
        assert isinstance(judge({"f": good}), Payload)
        assert sorted(judge.wrong({"f": bad})) == sorted(("#/f", rule) for rule in broken)
    if broken != ["type"]:
        assert isinstance(made[3]({"f": bad}), Payload)
    for outer, at in (({"type": "array", "items": full | rules}, 0), ({"type": "map", "values": full | rules}, "k")):
        inside = of_type(outer)
        assert isinstance(inside({"f": [good] if at == 0 else {"k": good}}), Payload)
        assert {p for p, _ in inside.wrong({"f": [bad] if at == 0 else {"k": bad}})} == {f"#/f/{at}"}


@pytest.mark.parametrize(
    ("format_", "good", "bad"),
    [
        ("date", "2024-02-29", "2023-02-29"),
        ("date-time", "2026-01-31T12:00:00.123456789+01:00", "2026-01-31T12:00:00"),
        ("time", "12:00:00Z", "12:00:00"),
        ("hostname", "a.example.com", "-a.example.com"),
        ("ipv4", "192.0.2.1", "192.0.2.01"),
        ("ipv6", "2001:db8::1", "fe80::1%eth0"),
        ("uri", "https://u@example.com:80/a?b#c", "/relative"),
        ("uri", "urn:a:b", "http://a b/"),
        ("uuid", "0190B5C2-7e1a-7c3d-9f00-0123456789ab", "0190b5c27e1a7c3d9f000123456789ab"),
        ("email", "a.b+c@example.com", "a..b@example.com"),
    ],
)
def test_format(of_type: Make, format_: str, good: str, bad: str) -> None:
    made = of_type("string", format=format_)
    assert isinstance(made({"f": good}), Payload)
    assert made.wrong({"f": bad}) == [("#/f", "format")]


@pytest.mark.parametrize(
    ("type_", "rules", "pointer"),
    [
        ("string", {"minimum": 1}, "/fields/0/minimum"),
        ("int", {"maxLength": 1}, "/fields/0/maxLength"),
        ("boolean", {"pattern": "a"}, "/fields/0/pattern"),
        (STRINGS, {"pattern": "a"}, "/fields/0/pattern"),
        ({"type": "map", "values": "int", "minItems": 1}, {}, "/fields/0/type/minItems"),
        ({"type": "array", "items": {"type": "int", "format": "x"}}, {}, "/fields/0/type/items/format"),
        ("string", {"pattern": "("}, "/fields/0/pattern"),
        ("string", {"pattern": "(?=a)"}, "/fields/0/pattern"),
        ("string", {"pattern": 1}, "/fields/0/pattern"),
        ("string", {"format": "emial"}, "/fields/0/format"),
        ("string", {"minLength": -1}, "/fields/0/minLength"),
        ("int", {"minimum": "1"}, "/fields/0/minimum"),
        ("int", {"multipleOf": 0}, "/fields/0/multipleOf"),
        (STRINGS, {"uniqueItems": 1}, "/fields/0/uniqueItems"),
        ({"type": "int", "confluent:rules": [{"name": "r", "expr": "true"}]}, {}, "/fields/0/type/confluent:rules"),
    ],
)
def test_refused_at_load(of_type: Make, type_: object, rules: dict[str, object], pointer: str) -> None:
    with pytest.raises(ContractError) as caught:
        of_type(type_, **rules)
    assert caught.value.pointer == pointer


def test_rules_of_the_contract_file(judge: Make) -> None:
    item = {"type": "record", "name": "Item", "fields": [{"name": "n", "type": "int", "maximum": 10}]}
    fields = [{"name": "items", "type": {"type": "array", "items": item}}, {"name": "other", "type": "Item"}]
    made = judge(*fields, rules=(FieldRules(path="items.n", keywords={"minimum": 1}),))
    assert made.wrong({"items": [{"n": 0}, {"n": 11}], "other": {"n": 0}}) == [
        ("#/items/0/n", "minimum"),
        ("#/items/1/n", "maximum"),
    ]
    assert made({"items": [{"n": 0}], "other": {"n": 0}}).violations[0].expected == "int, 1 to 10"
    with pytest.raises(ContractError, match='did you mean "items"'):
        judge(*fields, rules=(FieldRules(path="itms", keywords={"minItems": 1}),))
    with pytest.raises(ContractError, match="minimum"):
        judge(*fields, rules=(FieldRules(path="items.n", keywords={"minimun": 1}),))


def test_a_bound_outside_the_type_is_no_looser_than_the_type(of_type: Make) -> None:
    made = of_type("int", maximum=2**40)
    assert made.wrong({"f": 2**31}) == [("#/f", "range")]


def test_examples_satisfy_their_rules(of_type: Make) -> None:
    cases: list[tuple[object, dict[str, object]]] = [
        ("int", {"minimum": 100, "multipleOf": 7}),
        ("double", {"exclusiveMinimum": 0, "exclusiveMaximum": 0.5}),
        ("string", {"pattern": "^[A-Z]{3}-\\d+$"}),
        ("string", {"pattern": "^(red|green)$"}),
        ("string", {"format": "email"}),
        ("string", {"minLength": 20}),
        ("string", {"pattern": "(?i)^x(?:y)z{2,}$", "maxLength": 9}),
        (
            "string",
            {"pattern": "^ok \\bnever", "examples": [1], "default": "ok never"},
        ),
        (STRINGS, {"minItems": 2, "uniqueItems": True}),
        (CENTS, {"maximum": -5}),
        (["null", "int"], {"default": None}),
        ("int", {"example": 42}),
    ]
    for type_, rules in cases:
        made = of_type(type_, **rules)
        assert isinstance(made.text(made.codec.example()), Payload), (type_, rules)
    assert of_type("int", example=42).codec.example() == b'{"f":42}'
    with pytest.raises(ContractError, match="example"):
        of_type("string", pattern="^\\b$").codec.example()


CENTS_OF_12 = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("1.005", "has 3 digits after the decimal point, at most 2 are allowed"),
        ("12345678901.10", "has 11 digits before the decimal point, at most 10 are allowed"),
        (12345678901, "has 11 digits before the decimal point, at most 10 are allowed"),
        (
            "12345678901.001000",
            (
                "has 11 digits before the decimal point, at most 10 are allowed, "
                "and 3 digits after the decimal point, at most 2 are allowed"
            ),
        ),
        ("1e20", "has 21 digits before the decimal point, at most 10 are allowed"),
        ("-0.000001", "has 6 digits after the decimal point, at most 2 are allowed"),
        ("1e99999999999999999999", "has more than 10 digits before or 2 after the decimal point"),
    ],
)
def test_which_side_of_the_decimal_point_has_too_many_digits(of_type: Make, value: object, detail: str) -> None:
    (violation,) = of_type(CENTS_OF_12)({"f": value}).violations
    assert (violation.rule, violation.detail) == ("precision", detail)


def test_how_many_digits_a_sensitive_decimal_has_is_not_told(of_type: Make) -> None:
    made = of_type(CENTS_OF_12, **{"confluent:tags": ["PII"]})
    for value in ("1.005", "12345678901"):
        assert made({"f": value}).violations[0].detail == "has more than 10 digits before or 2 after the decimal point"


def test_a_lower_bound_of_a_size_is_needed_and_an_upper_one_allowed(of_type: Make) -> None:
    made = of_type(STRINGS, minItems=1, maxItems=2)
    assert made({"f": []}).violations[0].detail == "has 0 items, at least 1 is needed"
    assert made({"f": ["a", "b", "c"]}).violations[0].detail == "has 3 items, at most 2 are allowed"
    assert of_type("string", minLength=2)({"f": "a"}).violations[0].detail == "has 1 character, at least 2 are needed"


@pytest.mark.parametrize(
    ("type_", "value", "hinted"),
    [
        ("int", "12", True),
        ("long", "-7", True),
        ("int", "12.5", False),
        ("int", "abc", False),
        ("int", "", False),
        ("int", "01", False),
        ("double", "12.5", True),
        ("double", "1e3", True),
        ("float", "NaN", False),
        ("double", "\u0661", False),
    ],
)
def test_only_a_number_in_quotes_is_told_to_leave_them_out(of_type: Make, type_: str, value: str, hinted: bool) -> None:
    (violation,) = of_type(type_)({"f": value}).violations
    assert violation.hint == ("write the number without quotes" if hinted else "")
