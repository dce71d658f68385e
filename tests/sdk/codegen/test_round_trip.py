"""Generated schemas and values: a model becomes an event that the contract accepts, and that event becomes the same model."""

import datetime as dt
import json
import sys
from dataclasses import dataclass
from decimal import Decimal
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sdk.codegen.conftest import STYLES, contract_of, loaded

from tidegate.codegen.modules import module_of
from tidegate.codegen.names import attributes, symbol_names
from tidegate.codegen.writing import Style, module_text
from tidegate.contracts.compiled import compile_version
from tidegate.contracts.verdict import Encoded
from tidegate.models import from_json, to_json

_NAMES = [
    "class",
    "from",
    "orderId",
    "order_id",
    "OrderID",
    "str",
    "list",
    "dt",
    "typing",
    "json",
    "copy",
    "model_x",
    "_x",
    "__y",
    "A",
    "None",
    "True",
    "self",
    "HTTPServer",
    "name",
    "value",
    "date",
    "object",
    "field2",
    "line1",
    "TOPIC",
    "bytes",
    "schema",
    "id",
]
_SYMBOLS = ["A", "mro", "name", "value", "class", "None", "_x", "__z__", "title", "_", "lambda"]
_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@dataclass(frozen=True)
class Symbol:
    """An enum's symbol, before there is a class for it."""

    enum: str
    symbol: str


@dataclass(frozen=True)
class Fields:
    """A record's values by field name, before there is a class for it."""

    record: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A schema, its values in Python, and defaults as Avro writes them."""

    schema: Any
    values: st.SearchStrategy[Any]
    defaults: tuple[Any, ...] = ()


def _logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


_millis = st.integers(-(10**12), 10**12).map(
    lambda n: dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=n)
)
_micros = st.integers(-(10**15), 10**15).map(
    lambda n: dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=n)
)
_LEAVES = (
    Case("boolean", st.booleans(), (True,)),
    Case("int", st.integers(-(2**31), 2**31 - 1), (0, -7)),
    Case("long", st.integers(-(2**63), 2**63 - 1), (2**62,)),
    Case("double", st.floats(allow_nan=False, allow_infinity=False), (0, 1.5)),
    Case("string", _text, ("", 'it\'s "so"\\')),
    Case("bytes", st.binary(max_size=6), ("", "\u00ff\u0000'")),
    Case(
        _logical("bytes", "decimal", precision=6, scale=2),
        st.integers(-999999, 999999).map(lambda n: Decimal(n).scaleb(-2)),
        ("\u0004\u00d2",),
    ),
    Case(_logical("string", "uuid"), st.uuids(), ()),
    Case(_logical("int", "date"), st.dates(), (0, 20000)),
    Case(
        _logical("int", "time-millis"),
        st.integers(0, 86_399_999).map(
            lambda n: (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=n)).time()
        ),
        (1,),
    ),
    Case(_logical("long", "time-micros"), st.times(), (86_399_999_999,)),
    Case(_logical("long", "timestamp-millis"), _millis, (0, 1_700_000_000_123)),
    Case(_logical("long", "timestamp-micros"), _micros, (1,)),
    Case(_logical("long", "local-timestamp-millis"), _millis.map(lambda one: one.replace(tzinfo=None)), (0,)),
    Case(_logical("long", "timestamp-nanos"), st.integers(0, 2**60), (5,)),
)


@st.composite
def _cases(draw: st.DrawFn, serial: list[int], depth: int) -> Case:
    kinds = ["leaf", "leaf", "leaf", "enum", "fixed"] + (
        ["record", "array", "map", "optional", "either"] if depth else []
    )
    serial[0] += 1
    name = f"n.T{serial[0]}"
    match draw(st.sampled_from(kinds)):
        case "leaf":
            return draw(st.sampled_from(_LEAVES))
        case "enum":
            symbols = draw(st.lists(st.sampled_from(_SYMBOLS), min_size=1, unique=True))
            schema = {"type": "enum", "name": name, "symbols": symbols}
            return Case(schema, st.sampled_from([Symbol(name, one) for one in symbols]), tuple(symbols[:1]))
        case "fixed":
            return Case({"type": "fixed", "name": name, "size": 3}, st.binary(min_size=3, max_size=3), ("abc",))
        case "array":
            item = draw(_cases(serial, depth - 1))
            defaults = ([], *([one] for one in item.defaults[:1]))
            return Case({"type": "array", "items": item.schema}, st.lists(item.values, max_size=3), defaults)
        case "map":
            item = draw(_cases(serial, depth - 1))
            defaults = ({}, *({"k": one} for one in item.defaults[:1]))
            return Case(
                {"type": "map", "values": item.schema}, st.dictionaries(_text, item.values, max_size=2), defaults
            )
        case "optional":
            inner = draw(_cases(serial, depth - 1).filter(lambda one: not isinstance(one.schema, list)))
            return Case(["null", inner.schema], st.none() | inner.values, (None,))
        case "either":
            left, right = draw(_records(serial, 0)), draw(st.sampled_from(_LEAVES[4:8]))
            other = draw(_records(serial, 0))
            return Case(
                ["null", left.schema, other.schema, right.schema],
                st.none() | left.values | other.values | right.values,
                (None,),
            )
        case _:
            return draw(_records(serial, depth - 1))


@st.composite
def _records(draw: st.DrawFn, serial: list[int], depth: int) -> Case:
    serial[0] += 1
    name = f"n.R{serial[0]}"
    names = draw(st.lists(st.sampled_from(_NAMES), max_size=4, unique=True))
    fields: list[dict[str, Any]] = []
    values: dict[str, st.SearchStrategy[Any]] = {}
    for field in names:
        case = draw(_cases(serial, depth))
        values[field] = case.values
        fields.append({"name": field, "type": case.schema})
        if case.defaults and draw(st.booleans()):
            fields[-1]["default"] = draw(st.sampled_from(case.defaults))
    made = st.fixed_dictionaries(values).map(lambda found: Fields(name, found))
    return Case({"type": "record", "name": name, "fields": fields}, made)


_tops = st.builds(lambda: [0]).flatmap(lambda serial: _records(serial, 2))


def _built(module: ModuleType, value: Any, fields: dict[str, list[str]], enums: dict[str, list[str]]) -> Any:
    """The value with the module's classes in it."""

    def build(one: Any) -> Any:
        match one:
            case Symbol():
                return getattr(module, one.enum.removeprefix("n."))[symbol_names(enums[one.enum])[one.symbol]]
            case Fields():
                names = attributes(fields[one.record])
                return getattr(module, one.record.removeprefix("n."))(
                    **{names[k]: build(v) for k, v in one.values.items()}
                )
            case list():
                return [build(item) for item in one]
            case dict():
                return {key: build(item) for key, item in one.items()}
            case _:
                return one

    return build(value)


