"""`confluent:rules`: compiled at load, asked of every form of an event, said as the rest of the verdict is."""

import json
import sys
from typing import Any

import pytest

from tidegate.contracts.avro.codec import AvroCodec, compile_avro
from tidegate.contracts.codec import ContractError, Payload
from tidegate.contracts.media import AVRO, AVRO_FRAMED, AVRO_JSON, JSON
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Rejected

FIELD_KINDS: dict[str, Any] = {
    "int": "int", "long": "long", "float": "float", "double": "double", "string": "string", "flag": "boolean", "raw": "bytes",
    "fixed": {"type": "fixed", "name": "F", "size": 2}, "colour": {"type": "enum", "name": "C", "symbols": ["RED", "BLUE"]},
    "maybe": ["null", "int"], "either": ["string", "int"], "ints": {"type": "array", "items": "int"},
    "map": {"type": "map", "values": "long"}, "a_b": {"type": "map", "values": "int"}, "aB": {"type": "map", "values": "int"}, "money": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
    "day": {"type": "int", "logicalType": "date"}, "clock": {"type": "int", "logicalType": "time-millis"},
    "at": {"type": "long", "logicalType": "timestamp-micros"}, "here": {"type": "long", "logicalType": "local-timestamp-millis"},
    "id": {"type": "string", "logicalType": "uuid"}, "grid": {"type": "array", "items": {"type": "array", "items": "int"}},
    "sub": {"type": "record", "name": "Sub", "fields": [{"name": "n", "type": ["null", "Sub"]}, {"name": "v", "type": "int"}]},
}  # fmt: skip
VALUES: dict[str, Any] = {
    "int": 3, "long": 2**53 + 1, "float": 1.5, "double": 2.5, "string": "aä", "flag": True, "raw": "AQI=", "fixed": "AQI=",
    "colour": "BLUE", "maybe": 7, "either": "x", "ints": [1, 2, 3], "map": {"k": 5}, "a_b": {"x": 1}, "aB": {"y": 2}, "money": "12.50", "day": "2026-01-31",
    "clock": "12:00:01", "at": "2026-01-31T12:00:00Z", "here": "2026-01-31T12:00:00", "grid": [[1], [2, 3]],
    "id": "0190D0F2-7b1c-7c3a-9a52-5b1f3f2f1a11", "sub": {"n": {"n": None, "v": 2}, "v": 1},
}  # fmt: skip


def codec(*fields: dict[str, Any], sensitive: frozenset[str] = frozenset(), **more: Any) -> AvroCodec:
    """A record of these fields."""
    schema = {"type": "record", "name": "a.Event", "fields": list(fields), **more}
    return compile_avro(VersionSource(number=1, schema_id=7, format="avro", schema=json.dumps(schema)), sensitive)


def rules(*expressions: str, doc: str = "") -> dict[str, Any]:
    """Rules named r0, r1, ..."""
    return {"confluent:rules": [{"name": f"r{i}", "doc": doc, "expr": e} for i, e in enumerate(expressions)]}


def said(made: AvroCodec, event: object, media_type: str = JSON) -> list[tuple[str, str, str]]:
    """Pointer, rule and detail of every violation."""
    answer = made.check(event if isinstance(event, bytes) else json.dumps(event).encode(), media_type)
    if isinstance(answer, Payload):
        return []
    return [(v.pointer, v.rule, v.detail) for v in answer.violations]


@pytest.mark.parametrize(
    "expr",
    [
        "this.int == 3 && this.int + 1 == 4", "this.long == 9007199254740993", "this.float == 1.5", "this.double < 3.0",
        "this.string.size() == 2 && this.string.matches('^a')", "this.flag", "this.raw == b'\\x01\\x02'", "size(this.fixed) == 2",
        "this.colour == 'BLUE'", "this.maybe == 7 && this.maybe != null", "this.either == 'x'", "this.ints.all(i, i > 0)",
        "this.ints.exists_one(i, i == 2)", "this.map['k'] == 5 && 'k' in this.map", "this.money == 12.5", "this.a_b.x + this.aB['y'] == 3",
        "this.day == timestamp('2026-01-31T00:00:00Z')", "this.clock == duration('43201s')", "this.at < now",
        "this.at.getFullYear() == 2026", "this.here == timestamp('2026-01-31T12:00:00Z')", "has(this.sub.n)",
        "this.id == '0190d0f2-7b1c-7c3a-9a52-5b1f3f2f1a11'", "this.grid[1][1] == 3", "this.sub.n.v == 2 && this.sub.n.n == null",
        "this.int == 3 ? '' : 'no'", "this.int > 1 // three\n && this.flag", "''",
    ],
)  # fmt: skip
def test_values_as_cel_sees_them(expr: str) -> None:
    made = codec(*({"name": name, "type": kind} for name, kind in FIELD_KINDS.items()), **rules(expr))
    assert said(made, VALUES) == []
    payload = made.check(json.dumps(VALUES).encode())
    assert isinstance(payload, Payload)
    for body, media_type in ((payload.value[5:], AVRO), (payload.value, AVRO_FRAMED)):
        assert made.check(body, media_type) == payload


