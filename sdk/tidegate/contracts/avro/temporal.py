"""Writers of dates, times and timestamps: RFC 3339 in a string, or an integer in the schema's unit.

Made by the compiler, run for every event. `reader` is also how a contract's event time is read.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from datetime import time as clock
from functools import lru_cache

from tidegate.contracts.avro.faults import COLON, Answer, Fault, Place, Write
from tidegate.contracts.avro.keywords import Rule, integer_range, judge, number_checks
from tidegate.contracts.avro.numbers import INTEGERS, integer_writer, range_words, type_words
from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.formats import is_date
from tidegate.contracts.times import EPOCH, instant_us
from tidegate.contracts.verdict import Violation

__all__ = ["LIKE", "reader", "temporal_bounds", "temporal_number_writer", "temporal_writer"]

LIKE = {
    "date": "2026-01-31",
    "time-millis": "12:00:00",
    "time-micros": "12:00:00",
    "timestamp-millis": "2026-01-31T12:00:00Z",
    "timestamp-micros": "2026-01-31T12:00:00Z",
    "timestamp-nanos": "2026-01-31T12:00:00Z",
    "local-timestamp-millis": "2026-01-31T12:00:00",
    "local-timestamp-micros": "2026-01-31T12:00:00",
    "local-timestamp-nanos": "2026-01-31T12:00:00",
}
"""An example of each logical type's text."""

_DIGITS = {"millis": 3, "micros": 6, "nanos": 9}
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY_S = 86400
_SECONDS_Z = 20
_TWO_COLONS = 2 * COLON
_time = re.compile(r"(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?", re.ASCII).fullmatch
_local = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?", re.ASCII).fullmatch


def reader(logical: str) -> Callable[[str], int]:
    """Reads text of a logical type as an integer in its unit. Raises ValueError with a phrase that follows the name."""
    if logical == "date":
        return _days
    digits = _DIGITS[logical.rpartition("-")[2]]
    if logical.startswith("time-"):
        return _time_reader(digits)
    if logical.startswith("local-"):
        return lambda text: _nanos_in(text + "Z", digits) if _local(text) else _no_local(text)
    if logical == "timestamp-millis":
        return _instant_ms
    return lambda text: _nanos_in(text, digits)


def _no_local(_text: str) -> int:
    raise ValueError("is not a date-time without offset")


def _days(text: str) -> int:
    if not is_date(text):
        raise ValueError("is not a date")
    return date.fromisoformat(text).toordinal() - _EPOCH_DAY


def _time_reader(digits: int) -> Callable[[str], int]:
    unit = int(10**digits)

    def read(text: str) -> int:
        match = _time(text)
        if match is None:
            raise ValueError("is not a time without offset")
        try:
            at = clock.fromisoformat(match[1])
        except ValueError:
            raise ValueError("is not a time that exists") from None
        fraction = match[2] or ""
        if fraction[digits:].strip("0"):
            raise ValueError(f"has more than {digits} digits of a second")
        whole: int = (at.hour * 60 + at.minute) * 60 + at.second
        return whole * unit + int(fraction[:digits].ljust(digits, "0"))

    return read


@lru_cache(maxsize=8)  # an event's own time is read twice: for its field, and for the record's timestamp
def _instant_ms(text: str) -> int:
    if len(text) == _SECONDS_Z and text[4::3] == "--T::Z":  # 2026-01-31T12:00:00Z: fromisoformat judges the digits
        try:
            since = datetime.fromisoformat(text) - EPOCH
        except ValueError:
            return instant_us(text, 3)  # which says why
        return (since.days * _DAY_S + since.seconds) * 1000
    return instant_us(text, 3) // 1000


def _nanos_in(text: str, digits: int) -> int:
    """The instant in units of 10^-digits s."""
    micros = instant_us(text, digits)
    if digits <= 6:
        return micros // (1 if digits == 6 else 1000)
    fraction = text[20:29] if text[19] == "." else ""
    finer = "".join(c for c in fraction if c.isdigit())[6:] if fraction else ""
    return micros * 1000 + int(finer.ljust(3, "0") or "0")


def temporal_writer(place: Place, logical: str, kind: str, rules: tuple[Rule, ...]) -> Write:
    """A date, time or timestamp on int or long (`kind`). Rules compare integers in the schema's unit."""
    read = reader(logical)
    floor, ceiling = temporal_bounds(logical, kind)
    low, high = integer_range(rules, floor, ceiling)
    checks = number_checks(rules, place)
    multiples = any(rule.keyword == "multipleOf" for rule in rules)
    wrong_type = type_words(place, f"a {logical} in a string or integer")
    wrong_range = range_words(place, logical)

    def wrong_form(value: object, pointer: str) -> Violation:
        try:
            read(str(value))
        except ValueError as error:
            phrase = str(error)
        rule = "precision" if "digits" in phrase else "format"
        return place.violation(pointer, rule, phrase, value)

    def write(value: object, out: list[bytes]) -> Answer:
        colons: Answer = None
        if type(value) is str:
            try:
                number = read(value)
            except ValueError:
                return Fault(wrong_form, value)
            colons = _TWO_COLONS if len(value) == _SECONDS_Z else value.count(":") * COLON
        elif type(value) is int:
            number = value
        else:
            return Fault(wrong_type, value)
        if low <= number <= high:
            out.append(zigzag(number))
            return colons if not multiples else judge(checks, number, value) or colons
        if not floor <= number <= ceiling:
            return Fault(wrong_range, value)
        return judge(checks, number, value)

    return write


def temporal_number_writer(place: Place, logical: str, kind: str, rules: tuple[Rule, ...]) -> Write:
    """A date, time or timestamp as the specification's JSON has it: an integer in the schema's unit."""
    wrong_type = type_words(place, f"a {logical} in an integer")
    return integer_writer(place, temporal_bounds(logical, kind), wrong_type, range_words(place, logical), rules)


def temporal_bounds(logical: str, kind: str) -> tuple[int, int]:
    """The integers that are values, as a closed range: a time is within its day."""
    if logical.startswith("time-"):
        return 0, _DAY_S * 10 ** _DIGITS[logical.rpartition("-")[2]] - 1
    return INTEGERS[kind]
