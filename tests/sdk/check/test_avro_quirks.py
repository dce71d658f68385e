"""What is formally compatible and still bites: a decimal's scale and a time's unit, looked for in unions and lists too."""

import json
from typing import Any

import pytest

from tidegate.check.avro_quirks import quirks
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.avro.schema import Schema

MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
FINER = {**MONEY, "scale": 3}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}


def record(kind: Any) -> Schema:
    return parse_schema(json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": kind}]}))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (MONEY, FINER, '"a" was decimal of scale 2 and is decimal of scale 3'),
        (["null", MONEY], ["null", FINER], '"a" was decimal of scale 2 and is decimal of scale 3'),
        ({"type": "array", "items": MILLIS}, {"type": "array", "items": MICROS}, "timestamp-millis and is timestamp-micros"),
    ],
)  # fmt: skip
def test_numbers_that_mean_other_values(old: Any, new: Any, said: str) -> None:
    (found,) = quirks(record(old), record(new))
    assert found.rule == "compatibility/logical"
    assert said in found.said


@pytest.mark.parametrize(("old", "new"), [(MONEY, {**MONEY, "precision": 12}), ("long", MILLIS), ("int", "long")])
def test_what_means_the_same(old: Any, new: Any) -> None:
    assert list(quirks(record(old), record(new))) == []
