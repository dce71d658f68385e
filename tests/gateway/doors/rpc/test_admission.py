"""The first look at a call, before its request is read: who meets its method, and who is told to come back."""

import pytest
from tests.gateway.doors.rest.conftest import TOPIC
from tests.gateway.doors.rpc.conftest import Opener, RpcGate, event, refused

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.doors.rpc.admission import FirstLook
from tidegate_gateway.doors.rpc.methods import Crowd, Method, Methods
from tidegate_gateway.edge.grpc.settings import RpcSettings
from tidegate_gateway.intake.memory import MemoryBudget

UNARY, STREAM, CHECK = (
    f"/tidegate.ingest.v1.IngestService/{name}" for name in ("Publish", "PublishStream", "ListTopics")
)
HEALTH = "/grpc.health.v1.Health/Check"


class Rig:
    """What `FirstLook` looks at, and what it gives for a path."""

    def __init__(self, door: RpcGate, most_calls: int = 4) -> None:
        self.methods: Methods = door.server._methods
        self.crowd = Crowd(most_calls)
        self.memory = MemoryBudget(1000)
        self._first_look = FirstLook(self.methods, self.crowd, self.memory)

    def method(self, path: str) -> Method:
        return self._first_look.method(path)

    def takes(self, path: str) -> bool:
        """Whether the call meets its own method."""
        return self.method(path) is self.methods.by_path[path]


def test_a_call_meets_its_method(door: RpcGate) -> None:
    rig = Rig(door)
    assert all(rig.takes(path) for path in (UNARY, STREAM, CHECK, HEALTH))


@pytest.mark.parametrize("path", ["", "/", "/nothing", UNARY + "/", UNARY.upper(), "/\ufffd", f"/{UNARY}"])
def test_a_path_of_nothing_meets_nothing(door: RpcGate, path: str) -> None:
    rig = Rig(door)
    assert rig.method(path) is rig.methods.nowhere


def test_draining_refuses_producers_alone(door: RpcGate) -> None:
    rig = Rig(door)
    rig.crowd.draining = True
    assert not rig.takes(UNARY)
    assert not rig.takes(STREAM)
    assert rig.takes(HEALTH)


def test_a_crowd_refuses_streams_first(door: RpcGate) -> None:
    rig = Rig(door)
    rig.crowd.calls = rig.crowd.streams = 3
    assert (rig.takes(UNARY), rig.takes(STREAM), rig.takes(HEALTH)) == (True, False, True)
    rig.crowd.calls = 4
    assert (rig.takes(UNARY), rig.takes(STREAM), rig.takes(HEALTH)) == (False, False, True)


def test_full_memory_refuses_until_there_is_some(door: RpcGate) -> None:
    rig = Rig(door)
    with rig.memory.reserve(1000):
        assert (rig.takes(UNARY), rig.takes(HEALTH)) == (False, True)
    assert rig.takes(UNARY)


async def test_who_is_refused_is_told_when_to_come_back(open_door: Opener) -> None:
    door = await open_door(rpc=RpcSettings(max_calls=1))
    stream = door.stream()
    await stream.write(pb.PublishRequest(topic=TOPIC, events=[event()]))
    await stream.read()
    error = await refused(door.publish(event()))
    assert (error.code.name, error.reason) == ("UNAVAILABLE", "OVERLOADED")
    assert error.detail("RetryInfo").retry_delay.seconds >= 1
    assert int(error.trailing["grpc-retry-pushback-ms"]) >= 1000
    assert "as many calls under way" in error.message
    stream.cancel()


async def test_a_drain_is_told_as_one(door: RpcGate) -> None:
    door.server.drain()
    error = await refused(door.publish(event()))
    assert (error.code.name, error.reason) == ("UNAVAILABLE", "OVERLOADED")
    assert "shutting down" in error.message
    assert door.gate.requests == ["grpc overloaded"]
