"""Time as the driver sees it: a port with the system's clock behind it. A test's virtual clock is another."""

import asyncio
import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """A monotonic clock in seconds that can be waited on."""

    def now(self) -> float:
        """Seconds since any fixed instant; never steps back."""
        ...

    async def wait(self, wake: asyncio.Event, until: float | None) -> None:
        """Returns once `wake` is set, or at `until` (None: only then)."""
        ...


class SystemClock:
    """The machine's own. Nothing wakes while nothing is due."""

    __slots__ = ()

    def now(self) -> float:
        """`time.monotonic`."""
        return time.monotonic()

    async def wait(self, wake: asyncio.Event, until: float | None) -> None:
        """One timer of the loop, or none."""
        if wake.is_set():
            return
        if until is None:
            await wake.wait()
            return
        handle = asyncio.get_running_loop().call_at(asyncio.get_running_loop().time() + until - self.now(), wake.set)
        try:
            await wake.wait()
        finally:
            handle.cancel()
