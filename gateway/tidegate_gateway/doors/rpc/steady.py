"""grpc.aio's server, made to survive a call whose path is not UTF-8. Made by `server`; the only place that looks inside of grpcio.

grpcio's own loop decodes every path strictly, outside of any handler: one such call, by whoever can connect, ends the server
(grpcio 1.85, `AioServer._server_main_loop`). Here each call is looked at before the loop gets it. The path is no attribute that
Python sees, and no handler, interceptor or option comes before the loop, which can be started once only. But Cython publishes the
table of the class's C methods, in the order of the source, and the first gives the path.

What is known of that table holds for one minor of grpcio: with another one the port refuses to start. Whatever else ends the loop
is told (`ended`), so that no gateway goes on without its port.
"""

import asyncio
import ctypes
from collections.abc import Callable, Sequence
from typing import Any, cast

import grpc
import grpc.aio
from grpc._cython import cygrpc
from grpc.aio._server import Server

__all__ = ["KNOWN_MINOR", "SteadyServer", "UnknownGrpc", "check_version", "path_reader"]

KNOWN_MINOR = "1.85."
"""Of grpcio, as pinned in pyproject.toml. On an upgrade: look at `RPCState` in aio/server.pxd.pxi, run the tests, raise both."""

PathReader = Callable[[object], bytes]


class UnknownGrpc(RuntimeError):
    """A grpcio that this build cannot serve with; the message says which one it needs."""


def check_version(installed: str) -> None:
    """Raise UnknownGrpc for a grpcio whose inside is not known."""
    if not installed.startswith(KNOWN_MINOR):
        raise UnknownGrpc(
            f"grpcio {installed} is installed; the gRPC port is built on {KNOWN_MINOR}x, whose inside it knows"
        )


def path_reader() -> PathReader:
    """What gives the path of a call as bytes. Raises UnknownGrpc where this grpcio has no such table."""
    check_version(grpc.__version__)
    table = cygrpc.RPCState.__dict__.get("__pyx_vtable__")
    if table is None:
        raise UnknownGrpc(f"grpcio {grpc.__version__} is not built as it was: its calls' paths cannot be looked at")
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype = ctypes.c_void_p
    pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]
    first = ctypes.cast(pointer_of(table, None), ctypes.POINTER(ctypes.c_void_p))[0]
    if first is None:
        raise UnknownGrpc(f"grpcio {grpc.__version__} is not built as it was: its calls have no path")
    return cast("PathReader", ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(first))


class _Loop(cygrpc.AioServer):  # type: ignore[misc]  # grpcio ships no types of its core
    """The core server; calls that its loop could not name are dropped: they end as cancelled."""

    path_of: PathReader
    ended: "asyncio.Future[None]"

    async def _request_call(self) -> object:
        while True:
            state = await super()._request_call()
            try:
                self.path_of(state).decode("utf-8")
            except UnicodeDecodeError:
                del state  # the core ends a call that nobody holds
                continue
            return state

    def _serving_task_crash_handler(self, task: "asyncio.Task[None]") -> None:
        """grpcio's own logs it and lets the port die: whoever waits for `ended` hears of it, too."""
        if self.is_running() and not self.ended.done() and not task.cancelled() and (error := task.exception()):
            self.ended.set_exception(error)
        super()._serving_task_crash_handler(task)


class SteadyServer(Server):
    """`grpc.aio.server(...)`, with the loop above."""

    def __init__(
        self,
        handlers: Sequence[grpc.GenericRpcHandler],
        interceptors: Sequence[grpc.aio.ServerInterceptor],
        options: Sequence[tuple[str, Any]],
        maximum_concurrent_rpcs: int,
    ) -> None:
        """As `grpc.aio.server`; one event loop, the running one, owns it. Raises UnknownGrpc."""
        path_of = path_reader()
        # Not the parent's: it would make a core server of its own, which is never freed.
        self._loop = asyncio.get_running_loop()
        self._server = _Loop(self._loop, None, handlers, interceptors, tuple(options), maximum_concurrent_rpcs)
        self._server.path_of = path_of
        self._server.ended = self._loop.create_future()
        if path_of(cygrpc.RPCState(self._server)) != b"":  # a call that has not come yet
            raise UnknownGrpc(f"grpcio {grpc.__version__} is not built as it was: what should be a path is none")

    async def serve_on(self) -> None:
        """Until `stop`. Raises what ended the loop, where something did."""
        await asyncio.shield(self._server.ended)

    async def stop(self, grace: float | None) -> None:
        """As grpc.aio's; who waits in `serve_on` goes on."""
        if not self._server.ended.done():
            self._server.ended.set_result(None)
        await super().stop(grace)
