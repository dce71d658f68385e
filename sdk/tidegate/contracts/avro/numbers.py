"""Writers of null, boolean, int, long, float and double.

Made by the compiler, run for every event. An int is a JSON number without fraction and exponent; NaN never comes this far.
"""

import contextlib
import math
import re
import struct
from collections.abc import Callable
from decimal import Decimal

from tidegate.contracts.avro.faults import Answer, Explain, Fault, Place, Write
from tidegate.contracts.avro.keywords import Check, Number, Rule, integer_range, judge, number_checks
from tidegate.contracts.avro.varints import SMALL, zigzag

__all__ = [
    "INTEGERS",
    "boolean_writer",
    "float_writer",
    "holds_exactly",
    "int_writer",
    "integer_writer",
    "null_writer",
    "range_words",
    "shortest_single",
    "type_words",
]

INTEGERS = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
"""The bounds of Avro's integers."""


def type_words(place: Place, kind: str, hint: Callable[[object], str] = lambda _: "") -> Explain:
    """The words for a value of another JSON type; `kind` with its article."""
    detail = f"is not {kind}"
    return lambda value, pointer: place.violation(
        pointer, "type", detail, value, "" if place.sensitive else hint(value)
    )


def _number_hint(value: object) -> str:
    number = Decimal(value) if isinstance(value, (float, Decimal)) else None
    if number is not None and abs(number) < 1 << 63 and number == int(number):
        return f"write {int(number)}, without fraction or exponent"
    return _unquote(value, _is_integer)


def _float_hint(value: object) -> str:
    return _unquote(value, _is_number)


_is_integer = re.compile(r"-?(?:0|[1-9]\d*)", re.ASCII).fullmatch
_is_number = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII).fullmatch


def _unquote(value: object, is_one: Callable[[str], object]) -> str:
    return "write the number without quotes" if isinstance(value, str) and is_one(value) else ""


def range_words(place: Place, kind: str) -> Explain:
    """The words for a number that the type does not hold."""
    detail = f"is out of the range of {kind}"
    return lambda value, pointer: place.violation(pointer, "range", detail, value)


def null_writer(place: Place) -> Write:
    """null, which has no bytes."""
    explain = type_words(place, "null")

    def write(value: object, _out: list[bytes]) -> Answer:
        return None if value is None else Fault(explain, value)

    return write


def boolean_writer(place: Place) -> Write:
    """true and false."""
    explain = type_words(place, "a boolean")

    def write(value: object, out: list[bytes]) -> Answer:
        if value is True:
            out.append(b"\1")
        elif value is False:
            out.append(b"\0")
        else:
            return Fault(explain, value)
        return None

    return write


def int_writer(place: Place, kind: str, rules: tuple[Rule, ...]) -> Write:
    """int or long (`kind`), with bounds folded into one comparison."""
    wrong_type = type_words(place, f"{'an' if kind == 'int' else 'a'} {kind}", _number_hint)
    return integer_writer(place, INTEGERS[kind], wrong_type, range_words(place, kind), rules)


def integer_writer(
    place: Place, bounds: tuple[int, int], wrong_type: Explain, wrong_range: Explain, rules: tuple[Rule, ...]
) -> Write:
    """An integer within `bounds`, a closed range."""
    floor, ceiling = bounds
    low, high = integer_range(rules, floor, ceiling)
    checks = number_checks(rules, place)

    def refuse(value: object) -> Answer:
        if type(value) is not int:
            return Fault(wrong_type, value)
        if not floor <= value <= ceiling:
            return Fault(wrong_range, value)
        return judge(checks, value, value)

    if any(rule.keyword == "multipleOf" for rule in rules):

        def write_checked(value: object, out: list[bytes]) -> Answer:
            refused = refuse(value)
            if refused is None:
                assert type(value) is int  # noqa: S101 -- refuse said so
                out.append(zigzag(value))
            return refused

        return write_checked

    def write(value: object, out: list[bytes], small: tuple[bytes, ...] = SMALL) -> Answer:
        if type(value) is int and low <= value <= high:
            out.append(small[value] if 0 <= value < 1024 else zigzag(value))
            return None
        return refuse(value)

    return write


def float_writer(place: Place, kind: str, rules: tuple[Rule, ...]) -> Write:
    """float or double (`kind`). Integers past 2^53 round; what the type does not hold is refused."""
    single = kind == "float"
    pack = struct.Struct("<f" if single else "<d").pack
    checks: list[Check[Number]] = number_checks(rules, place, float)
    wrong_type = type_words(place, f"a {kind}", _float_hint)
    wrong_range = range_words(place, kind)

    def write(value: object, out: list[bytes]) -> Answer:
        if type(value) is not float:
            if type(value) is not int and type(value) is not Decimal:
                return Fault(wrong_type, value)
            try:
                number = float(value)
            except OverflowError:
                return Fault(wrong_range, value)
            if math.isinf(number):
                return Fault(wrong_range, value)
        else:
            number = value
        try:
            out.append(pack(number))
        except OverflowError:
            return Fault(wrong_range, value)
        if not checks:
            return None
        return judge(checks, shortest_single(number) if single else number, value)

    return write


_single = struct.Struct("<f")


def shortest_single(number: float) -> float:
    """What a float of four bytes means to people: 0.1 where it holds 0.10000000149. Rules judge this, in every form."""
    held = _single.unpack(_single.pack(number))[0]
    for digits in range(6, 9):
        short = float(f"{held:.{digits}g}")
        with contextlib.suppress(OverflowError):  # rounded up past the largest
            if _single.unpack(_single.pack(short))[0] == held:
                return short
    return float(f"{held:.9g}")


def holds_exactly(kind: str) -> Callable[[object], bool]:
    """Whether float or double holds a JSON number without rounding (a fraction: so that its digits come back)."""
    single = struct.Struct("<f")

    def holds(value: object) -> bool:
        if not isinstance(value, (int, float, Decimal)):
            return False
        try:
            number = float(value)
            kept = single.unpack(single.pack(number))[0] if kind == "float" else number
        except OverflowError:
            return False
        if isinstance(value, Decimal):
            return bool(kept == number) and math.isfinite(number) and Decimal(repr(number)) == value
        return bool(kept == value)

    return holds
