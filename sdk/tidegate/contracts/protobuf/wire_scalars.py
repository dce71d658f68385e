"""Single values in binary: how each type is read, what is wrong with it, and its JSON. Used by `binary` and `wire_tree`.

A parser cuts a number to its field's width and takes any number but 0 for true. Both lose what the producer wrote, so
both are violations here.
"""

import math
from base64 import b64encode
from collections.abc import Callable

from protobuf import DescEnum, ScalarType

from tidegate.contracts.protobuf.faults import Report
from tidegate.contracts.protobuf.scalars import INTEGER_BOUNDS, enum_check, null_value_check, number_phrase
from tidegate.contracts.protobuf.wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    Unreadable,
    double,
    float_,
    length,
    uint32,
    uint64,
    varint,
)

__all__ = ["Get", "Scalar", "enum_scalar", "scalar"]

Get = Callable[[bytes, int, int], tuple[object, int]]
"""Reads a value at a place before an end; answers it and where it ends. Raises `Unreadable`."""

_FIXED64 = {ScalarType.FIXED64, ScalarType.SFIXED64, ScalarType.DOUBLE}
_FIXED32 = {ScalarType.FIXED32, ScalarType.SFIXED32, ScalarType.FLOAT}


class Scalar:
    """A type of single values: `get` reads one, `check` (None: nothing can be wrong) judges it, `json` is for people.

    `zero` is what an absent one means.
    """

    __slots__ = ("check", "get", "json", "wire", "zero")

    def __init__(
        self, wire: int, get: Get, check: Callable[[object, Report], bool] | None, json: Callable[[object], object]
    ) -> None:
        self.wire = wire
        self.get = get
        self.check = check
        self.json = json
        self.zero: object = 0


def _same(value: object) -> object:
    return value


def _signed(body: bytes, at: int, end: int) -> tuple[int, int]:
    if at < end and body[at] < 0x80:
        return body[at], at + 1
    value, at = varint(body, at, end)
    return value - (1 << 64) if value >> 63 else value, at


def _unsigned(body: bytes, at: int, end: int) -> tuple[int, int]:
    if at < end and body[at] < 0x80:
        return body[at], at + 1
    return varint(body, at, end)


def _zigzag(body: bytes, at: int, end: int) -> tuple[int, int]:
    value, at = varint(body, at, end)
    return (value >> 1) ^ -(value & 1), at


def _sfixed32(body: bytes, at: int, end: int) -> tuple[int, int]:
    value, at = uint32(body, at, end)
    return value - (1 << 32) if value >> 31 else value, at


def _sfixed64(body: bytes, at: int, end: int) -> tuple[int, int]:
    value, at = uint64(body, at, end)
    return value - (1 << 64) if value >> 63 else value, at


def _text(body: bytes, at: int, end: int) -> tuple[str, int]:
    start, stop = length(body, at, end)
    try:
        return body[start:stop].decode(), stop
    except UnicodeDecodeError as error:
        raise Unreadable("holds a string that is not UTF-8", start + error.start, "encoding") from None


def _bytes(body: bytes, at: int, end: int) -> tuple[bytes, int]:
    start, stop = length(body, at, end)
    return body[start:stop], stop


_GETS: dict[ScalarType, Get] = {
    ScalarType.INT32: _signed, ScalarType.INT64: _signed, ScalarType.UINT32: _unsigned, ScalarType.UINT64: _unsigned,
    ScalarType.SINT32: _zigzag, ScalarType.SINT64: _zigzag, ScalarType.BOOL: _unsigned,
    ScalarType.FIXED32: uint32, ScalarType.FIXED64: uint64, ScalarType.SFIXED32: _sfixed32,
    ScalarType.SFIXED64: _sfixed64, ScalarType.FLOAT: float_, ScalarType.DOUBLE: double,
    ScalarType.STRING: _text, ScalarType.BYTES: _bytes,
}  # fmt: skip
_NARROW = {ScalarType.INT32, ScalarType.UINT32, ScalarType.SINT32}  # the only integers wider on the wire than in memory


def _in_range(expected: str, bounds: tuple[int, int]) -> Callable[[object, Report], bool]:
    low, high = bounds

    def check(value: object, report: Report) -> bool:
        assert isinstance(value, int)  # noqa: S101 -- as `get` reads it
        return not low <= value <= high and report.add("range", number_phrase(value, bounds), expected, value)

    return check


def _zero_or_one(expected: str) -> Callable[[object, Report], bool]:
    def check(value: object, report: Report) -> bool:
        return value not in (0, 1) and report.add("range", "is a boolean that is neither 0 nor 1", expected, value)

    return check


def _float_json(value: object) -> object:
    assert isinstance(value, float)  # noqa: S101 -- as `get` reads it
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _bytes_json(value: object) -> object:
    assert isinstance(value, bytes)  # noqa: S101 -- as `get` reads it
    return b64encode(value).decode()


def scalar(kind: ScalarType, expected: str) -> Scalar:
    """The reading of a scalar type."""
    get = _GETS[kind]
    if kind in (ScalarType.STRING, ScalarType.BYTES):
        made = Scalar(LENGTH, get, None, _bytes_json if kind is ScalarType.BYTES else _same)
        made.zero = b"" if kind is ScalarType.BYTES else ""
        return made
    wire = FIXED64 if kind in _FIXED64 else FIXED32 if kind in _FIXED32 else VARINT
    if kind in (ScalarType.FLOAT, ScalarType.DOUBLE):
        made = Scalar(wire, get, None, _float_json)
        made.zero = 0.0
        return made
    if kind is ScalarType.BOOL:
        return Scalar(wire, get, _zero_or_one(expected), bool)
    return Scalar(wire, get, _in_range(expected, INTEGER_BOUNDS[kind]) if kind in _NARROW else None, _same)


def enum_scalar(kind: DescEnum, expected: str) -> Scalar:
    """The reading of an enum."""
    names = {value.number: value.name for value in reversed(kind.values)}
    if kind.type_name == "google.protobuf.NullValue":
        return Scalar(VARINT, _signed, null_value_check(expected), lambda _: None)
    check = enum_check({name: number for number, name in names.items()}, expected, is_open=kind.open)

    def json(value: object) -> object:
        return names.get(value, value) if isinstance(value, int) else value

    return Scalar(VARINT, _signed, check, json)
