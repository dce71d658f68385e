"""Checks of scalars and enum values in a decoded event, after the ProtoJSON mapping. Used by `structure`.

Each accepts what protobuf-py's JSON reader accepts with the same meaning, and never more (a property test holds the two
together). Less, where that reader would lose something in silence: Python's own number syntax in strings (`1_0`, digits
of other scripts), integers written as floats past 2^53, enum numbers past 32 bits.
Source: protobuf.dev, "ProtoJSON Format".
"""

import re
from collections.abc import Callable, Mapping

from protobuf import ScalarType

from tidegate.contracts.protobuf.faults import Report

__all__ = [
    "INTEGER_BOUNDS",
    "Check",
    "enum_check",
    "map_key_check",
    "null_value_check",
    "number_phrase",
    "scalar_check",
]

Check = Callable[[object, Report], bool]
"""Judges one decoded value: True where it noted a fault in the report."""

_INT32 = (-(2**31), 2**31 - 1)
_INT64 = (-(2**63), 2**63 - 1)
_UINT32 = (0, 2**32 - 1)
_UINT64 = (0, 2**64 - 1)
INTEGER_BOUNDS = {
    ScalarType.INT32: _INT32, ScalarType.SINT32: _INT32, ScalarType.SFIXED32: _INT32,
    ScalarType.INT64: _INT64, ScalarType.SINT64: _INT64, ScalarType.SFIXED64: _INT64,
    ScalarType.UINT32: _UINT32, ScalarType.FIXED32: _UINT32,
    ScalarType.UINT64: _UINT64, ScalarType.FIXED64: _UINT64,
}  # fmt: skip
"""The least and the greatest value of every integer type."""

_EXACT = 2.0**53
_FLOAT32_MAX = 3.4028234663852886e38
_INTEGER_DIGITS = 20  # of 2^64 - 1
_is_integer = re.compile(r"-?(?:0|[1-9][0-9]*)").fullmatch
_is_key = re.compile(r"0|-?[1-9][0-9]*").fullmatch
_is_number = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,9})?").fullmatch
_is_base64 = re.compile(r"(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}").fullmatch


def number_phrase(value: float, bounds: tuple[float, float]) -> str:
    """Why a number is out of `bounds`, to go on after the field's name."""
    low, high = bounds
    bound = f"at most {high}" if value > high else f"at least {low}"
    return f"is out of range: {bound} is allowed"


def _integer(expected: str, bounds: tuple[int, int]) -> Check:
    low, high = bounds

    def check(value: object, report: Report) -> bool:
        if type(value) is int:
            if low <= value <= high:
                return False
            return report.add("range", number_phrase(value, bounds), expected, value)
        return _integer_otherwise(value, report, expected, bounds)

    return check


def _integer_otherwise(value: object, report: Report, expected: str, bounds: tuple[int, int]) -> bool:
    """A float or a string that stands for an integer: what ProtoJSON allows beside the plain number."""
    number: float
    if isinstance(value, str):
        if _is_integer(value):
            if len(value) > _INTEGER_DIGITS + 1:
                return report.add("range", "has too many digits", expected, value)
            whole = int(value)
            if bounds[0] <= whole <= bounds[1]:
                return False
            return report.add("range", number_phrase(whole, bounds), expected, value)
        if not _is_number(value):
            return report.add("type", "is a string that is no integer", expected, value)
        number = float(value)
    elif isinstance(value, float):
        number = value
    else:
        return report.add("type", "is not an integer", expected, value)
    if not number.is_integer():  # infinity is none either
        return report.add("type", "is not an integer", expected, value)
    if not bounds[0] <= number <= bounds[1]:
        return report.add("range", number_phrase(number, bounds), expected, value)
    if abs(number) > _EXACT:
        return report.add(
            "precision", "is past 2^53 and written with a fraction or an exponent", expected, value,
            hint="write all its digits",
        )  # fmt: skip
    return False


def _floating(expected: str, limit: float) -> Check:
    bounds = (-limit, limit)

    def check(value: object, report: Report) -> bool:
        number: float
        if type(value) is float:
            number = value
        elif type(value) is int:
            try:
                number = float(value)
            except OverflowError:
                return report.add("range", "is out of range", expected, value)
        elif isinstance(value, str):
            if value in ("NaN", "Infinity", "-Infinity"):
                return False
            if not _is_number(value):
                return report.add("type", "is a string that is no number", expected, value)
            number = float(value)
        else:
            return report.add("type", "is not a number", expected, value)
        if -limit <= number <= limit:
            return False
        return report.add("range", number_phrase(number, bounds), expected, value)

    return check


def _string(expected: str) -> Check:
    def check(value: object, report: Report) -> bool:
        return type(value) is not str and report.add("type", "is not a string", expected, value)

    return check


def _boolean(expected: str) -> Check:
    def check(value: object, report: Report) -> bool:
        return type(value) is not bool and report.add("type", "is not true or false", expected, value)

    return check


def _bytes(expected: str) -> Check:
    def check(value: object, report: Report) -> bool:
        if not isinstance(value, str):
            return report.add("type", "is not a string", expected, value)
        padded = value.endswith("=")
        if _is_base64(value) and (len(value) % 4 == 0 if padded else len(value) % 4 != 1):
            return False
        return report.add("format", "is not base64", expected, value)

    return check


def scalar_check(scalar: ScalarType, expected: str) -> Check:
    """The check of a field, list item or map value of a scalar type."""
    if scalar in INTEGER_BOUNDS:
        return _integer(expected, INTEGER_BOUNDS[scalar])
    if scalar is ScalarType.DOUBLE:
        return _floating(expected, 1.7976931348623157e308)
    if scalar is ScalarType.FLOAT:
        return _floating(expected, _FLOAT32_MAX)
    if scalar is ScalarType.BOOL:
        return _boolean(expected)
    return _string(expected) if scalar is ScalarType.STRING else _bytes(expected)


def enum_check(names: Mapping[str, int], expected: str, *, is_open: bool) -> Check:
    """The check of an enum value: a name, or a number (an unknown one only where the enum is open)."""
    numbers = frozenset(names.values())
    low, high = _INT32

    def check(value: object, report: Report) -> bool:
        if type(value) is str:
            if value in names:
                return False
            return report.add("enum", "is none of the enum's values", expected, value, known=names)
        if type(value) is not int:
            return report.add("type", "is not an enum value", expected, value)
        if not low <= value <= high:
            return report.add("range", number_phrase(value, _INT32), expected, value)
        if is_open or value in numbers:
            return False
        return report.add("enum", "is none of the enum's values", expected, value)

    return check


def null_value_check(expected: str) -> Check:
    """The check of google.protobuf.NullValue, whose one value is written null."""

    def check(value: object, report: Report) -> bool:
        if value is None or value == "NULL_VALUE" or (type(value) is int and value == 0):
            return False
        return report.add("type", "is not null", expected, value)

    return check


def map_key_check(scalar: ScalarType) -> Callable[[str], str]:
    """What is wrong with a map's key: a phrase, or nothing. One spelling a key, so that no two keys can mean the same."""
    if scalar is ScalarType.STRING:
        return lambda _key: ""
    if scalar is ScalarType.BOOL:
        return lambda key: "" if key in ("true", "false") else "has a key that is not true or false"
    low, high = INTEGER_BOUNDS[scalar]

    def wrong(key: str) -> str:
        if not _is_key(key):
            return "has a key that is no integer"
        if len(key) > _INTEGER_DIGITS + 1 or not low <= int(key) <= high:
            return "has a key that is out of range"
        return ""

    return wrong
