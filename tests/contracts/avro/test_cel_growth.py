"""What a rule may make of an event: no string, bytes or list that doubles. Refused at load, with the rule's place."""

import json
import time
from typing import Any

import pytest

from tidegate.contracts.avro.cel_growth import MAX_JOINS
from tidegate.contracts.avro.codec import AvroCodec, compile_avro
from tidegate.contracts.codec import ContractError, Payload
from tidegate.contracts.source import VersionSource

FIELDS: list[dict[str, Any]] = [
    {"name": "note", "type": "string"},
    {"name": "fee", "type": ["null", "int"]},
    {"name": "either", "type": ["string", "int"]},
    {"name": "raw", "type": "bytes"},
    {"name": "tags", "type": {"type": "array", "items": "string"}},
    {"name": "counts", "type": {"type": "array", "items": "int"}},
]
EVENT = {"note": "n", "fee": 1, "either": 2, "raw": "AQ==", "tags": ["a", "b"], "counts": [1, 2]}


def codec(expr: str) -> AvroCodec:
    schema = {
        "type": "record", "name": "a.Event", "fields": FIELDS, "confluent:rules": [{"name": "grows", "expr": expr}]
    }  # fmt: skip
    return compile_avro(VersionSource(number=1, schema_id=7, format="avro", schema=json.dumps(schema)))


@pytest.mark.parametrize(
    "expr",
    [
        "this.note + '!' != ''",
        "'has ' + string(this.counts.size()) + ' counts' != ''",
        "this.counts.all(c, c + 1 > 0)",
        "this.counts.all(c, c * 2 + this.fee > 0)",
        "this.counts.exists(c, size(this.note) + c > 0)",
        "this.tags.filter(t, t != 'x').map(t, t).size() + 1 > 0",
        "this.tags.map(t, t)[0] + this.note == 'an'",
        "this.tags.all(t, this.tags.exists(u, size(t) + size(u) == 2))",
        "this.counts.all(c, int(this.either) + c > 0)",
        " + ".join(["this.note"] * (MAX_JOINS + 1)) + " != ''",
    ],
)
def test_rules_that_add_numbers_or_make_a_message_are_served(expr: str) -> None:
    assert isinstance(codec(expr).check(json.dumps(EVENT).encode()), Payload)


@pytest.mark.parametrize(
    "expr",
    [
        "this.tags.map(t, t + t) == []",
        "this.tags.all(t, t + this.note != '')",
        "this.tags.exists(t, this.note + this.note == t)",
        "this.tags.exists_one(t, 'x' + t == t)",
        "this.tags.filter(t, t + 'x' == '').size() == 0",
        "this.counts.map(c, this.raw + this.raw).size() > 0",
        "[[1]].map(l, l + l).size() == 1",
        "this.tags.map(t, t != '', t + t).size() > 0",
        "this.tags.all(t, this.tags.all(u, t + u != ''))",
        "this.tags.all(t, {'k': t + t}.size() == 1)",
        "this.tags.all(t, [t + t].size() == 1)",
        "this.tags.all(t, (t + t).size() == 2)",
        "this.tags.all(t, size(t + t) == 2)",
        "this.counts.all(c, this.either + this.either != c)",
        "['x']" + ".map(s, s + s)" * 25 + ".size() == 1",
    ],
)
def test_a_rule_that_joins_in_a_macro_is_refused(expr: str) -> None:
    with pytest.raises(
        ContractError, match='the rule "grows" joins strings, bytes or lists inside of a macro'
    ) as caught:
        codec(expr)
    assert caught.value.pointer.endswith("/confluent:rules/0/expr")


def test_joins_are_counted_outside_of_macros() -> None:
    with pytest.raises(
        ContractError, match=f"joins strings, bytes or lists {MAX_JOINS + 1} times, at most {MAX_JOINS}"
    ):
        codec(" + ".join(["this.note"] * (MAX_JOINS + 2)) + " != ''")


def test_the_mistake_that_took_half_a_minute_is_refused_before_it_is_asked() -> None:
    began = time.process_time()
    with pytest.raises(ContractError, match="inside of a macro"):
        codec("['" + "x" * 500 + "']" + ".map(s, s + s)" * 25 + "[0] != ''")
    assert time.process_time() - began < 5
