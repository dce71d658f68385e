"""What an explicit record key must be for a key field to ever give it. Called by both codecs' `key_bytes`; pure."""

import re

__all__ = ["integer_key", "text_key"]

_is_decimal = re.compile(rb"0|-?[1-9][0-9]{0,19}").fullmatch


def text_key(data: bytes) -> str:
    """A string's key as text. Raises ValueError for what is no UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError("is no UTF-8 text") from None


def integer_key(data: bytes, kind: str, low: int, high: int) -> None:
    """Raises ValueError for what is not the decimal text of an integer in low..high; `kind` is its type's name."""
    if _is_decimal(data) is None or not low <= int(data) <= high:
        raise ValueError(f"is the decimal text of no {kind}")
