"""RFC 3339 date-times as instants. One reading for Avro's timestamps, the event's own time and formats."""

import re
from datetime import datetime, timedelta, timezone

__all__ = ["EPOCH", "event_time_ms", "instant_us"]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 -- datetime.UTC is the same object
_MICROSECOND = timedelta(microseconds=1)
_match = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
).fullmatch


def instant_us(text: str, digits: int = 6) -> int:
    """Microseconds since 1970 UTC. At most `digits` significant digits of a second's fraction.

    Raises ValueError with a phrase that goes on after the field's name. Leap seconds, lower-case `t` and `z`, and a
    missing offset are refused (contracts.md, fine print).
    """
    parts = _match(text)
    if parts is None:
        raise ValueError("is not an RFC 3339 date-time with offset")
    fraction = parts[1]
    if fraction is not None and len(fraction) > digits and fraction[digits:].strip("0"):
        raise ValueError(f"has more than {digits} digits of a second")
    try:
        return (datetime.fromisoformat(text) - EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        raise ValueError("is not a date-time that exists") from None


def event_time_ms(text: str) -> int:
    """The event's own time in milliseconds since 1970 UTC; finer digits are cut. Raises ValueError as `instant_us`."""
    return instant_us(text, 9) // 1000
