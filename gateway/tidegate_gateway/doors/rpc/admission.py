"""The first look at a call, before its request is read: a gateway that drains or has no room says so at once.

`rpc_server` asks it in front of `methods`. UNAVAILABLE with RetryInfo and `grpc-retry-pushback-ms`.
"""

from tidegate.errors import Code
from tidegate_gateway.doors.rpc.methods import Crowd, Method, Methods, refusing
from tidegate_gateway.intake.memory import MemoryBudget

__all__ = ["FirstLook"]


class FirstLook:
    """Refuses producers' calls that would only wait. Health, reflection and contracts are answered as long as the port is open."""

    def __init__(self, methods: Methods, crowd: Crowd, memory: MemoryBudget) -> None:
        self._methods = methods
        self._crowd = crowd
        self._memory = memory
        self._draining = refusing(Code.OVERLOADED, "the gateway is shutting down", events=1)
        self._crowded = refusing(Code.OVERLOADED, "the gateway has as many calls under way as it takes", events=1)
        self._full = refusing(Code.OVERLOADED, "the gateway's memory for events in flight is taken", events=1)

    def method(self, path: str) -> Method:
        """What a call of this path meets: its method, or one that refuses."""
        method = self._methods.by_path.get(path)
        if method is None or not method.intake:
            return method or self._methods.nowhere
        crowd = self._crowd
        if crowd.draining:
            return self._draining
        if not crowd.has_room(stream=method.stream is not None):
            return self._crowded
        if self._memory.used_bytes >= self._memory.capacity_bytes:
            return self._full
        return method
