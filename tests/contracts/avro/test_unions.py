"""Untagged unions: which branch a JSON value takes."""

import json
import struct
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.codec import ContractError, Payload

Make = Callable[..., Any]

ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
UUID = {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
CARD = {
    "type": "record",
    "name": "Card",
    "fields": [{"name": "number", "type": "string"}, {"name": "amount", "type": "int", "default": 0}],
}
IBAN = {
    "type": "record",
    "name": "Transfer",
    "fields": [{"name": "iban", "type": "string"}, {"name": "amount", "type": "int", "default": 0}],
}
CASH = {"type": "record", "name": "Cash", "fields": [{"name": "number", "type": "int"}]}
MAP = {"type": "map", "values": "int"}


@pytest.mark.parametrize(
    ("branches", "value", "index"),
    [
        (["null", "string"], None, 0),
        (["null", "string"], "x", 1),
        (["string", "null"], None, 1),
        (["string", "null"], "x", 0),
        (["null", "boolean", "int", "string"], True, 1),
        (["null", "int", "long"], 5, 1),
        (["null", "int", "long"], 2**31, 2),
        (["int", "float", "double"], 1.5, 1),
        (["int", "float", "double"], 0.1, 2),
        (["int", "float", "double"], 2**31, 1),
        (["int", "float", "double"], 2**31 + 1, 2),
        (["int", "double"], 2**53 + 1, 1),  # none holds it exactly: the first that holds it at all
        (["int", "float"], 0.1, 1),
        (["int", "long", "double"], 2**63 - 1, 1),
        (["int", "long", "double"], 2**63, 2),  # a double holds it
        (["int", "long", "double"], 2**63 + 1, 2),  # none does: rounded, as in a double alone
        (["int", "long", "double"], -(2**63) - 1, 2),
        (["string", ENUM], "A", 1),
        (["string", ENUM], "C", 0),
        ([UUID, "string"], "0190b5c2-7e1a-7c3d-9f00-0123456789ab".upper(), 0),
        ([MILLIS, "bytes", "string"], "2026-01-31T12:00:00Z", 0),
        ([MILLIS, "bytes", "string"], "AAAA", 1),
        ([MILLIS, "bytes", "string"], "not base64", 2),
        (["null", MAP, "string"], {"a": 1}, 1),
        (["null", {"type": "array", "items": "int"}, MAP], [1], 1),
        ([CARD, IBAN], {"iban": "x"}, 1),
        ([CARD, IBAN], {"number": "x", "amount": 3}, 0),
        ([CARD, CASH], {"number": 3}, 1),
        ([CARD, CASH], {"number": "3"}, 0),
        (["null", "int", "string"], {"string": "x"}, 2),
        (["null", "string"], {"string": "x"}, 1),
        (["null", "string"], {"null": None}, 0),
        ([CARD, IBAN], {"Transfer": {"iban": "x"}}, 1),
        ([CARD, CASH], {"Cash": {"number": 3}}, 1),
    ],
)
def test_the_branch(of_type: Make, branches: list[object], value: object, index: int) -> None:
    assert of_type(branches).stored({"f": value}).startswith(zigzag(index))


@pytest.mark.parametrize(
    ("branches", "value", "wrong"),
    [
        (["null", "int"], "x", ("#/f", "type")),
        (["null", "int"], {"int": "x"}, ("#/f/int", "type")),
        (["null", "int"], {"string": "x"}, ("#/f", "type")),
        (["null", MAP], {"map": {"a": 1}}, ("#/f/map", "type")),  # a map could mean this: no tag
        (["null", "int", "string"], [1], ("#/f", "type")),
        (["null", "int", "long"], 2**70, ("#/f", "union")),
        (["int", "long", "double"], 10**400, ("#/f", "union")),
        ([UUID, MILLIS], "neither", ("#/f", "union")),
        (["null", ENUM], "C", ("#/f", "enum")),
        (["null", CARD], {"number": 1}, ("#/f/number", "type")),
        ([CARD, IBAN], {"amount": 3}, ("#/f", "union")),
        ([CARD, IBAN], {"iban": 3}, ("#/f/iban", "type")),
        ([CARD, CASH], {"number": None}, ("#/f", "union")),
        ([CARD, MAP], {"number": None}, ("#/f", "union")),
    ],
)
def test_refused(of_type: Make, branches: list[object], value: object, wrong: tuple[str, str]) -> None:
    assert of_type(branches).wrong({"f": value}) == [wrong]


def test_an_integer_past_every_branch_is_rounded_as_in_a_double_alone(of_type: Make) -> None:
    stored = of_type(["int", "long", "double"]).stored({"f": 2**63 + 1})
    assert stored == zigzag(2) + of_type("double").stored({"f": 2**63 + 1})
    assert stored[1:] == struct.pack("<d", 2.0**63)


def test_candidates_are_named(of_type: Make) -> None:
    violation = of_type([CARD, IBAN])({"f": {}}).violations[0]
    assert violation.detail == "fits none of Card, Transfer"
    twins = [CARD, CARD | {"name": "Gift"}]
    violation = of_type(twins)({"f": {"number": "x"}}).violations[0]
    assert violation.rule == "union"
    assert "Card, Gift" in violation.detail
    assert isinstance(of_type(twins)({"f": {"Gift": {"number": "x"}}}), Payload)


def test_rules_apply_to_the_branch_that_was_taken(of_type: Make) -> None:
    made = of_type(["null", "int", "string"], maximum=5, maxLength=2)
    assert made.wrong({"f": 6}) == [("#/f", "maximum")]
    assert made.wrong({"f": "abc"}) == [("#/f", "maxLength")]
    assert isinstance(made({"f": None}), Payload)
    assert of_type(["null", "int"], minimum=1)({"f": 0}).violations[0].expected == "null or int, at least 1"
    with pytest.raises(ContractError, match="minItems"):
        of_type(["null", "int"], minItems=1)
    with pytest.raises(ContractError):
        of_type([])


def test_ambiguous_recursive_records_do_not_explode(judge: Make) -> None:
    def node(name: str, leaf: str) -> dict[str, object]:
        return {
            "type": "record",
            "name": name,
            "fields": [
                {"name": "next", "type": ["null", "A", "B"]},
                {"name": "leaf", "type": leaf, "default": leaf and 0},
            ],
        }

    made = judge({"name": "a", "type": node("A", "int")}, {"name": "b", "type": node("B", "long")})
    value: object = None
    for _ in range(60):
        value = {"next": value, "leaf": 2**40}
    answer = made({"a": {"next": value}, "b": {"next": None}})
    assert isinstance(answer, Payload)
    value = "wrong"
    for _ in range(60):
        value = {"next": value}
    assert made.wrong({"a": {"next": value}, "b": {"next": None}}) == [("#/a/next", "union")]


def test_the_nearest_candidate_is_named_with_what_is_wrong_there(of_type: Make) -> None:
    def hint(value: object, **source: object) -> str:
        text: str = of_type([CARD, IBAN], **source)({"f": value}).violations[0].hint
        return text

    assert hint({}) == "nearest is Card, where number is missing"
    assert hint({"iban": "x", "amont": 1}) == "nearest is Transfer, where amont is not a field of Transfer"
    many = hint({f"x{n}": n for n in range(40)})
    assert many.count(" is not a field of Card") == 3
    assert many.endswith("; and 38 more")
    assert hint({"secret": 1}, **{"confluent:tags": ["PII"]}).startswith("nearest is Card, where * is not a field")


def test_ambiguous_trees_cost_no_more_than_their_size(judge: Make) -> None:
    """Every object is tried once for each record, however many unions of the schema it could stand in."""
    sides = [{"name": side, "type": ["null", "A", "B"], "default": None} for side in ("left", "right")]

    def node(name: str) -> dict[str, object]:
        return {"type": "record", "name": name, "fields": [*sides, {"name": "leaf", "type": "int"}]}

    made = judge({"name": "a", "type": node("A")}, {"name": "b", "type": node("B")})

    def tree(depth: int) -> dict[str, object]:
        return {"leaf": "x"} if not depth else {"left": tree(depth - 1), "right": tree(depth - 1), "leaf": 1}

    def calls(depth: int) -> int:
        count = 0

        def counted(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event == "call"

        body = json.dumps({"a": tree(depth), "b": {"leaf": 1}})
        sys.setprofile(counted)
        try:
            made.text(body)
        finally:
            sys.setprofile(None)
        return count

    small, large = calls(4), calls(7)
    assert large < 10 * small