ORDER = codec(
    {"name": "net", "type": "double"},
    {"name": "tax", "type": ["null", "double"], "default": None, **rules("this >= 0.0", doc="is less than nothing")},
    {
        "name": "items",
        "default": [],
        "type": {
            "type": "array",
            "items": {
                "type": "record", "name": "Item", "fields": [{"name": "n", "type": "int"}],
                "confluent:rules": [{"name": "ratio", "expr": "10 / this.n > 1"}],
            },
        },
    },
    {"name": "notes", "type": {"type": "map", "values": "Item"}, "default": {}},
    {"name": "either", "type": ["string", "Item"], "default": ""},
    **{"confluent:rules": [
        {"name": "cap", "expr": "this.net < 100.0 ? '' : 'has a net of ' + string(this.net)"},
        {"name": "count", "doc": "has more than two items", "expr": "this.items.size() <= 2"},
    ]},
)  # fmt: skip


def test_places_messages_and_order() -> None:
    event = {
        "net": 150,
        "tax": -1,
        "items": [{"n": 1}, {"n": 10}, {"n": 0}],
        "notes": {"k": {"n": 9}},
        "either": {"n": 20},
    }
    expected = [
        ("#", "cap", "has a net of 150"),
        ("#", "count", "has more than two items"),
        ("#/tax", "r0", "is less than nothing"),
        ("#/items/1", "ratio", "breaks the rule ratio"),
        ("#/items/2", "ratio", "cannot be judged by the rule ratio: it comes to a division by zero"),
        ("#/notes/k", "ratio", "breaks the rule ratio"),
        ("#/either", "ratio", "breaks the rule ratio"),
    ]
    found = said(ORDER, event)
    assert sorted(found) == sorted(expected)
    assert found[0] == expected[0]
    tagged = {**event, "tax": {"double": -1}, "either": {"a.Item": {"n": 20}}}
    assert said(ORDER, tagged, AVRO_JSON) == found


def test_binary_in_blocks_with_sizes() -> None:
    block = b"\x03\x04\x02\x14" + b"\0"  # two items in a block of two bytes, with its size before
    body = b"\0" * 8 + b"\0" + block + b"\0" + b"\0\0"
    assert [one[:2] for one in said(ORDER, body, AVRO)] == [("#/items/1", "ratio")]


def test_null_is_not_asked_and_broken_structure_comes_first() -> None:
    assert said(ORDER, {"net": 1, "tax": None}) == []
    assert [one[1] for one in said(ORDER, {"net": 1000, "tax": "x"})] == ["type"]


def test_docs_expected_and_found() -> None:
    answer = ORDER.check(b'{"net":1,"tax":-0.5}')
    assert isinstance(answer, Rejected)
    (violation,) = answer.violations
    assert (violation.docs, violation.expected, violation.found) == ("tax", "null or double", "number -0.5")


def test_at_most_25_are_listed() -> None:
    answer = ORDER.check(json.dumps({"net": 1, "notes": {f"k{i}": {"n": 50} for i in range(40)}}).encode())
    assert isinstance(answer, Rejected)
    assert (len(answer.violations), answer.omitted) == (25, 15)


@pytest.mark.parametrize(
    ("expr", "why"),
    [
        ("this.m['x'] > 1", "a key that is not there"),
        ("this.l[5] > 1", "an index that is not there"),
        ("this.n > 1", "an operator that does not fit these values"),
        ("this.l[0] + 9223372036854775807 > 1", "a number out of range"),
        (
            "this.l.all(a, this.l.all(b, this.l.all(c, this.l.all(d, a + b + c + d > 0))))",
            "more steps than are allowed",
        ),
        ("int(this.s) > 1", "a conversion that fails"),
    ],
)
def test_an_expression_that_fails_is_a_violation(expr: str, why: str) -> None:
    made = codec(
        {"name": "m", "type": {"type": "map", "values": "int"}, "default": {}},
        {"name": "l", "type": {"type": "array", "items": "int"}},
        {"name": "n", "type": ["null", "int"], "default": None},
        {"name": "s", "type": "string", "default": "x"},
        **rules(expr),
    )
    (one,) = said(made, {"l": [1] * (20 if "all" in expr else 2)})
    assert one == ("#", "r0", f"cannot be judged by the rule r0: it comes to {why}")


