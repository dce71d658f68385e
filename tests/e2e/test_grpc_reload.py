"""Contracts' own services in a running gateway: a folder that changes adds, breaks and removes them, and no call is dropped."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tests.e2e.processes import GatewayProcess, gateway_process

from tidegate.repository.broken import Place, Problems
from tidegate.repository.protoc import run_protoc

SERVICE = "/coffeeco.customer.v1.CustomerService"
FILE = "proto/coffeeco/customer/v1/customer_service.proto"
ORDER_FILE = "proto/coffeeco/customer/v1/order.proto"
STORED = b"\x08\xc8\x01\x12\x06stored"
ADDED = """
// Added while the gateway runs.
service ReturnService {
  rpc Return(Order) returns (Response) { option (tidegate.options.v1.publish) = {topic: "customer.order-status"}; }
}
"""


@pytest.fixture
def gateway(own_schemas: Path, tmp_path: Path) -> Iterator[GatewayProcess]:
    with gateway_process(
        tmp_path,
        None,
        contracts=own_schemas,
        environ={"TIDEGATE_CONTRACTS_RELOAD_S": "0", "TIDEGATE_SERVER_DRAIN_S": "1"},
    ) as running:
        yield running


def order(folder: Path) -> bytes:
    """A good order, by google.protobuf."""
    made = run_protoc(folder, [ORDER_FILE], Place(file=ORDER_FILE), Problems(ORDER_FILE))
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(made).file:
        pool.Add(file)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName("coffeeco.customer.v1.Order"))()
    message.order_id, message.status, message.changed_at.seconds = (
        "5b1e2c1e-3b0a-4e0e-9c1e-1a2b3c4d5e6f",
        2,
        1_769_861_100,
    )
    message.coffees.add(name="Sidamo", boldness=5, quantity=1)
    return bytes(message.SerializeToString())


@contextmanager
def calling(call: Callable[[], bytes]) -> Iterator[list[bytes | grpc.RpcError]]:
    """Calls one after the other, for as long as the block lasts: what each came to."""
    came: list[bytes | grpc.RpcError] = []
    ended = threading.Event()

    def go_on() -> None:
        while not ended.is_set():
            try:
                came.append(call())
            except grpc.RpcError as error:
                came.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield came
    finally:
        ended.set()
        thread.join(30)


def test_a_reload_changes_services_and_drops_no_call(gateway: GatewayProcess, own_schemas: Path) -> None:
    body, metadata = order(own_schemas), (("authorization", f"Bearer {gateway.token()}"),)
    path = own_schemas / FILE
    text = path.read_text()

    with grpc.insecure_channel(gateway.grpc) as channel:

        def method(name: str) -> Callable[[], bytes]:
            call = channel.unary_unary(name)
            return lambda: call(body, metadata=metadata, timeout=20)

        track, returned = method(f"{SERVICE}/TrackOrder"), method("/coffeeco.customer.v1.ReturnService/Return")
        until(lambda: answer_of(track) == STORED)  # the embedded broker makes topics as they are first asked for
        with calling(track) as came:
            path.write_text(text + ADDED)
            gateway.signal(signal.SIGHUP)
            until(lambda: answer_of(returned) == STORED)

            path.write_text(text.replace('topic: "customer.order-status"', 'topic: "customer.orders"', 1))
            gateway.signal(signal.SIGHUP)
            until(lambda: broken(gateway) != [])
            (row,) = broken(gateway)
            assert (row["file"], row["line"]) == (FILE, 15)
            assert row["detail"].endswith("; served as before it broke")
            assert answer_of(returned) is grpc.StatusCode.UNIMPLEMENTED, "it is in no file any more"

            path.unlink()
            before = len(came)
            gateway.signal(signal.SIGHUP)
            until(lambda: isinstance(came[-1], grpc.RpcError))
        stored = [one for one in came if one == STORED]
        assert len(stored) >= before
        assert came[: len(stored)] == stored, "until the service was removed, every call was answered"
        assert {one.code() for one in came if isinstance(one, grpc.RpcError)} == {grpc.StatusCode.UNIMPLEMENTED}
        assert broken(gateway) == []


def answer_of(call: Callable[[], bytes]) -> bytes | grpc.StatusCode:
    try:
        return call()
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code


def broken(gateway: GatewayProcess) -> list[dict[str, Any]]:
    """What readyz says is broken."""
    with httpx2.Client(timeout=10, trust_env=False) as client:
        rows: list[dict[str, Any]] = client.get(f"http://{gateway.admin}/readyz").json()["checks"]["contracts"][
            "broken"
        ]
    return rows


def until(reached: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < ends
        time.sleep(0.05)
