"""Writers of string, uuid and enum.

Made by the compiler, run for every event. Lengths are code points, as JSON Schema counts them.
"""

from collections.abc import Callable

from tidegate.contracts.avro.faults import Answer, Fault, Place, Write, guess
from tidegate.contracts.avro.keywords import LENGTHS, Check, Rule, judge, length_checks, size_range, text_checks
from tidegate.contracts.avro.numbers import type_words
from tidegate.contracts.avro.varints import SMALL, zigzag
from tidegate.contracts.verdict import Violation

__all__ = ["enum_writer", "has_uuid_form", "hyphenated", "string_checks", "string_writer", "uuid_writer"]

_HEX = b"0123456789abcdef"
_UUID_PREFIX = zigzag(36)


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0


def string_checks(place: Place, rules: tuple[Rule, ...]) -> list[Check[str]]:
    """Checks of the keywords for text: the lengths first."""
    lengths = length_checks((r for r in rules if r.keyword in LENGTHS), place, "character", _length)
    checks: list[Check[str]] = [(_of_length(holds), explain) for holds, explain in lengths]
    return checks + text_checks((r for r in rules if r.keyword not in LENGTHS), place)


def _of_length(holds: Callable[[int], bool]) -> Callable[[str], bool]:
    return lambda text: holds(len(text))


def string_writer(place: Place, rules: tuple[Rule, ...], before: bytes = b"") -> Write:
    """A string. `before` is a union branch's index, which then comes with the length in one piece."""
    prefixes = tuple(before + SMALL[n] for n in range(128))
    wrong_type = type_words(place, "a string")
    checks = string_checks(place, rules)

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


def has_uuid_form(lower: bytes) -> bool:
    """Whether these are the characters of a uuid, in lower case."""
    return len(lower) == 36 and lower[8:24:5] == b"----" and lower.translate(None, _HEX) == b"----"


def hyphenated(data: bytes) -> str:
    """The text of a uuid's 16 bytes."""
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def uuid_writer(place: Place, rules: tuple[Rule, ...], *, fixed: bool) -> Write:
    """A uuid in any case: text stored in lower case, or (`fixed`) its 16 bytes. Rules judge the text in lower case."""
    wrong_type = type_words(place, "a uuid in a string")
    checks = string_checks(place, rules)

    def wrong_form(value: object, pointer: str) -> Violation:
        return place.violation(pointer, "format", "is not a uuid", value)

    def write(value: object, out: list[bytes]) -> Answer:
        if type(value) is not str:
            return Fault(wrong_type, value)
        data = value.encode().lower()
        if not has_uuid_form(data):
            return Fault(wrong_form, value)
        if checks:
            broken = judge(checks, data.decode(), value)
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
