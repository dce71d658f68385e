"""Strict JSON: every looseness is refused with its place; and the facts about msgspec that this rests on."""

import json
import time
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.contracts import jsontext
from tidegate.contracts.jsontext import Broken, count_keys, duplicates, is_surely_unique, parse, too_deep


@pytest.mark.parametrize(
    ("body", "rule", "offset"),
    [
        (b"", "malformed", 0),
        (b"NaN", "malformed", 0),
        (b"[1, -Infinity]", "malformed", 5),
        (b'{"a":1}x', "malformed", 8),
        (b"[1,]", "malformed", 3),
        (b'{"a":1', "malformed", 6),
        (b"01", "malformed", 1),
        (b'["\x01"]', "malformed", 2),
        (b"\xef\xbb\xbf{}", "encoding", 0),
        (b'{"a":"\xff"}', "encoding", 6),
        (b'"\xed\xa0\x80"', "encoding", 1),
        (b'"\\ud800"', "encoding", 8),
        (b'"\\udc00"', "encoding", 7),
        (b'"\\ud800\\u0041"', "encoding", 13),
        (b"9" * 5000, "malformed", None),
        (b"1e99999999999999999999", "malformed", None),
        (b"[" * 65 + b"]" * 65, "depth", None),
        (b"[" * 100_000, "depth", None),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "depth", None),
    ],
)
def test_refused(body: bytes, rule: str, offset: int | None) -> None:
    broken = parse(body)
    assert isinstance(broken, Broken)
    assert (broken.rule, broken.byte_offset) == (rule, offset)


def test_accepted() -> None:
    assert parse(b"[" * 64 + b"]" * 64) is not None
    assert parse(b'["' + b"[" * 100 + b'"]') == ["[" * 100]
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"
    assert parse(b"[18446744073709551616, 1.10, 1e2]") == [2**64, Decimal("1.10"), Decimal("1e2")]
    assert parse(b'{"a":{"a":1},"b":[{"a":1}]}') == {"a": {"a": 1}, "b": [{"a": 1}]}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"a":1,"a":2}', ("a",)),
        ('{"a":1,"a" :2}', ("a",)),
        ('{"a":1,"\\u0061":2}', ("a",)),
        ('{"a":{"b":[1,{"c":1,"c":{}}]}}', ("a", "b", 1, "c")),
        ('{"t":"12:00:00","a":1,"a":1}', ("a",)),
        ('{"t":"12\\u003a00","a":1,"a":1}', ("a",)),
        ('{"t":"x\\":y","a":1,"a":1}', ("a",)),
        ('{"a":{"x":1},"a":{"x":1}}', ("a",)),
    ],
)
def test_a_duplicate_key_is_named(text: str, path: tuple[object, ...]) -> None:
    broken = parse(text.encode())
    assert isinstance(broken, Broken)
    assert (broken.rule, broken.path) == ("duplicate_key", path)


def test_broken_strings_cost_linear_time() -> None:
    body = b'{"' + b'\\"' * 400_000 + b"[" * 100
    start = time.process_time()
    assert isinstance(parse(body), Broken)
    assert time.process_time() - start < 2


_names = st.text(max_size=3) | st.sampled_from(["a", "b", "c:", '":', "\\", " :"])
_values = st.recursive(
    st.none()
    | st.integers(-5, 5)
    | st.text(max_size=5)
    | st.sampled_from(['x":', "12:00", "\\", '\\":', "{[", "a :b"]),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(_names, inner), max_size=3).map(tuple),
    max_leaves=12,
)


def _text(value: object, space: str) -> str:
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(k)}{space}:{_text(v, space)}" for k, v in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_text(v, space) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _has_duplicates(value: object) -> bool:
    if isinstance(value, tuple):
        names = [k for k, _ in value]
        return len(set(names)) < len(names) or any(_has_duplicates(v) for _, v in value)
    return isinstance(value, list) and any(map(_has_duplicates, value))


@settings(max_examples=200, deadline=None)
@given(value=_values, space=st.sampled_from(["", " ", "\n\t"]))
def test_duplicates_are_found_exactly(value: object, space: str) -> None:
    body = _text(value, space).encode()
    decoded = msgspec.json.decode(body)
    assert bool(duplicates(body, decoded)) == _has_duplicates(value)
    if is_surely_unique(body, count_keys(decoded), 0):
        assert not _has_duplicates(value)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["[", "]", "{", "}", '"', "\\", "a", '"[["']), max_size=40).map("".join))
def test_too_deep_never_says_less_than_a_decoder_sees(text: str) -> None:
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            in_string, escaped = escaped or character != '"', not escaped and character == "\\"
        elif character == '"':
            in_string = True
        else:
            depth += (character in "[{") - (character in "]}")
            deepest = max(deepest, depth)
    assert too_deep(text.encode(), 3) == (deepest > 3)


def test_what_msgspec_does() -> None:
    """The decoder's habits that the code above rests on."""
    decode = msgspec.json.Decoder().decode
    assert decode(b'{"a":1,"a":2}') == {"a": 2}  # silently: hence the counting
    assert type(decode(b"1.0")) is float
    assert type(decode(b"1e2")) is float
    assert decode(b"123456789012345678901234567890") == 123456789012345678901234567890
    with pytest.raises(msgspec.ValidationError):
        decode(b"1e999")
    with pytest.raises(RecursionError):
        decode(b"[" * 200_000)
    with pytest.raises(UnicodeDecodeError):
        decode(b'"\xff"')
    with pytest.raises(msgspec.DecodeError, match="truncated"):
        decode(b'"\\ud800"')


def test_all_names_exist() -> None:
    assert all(hasattr(jsontext, name) for name in jsontext.__all__)


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_an_empty_body_is_called_empty(body: bytes) -> None:
    broken = parse(body)
    assert isinstance(broken, Broken)
    assert (broken.rule, broken.detail) == ("malformed", "is not JSON: it is empty")
