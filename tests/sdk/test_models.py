"""Generated models at run time: what of JSON becomes which value, and what is refused, with its place. Models are written here by hand as codegen writes them."""

import dataclasses
import enum
import math
import typing
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tidegate import models
from tidegate.models import ModelError, Tag, from_json, is_model, to_json


class Kind(enum.Enum):
    A = "A"
    CLASS = "class"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    __tidegate_name__: typing.ClassVar[str] = "n.Box"
    value: object = None
    count_of: int = dataclasses.field(default=0, metadata={"name": "countOf"})


def one(hint: Any) -> type:
    """A model with one member, `v`, of an annotation."""
    made = dataclasses.make_dataclass("One", [("v", hint)], frozen=True, kw_only=True)
    made.__tidegate_name__ = "n.One"  # type: ignore[attr-defined]  # as a ClassVar would be
    return made


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (str, '"x"', "x"),
        (bool, "true", True),
        (int, "7", 7),
        (int, '"9223372036854775807"', 2**63 - 1),  # ProtoJSON's 64 bits
        (float, "1.5", 1.5),
        (float, "2", 2.0),
        (float, '"-Infinity"', -math.inf),
        (bytes, '"_-8="', b"\xff\xef"),
        (bytes, '"/+8"', b"\xff\xef"),
        (Decimal, '"12.50"', Decimal("12.50")),
        (Decimal, "0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
        (UUID, '"01920000-0000-7000-8000-00000000000A"', UUID("01920000-0000-7000-8000-00000000000a")),
        (date, '"2026-01-31"', date(2026, 1, 31)),
        (date, "1", date(1970, 1, 2)),
        (models.TimestampMillis, '"2026-01-31T12:00:00.5Z"', datetime(2026, 1, 31, 12, 0, 0, 500_000, UTC)),
        (models.TimestampMillis, "1500", datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)),
        (models.TimestampMicros, "1500", datetime(1970, 1, 1, 0, 0, 0, 1500, UTC)),
        (models.TimestampMicros, '"2026-01-31T12:00:00.123456000+02:00"', datetime(2026, 1, 31, 12, 0, 0, 123456, timezone(timedelta(hours=2)))),
        (models.LocalTimestampMicros, '"2026-01-31T12:00:00"', datetime(2026, 1, 31, 12)),  # noqa: DTZ001 -- local
        (models.TimeMillis, '"12:00:00.5"', time(12, 0, 0, 500_000)),
        (models.TimeMicros, "1", time(0, 0, 0, 1)),
        (timedelta, '"-1.5s"', timedelta(seconds=-1.5)),
        (Kind, '"class"', Kind.CLASS),
        (object, '{"a": [1.5, null]}', {"a": [1.5, None]}),
        (list[int], "[1, 2]", [1, 2]),
        (dict[bool, str], '{"true": "x"}', {True: "x"}),
        (dict[int, str], '{"-1": "x"}', {-1: "x"}),
        (int | None, "null", None),
        (str | Kind, '"A"', Kind.A),
        (int | str, '"5"', "5"),
        (float | str, '"NaN"', "NaN"),
        (typing.Annotated[str, Tag("string")] | typing.Annotated[bytes, Tag("bytes")], '{"bytes": "AQ=="}', b"\x01"),
        (typing.Annotated[str, Tag("string")] | typing.Annotated[bytes, Tag("bytes")], '"AQ=="', "AQ=="),
    ],
)  # fmt: skip
def test_json_becomes_the_value_and_back(hint: Any, text: str, value: object) -> None:
    kind = one(hint)
    model = from_json(kind, f'{{"v": {text}}}')
    assert model.v == value
    assert type(model.v) is type(value)
    assert from_json(kind, to_json(model)) == model


@pytest.mark.parametrize(
    ("hint", "text", "said"),
    [
        (int, "1.5", "v is no integer"),
        (int, "true", "v is no integer"),
        (bool, "1", "v is no boolean"),
        (str, "1", "v is no string"),
        (float, '"x"', "v is no number"),
        (bytes, '"*"', "v is no base64"),
        (bytes, "1", "v is no base64"),
        (Decimal, '"x"', "v is no decimal"),
        (UUID, '"01920000000070008000000000000000"', "v is no uuid"),
        (date, '"20260131"', "v is no date"),
        (date, "99999999", "v is no date"),
        (models.TimestampMillis, '"2026-01-31T12:00:00"', "v is no date-time with offset"),
        (models.TimestampMillis, '"2026-01-31T12:00:00.0000001Z"', "v is finer than a microsecond"),
        (models.TimestampMillis, "9999999999999999", "v is no date-time with offset"),
        (models.LocalTimestampMillis, '"2026-01-31T12:00:00Z"', "v is no local date-time"),
        (models.TimeMillis, "86400000", "v is no time of day"),
        (timedelta, '"1.5"', "v is no duration"),
        (timedelta, '"0.0000001s"', "v is no duration"),
        (Kind, '"B"', "v is no Kind: 'B'"),
        (list[list[int]], '[[1], [2, "x"]]', "v[1][1] is no integer"),
        (dict[str, Box], '{"k": {"countOf": null}}', "v['k'].countOf is no integer"),
        (dict[int, str], '{"x": "y"}', "v has a key that is none: 'x'"),
        (int | str, "true", "v is of no type of the union"),
        (Box, "[]", "v is no object, but Box is"),
    ],
)
def test_what_is_no_such_value_is_named_with_its_place(hint: Any, text: str, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        from_json(one(hint), f'{{"v": {text}}}')
    assert str(caught.value).startswith(said)


def test_a_member_that_must_be_there_is_missed() -> None:
    with pytest.raises(ModelError, match=r"is no One: a required member is missing \(there is no v\)"):
        from_json(one(int), "{}")


def test_members_of_a_newer_version_are_ignored() -> None:
    assert from_json(Box, '{"countOf": 1, "new": {}}') == Box(count_of=1)


@pytest.mark.parametrize("text", ["", "{", '{"v": 1}x', "\x00"])
def test_what_is_no_json_is_a_model_error(text: str) -> None:
    with pytest.raises(ModelError, match="is no JSON"):
        from_json(one(int), text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, b'"NaN"'),
        (-math.inf, b'"-Infinity"'),
        (Decimal("1E+2"), b'"100"'),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), b'"2026-01-31T12:00:00+00:00"'),
        (datetime(2026, 1, 31, 12, 0, 0, 120_000, UTC), b'"2026-01-31T12:00:00.120+00:00"'),
        (timedelta(microseconds=-1), b'"-0.000001s"'),
        (Kind.CLASS, b'"class"'),
        ((1, 2), b"[1,2]"),
        ({True: 1, 2: 3}, b'{"true":1,"2":3}'),
    ],
)
def test_values_as_an_event_has_them(value: object, text: bytes) -> None:
    assert to_json(Box(value=value)) == b'{"value":' + text + b',"countOf":0}'


def test_what_is_absent_by_default_stays_out() -> None:
    assert to_json(Box(count_of=1)) == b'{"countOf":1}'


def test_a_value_without_a_form_is_refused() -> None:
    with pytest.raises(TypeError, match="complex has no form in an event"):
        to_json(Box(value=1j))


def test_a_model_is_known_by_its_mark() -> None:
    assert is_model(Box())
    assert not is_model({})
    assert not is_model(Kind.A)