def _collect(schema: Any, fields: dict[str, list[str]], enums: dict[str, list[str]]) -> None:
    if isinstance(schema, list):
        for branch in schema:
            _collect(branch, fields, enums)
    elif isinstance(schema, dict):
        if schema["type"] == "record":
            fields[schema["name"]] = [field["name"] for field in schema["fields"]]
            for field in schema["fields"]:
                _collect(field["type"], fields, enums)
        elif schema["type"] == "enum":
            enums[schema["name"]] = schema["symbols"]
        else:
            _collect(schema.get("items"), fields, enums)
            _collect(schema.get("values"), fields, enums)


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data(), case=_tops)
def test_a_model_is_the_same_after_its_event(style: Style, data: st.DataObject, case: Case) -> None:
    contract = contract_of(case.schema)
    module = loaded(module_text(module_of(contract), style))
    try:
        fields: dict[str, list[str]] = {}
        enums: dict[str, list[str]] = {}
        _collect(case.schema, fields, enums)
        value = data.draw(case.values)
        model = _built(module, value, fields, enums)
        event = to_json(model)
        version = compile_version(contract.topic, contract.versions[0])
        verdict = version.check(event)
        assert isinstance(verdict, Encoded), (verdict, event)
        assert from_json(type(model), event) == model

        defaulted = {field["name"] for field in case.schema["fields"] if "default" in field}
        sparse = json.dumps({name: one for name, one in json.loads(event).items() if name not in defaulted}).encode()
        filled = from_json(type(model), sparse)
        expected = version.check(sparse)
        found = version.check(to_json(filled))
        assert isinstance(expected, Encoded)
        assert found == expected, "what Python fills in is what the contract fills in"
    finally:
        del sys.modules[module.__name__]


def test_a_tag_that_a_record_could_be_is_not_written(models: Any) -> None:
    """`{"bytes": ...}` is the first record, so bytes stand as they are."""
    one = {"type": "record", "name": "One", "fields": [{"name": "bytes", "type": "string"}]}
    two = {"type": "record", "name": "Two", "fields": [{"name": "x", "type": "string"}]}
    schema = {"type": "record", "name": "R", "fields": [{"name": "f", "type": [one, two, "bytes"]}]}
    module = models(schema)
    assert to_json(module.R(f=b"ab")) == b'{"f":"YWI="}'
    assert to_json(module.R(f=module.Two(x="y"))) == b'{"f":{"Two":{"x":"y"}}}'
    assert from_json(module.R, b'{"f":{"bytes":"ab"}}') == module.R(f=module.One(bytes_="ab"))


def test_a_uuid_of_a_default_and_dates_past_python(models: Any) -> None:
    schema = {
        "type": "record",
        "name": "R",
        "fields": [
            {
                "name": "id",
                "type": {"type": "string", "logicalType": "uuid"},
                "default": "01920000-0000-7000-8000-000000000000",
            },
            {"name": "end", "type": {"type": "int", "logicalType": "date"}, "default": 2**31 - 1},
        ],
    }
    made = models(schema).R(end=dt.date(2026, 1, 31))
    assert made.id == UUID("01920000-0000-7000-8000-000000000000")
    with pytest.raises((TypeError, ValueError)):  # Python has no such date, so nobody can mean it by leaving it out
        models(schema).R()
