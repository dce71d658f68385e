"""UUIDv7 (RFC 9562): ids that sort by time, for events and requests that bring none."""

import os
from time import time_ns

__all__ = ["uuid7"]


def uuid7() -> str:
    """A new UUIDv7 in its text form, lower case."""
    ms = time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10), "big")
    high = (ms << 16) | 0x7000 | (noise >> 68)
    low = 0x8000000000000000 | (noise & 0x3FFFFFFFFFFFFFFF)
    text = f"{high:016x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
