"""What Google's own types may hold in binary: no more than their JSON can say. Used by `binary`; pure.

Source: the comments of google/protobuf/{timestamp,duration,struct,field_mask}.proto.
"""

import math
import re
from collections.abc import Callable

from tidegate.contracts.protobuf.faults import Report
from tidegate.contracts.protobuf.wire import skip, tag_at, varint

__all__ = ["INSTANTS", "finite_check", "instant_check", "mask_path_check", "seconds_and_nanos"]

INSTANTS = ("google.protobuf.Timestamp", "google.protobuf.Duration")
_FIRST_S, _LAST_S = -62_135_596_800, 253_402_300_799  # the years 1 to 9999
_DURATION_MAX_S = 315_576_000_000
_NANOS = 1_000_000_000
_is_mask_path = re.compile(r"[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*(?:\.[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*)*").fullmatch

_SECONDS_TAG, _NANOS_TAG = 8, 16


def seconds_and_nanos(body: bytes, at: int, end: int) -> tuple[int, int]:
    """The two numbers of a Timestamp or Duration. `body[at:end]` is well-formed."""
    numbers = {_SECONDS_TAG: 0, _NANOS_TAG: 0}
    while at < end:
        tag, at = tag_at(body, at, end)
        if tag in numbers:
            value, at = varint(body, at, end)
            numbers[tag] = value - (1 << 64) if value >> 63 else value
        else:
            at = skip(body, at, end, tag)
    return numbers[_SECONDS_TAG], numbers[_NANOS_TAG]


def instant_check(name: str, expected: str) -> Callable[[bytes, int, int, Report], None]:
    """The check of a Timestamp or Duration in `body[at:end]`, whose wire form is sound."""

    def timestamp(body: bytes, at: int, end: int, report: Report) -> None:
        seconds, nanos = seconds_and_nanos(body, at, end)
        if not _FIRST_S <= seconds <= _LAST_S:
            report.add("range", "is outside of the years 1 to 9999", expected, at=at)
        elif not 0 <= nanos < _NANOS:
            report.add("range", "has nanos outside of 0 to 999999999", expected, at=at)

    def duration(body: bytes, at: int, end: int, report: Report) -> None:
        seconds, nanos = seconds_and_nanos(body, at, end)
        if abs(seconds) > _DURATION_MAX_S or (abs(seconds) == _DURATION_MAX_S and nanos):
            report.add("range", f"is past {_DURATION_MAX_S} seconds", expected, at=at)
        elif abs(nanos) >= _NANOS or seconds * nanos < 0:
            report.add("range", "has nanos past 999999999, or of another sign than its seconds", expected, at=at)

    return timestamp if name == INSTANTS[0] else duration


def finite_check(value: object, report: Report) -> bool:
    """A number in free-form JSON, which knows neither NaN nor infinity."""
    return not (isinstance(value, float) and math.isfinite(value)) and report.add(
        "range", "is not finite", "a number that JSON has"
    )


def mask_path_check(value: object, report: Report) -> bool:
    """A path of a field mask: in snake_case, so that its JSON leads back to it."""
    return not (isinstance(value, str) and _is_mask_path(value)) and report.add(
        "format", "is not a field mask", "field names in snake_case, joined by dots"
    )
