"""Work on schemas that clients send, off the event loop: whatever such a text takes, every other request goes on.

One thread, one piece of work after another, few waiting: a caller with many expensive texts delays others who ask the same,
and nobody else. Used by `resolving`.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tidegate_gateway.doors.registry.errors import busy

__all__ = ["Turns"]

T = TypeVar("T")

_MOST = 16
"""So many pieces of work may be under way or waiting."""


class Turns:
    """One line of waiting work. One event loop owns it."""

    __slots__ = ("_count", "_thread")

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="schemas")
        self._count = 0

    async def take(self, work: Callable[[], T]) -> T:
        """What `work` gives. Raises `NotServed` (503) where too much waits, and what `work` raises."""
        if self._count >= _MOST:
            raise busy()
        self._count += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._count -= 1
