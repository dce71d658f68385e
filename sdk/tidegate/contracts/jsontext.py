"""JSON as RFC 8259 has it and nothing looser: the strict reading of a body's bytes, and the naming of what is wrong.

Used by the codecs before they judge a value, and by the Avro schema parser. Knows no schema, and words no violation for a
field: `Broken` says what and where, in the terms of http.md ("JSON", fine print).

Danger: msgspec keeps the last of two equal keys and recurses natively. `too_deep` runs before it, `is_surely_unique` and
`duplicates` after it; none may be left out.
"""

import json
import re
from decimal import Decimal, InvalidOperation
from itertools import accumulate

import msgspec

__all__ = [
    "DECODE_ERRORS",
    "MAX_DEPTH",
    "SAFE_BYTES",
    "Broken",
    "NumberOutOfRange",
    "count_keys",
    "decode_exact",
    "decode_floats",
    "depth_broken",
    "describe",
    "duplicates",
    "is_surely_unique",
    "parse",
    "too_deep",
]

MAX_DEPTH = 64
"""Containers that may stand inside each other, the outermost counted."""

SAFE_BYTES = 512
"""A shorter body cannot nest deeply enough to hurt a decoder: its depth may be judged after decoding."""

_MAX_DUPLICATES = 25
_BACKSLASH, _SPACE, _COLON = b"\\ :"  # as integers: `in` is seven times faster than with bytes

_STRING = rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
_strings = re.compile(_STRING, re.DOTALL)
_keys = re.compile(_STRING + rb"([ \t\n\r]*+:)?", re.DOTALL)
_brackets = bytes(c for c in range(256) if c not in b"{}[]")
_STEP = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_byte_of = re.compile(r"(?P<what>.*?):? \(byte (?P<at>\d+)\)")


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """Why a text is not strict JSON.

    `rule` is `malformed`, `encoding`, `depth` or `duplicate_key`. `detail` is a phrase that goes on after "the body".
    `byte_offset` counts from the first byte, where it is known; `path` leads to the duplicate key.
    """

    rule: str
    detail: str
    byte_offset: int | None = None
    path: tuple[str | int, ...] = ()


class NumberOutOfRange(ValueError):
    """A number whose exponent no decimal can hold."""


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise NumberOutOfRange from None


decode_floats = msgspec.json.Decoder().decode
"""Bytes to values; fractions and exponents become floats. Raises one of `DECODE_ERRORS`."""

decode_exact = msgspec.json.Decoder(float_hook=_decimal).decode
"""Bytes to values; fractions and exponents become Decimals, digit for digit. Raises one of `DECODE_ERRORS`."""

DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, NumberOutOfRange)


def too_deep(body: bytes, limit: int = MAX_DEPTH) -> bool:
    """Whether containers nest deeper than `limit`. Linear; two counts for nearly every body.

    Also right for broken JSON, as far as a decoder would read it: strings are found from the left, as decoders do.
    """
    if body.count(b"{") + body.count(b"[") <= limit:
        return False
    brackets = _strings.sub(b"", body).translate(None, _brackets)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > limit


def depth_broken(limit: int = MAX_DEPTH) -> Broken:
    """The answer for a text that `too_deep` found."""
    return Broken(rule="depth", detail=f"nests more than {limit} levels deep")


def is_surely_unique(body: bytes, keys: int, colons: int) -> bool:
    """True proves that no object has a key twice, given the decoded value. False proves nothing.

    `keys` is the number of keys in the value, `colons` of those in some of its strings. Without escapes every key brings
    one colon to the text and every string its own, so as many colons as expected leave none for a key that was lost.
    Else the pairs of quote and colon are counted: they are as many as keys where no white space stands before a colon.
    """
    if _BACKSLASH not in body and body.count(b":") == keys + colons:
        return True
    if body.count(b'":') != keys or (_SPACE in body and b" :" in body):
        return False
    return not any(space in body and bytes((space, _COLON)) in body for space in b"\n\t\r")


