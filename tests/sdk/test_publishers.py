"""Typed publishers of one topic."""

from dataclasses import dataclass

import pytest

from tidegate.async_client import AsyncClient
from tidegate.client import Client
from tidegate.settings import ClientSettings
from tidegate.transport.memory import MemoryTransport


@dataclass
class Order:
    id: str


@dataclass
class Espresso(Order):
    shots: int = 1


def test_a_typed_publisher_sends_its_type_and_refuses_others() -> None:
    transport = MemoryTransport()
    with Client("https://gate.example.com", settings=ClientSettings(judge=False), transport=lambda: transport) as gate:
        orders = gate.topic("customer.orders", Order)
        assert orders.publish(Order("1")).status == "stored"
        assert orders.submit(Espresso("2"), key="k").result(10).status == "stored"
        assert orders.publish_many([Order("3"), Order("4")]).stored == 2
        for wrong in (
            lambda: orders.publish({"id": "5"}),
            lambda: orders.submit("6"),
            lambda: orders.publish_many([7]),
        ):  # type: ignore[arg-type,list-item]  # what a type checker would see
            with pytest.raises(TypeError, match=r"customer\.orders takes Order, not"):
                wrong()
    assert {request.topic for request in transport.requests} == {"customer.orders"}


async def test_so_does_an_asynchronous_one() -> None:
    transport = MemoryTransport()
    settings = ClientSettings(judge=False)
    async with AsyncClient("https://gate.example.com", settings=settings, transport=lambda: transport) as gate:
        orders = gate.topic("customer.orders", Order)
        assert (await orders.publish(Order("1"))).status == "stored"
        assert (await (await orders.submit(Espresso("2"), key="k"))).status == "stored"
        assert (await orders.publish_many([Order("3"), Order("4")])).stored == 2
        with pytest.raises(TypeError, match=r"customer\.orders takes Order, not dict"):
            await orders.publish({"id": "5"})  # type: ignore[arg-type]  # what a type checker would see
        with pytest.raises(TypeError, match="not int"):
            await orders.publish_many([Order("6"), 7])  # type: ignore[list-item]  # what a type checker would see
    assert sum(len(request.events) for request in transport.requests) == 5
