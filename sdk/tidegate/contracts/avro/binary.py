"""Writers of bytes, fixed, duration (base64 in JSON) and decimal (a number or its digits in a string).

Made by the compiler, run for every event.
"""

import binascii
import contextlib
import re
from collections.abc import Callable
from decimal import Context, Decimal, Inexact, InvalidOperation

from tidegate.contracts.avro.faults import Answer, Explain, Fault, Place, Write
from tidegate.contracts.avro.keywords import Rule, judge, length_checks, number_checks
from tidegate.contracts.avro.numbers import type_words
from tidegate.contracts.avro.schema import Logical
from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.verdict import Violation

__all__ = ["bytes_writer", "decimal_writer", "decode_base64", "fixed_writer"]

_URL_SAFE = str.maketrans("-_", "+/")
_is_decimal = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII).fullmatch


def decode_base64(text: str) -> bytes:
    """Base64 in either alphabet (RFC 4648, sections 4 and 5, not mixed), with or without padding. Raises ValueError."""
    if "-" in text or "_" in text:
        if "+" in text or "/" in text:
            raise ValueError("mixes both alphabets of base64")
        text = text.translate(_URL_SAFE)
    if len(text) % 4:
        text += "=" * (-len(text) % 4)
    return binascii.a2b_base64(text, strict_mode=True)


def _byte_length(value: object) -> int:
    return len(decode_base64(value)) if isinstance(value, str) else 0


def _no_base64(place: Place) -> Explain:
    return lambda value, pointer: place.violation(pointer, "format", "is not base64", value)


def bytes_writer(place: Place, rules: tuple[Rule, ...]) -> Write:
    """bytes, in base64."""
    wrong_type = type_words(place, "bytes in a base64 string")
    wrong_form = _no_base64(place)
    checks = length_checks(rules, place, "byte", _byte_length)

    def write(value: object, out: list[bytes]) -> Answer:
        if type(value) is not str:
            return Fault(wrong_type, value)
        try:
            data = decode_base64(value)
        except ValueError:
            return Fault(wrong_form, value)
        out.append(zigzag(len(data)) + data)
        return judge(checks, len(data), value) if checks else None

    return write


def fixed_writer(place: Place, size: int) -> Write:
    """A fixed of `size` bytes, in base64 (a duration: 12)."""
    wrong_type = type_words(place, f"{size} bytes in a base64 string")
    wrong_form = _no_base64(place)

    def wrong_size(value: object, pointer: str) -> Violation:
        length = _byte_length(value)
        has = f"has {length} byte{'' if length == 1 else 's'}" if not place.sensitive else "has another length"
        return place.violation(pointer, "length", f"{has}, exactly {size} {'is' if size == 1 else 'are'} needed", value)

    def write(value: object, out: list[bytes]) -> Answer:
        if type(value) is not str:
            return Fault(wrong_type, value)
        try:
            data = decode_base64(value)
        except ValueError:
            return Fault(wrong_form, value)
        if len(data) != size:
            return Fault(wrong_size, value)
        out.append(data)
        return None

    return write


def decimal_reader(logical: Logical) -> Callable[[object], tuple[Decimal, int]]:
    """Reads a JSON string or number as (the number, its unscaled value), exactly.

    Raises TypeError for another JSON type, ValueError for a string that is no number, InvalidOperation or Inexact for a
    number that precision and scale do not hold.
    """
    context = Context(prec=logical.precision, Emin=-999999, Emax=999999, traps=[Inexact, InvalidOperation])
    unit = Decimal(1).scaleb(-logical.scale, Context(prec=1))
    scale = logical.scale
    precision, point = logical.precision, scale + 1

    def read(value: object) -> tuple[Decimal, int]:
        if type(value) is str:
            if scale and value[-point:-scale] == "." and "1" <= value[0] <= "9":
                digits = value[:-point] + value[-scale:]
                if len(digits) <= precision and digits.isdecimal() and digits.isascii():
                    return Decimal(value), int(digits)  # `12.50` at scale 2, as nearly every sender writes it
            if _is_decimal(value) is None:
                raise ValueError
            number = Decimal(value)
        elif type(value) is int or type(value) is Decimal:
            number = Decimal(value)
        else:
            raise TypeError
        number = context.quantize(number, unit)
        return number, int(context.scaleb(number, scale))

    return read


def _digits_words(value: object, logical: Logical, *, sensitive: bool) -> str:
    """Which side of the decimal point has too many digits, and how many."""
    whole, scale = logical.precision - logical.scale, logical.scale
    parts = []
    with contextlib.suppress(InvalidOperation):  # an exponent of many digits
        before, after = _digits(Decimal(str(value)))
        if not sensitive and before > whole:
            parts.append(f"{_counted(before)} before the decimal point, at most {_are(whole)} allowed")
        if not sensitive and after > scale:
            parts.append(f"{_counted(after)} after the decimal point, at most {_are(scale)} allowed")
    if parts:
        return "has " + ", and ".join(parts)
    return f"has more than {_counted(whole)} before or {scale} after the decimal point"


def _digits(number: Decimal) -> tuple[int, int]:
    """How many digits stand before and after the decimal point, without leading and trailing zeros."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101 -- NaN and Infinity are no numbers here
    figures = "".join(map(str, number.as_tuple().digits))
    zeros = len(figures) - len(figures.rstrip("0"))
    return max(number.adjusted() + 1, 0), max(-exponent - zeros, 0)


def _counted(digits: int) -> str:
    return f"{digits} digit{'' if digits == 1 else 's'}"


def _are(count: int) -> str:
    return f"{count} {'is' if count == 1 else 'are'}"


def decimal_writer(place: Place, logical: Logical, size: int | None, rules: tuple[Rule, ...]) -> Write:
    """A decimal on bytes, or on a fixed of `size` bytes. Never rounded; `12.500` fits scale 2."""
    wrong_type = type_words(place, "a decimal in a string or number")
    checks = number_checks(rules, place)
    read = decimal_reader(logical)

    def wrong_form(value: object, pointer: str) -> Violation:
        return place.violation(pointer, "format", "is not a decimal number", value)

    def wrong_precision(value: object, pointer: str) -> Violation:
        return place.violation(pointer, "precision", _digits_words(value, logical, sensitive=place.sensitive), value)

    def write(value: object, out: list[bytes]) -> Answer:
        try:
            number, unscaled = read(value)
        except TypeError:
            return Fault(wrong_type, value)
        except ValueError:
            return Fault(wrong_form, value)
        except (InvalidOperation, Inexact):
            return Fault(wrong_precision, value)
        if size is None:
            width = (unscaled if unscaled >= 0 else ~unscaled).bit_length() // 8 + 1
            out.append(zigzag(width) + unscaled.to_bytes(width, "big", signed=True))
        else:
            out.append(unscaled.to_bytes(size, "big", signed=True))
        return judge(checks, number, value) if checks else None

    return write
