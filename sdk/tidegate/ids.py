"""UUIDv7 (RFC 9562): ids of events that bring none. Called by the shells, from any thread."""

from random import getrandbits
from time import time_ns

__all__ = ["uuid7"]


def uuid7() -> str:
    """A new id: 48 bits of milliseconds, 74 random ones.

    Not for secrets: the random bits are the `random` module's, which starts anew in a forked child, so that no two processes
    share a series.
    """
    ms, noise = time_ns() // 1_000_000, getrandbits(74)
    return "%08x-%04x-7%03x-%04x-%012x" % (  # noqa: UP031 -- a third faster than an f-string, for every event
        ms >> 16,
        ms & 0xFFFF,
        noise & 0xFFF,
        0x8000 | (noise >> 12 & 0x3FFF),
        noise >> 26,
    )