F = {"name": "total", "type": "double"}


@pytest.mark.parametrize(
    ("given", "words", "pointer"),
    [
        (rules("this.totl > 1.0"), r'line 1, column 5\).*did you mean "total"', "/confluent:rules/0/expr"),
        (rules("true", "this.total == 'x'"), r"line 1, column 12\)", "/confluent:rules/1/expr"),
        (rules("this.total >\n  +"), r"line 2, column", "/confluent:rules/0/expr"),
        (rules("foo(this)"), "undeclared reference to 'foo'", "/confluent:rules/0/expr"),
        (rules("this.total"), "gives double", "/confluent:rules/0/expr"),
        (rules("true), dyn(false"), "Syntax error", "/confluent:rules/0/expr"),
        (rules("'" + "x" * 5000 + "'"), "more than 4096 characters", "/confluent:rules/0/expr"),
        (rules("(" * 40 + "true" + ")" * 40), "recursion", "/confluent:rules/0/expr"),
        ({"confluent:rules": "this.total > 1"}, "must be a list", "/confluent:rules"),
        ({"confluent:rules": ["x"]}, "is an object", "/confluent:rules/0"),
        ({"confluent:rules": [{"name": "a", "exp": "true"}]}, 'did you mean "expr"', "/confluent:rules/0/exp"),
        ({"confluent:rules": [{"expr": "true"}]}, "needs a name", "/confluent:rules/0"),
        ({"confluent:rules": [{"name": "a", "expr": ""}]}, "needs an expr", "/confluent:rules/0"),
        ({"confluent:rules": [{"name": "a", "doc": 1, "expr": "true"}]}, "doc must be", "/confluent:rules/0/doc"),
        ({"confluent:rules": [{"name": "a", "expr": "true"}] * 2}, "two rules", "/confluent:rules/1/name"),
        (rules(*["true"] * 51), "may have 50 rules", ""),
    ],
)
def test_a_bad_rule_is_refused_at_load(given: dict[str, Any], words: str, pointer: str) -> None:
    with pytest.raises(ContractError, match=words) as refused:
        codec(F, **given)
    assert refused.value.pointer == pointer


@pytest.mark.parametrize(
    ("kind", "expr", "bad"),
    [
        ("int", "this > 0", "this > 'x'"),
        (["null", "string"], "this.startsWith('a')", "this > 1"),
        ({"type": "array", "items": "int"}, "this.all(i, i > 0)", "this.all(i, i > '')"),
        ({"type": "map", "values": "string"}, "this.size() < 9", "this > 3"),
        ({"type": "record", "name": "R", "fields": [F]}, "this.total > 0.0", "this.totals > 0.0"),
        ({"type": "long", "logicalType": "timestamp-millis"}, "this < now", "this < 5"),
    ],
)
def test_field_rules_have_the_fields_type(kind: object, expr: str, bad: str) -> None:
    codec({"name": "f", "type": kind, **rules(expr)})
    with pytest.raises(ContractError) as refused:
        codec({"name": "f", "type": kind, **rules(bad)})
    assert refused.value.pointer == "/fields/0/confluent:rules/0/expr"


def test_without_the_extra_the_contract_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    for name in ("cel_rules", "cel_types"):
        monkeypatch.delitem(sys.modules, f"tidegate.contracts.avro.{name}", raising=False)
    with pytest.raises(ContractError, match=r"needs? the extra tidegate\[cel\]"):
        codec(F, **rules("true"))
    codec(F)


def test_escaped_in_the_text_it_is_a_rule_still() -> None:
    text = json.dumps({"type": "record", "name": "E", "fields": [F], **rules("this.total > 1.0")})
    made = compile_avro(
        VersionSource(number=1, schema_id=7, format="avro", schema=text.replace("confluent:", "confluent\\u003a"))
    )
    assert [one[1] for one in said(made, {"total": 0})] == ["r0"]


def test_computed_messages_do_not_show_what_is_sensitive() -> None:
    made = codec(
        {"name": "name", "type": "string", "confluent:tags": ["PII"], **rules("'is ' + this", "false")},
        F,
        **rules("'knows ' + this.name", "'is wrong'"),
    )
    answer = made.check(b'{"name":"MARKER","total":1}')
    assert isinstance(answer, Rejected)
    assert "MARKER" not in repr(answer)
    assert [v.detail for v in answer.violations] == [
        "breaks the rule r0", "is wrong", "breaks the rule r0", "breaks the rule r1",
    ]  # fmt: skip
