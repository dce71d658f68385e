"""The thread that drives a `Client`'s core: a daemon with an event loop of its own, started when it is first needed.

Knows the core and never the client, so that a client that nobody holds is collected and its worker told to finish.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from tidegate.freshness import ASKING_S
from tidegate.shell.core import Core
from tidegate.shell.driver import Driver
from tidegate.shell.lifecycle import started, stopped
from tidegate.shell.shelf import Shelved
from tidegate.shell.worker_loop import WorkerLoop

__all__ = ["Worker"]

_log = logging.getLogger("tidegate")


class Worker:
    """Runs from its making until `stop`."""

    def __init__(self, core: Core) -> None:
        """Starts the thread. Raises what the making of its transport raises (its library is missing, for one)."""
        self._core = core
        self._loop = WorkerLoop()
        self._driver: Driver
        self._running: asyncio.Task[None]
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._main, name="tidegate-delivery", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        started(self)

    @property
    def is_here(self) -> bool:
        """Whether the caller runs on the worker's own thread (a future's callback, `on_drop`)."""
        return threading.current_thread() is self._thread

    def _main(self) -> None:
        try:
            self._loop.run_until_complete(self._drive())
        finally:
            self._core.inbox.wake = _nobody
            self._ready.set()
            self._loop.close()
            stopped(self)

    async def _drive(self) -> None:
        try:
            self._driver = self._core.driver()
        except Exception as error:  # said by who started us
            self._failure = error
            return
        self._running = asyncio.ensure_future(self._driver.run())
        self._core.inbox.wake = self._waker()
        self._ready.set()
        try:
            await self._running
        except asyncio.CancelledError:
            pass
        except Exception:
            _log.exception("tidegate: delivery stopped by a fault of ours")
        self._core.inbox.close()
        self._core.give_up("the client was closed before they were delivered")

    def _waker(self) -> Callable[[], None]:
        loop, wake = self._loop, self._driver.wake

        def wake_from_anywhere() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody delivers any more
                loop.call_soon_threadsafe(wake)

        return wake_from_anywhere

    def ask(self, place: Shelved, timeout_s: float) -> bool:
        """Asks the gateway for a contract and waits up to `timeout_s`. Answers whether it changed."""
        changed: Future[bool] = Future()
        self._call(lambda: self._look(place, timeout_s, changed.set_result))
        try:
            return changed.result(timeout_s + 1.0)
        except TimeoutError:
            return False

    def look(self, place: Shelved) -> None:
        """Asks the gateway for a contract; whoever comes later gets it."""
        self._call(lambda: self._look(place, ASKING_S, _nothing))

    def _look(self, place: Shelved, timeout_s: float, tell: Callable[[bool], None]) -> None:
        self._driver.background(self._fetch(place, timeout_s, tell))

    async def _fetch(self, place: Shelved, timeout_s: float, tell: Callable[[bool], None]) -> None:
        changed = False
        try:
            changed = await self._core.fetch(self._driver, place, timeout_s)
        finally:
            tell(changed)

    def _call(self, work: Callable[[], None]) -> bool:
        """Has `work` done on the loop. False: it is closed."""
        try:
            self._loop.call_soon_threadsafe(work)
        except RuntimeError:
            return False
        return True

    def urge(self) -> None:
        """Sends without lingering what was submitted before."""
        self._call(lambda: self._driver.flush(_nobody))

    def flush(self, timeout_s: float) -> int:
        """The same, and waits. Answers how many events have no outcome after `timeout_s`."""
        flushed = threading.Event()
        if not self._call(lambda: self._driver.flush(flushed.set)):
            return self._core.inbox.events
        return 0 if flushed.wait(timeout_s) else max(1, self._core.inbox.events)

    def stop(self, timeout_s: float) -> None:
        """Ends the thread; what is not delivered is given up. Waits for the thread up to `timeout_s`."""
        self._call(self._cancel)
        self.join(timeout_s)

    def join(self, timeout_s: float) -> None:
        """Waits for the thread's end."""
        if not self.is_here:
            self._thread.join(timeout_s)

    @property
    def exit_flush_s(self) -> float:
        """How long the process's end may take for this worker."""
        return self._core.settings.exit_flush_s

    def finish(self, timeout_s: float | None = None) -> None:
        """Flushes and ends, without waiting; after `timeout_s` (None: `exit_flush_s`) what is left is given up. Takes no lock: a finaliser calls it."""
        self._call(lambda: self._finish(self.exit_flush_s if timeout_s is None else timeout_s))

    def _finish(self, timeout_s: float) -> None:
        self._driver.flush(self._cancel)
        self._loop.call_later(timeout_s, self._cancel)

    def _cancel(self) -> None:
        self._running.cancel()


def _nothing(changed: bool) -> None:  # noqa: FBT001 -- a callback's one argument
    """Nobody waits for the answer."""


def _nobody() -> None:
    """Nobody is to be told."""
