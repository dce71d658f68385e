"""Checks of Google's well-known types, which have a JSON of their own. Used by `structure`.

Timestamps and durations are held to what every Protobuf library reads back: nine digits of a second, years 1 to 9999 in
UTC, no leap second, no lower-case `t` or `z` (contracts.md, fine print).
Source: protobuf.dev, "ProtoJSON Format"; the comments of google/protobuf/timestamp.proto and duration.proto.
"""

import re
from datetime import datetime

from tidegate.contracts.protobuf.faults import Report
from tidegate.contracts.protobuf.scalars import Check, number_phrase

__all__ = ["WELL_KNOWN", "duration_check", "field_mask_check", "timestamp_check", "value_check"]

WELL_KNOWN = frozenset({
    "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask",
    "google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue",
})  # fmt: skip
"""Messages that this module judges; the wrappers are judged as the scalar that they wrap."""

_DURATION_MAX_S = 315_576_000_000
_DOUBLE_BOUNDS = (-1.7976931348623157e308, 1.7976931348623157e308)
_timestamp = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
).fullmatch
_duration = re.compile(r"-?([0-9]{1,18})(?:\.([0-9]{0,9}))?s").fullmatch
_field_mask = re.compile(r"|[a-z][a-zA-Z0-9]*(?:[.,][a-z][a-zA-Z0-9]*)*").fullmatch


def timestamp_check(expected: str) -> Check:
    """RFC 3339 with an offset, up to nine digits of a second."""

    def check(value: object, report: Report) -> bool:
        if type(value) is not str:
            return report.add("type", "is not a string", expected, value)
        parts = _timestamp(value)
        if parts is None:
            return report.add(
                "format", "is not an RFC 3339 date-time with offset", expected, value,
                hint="write it like 2026-01-31T12:00:00Z",
            )  # fmt: skip
        try:
            datetime.fromisoformat(parts[1])
            if value[:4] in ("0001", "9999"):  # near the ends an offset can lead out of the years 1 to 9999
                datetime.fromisoformat(value).utctimetuple()
        except (ValueError, OverflowError):
            return report.add("format", "is not a date-time that exists", expected, value)
        return False

    return check


def duration_check(expected: str) -> Check:
    """Seconds with up to nine digits of a fraction and the letter s, within 10,000 years."""

    def check(value: object, report: Report) -> bool:
        if type(value) is not str:
            return report.add("type", "is not a string", expected, value)
        parts = _duration(value)
        if parts is None:
            return report.add(
                "format", "is not a duration in seconds", expected, value, hint="write it like 1.5s"
            )  # fmt: skip
        seconds, fraction = int(parts[1]), parts[2]
        if seconds > _DURATION_MAX_S or (seconds == _DURATION_MAX_S and fraction and fraction.strip("0")):
            return report.add("range", f"is past {_DURATION_MAX_S} seconds", expected, value)
        return False

    return check


def field_mask_check(expected: str) -> Check:
    """Paths in lowerCamelCase, joined by commas."""

    def check(value: object, report: Report) -> bool:
        if type(value) is not str:
            return report.add("type", "is not a string", expected, value)
        return not _field_mask(value) and report.add("format", "is not a field mask", expected, value)

    return check


def value_check(expected: str, wanted: type | None = None) -> Check:
    """Any JSON (`google.protobuf.Value`), or only an object (`Struct`: dict) or an array (`ListValue`: list)."""

    def check(value: object, report: Report) -> bool:
        if wanted is not None and type(value) is not wanted:
            return report.add("type", f"is not {'an object' if wanted is dict else 'an array'}", expected, value)
        return any_json(value, report)

    def any_json(value: object, report: Report) -> bool:
        if isinstance(value, dict | list):
            return inside(value, report)
        if isinstance(value, int | float):
            try:
                if _DOUBLE_BOUNDS[0] <= float(value) <= _DOUBLE_BOUNDS[1]:
                    return False
            except OverflowError:
                pass
            return report.add("range", number_phrase(value, _DOUBLE_BOUNDS), "a number that a double holds", value)
        return False

    def inside(value: dict[str, object] | list[object], report: Report) -> bool:
        if isinstance(value, dict):
            report.keys += len(value)
        bad = False
        mark = len(report.faults)
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            if any_json(item, report):
                bad = True
                mark = report.step(mark, step)
        return bad

    return check
