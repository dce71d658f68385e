"""A Kafka broker in a subprocess, for `dev`, `demo` and fast tests: nothing to install, nothing kept.

Called by `app` where `[kafka] embedded = true`, and by tests. What the subprocess runs is `mock_cluster`. Never for production.
"""

import asyncio
import sys
from types import TracebackType

__all__ = ["EmbeddedBroker", "EmbeddedBrokerFailed"]

_START_S = 20.0
_STOP_S = 5.0


class EmbeddedBrokerFailed(RuntimeError):
    """The broker's process ended, or said nothing, before it had an address."""


class EmbeddedBroker:
    """One broker on loopback, a topic of four partitions for every name that is asked for. An async context manager.

    The process ends with this one: its stdin closes, and on Linux the kernel kills it. It is in a session of its own: a Ctrl-C in
    the terminal is for the gateway, which still needs it to drain.
    """

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self.bootstrap = ""

    async def start(self) -> str:
        """Start the process; its `host:port`, once it listens. Raises `EmbeddedBrokerFailed`, after 20 seconds at most."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tidegate_gateway.adapters.mock_cluster",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise EmbeddedBrokerFailed(f"the embedded broker's process cannot be started: {error.strerror}") from error
        self._process = process
        if process.stdout is None:
            raise EmbeddedBrokerFailed("the embedded broker's process has no stdout")
        try:
            line = await asyncio.wait_for(process.stdout.readline(), _START_S)
        except TimeoutError:
            line = b""
        except asyncio.CancelledError:
            await self.stop()
            raise
        self.bootstrap = line.decode("ascii", "replace").strip()
        if not self.bootstrap:
            await self.stop()
            raise EmbeddedBrokerFailed(f"the embedded broker did not start (exit code {process.returncode})")
        return self.bootstrap

    async def stop(self) -> None:
        """Close its stdin and wait; kill it where it does not end by itself. May be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    @property
    def pid(self) -> int | None:
        """The process, while it is meant to run."""
        return self._process.pid if self._process is not None else None

    async def __aenter__(self) -> str:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
