"""UUIDv7 (RFC 9562): ids of events that bring none. Called by the shells, from any thread."""

from random import getrandbits
from time import time_ns

__all__ = ["uuid7"]

_VERSION_AND_VARIANT = (0x7 << 76) | (0x2 << 62)
_LOW_62 = (1 << 62) - 1


def uuid7() -> str:
    """A new id: 48 bits of milliseconds, 74 random ones.

    Not for secrets: the random bits are the `random` module's, which starts anew in a forked child, so that no two processes
    share a series.
    """
    noise = getrandbits(74)
    number = (time_ns() // 1_000_000 << 80) | _VERSION_AND_VARIANT | ((noise >> 62) << 64) | (noise & _LOW_62)
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
