"""The first look at a call, before its request is read: a gateway that drains or has no room says so at once.

`server` installs it in front of `methods`. UNAVAILABLE with RetryInfo and `grpc-retry-pushback-ms`; grpc's own
`maximum_concurrent_rpcs`, which can say neither, stands behind it as the last wall.
"""

from collections.abc import Awaitable, Callable

import grpc
import grpc.aio

from tidegate.errors import Code
from tidegate_gateway.doors.rpc.methods import Crowd, Handler, Methods
from tidegate_gateway.intake.memory import MemoryBudget

__all__ = ["Admission"]


class Admission(grpc.aio.ServerInterceptor):
    """Refuses producers' calls that would only wait. Health, reflection and contracts are answered as long as the port is open."""

    def __init__(self, methods: Methods, crowd: Crowd, memory: MemoryBudget) -> None:
        self._methods = methods
        self._crowd = crowd
        self._memory = memory
        self._draining = methods.refusing(Code.OVERLOADED, "the gateway is shutting down", events=1)
        self._crowded = methods.refusing(
            Code.OVERLOADED, "the gateway has as many calls under way as it takes", events=1
        )
        self._full = methods.refusing(Code.OVERLOADED, "the gateway's memory for events in flight is taken", events=1)

    async def intercept_service(  # type: ignore[override]  # the stubs are generic over messages; ours are bytes
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],  # noqa: ARG002 -- see below
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The method's handler, or one that refuses (grpc.aio.ServerInterceptor).

        The port has one interceptor and one table: it is asked directly, which saves a coroutine a call.
        """
        method = self._methods.by_path.get(handler_call_details.method)
        if method is not None and method.intake:
            crowd = self._crowd
            if crowd.draining:
                return self._draining
            if not crowd.has_room(stream=method.stream is not None):
                return self._crowded
            if self._memory.used_bytes >= self._memory.capacity_bytes:
                return self._full
        return self._methods.service(handler_call_details)
