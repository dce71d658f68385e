"""grpc.health.v1: whether the port takes events now, for the whole ("") and for each service; Watch tells every change.

Made by `rpc_server`. What "ready" is, readyz decides; here it is only said. While the gateway drains nothing is SERVING.
"""

import asyncio
from collections.abc import Callable, Mapping

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2 as pb

from tidegate_gateway.doors.rpc.calls import Call, Said
from tidegate_gateway.doors.rpc.codes import StatusCode
from tidegate_gateway.doors.rpc.descriptors import files_of
from tidegate_gateway.doors.rpc.methods import Method, Service
from tidegate_gateway.doors.rpc.streams import Closing

__all__ = ["SERVICE", "Health"]

SERVICE = "grpc.health.v1.Health"

_LOOK_S = 0.5
"""A watcher hears of a change within this time; of the drain at once."""

_SERVING = pb.HealthCheckResponse.SERVING
_NOT_SERVING = pb.HealthCheckResponse.NOT_SERVING
_UNKNOWN = pb.HealthCheckResponse.SERVICE_UNKNOWN


class Health:
    """The health service. `services` gives the names of now, `ready` whether events could be stored."""

    def __init__(
        self, services: Callable[[], Mapping[str, Service]], ready: Callable[[], bool], closing: Closing
    ) -> None:
        self._services = services
        self._ready = ready
        self._closing = closing
        self.draining = False

    def service(self) -> Service:
        """Check and Watch; neither asks for a token, as load balancers have none."""
        return Service(
            name=SERVICE,
            methods=(
                Method(name="Check", unary=self._check, intake=False),
                Method(name="Watch", stream=self._watch, intake=False),
            ),
            files=files_of(pb.DESCRIPTOR),
        )

    def _status(self, name: str) -> "pb.HealthCheckResponse.ServingStatus":
        if name and name not in self._services():
            return _UNKNOWN
        return _SERVING if self._ready() and not self.draining else _NOT_SERVING

    async def _check(self, call: Call) -> bytes:
        name = _name(await call.read_one())
        status = self._status(name)
        if status == _UNKNOWN:
            raise Said(StatusCode.NOT_FOUND, "no such service is served here")
        return bytes(pb.HealthCheckResponse(status=status).SerializeToString())

    async def _watch(self, call: Call) -> None:
        name = _name(await call.read_one())
        woken = asyncio.Event()
        self._closing.tell(woken.set)
        said = None
        try:
            while True:
                status = self._status(name)
                if status != said:
                    await call.write(pb.HealthCheckResponse(status=status).SerializeToString())
                    said = status
                if self._closing.begun or call.let_go is not None:
                    return
                try:
                    await asyncio.wait_for(woken.wait(), _LOOK_S)
                except TimeoutError:
                    continue
        finally:
            self._closing.forget(woken.set)


def _name(body: bytes) -> str:
    try:
        return str(pb.HealthCheckRequest.FromString(body).service)
    except DecodeError:
        raise Said(StatusCode.INVALID_ARGUMENT, "the request is no HealthCheckRequest") from None
