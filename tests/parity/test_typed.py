"""A contract's own service beside REST: coffeeco's orders, one by one, through both give the same verdict, record and count.

Each row is posted as `application/x-protobuf` and sent by TrackOrder, to a gateway of its own, the same in everything but the door.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from tests.gateway.doors.rest.conftest import make_gate
from tests.gateway.doors.rpc.conftest import Refused, bearer, opened

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.media import PROTOBUF
from tidegate.contracts.services import ServiceSource
from tidegate.errors import Code, row
from tidegate.repository.folder import load
from tidegate.repository.services import read_services
from tidegate_gateway.doors.rpc.status import field_path, reason_of
from tidegate_gateway.intake.catalogue import Catalogue
from tidegate_gateway.intake.limits import Allowance, Quota
from tidegate_gateway.intake.ports import NotStored, Outcome, RecordRefused, Unknown

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
TOPIC = "customer.order-status"
METHOD = "/coffeeco.customer.v1.CustomerService/TrackOrder"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
QUOTA = Quota(name="events", burst=100, window_s=2.0, remaining=0, reset_s=2.5)


@dataclass(frozen=True)
class Served:
    """coffeeco's contract and service, and the message's class."""

    contract: CompiledContract
    service: ServiceSource
    order: type[Message]


@pytest.fixture(scope="module")
def served() -> Served:
    contracts = {one.topic: one for one in load(SCHEMAS, working_copies=False).contracts}
    (service,) = read_services(SCHEMAS, {topic: one.source for topic, one in contracts.items()}).services.values()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(service.descriptors).file:
        pool.Add(file)
    order = message_factory.GetMessageClass(pool.FindMessageTypeByName("coffeeco.customer.v1.Order"))
    return Served(contracts[TOPIC], service, order)


@dataclass(frozen=True)
class Row:
    """What changes of a good order (or its bytes), what goes beside it, and what the gateway is like."""

    changes: dict[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    more: bytes = b""
    beside: tuple[tuple[str, str], ...] = ()
    who: str | None = "good"
    script: tuple[Outcome, ...] = ()
    allowance: Allowance = field(default_factory=Allowance)
    settings: dict[str, Any] = field(default_factory=dict)


ROWS = {
    "stored": Row(),
    "what goes beside it": Row(beside=(("event-id", "e-1"), ("event-header-colour", "red"), ("traceparent", TRACE))),
    "its version": Row(beside=(("event-version", "1"),)),
    "the key as it is": Row(beside=(("event-key", "5b1e2c1e-3b0a-4e0e-9c1e-1a2b3c4d5e6f"),)),
    "another key": Row(beside=(("event-key", "other"),)),
    "a time of its own that is none": Row(beside=(("event-time", "yesterday"),)),
    "one rule broken": Row({"order_id": "no uuid"}),
    "a rule of the message": Row({"status": 3}),
    "several rules broken": Row({"order_id": "", "status": 0}),
    "a status that no one declared": Row({"status": 9}),
    "nothing at all": Row(body=b""),
    "an unknown field": Row(more=b"\xa0\x06\x01"),
    "a field of another type": Row(body=b"\x08\x01"),
    "bytes that end too early": Row(body=b"\x0a\x24ab"),
    "text that is not UTF-8": Row(body=b"\x0a\x02\xff\xfe"),
    "a group": Row(body=b"\x0b\x0c"),
    "a bad id": Row(beside=(("event-id", "two words"),)),
    "a reserved header": Row(beside=(("event-header-tidegate-id", "x"),)),
    "a version that is none": Row(beside=(("event-version", "zero"),)),
    "a version that is not here yet": Row(beside=(("event-version", "9"),)),
    "too large": Row(settings={"max_event_bytes": 50}),
    "no token": Row(who=None),
    "a bad token": Row(who="bad"),
    "not allowed": Row(who="poor"),
    "over the limit": Row(allowance=Allowance(wait_s=2.5, quotas=(QUOTA,))),
    "a cost above the burst": Row(allowance=Allowance(max_events=5, quotas=(QUOTA,))),
    "no room": Row(settings={"capacity_bytes": 50}),
    "broker away": Row(script=(NotStored(Code.BROKER_UNAVAILABLE, "away", 3.0),)),
    "outcome unknown": Row(script=(Unknown("no acknowledgement"),)),
    "refused by the topic": Row(script=(RecordRefused(Code.TOO_LARGE, "too large"),)),
    "a fault of ours": Row(who="crash"),
}


def body_of(served: Served, asked: Row) -> bytes:
    if asked.body is not None:
        return asked.body
    order: Any = served.order(order_id="5b1e2c1e-3b0a-4e0e-9c1e-1a2b3c4d5e6f", status=2)
    order.changed_at.seconds = 1_769_861_100
    order.coffees.add(name="Sidamo", boldness=5, quantity=1)
    for name, value in asked.changes.items():
        setattr(order, name, value)
    return bytes(order.SerializeToString()) + asked.more


@pytest.mark.parametrize("name", ROWS)
async def test_both_doors_say_the_same(served: Served, name: str) -> None:
    asked = ROWS[name]
    body = body_of(served, asked)

    rest = make_gate(served.contract, **asked.settings)
    rest.limiter.next, rest.publisher.script = asked.allowance, list(asked.script)
    answer = await rest.post(f"/v1/topics/{TOPIC}/events", body, who=asked.who, media=PROTOBUF, headers=asked.beside)

    async with opened(served.contract, **asked.settings) as door:
        gate = door.gate
        gate.limiter.next, gate.publisher.script = asked.allowance, list(asked.script)
        services = {served.service.name: served.service}
        gate.catalogue.swap(Catalogue(contracts=gate.catalogue.current.contracts, services=services))
        door.server.refresh()
        error: Refused | None = None
        try:
            response = await door.channel.unary_unary(METHOD)(
                body, metadata=bearer(asked.who) + asked.beside, timeout=10
            )
            assert response == b"\x08\xc8\x01\x12\x06stored"
        except grpc.aio.AioRpcError as refused:
            error = Refused(refused)

    assert gate.publisher.stored == rest.publisher.stored
    assert [cost for cost in gate.limiter.asked if any(cost)] == [cost for cost in rest.limiter.asked if any(cost)]
    assert gate.observer.lines == rest.observer.lines
    assert [(topic, code, events) for topic, _, code, events in gate.refused] == [
        (topic, code, events) for topic, _, code, events in rest.refused
    ]
    assert [f"grpc {code.split()[1]}" for code in rest.requests] == gate.requests
    if answer.status == 200:
        assert error is None
        return
    assert error is not None
    problem = answer.json
    assert error.code is getattr(grpc.StatusCode, row(Code(problem["code"])).grpc)
    assert error.reason == problem["code"].upper()
    assert error.message == problem["detail"]
    told = [(field_path(one["pointer"]), reason_of(one["rule"])) for one in problem.get("errors", [])]
    assert error.fields == told
