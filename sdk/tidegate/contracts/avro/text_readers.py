"""Readers of string, uuid, enum, bytes, fixed and decimal, in Avro binary.

Made by the compiler, run for every event. Words as those of the JSON writers: a violation shows bytes as base64.
"""

import base64

from tidegate.contracts.avro.binary import BASE64, byte_checks, decimal_judge
from tidegate.contracts.avro.faults import Fault, Place
from tidegate.contracts.avro.keywords import LENGTHS, Rule, judge, size_range
from tidegate.contracts.avro.reading import BrokenBytes, Read, Reading, read_long, read_size
from tidegate.contracts.avro.schema import Logical
from tidegate.contracts.avro.text import has_uuid_form, hyphenated, string_checks
from tidegate.contracts.verdict import Violation

__all__ = ["bytes_reader", "decimal_reader", "enum_reader", "fixed_reader", "string_reader", "text_at", "uuid_reader"]

_UUID_BYTES = 16


def text_at(data: bytes, at: int) -> tuple[str, int]:
    """The string at `at` and the position behind it."""
    size, start = read_size(data, at)
    return _decoded(data, start, start + size), start + size


def _decoded(data: bytes, start: int, end: int) -> str:
    try:
        return data[start:end].decode()
    except UnicodeDecodeError as error:
        raise BrokenBytes("encoding", "is not UTF-8", start + error.start) from None


def string_reader(place: Place, rules: tuple[Rule, ...]) -> Read:
    """A string. Lengths under 64 bytes are read here, one call less for nearly every one."""
    checks = string_checks(place, rules)

    def read(data: bytes, at: int, _found: Reading) -> int:
        size = data[at]
        if size > 127 or size & 1:
            return text_at(data, at)[1]
        at += 1
        end = at + (size >> 1)
        if end > len(data):
            read_size(data, at - 1)
        try:
            data[at:end].decode()
        except UnicodeDecodeError:
            _decoded(data, at, end)
        return end

    if not checks:
        return read

    low, high = size_range(r for r in rules if r.keyword in LENGTHS)
    predicates = tuple(holds for holds, _ in checks[sum(r.keyword in LENGTHS for r in rules) :])

    def read_checked(data: bytes, at: int, found: Reading) -> int:
        size = data[at]
        end = at + 1 + (size >> 1)
        if size > 127 or size & 1 or end > len(data):
            text, end = text_at(data, at)
        else:
            try:
                text = data[at + 1 : end].decode()
            except UnicodeDecodeError:
                text = _decoded(data, at + 1, end)
        if low <= len(text) <= high:
            for holds in predicates:
                if not holds(text):
                    break
            else:
                return end
        found.put(judge(checks, text, text), at)
        return end

    return read_checked


def uuid_reader(place: Place, rules: tuple[Rule, ...], *, fixed: bool) -> Read:
    """A uuid: text in any case, or (`fixed`) its 16 bytes. Rules judge the text in lower case."""
    checks = string_checks(place, rules)

    def wrong_form(value: object, pointer: str) -> Violation:
        return place.violation(pointer, "format", "is not a uuid", value)

    def read_text(data: bytes, at: int, found: Reading) -> int:
        size, start = read_size(data, at)
        end = start + size
        lower = data[start:end].lower()
        if not has_uuid_form(lower):
            found.put(Fault(wrong_form, _decoded(data, start, end)), at)
        elif checks:
            text = lower.decode()
            found.put(judge(checks, text, text), at)
        return end

    def read_bytes(data: bytes, at: int, found: Reading) -> int:
        end = at + _UUID_BYTES
        if end > len(data):
            raise IndexError
        if checks:
            text = hyphenated(data[at:end])
            found.put(judge(checks, text, text), at)
        return end

    return read_bytes if fixed else read_text


def enum_reader(place: Place, symbols: tuple[str, ...]) -> Read:
    """The index of a symbol."""
    count = len(symbols)
    short = bytes(byte < 128 and not byte & 1 and byte >> 1 < count for byte in range(256))

    def no_symbol(value: object, pointer: str) -> Violation:
        return place.violation(pointer, "enum", "is none of the symbols", value)

    def read(data: bytes, at: int, found: Reading) -> int:
        if short[data[at]]:
            return at + 1
        index, end = read_long(data, at)
        if not 0 <= index < count:
            found.put(Fault(no_symbol, index), at)
        return end

    return read


def bytes_reader(place: Place, rules: tuple[Rule, ...]) -> Read:
    """bytes."""
    checks = byte_checks(place, rules, BASE64)

    def read(data: bytes, at: int, found: Reading) -> int:
        size, start = read_size(data, at)
        if checks:
            for holds, _ in checks:
                if not holds(size):
                    text = base64.b64encode(data[start : start + size]).decode()
                    found.put(judge(checks, size, text), at)
                    break
        return start + size

    return read


def fixed_reader(size: int) -> Read:
    """A fixed of `size` bytes."""

    def read(data: bytes, at: int, _found: Reading) -> int:
        end = at + size
        if end > len(data):
            raise IndexError
        return end

    return read


def decimal_reader(place: Place, logical: Logical, size: int | None, rules: tuple[Rule, ...]) -> Read:
    """A decimal on bytes, or on a fixed of `size` bytes: two's complement, any number of leading sign bytes."""
    judge_bytes = decimal_judge(place, logical, rules)

    def read(data: bytes, at: int, found: Reading) -> int:
        length, start = read_size(data, at) if size is None else (size, at)
        end = start + length
        if end > len(data):
            raise IndexError
        answer = judge_bytes(data[start:end])
        if answer is not None:
            found.put(answer, at)
        return end

    return read
