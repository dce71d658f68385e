"""The event loop of `worker`'s thread: asyncio's, but for looking names up while the interpreter ends."""

import asyncio
import socket
from threading import Thread
from typing import Any

__all__ = ["WorkerLoop"]


class WorkerLoop(asyncio.SelectorEventLoop):
    """Looks names up on a thread of its own.

    asyncio asks its executor, which takes nothing more once the interpreter has begun to end: the flush at exit could then
    open no connection.
    """

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 -- asyncio's name
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """As `socket.getaddrinfo`."""
        future: asyncio.Future[Any] = self.create_future()

        def look() -> None:
            try:
                found: object = socket.getaddrinfo(host, port, family, type, proto, flags)
            except OSError as error:
                self.call_soon_threadsafe(_fail, future, error)
            else:
                self.call_soon_threadsafe(_give, future, found)

        try:
            Thread(target=look, name="tidegate-lookup", daemon=True).start()
        except RuntimeError:  # no more threads: the interpreter is at its very end
            return socket.getaddrinfo(host, port, family, type, proto, flags)
        return await future


def _give(future: asyncio.Future[Any], found: object) -> None:
    if not future.done():
        future.set_result(found)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
