"""UUIDv7 (RFC 9562): ids that sort by time, for events and requests that bring none."""

import os
from collections.abc import Callable
from time import time_ns

__all__ = ["Uuid7", "uuid7"]

_VARIANT = 0x8000_0000_0000_0000
_LAST = 0xBFFF_FFFF_FFFF_FFFF
_STEPS = 0xFFFF_FFFF


class Uuid7:
    """A maker of UUIDv7 whose ids never repeat and sort in the order they were made.

    A millisecond's first id takes 73 new random bits; each further one adds a random-looking step of up to 2^32 to the last
    62 of them (RFC 9562, section 6.2, method 2), so that a batch reads the system's randomness once a millisecond and not
    once an id. One event loop owns it.
    """

    __slots__ = ("_clock_ns", "_low", "_ms", "_prefix", "_random")

    def __init__(self, clock_ns: Callable[[], int] = time_ns, random: Callable[[int], bytes] = os.urandom) -> None:
        self._clock_ns = clock_ns
        self._random = random
        self._ms = -1
        self._prefix = ""
        self._low = 0

    def __call__(self) -> str:
        """A new id in its text form, lower case."""
        ms = self._clock_ns() // 1_000_000
        if ms > self._ms:
            self._begin(ms)
        else:  # the same millisecond, or a clock that stepped back
            self._low += 1 + (self._low * 2_654_435_761 & _STEPS)
            if self._low > _LAST:
                self._begin(self._ms + 1)
        low = f"{self._low:x}"
        return f"{self._prefix}{low[:4]}-{low[4:]}"

    def _begin(self, ms: int) -> None:
        noise = self._random(10)
        head = f"{ms:012x}7{int.from_bytes(noise[:2], 'big') & 0xFFF:03x}"
        self._ms = ms
        self._prefix = f"{head[:8]}-{head[8:12]}-{head[12:]}-"
        self._low = _VARIANT | (int.from_bytes(noise[2:], "big") >> 3)  # 61 bits: room for a millisecond's steps


uuid7 = Uuid7()
"""The process's maker."""
