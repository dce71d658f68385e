"""Readers of null, boolean, the numbers, dates and times, in Avro binary.

Made by the compiler, run for every event. The words for what is wrong are those of the JSON writers beside them, so that a
value is refused alike in every form.
"""

import struct

from tidegate.contracts.avro.faults import Explain, Fault, Place
from tidegate.contracts.avro.keywords import Rule, integer_range, judge, number_checks
from tidegate.contracts.avro.numbers import INTEGERS, range_words, shortest_single
from tidegate.contracts.avro.reading import BrokenBytes, Read, Reading, read_long, skip_long
from tidegate.contracts.avro.temporal import temporal_bounds
from tidegate.contracts.verdict import Violation

__all__ = ["boolean_reader", "float_reader", "int_reader", "null_reader", "temporal_reader"]


def null_reader() -> Read:
    """null, which has no bytes."""
    return lambda _data, at, _found: at


def boolean_reader(place: Place) -> Read:
    """A byte that is 0 or 1."""

    def read(data: bytes, at: int, _found: Reading) -> int:
        if data[at] > 1:
            raise BrokenBytes("encoding", "is a boolean that is neither 0 nor 1", at, place.docs)
        return at + 1

    return read


def int_reader(place: Place, kind: str, rules: tuple[Rule, ...]) -> Read:
    """int or long (`kind`)."""
    return _integer_reader(place, INTEGERS[kind], range_words(place, kind), rules)


def temporal_reader(place: Place, logical: str, kind: str, rules: tuple[Rule, ...]) -> Read:
    """A date, time or timestamp on int or long (`kind`)."""
    return _integer_reader(place, temporal_bounds(logical, kind), range_words(place, logical), rules)


def _integer_reader(place: Place, bounds: tuple[int, int], wrong_range: Explain, rules: tuple[Rule, ...]) -> Read:
    floor, ceiling = bounds
    low, high = integer_range(rules, floor, ceiling)
    checks = number_checks(rules, place)
    multiples = any(rule.keyword == "multipleOf" for rule in rules)
    if not checks and bounds == INTEGERS["long"]:
        return lambda data, at, _found: skip_long(data, at)

    def passes(number: int) -> bool:
        return low <= number <= high and (not multiples or judge(checks, number, number) is None)

    short = bytes(byte < 128 and passes((byte >> 1) ^ -(byte & 1)) for byte in range(256))

    def read(data: bytes, at: int, found: Reading) -> int:
        if short[data[at]]:
            return at + 1
        number, end = read_long(data, at)
        if not floor <= number <= ceiling:
            found.put(Fault(wrong_range, number), at)
        elif multiples or not low <= number <= high:
            found.put(judge(checks, number, number), at)
        return end

    return read


def float_reader(place: Place, kind: str, rules: tuple[Rule, ...]) -> Read:
    """float or double (`kind`); NaN and Infinity are refused as in JSON, which has none."""
    single = kind == "float"
    unpack = struct.Struct("<f" if single else "<d").unpack_from
    checks = number_checks(rules, place, float)
    size = 4 if single else 8
    top, next_to_top = size - 1, size - 2
    least = 0x80 if single else 0xF0  # an exponent of ones: these bits and the seven of the last byte

    def not_finite(value: object, pointer: str) -> Violation:
        return place.violation(pointer, "range", "is no finite number", value)

    def read(data: bytes, at: int, found: Reading) -> int:
        if data[at + top] & 0x7F == 0x7F and data[at + next_to_top] >= least:
            found.put(Fault(not_finite, unpack(data, at)[0]), at)
        elif checks:
            number = shortest_single(unpack(data, at)[0]) if single else unpack(data, at)[0]
            found.put(judge(checks, number, number), at)
        return at + size

    return read
