"""grpc.aio's server, made to survive a call whose path is not UTF-8. Made by `server`; the only place that looks inside of grpcio.

grpcio's own loop decodes every path strictly, outside of any handler: one such call, by whoever can connect, ends the server
(grpcio 1.85, `AioServer._server_main_loop`). Here each call is looked at before the loop gets it. The path is no attribute that
Python sees, but Cython publishes the table of the class's C methods, whose first gives it; tests prove that on every upgrade,
and grpcio is pinned below its next minor.
"""

import asyncio
import ctypes
from collections.abc import Callable, Sequence
from typing import Any, cast

import grpc
import grpc.aio
from grpc._cython import cygrpc
from grpc.aio._server import Server

__all__ = ["SteadyServer", "path_reader"]


def path_reader() -> Callable[[object], bytes]:
    """What gives the path of a call as bytes. Raises RuntimeError where this grpcio has no such table."""
    table = cygrpc.RPCState.__dict__.get("__pyx_vtable__")
    if table is None:
        raise RuntimeError(f"grpcio {grpc.__version__} is not built as it was: its calls' paths cannot be looked at")
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype = ctypes.c_void_p
    pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]
    methods = ctypes.cast(pointer_of(table, None), ctypes.POINTER(ctypes.c_void_p))
    return cast("Callable[[object], bytes]", ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(methods[0] or 0))


_path_of = path_reader()


class _Loop(cygrpc.AioServer):  # type: ignore[misc]  # grpcio ships no types of its core
    """The core server; calls that its loop could not name are dropped: they end as cancelled."""

    async def _request_call(self) -> object:
        while True:
            state = await super()._request_call()
            try:
                _path_of(state).decode("utf-8")
            except UnicodeDecodeError:
                del state  # the core ends a call that nobody holds
                continue
            return state


class SteadyServer(Server):
    """`grpc.aio.server(...)`, with the loop above."""

    def __init__(
        self,
        handlers: Sequence[grpc.GenericRpcHandler],
        interceptors: Sequence[grpc.aio.ServerInterceptor],
        options: Sequence[tuple[str, Any]],
        maximum_concurrent_rpcs: int,
    ) -> None:
        """As `grpc.aio.server`; one event loop, the running one, owns it."""
        # Not the parent's: it would make a core server of its own, which is never freed.
        self._loop = asyncio.get_running_loop()
        self._server = _Loop(self._loop, None, handlers, interceptors, tuple(options), maximum_concurrent_rpcs)
