"""How violations speak."""

from decimal import Decimal

import pytest

from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import _likely, anchor, did_you_mean, found, pointer, shown, summary


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), "#"),
        (("items", 1, "boldness"), "#/items/1/boldness"),
        (("a/b", "c~d"), "#/a~1b/c~0d"),
        (("ü ", '"'), "#/%C3%BC%20/%22"),
        (("x" * 100,), "#/" + "x" * 64 + "%E2%80%A6"),
    ],
)
def test_a_pointer(path: tuple[str | int, ...], expected: str) -> None:
    assert pointer(path) == expected


def test_an_anchor_leaves_indexes_out() -> None:
    assert anchor(("items", 1, "boldness")) == "items.boldness"


def test_names_cannot_carry_control_characters() -> None:
    assert shown("a\r\n\x1b[31m") == "a\\r\\n\\x1b[31m"


def test_did_you_mean() -> None:
    assert did_you_mean("bolness", ["boldness", "quantity"]) == 'did you mean "boldness"?'
    assert did_you_mean("ORDERID", ["orderId"]) == 'did you mean "orderId"?'
    assert did_you_mean("red", ["COLOUR_GREEN", "COLOUR_RED"]) == 'did you mean "COLOUR_RED"?'
    assert did_you_mean("", ["COLOUR_"]) == ""
    assert did_you_mean("zzz", ["boldness"]) == ""


def test_did_you_mean_looks_closely_at_few_of_many_names() -> None:
    """25 strange names beside 200 fields took 0.1 s of comparing, for one event of a kilobyte."""
    names = [f"field{number}OfTheRecord" for number in range(200)] + ["ab", "orderId"]
    assert did_you_mean("field_17_of_the_record", names) == 'did you mean "field17OfTheRecord"?'
    assert did_you_mean("fied99OfTheRecord", names) == 'did you mean "field99OfTheRecord"?'
    assert did_you_mean("order_id", names) == 'did you mean "orderId"?'
    assert did_you_mean("ba", names) == ""
    assert did_you_mean("zzz", names) == ""
    assert len(_likely("fied99oftherecord", tuple(names))) < 10


@pytest.mark.parametrize(
    ("value", "text", "sensitive"),
    [
        (None, "null", "null"),
        (True, "boolean true", "boolean"),
        (11, "int 11", "int"),
        (10**60, "int", "int"),
        (1.5, "number 1.5", "number"),
        (Decimal("1.50"), "number 1.50", "number"),
        ("secret", "string of 6 characters", "string"),
        ("x", "string of 1 character", "string"),
        ([1, 2], "array of 2 items", "array"),
        ([1], "array of 1 item", "array"),
        ({"a": 1}, "object", "object"),
    ],
)
def test_what_was_found(value: object, text: str, sensitive: str) -> None:
    assert found(value) == text
    assert found(value, sensitive=True) == sensitive


def test_a_summary_names_five_and_counts_the_rest() -> None:
    violations = tuple(Violation(pointer=f"#/f{n}", rule="required", detail="is missing") for n in range(7))
    assert summary(violations[:2], 0) == "f0 is missing; f1 is missing"
    assert summary(violations, 3).endswith("f4 is missing; and 5 more")
    assert summary((Violation(pointer="#", rule="type", detail="is not an object"),), 0) == "the event is not an object"
