"""Retry-After as seconds (RFC 9110, section 10.2.3). Pure. Called by `http`."""

import math
from email.utils import parsedate_to_datetime

__all__ = ["retry_after_s"]


def retry_after_s(text: str | None, now_unix_s: float) -> float | None:
    """The seconds that the header asks for; None where there is none, or none that can be read. Never negative.

    A number or an HTTP date. `now_unix_s` is the wall clock's time.
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    try:
        wanted = parsedate_to_datetime(text).timestamp() - now_unix_s
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, wanted) if math.isfinite(wanted) else None
