"""The codec against google.protobuf on generated events, and against protobuf-py on generated nonsense."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.protobuf.answers import REFUSED
from tidegate.contracts.verdict import Encoded, Rejected
from tidegate.contracts.wording import pointer

FRAME = 6  # 00, the id, the index path of the first message
modest = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def whole(low: int, high: int) -> st.SearchStrategy[object]:
    """An integer as a number or as a string."""
    numbers = st.integers(low, high)
    return numbers | numbers.map(str)


colours = st.sampled_from(["COLOUR_UNSPECIFIED", "COLOUR_RED", "COLOUR_GREEN", 0, 1, 2, 7])
instants = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001 -- hypothesis wants naive bounds
    lambda t: t.isoformat().replace("+00:00", "Z").rjust(20, "0")
)
leaves = st.fixed_dictionaries({}, optional={"name": texts, "size": whole(0, 2**64 - 1)})
FIELDS: dict[str, tuple[st.SearchStrategy[Any], object]] = {
    "text": (texts, 5),
    "flag": (st.booleans(), "true"),
    "i32": (whole(-(2**31), 2**31 - 1), 2**31),
    "s64": (whole(-(2**63), 2**63 - 1), "1_0"),
    "u32": (whole(0, 2**32 - 1), -1),
    "f64": (whole(0, 2**64 - 1), 1.5),
    "real": (
        st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(["NaN", "Infinity", "-Infinity"]),
        "inf",
    ),
    "small": (st.floats(width=32, allow_nan=False, allow_infinity=False), 1e39),
    "raw": (st.sampled_from(["", "AA==", "AP8", "_-8="]), "A"),
    "colour": (colours, "COLOUR_BLUE"),
    "atTime": (instants, "2026-01-31"),
    "lasted": (st.integers(-(10**11), 10**11).map(lambda s: f"{s}.25s"), "1"),
    "maybe": (whole(-(2**63), 2**63 - 1), True),
    "loose": (st.dictionaries(texts, json_values, max_size=3), []),
    "anyValue": (json_values, 10**400),
    "many": (st.lists(json_values, max_size=3), {}),
    "numbers": (st.lists(whole(-(2**31), 2**31 - 1), max_size=3), [0, None]),
    "leaves": (st.lists(leaves, max_size=3), 7),
    "labels": (st.dictionaries(texts, texts, max_size=3), "x"),
    "byNumber": (st.dictionaries(st.integers(-(2**63), 2**63 - 1).map(str), leaves, max_size=3), []),
    "byTruth": (st.dictionaries(st.sampled_from(["true", "false"]), colours), {"TRUE": 1}),
    "perhaps": (texts, False),
    "colours": (st.lists(colours, max_size=3), ["COLOUR_RED", 1.0]),
}
BELOW = {"numbers": (1,), "byTruth": ("TRUE",), "colours": (1,)}
flat = st.fixed_dictionaries({}, optional={name: strategy for name, (strategy, _) in FIELDS.items()})
events = st.recursive(
    flat, lambda inner: st.tuples(flat, inner).map(lambda pair: {**pair[0], "child": pair[1]}), max_leaves=3
)


@pytest.fixture(scope="module")
def google_rich(rich_set: bytes) -> Callable[[], Any]:
    """google.protobuf's class of the same message."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(rich_set).file:
        pool.Add(file)
    made: Callable[[], Any] = message_factory.GetMessageClass(pool.FindMessageTypeByName("rich.v1.Rich"))
    return made


@modest
@given(event=events)
def test_bytes_mean_what_google_protobuf_reads_in_the_same_json(
    rich: CompiledVersion, google_rich: Callable[[], Any], event: dict[str, Any]
) -> None:
    body = json.dumps(event)
    verdict = rich.check(body.encode())
    assert isinstance(verdict, Encoded), verdict
    assert verdict.value is not None
    ours, theirs = google_rich(), json_format.Parse(body, google_rich())
    ours.ParseFromString(verdict.value[FRAME:])
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)


@modest
@given(event=events, wrong=st.sampled_from(sorted(FIELDS)), deep=st.booleans())
def test_a_wrong_value_is_refused_at_its_place(
    rich: CompiledVersion, event: dict[str, Any], wrong: str, deep: bool
) -> None:
    target = event
    path: tuple[str, ...] = ()
    while deep and isinstance(target.get("child"), dict):
        target, path = target["child"], (*path, "child")
    target[wrong] = FIELDS[wrong][1]
    verdict = rich.check(json.dumps(event).encode())
    assert isinstance(verdict, Rejected)
    assert [v.pointer for v in verdict.violations] == [pointer((*path, wrong, *BELOW.get(wrong, ())))]


number_like = st.text("0123456789.eE+-_ xIN\u0661", max_size=6) | st.from_regex(
    r"-?[0-9]{1,3}(\.[0-9]{1,2})?(e[+-]?[0-9]{1,2})?", fullmatch=True
)
date_like = st.from_regex(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,10})?(Z|[+-][0-2][0-9]:[0-6][0-9])",
    fullmatch=True,
)
others = st.text("Aa0+/=-_.,s", max_size=8)
nonsense = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | number_like
    | date_like
    | others
    | colours,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(number_like | others, inner, max_size=2),
    max_leaves=3,
)
names = st.sampled_from(
    [*FIELDS, "child", "deeper", "leftSide", "left_side", "rightSide", "at_time", "mask", "nothing", "values", "zzz"]
)


@settings(modest, max_examples=200)
@given(event=st.dictionaries(names, nonsense, max_size=3))
def test_protobuf_py_reads_whatever_the_walk_let_through(
    rich: CompiledVersion, google_rich: Callable[[], Any], event: dict[str, Any]
) -> None:
    body = json.dumps(event).encode()
    verdict = rich.check(body)
    assert verdict != REFUSED
    if isinstance(verdict, Encoded):
        assert verdict.value is not None
        google_rich().ParseFromString(verdict.value[FRAME:])
    else:
        assert all(math.isfinite(len(v.detail)) and v.pointer.startswith("#") and v.rule for v in verdict.violations)


@settings(modest, max_examples=200)
@given(body=st.binary(max_size=40) | st.text('{}[]":,0a\\u\ud7ff \n', max_size=40).map(str.encode))
def test_no_bytes_raise(rich: CompiledVersion, body: bytes) -> None:
    assert isinstance(rich.check(body), Encoded | Rejected)
