"""Writers of bytes, fixed, duration (base64 in JSON) and decimal (a number or its digits in a string).

Made by the compiler, run for every event.
"""

import binascii
import contextlib
import re
from collections.abc import Callable
from decimal import Context, Decimal, Inexact, InvalidOperation

import msgspec

from tidegate.contracts.avro.faults import Answer, Explain, Fault, Place, Write
from tidegate.contracts.avro.keywords import Check, Rule, judge, length_checks, number_checks
from tidegate.contracts.avro.numbers import type_words
from tidegate.contracts.avro.schema import Logical
from tidegate.contracts.avro.text import hyphenated, string_checks
from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.verdict import Violation

__all__ = [
    "BASE64",
    "CODE_POINTS",
    "ByteText",
    "byte_checks",
    "bytes_writer",
    "decimal_bytes_writer",
    "decimal_judge",
    "decimal_writer",
    "decode_base64",
    "fixed_uuid_writer",
    "fixed_writer",
]

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


class ByteText(msgspec.Struct, frozen=True, kw_only=True):
    """How bytes stand in a JSON string. `decode` raises ValueError; `noun` and `wrong` are for messages."""

    decode: Callable[[str], bytes]
    noun: str
    wrong: str


def _code_points(text: str) -> bytes:
    return text.encode("latin-1")


BASE64 = ByteText(decode=decode_base64, noun="a base64 string", wrong="is not base64")
CODE_POINTS = ByteText(
    decode=_code_points, noun="a string, one character a byte", wrong="has characters past U+00FF, which are no bytes"
)
"""Avro specification, "JSON Encoding"."""


def _length_in(form: ByteText) -> Callable[[object], int]:
    return lambda value: len(form.decode(value)) if isinstance(value, str) else 0


def _wrong_form(place: Place, form: ByteText) -> Explain:
    return lambda value, pointer: place.violation(pointer, "format", form.wrong, value)


def byte_checks(place: Place, rules: tuple[Rule, ...], form: ByteText) -> list[Check[int]]:
    """Checks of the lengths of bytes."""
    return length_checks(rules, place, "byte", _length_in(form))


def bytes_writer(place: Place, rules: tuple[Rule, ...], form: ByteText = BASE64) -> Write:
    """bytes."""
    wrong_type = type_words(place, f"bytes in {form.noun}")
    wrong_form = _wrong_form(place, form)
    checks = byte_checks(place, rules, form)
    decode = form.decode

    def write(value: object, out: list[bytes]) -> Answer:
        if type(value) is not str:
            return Fault(wrong_type, value)
        try:
            data = decode(value)
        except ValueError:
            return Fault(wrong_form, value)
        out.append(zigzag(len(data)) + data)
        return judge(checks, len(data), value) if checks else None

    return write


def fixed_writer(place: Place, size: int, form: ByteText = BASE64) -> Write:
    """A fixed of `size` bytes (a duration: 12)."""
    wrong_type = type_words(place, f"{size} bytes in {form.noun}")
    wrong_form = _wrong_form(place, form)
    byte_length = _length_in(form)
    decode = form.decode

    def wrong_size(value: object, pointer: str) -> Violation:
        length = byte_length(value)
        has = f"has {length} byte{'' if length == 1 else 's'}" if not place.sensitive else "has another length"
        return place.violation(pointer, "length", f"{has}, exactly {size} {'is' if size == 1 else 'are'} needed", value)

    def write(value: object, out: list[bytes]) -> Answer:
        if type(value) is not str:
            return Fault(wrong_type, value)
        try:
            data = decode(value)
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


def decimal_judge(place: Place, logical: Logical, rules: tuple[Rule, ...]) -> Callable[[bytes], Answer]:
    """What is wrong with the bytes of an unscaled number, two's complement (specification, "Decimal")."""
    checks = number_checks(rules, place)
    bound = 10**logical.precision
    exact = Context(prec=max(logical.precision, _SHOWN_BYTES * 3), Emin=-999999, Emax=999999)
    scale = -logical.scale

    def wrong_precision(value: object, pointer: str) -> Violation:
        return place.violation(pointer, "precision", _digits_words(value, logical, sensitive=place.sensitive), value)

    def far_too_long(_value: object, pointer: str) -> Violation:
        detail = _digits_words(None, logical, sensitive=True)
        return msgspec.structs.replace(place.violation(pointer, "precision", detail, Decimal(0)), found="number")

    def no_bytes(_value: object, pointer: str) -> Violation:
        return place.violation(pointer, "format", "is a decimal without bytes", Decimal(0))

    def judge_bytes(data: bytes) -> Answer:
        if not data:
            return Fault(no_bytes, None)
        unscaled = int.from_bytes(data, "big", signed=True)
        if not -bound < unscaled < bound:
            if len(data) > _SHOWN_BYTES:
                return Fault(far_too_long, None)
            return Fault(wrong_precision, exact.scaleb(Decimal(unscaled), scale))
        if not checks:
            return None
        number = exact.scaleb(Decimal(unscaled), scale)
        return judge(checks, number, number)

    return judge_bytes


_SHOWN_BYTES = 64


def decimal_bytes_writer(place: Place, logical: Logical, size: int | None, rules: tuple[Rule, ...]) -> Write:
    """A decimal as the specification's JSON has it: the bytes of its unscaled number, on bytes or a fixed of `size`."""
    write_bytes = bytes_writer(place, (), CODE_POINTS) if size is None else fixed_writer(place, size, CODE_POINTS)
    judge_bytes = decimal_judge(place, logical, rules)

    def write(value: object, out: list[bytes]) -> Answer:
        answer = write_bytes(value, out)
        if answer is not None:
            return answer
        return judge_bytes(CODE_POINTS.decode(str(value)))

    return write


def fixed_uuid_writer(place: Place, rules: tuple[Rule, ...]) -> Write:
    """A uuid on a fixed as the specification's JSON has it: 16 code points. Rules judge its text."""
    checks = string_checks(place, rules)
    write_bytes = fixed_writer(place, 16, CODE_POINTS)

    def write(value: object, out: list[bytes]) -> Answer:
        answer = write_bytes(value, out)
        if answer is not None or not checks:
            return answer
        return judge(checks, hyphenated(out[-1]), value)

    return write
