"""Writers of string, uuid and enum.

Made by the compiler, run for every event. Lengths are code points, as JSON Schema counts them.
"""

from collections.abc import Callable

from tidegate.contracts.avro.faults import Answer, Fault, Place, Write, guess
from tidegate.contracts.avro.keywords import LENGTHS, Check, Rule, judge, length_checks, size_range, text_checks
from tidegate.contracts.avro.numbers import type_words
from tidegate.contracts.avro.varints import SMALL, zigzag
from tidegate.contracts.verdict import Violation

__all__ = ["enum_writer", "string_writer", "uuid_writer"]

_HEX = b"0123456789abcdef"
_UUID_PREFIX = zigzag(36)


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0


def _string_checks(place: Place, rules: tuple[Rule, ...]) -> list[Check[str]]:
    lengths = length_checks((r for r in rules if r.keyword in LENGTHS), place, "character", _length)
    checks: list[Check[str]] = [(_of_length(holds), explain) for holds, explain in lengths]
    return checks + text_checks((r for r in rules if r.keyword not in LENGTHS), place)


def _of_length(holds: Callable[[int], bool]) -> Callable[[str], bool]:
    return lambda text: holds(len(text))


def string_writer(place: Place, rules: tuple[Rule, ...], before: bytes = b"") -> Write:
    """A string. `before` is a union branch's index, which then comes with the length in one piece."""
    prefixes = tuple(before + SMALL[n] for n in range(128))
    wrong_type = type_words(place, "a string")
    checks = _string_checks(place, rules)

    def write(value: object, out: list[bytes]) -> Answer:
        if type(value) is not str:
            return Fault(wrong_type, value)
        data = value.encode()
        size = len(data)
        out.append(prefixes[size] + data if size < 128 else before + zigzag(size) + data)
        return None

    if not checks:
        return write

    low, high = size_range(r for r in rules if r.keyword in LENGTHS)
    predicates = tuple(holds for holds, _ in checks[sum(r.keyword in LENGTHS for r in rules) :])

    def write_checked(value: object, out: list[bytes]) -> Answer:
        if type(value) is not str:
            return Fault(wrong_type, value)
        if not low <= len(value) <= high:
            return judge(checks, value, value)
        for holds in predicates:
            if not holds(value):
                return judge(checks, value, value)
        data = value.encode()
        size = len(data)
        out.append(prefixes[size] + data if size < 128 else before + zigzag(size) + data)
        return None

    return write_checked


def uuid_writer(place: Place, rules: tuple[Rule, ...], *, fixed: bool) -> Write:
    """A uuid in any case: text stored in lower case, or (`fixed`) its 16 bytes."""
    wrong_type = type_words(place, "a uuid in a string")
    checks = _string_checks(place, rules)

    def wrong_form(value: object, pointer: str) -> Violation:
        return place.violation(pointer, "format", "is not a uuid", value)

    def write(value: object, out: list[bytes]) -> Answer:
        if type(value) is not str:
            return Fault(wrong_type, value)
        data = value.encode().lower()
        if len(data) != 36 or data[8:24:5] != b"----" or data.translate(None, _HEX) != b"----":
            return Fault(wrong_form, value)
        if checks:
            broken = judge(checks, value, value)
            if broken is not None:
                return broken
        out.append(bytes.fromhex(data.replace(b"-", b"").decode()) if fixed else _UUID_PREFIX + data)
        return None

    return write


def enum_writer(place: Place, symbols: tuple[str, ...]) -> Write:
    """A symbol of an enum, case as declared."""
    wrong_type = type_words(place, "a symbol in a string")
    index_of = {symbol: zigzag(index) for index, symbol in enumerate(symbols)}.get

    def no_symbol(value: object, pointer: str) -> Violation:
        hint = "" if place.sensitive else guess(str(value)[:64], symbols)
        return place.violation(pointer, "enum", "is none of the symbols", value, hint)

    def write(value: object, out: list[bytes]) -> Answer:
        if type(value) is not str:
            return Fault(wrong_type, value)
        index = index_of(value)
        if index is None:
            return Fault(no_symbol, value)
        out.append(index)
        return None

    return write
