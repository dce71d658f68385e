"""grpc.health.v1 as load balancers use it."""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2 as pb
from grpc_health.v1 import health_pb2_grpc as stubs
from tests.gateway.doors.rpc.conftest import RpcGate, refused

INGEST = "tidegate.ingest.v1.IngestService"


def health(door: RpcGate) -> Any:
    return stubs.HealthStub(door.channel)


async def status(door: RpcGate, name: str = "") -> int:
    return int((await health(door).Check(pb.HealthCheckRequest(service=name))).status)


@pytest.mark.parametrize("name", ["", INGEST, "grpc.health.v1.Health"])
async def test_check_needs_no_token(door: RpcGate, name: str) -> None:
    assert await status(door, name) == pb.HealthCheckResponse.SERVING
    assert door.gate.requests == []


async def test_what_cannot_store_is_not_serving(door: RpcGate) -> None:
    door.ready[0] = False
    assert await status(door) == await status(door, INGEST) == pb.HealthCheckResponse.NOT_SERVING


async def test_a_service_that_is_not_there(door: RpcGate) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await status(door, "nothing.Here")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_request_that_is_none(door: RpcGate) -> None:
    error = await refused(door.raw("/grpc.health.v1.Health/Check", b"\xff"))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_watch_tells_every_change(door: RpcGate) -> None:
    call = health(door).Watch(pb.HealthCheckRequest())
    assert (await call.read()).status == pb.HealthCheckResponse.SERVING
    door.ready[0] = False
    assert (await asyncio.wait_for(call.read(), 5)).status == pb.HealthCheckResponse.NOT_SERVING
    door.ready[0] = True
    assert (await asyncio.wait_for(call.read(), 5)).status == pb.HealthCheckResponse.SERVING
    call.cancel()


async def test_watch_of_a_service_that_is_not_there_waits_for_it(door: RpcGate) -> None:
    call = health(door).Watch(pb.HealthCheckRequest(service="nothing.Here"))
    assert (await call.read()).status == pb.HealthCheckResponse.SERVICE_UNKNOWN
    call.cancel()


async def test_not_serving_first_at_shutdown(door: RpcGate) -> None:
    call = health(door).Watch(pb.HealthCheckRequest())
    await call.read()
    door.server.drain()
    assert (await asyncio.wait_for(call.read(), 5)).status == pb.HealthCheckResponse.NOT_SERVING
    assert await status(door) == pb.HealthCheckResponse.NOT_SERVING  # still answered
    assert await asyncio.wait_for(call.read(), 5) is grpc.aio.EOF
    await asyncio.wait_for(door.server.stop(10.0), 5)