def count_keys(value: object) -> int:
    """The number of keys in all objects of a decoded value."""
    keys = 0
    stack = [value]
    while stack:
        top = stack.pop()
        if isinstance(top, dict):
            keys += len(top)
            stack.extend(child for child in top.values() if isinstance(child, (dict, list)))
        elif isinstance(top, list):
            stack.extend(child for child in top if isinstance(child, (dict, list)))
    return keys


class _Pairs(list[tuple[str, object]]):
    """One object's members as they stand in the text."""

    __slots__ = ()


def duplicates(body: bytes, value: object) -> tuple[Broken, ...]:
    """Every key that stands twice in one object (the first 25), exactly. `body` is JSON that decoded to `value`."""
    if sum(map(bool, _keys.findall(body))) == count_keys(value):
        return ()
    tree = json.loads(body.decode(), object_pairs_hook=_Pairs, parse_int=len, parse_float=len)
    found: list[Broken] = []
    stack: list[tuple[tuple[str | int, ...], object]] = [((), tree)]
    while stack and len(found) < _MAX_DUPLICATES:
        path, top = stack.pop()
        if isinstance(top, _Pairs):
            seen: set[str] = set()
            for name, _ in top:
                if name in seen and len(found) < _MAX_DUPLICATES:
                    found.append(Broken(rule="duplicate_key", detail="stands twice in its object", path=(*path, name)))
                seen.add(name)
            stack.extend(((*path, name), child) for name, child in reversed(top) if isinstance(child, list))
        elif isinstance(top, list):
            stack.extend(
                ((*path, index), child) for index, child in reversed(list(enumerate(top))) if isinstance(child, list)
            )
    return tuple(found)


def describe(body: bytes, error: Exception) -> Broken:
    """What a decoder's error (one of `DECODE_ERRORS`) means, with the byte where it is known."""
    if isinstance(error, RecursionError):
        return depth_broken()
    if body.startswith(b"\xef\xbb\xbf"):
        return Broken(rule="encoding", detail="starts with a byte order mark", byte_offset=0)
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return Broken(rule="encoding", detail="is not UTF-8", byte_offset=wrong.start)
    if isinstance(error, NumberOutOfRange):
        return Broken(rule="malformed", detail="holds a number out of range")
    text = str(error)
    if "surrogate" in text or _ends_in_surrogate(body, text):
        match = _byte_of.search(text)
        at = int(match["at"]) if match else len(body)
        return Broken(rule="encoding", detail="holds half of a surrogate pair", byte_offset=at)
    if "out of range" in text:
        return Broken(rule="malformed", detail="holds a number out of range")
    if "truncated" in text:
        early = "it ends too early" if body.strip() else "it is empty"
        return Broken(rule="malformed", detail=f"is not JSON: {early}", byte_offset=len(body))
    match = _byte_of.search(text)
    if match is None:
        return Broken(rule="malformed", detail="is not JSON")
    what = match["what"].removeprefix("JSON is malformed: ")
    return Broken(rule="malformed", detail=f"is not JSON: {what}", byte_offset=int(match["at"]))


_half = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}[^\\]{0,5}\Z")


def _ends_in_surrogate(body: bytes, text: str) -> bool:
    """msgspec says "truncated" where fewer than six bytes follow a high surrogate."""
    return "truncated" in text and _half.search(body) is not None


def parse(body: bytes, limit: int = MAX_DEPTH) -> object | Broken:
    """The value of a strict JSON text with exact numbers (int, Decimal), or what is wrong with it."""
    if too_deep(body, limit):
        return depth_broken(limit)
    try:
        value: object = decode_exact(body)
    except DECODE_ERRORS as error:
        return describe(body, error)
    if is_surely_unique(body, count_keys(value), 0):
        return value
    twice = duplicates(body, value)
    return twice[0] if twice else value
