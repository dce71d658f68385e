"""Requests that are on their way: who has to go where too many are, or one takes too long."""

from contextlib import AsyncExitStack

from tests.gateway.doors.rest.conftest import TOPIC
from tests.gateway.doors.rpc.conftest import Http2, Opener, RpcGate, event, frame, headers, message

from tidegate.errors import Code
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.doors.rpc.receiving import MOST_STRANGERS, Receiving
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.principal import Principal

CHECK = b"/grpc.health.v1.Health/Check"
PUBLISH = b"/tidegate.ingest.v1.IngestService/Publish"
AUTHORIZED = (b"authorization", b"Bearer good")
DATA, HEADERS, RESET = 0, 1, 3
END_STREAM, END_HEADERS = 1, 4


class Someone:
    """A call: of a stranger, or of a producer."""

    def __init__(self, principal: Principal | None = None) -> None:
        self.principal = principal


KNOWN = Principal(issuer="dev", subject="someone")


class Seen:
    """Calls that were let go, with their codes."""

    def __init__(self, timeout_s: float = 10.0, most_slow: int = 2) -> None:
        self.gone: list[tuple[Someone, Code]] = []
        self.receiving: Receiving[Someone] = Receiving(timeout_s, most_slow, self._let_go)

    def _let_go(self, call: Someone, fault: Fault) -> None:
        self.gone.append((call, fault.code))


def test_of_too_many_strangers_the_oldest_goes_at_once() -> None:
    seen = Seen()
    calls = [Someone() for _ in range(MOST_STRANGERS + 3)]
    for call in calls:
        seen.receiving.begun(call, 0.0, timed=True)
    assert seen.gone == [(call, Code.OVERLOADED) for call in calls[:3]]


def test_strangers_who_have_read_are_not_in_the_way() -> None:
    seen = Seen()
    for _ in range(3 * MOST_STRANGERS):
        call = Someone()
        seen.receiving.begun(call, 0.0, timed=True)
        seen.receiving.ended(call)
    assert seen.gone == []


def test_any_number_of_producers_may_begin_to_send() -> None:
    seen = Seen()
    for _ in range(1000):
        seen.receiving.begun(Someone(KNOWN), 0.0, timed=True)
    seen.receiving.sweep(0.9)
    assert seen.gone == []


def test_of_too_many_slow_producers_the_oldest_go() -> None:
    seen = Seen(most_slow=2)
    calls = [Someone(KNOWN) for _ in range(5)]
    for at_s, call in enumerate(calls):
        seen.receiving.begun(call, at_s / 10, timed=True)
    seen.receiving.sweep(1.35)
    assert seen.gone == [(calls[0], Code.OVERLOADED), (calls[1], Code.OVERLOADED)]
    seen.receiving.sweep(1.35)
    assert len(seen.gone) == 2


def test_a_request_that_takes_too_long_ends_its_call_alone() -> None:
    seen = Seen(timeout_s=10.0)
    early, late, stream = Someone(KNOWN), Someone(KNOWN), Someone()
    seen.receiving.begun(stream, 0.0, timed=False)
    seen.receiving.begun(early, 0.0, timed=True)
    seen.receiving.begun(late, 5.0, timed=True)
    seen.receiving.sweep(10.1)
    assert seen.gone == [(early, Code.TIMEOUT)]


def half(body: bytes) -> bytes:
    return message(body)[:-1]


async def test_strangers_who_send_half_of_their_requests_take_the_room_of_few(door: RpcGate) -> None:
    """Health asks for no token: without a bound, each such call kept nine megabytes for ten seconds."""
    async with AsyncExitStack() as stack:
        connection = await Http2.open(door.server.address)
        stack.push_async_callback(connection.close)
        many = MOST_STRANGERS + 20
        for number in range(many):
            stream = 2 * number + 1
            connection.send(
                frame(HEADERS, END_HEADERS, stream, headers(CHECK)), frame(DATA, 0, stream, half(b"x" * 100))
            )
        ended: set[int] = set()

        def twenty(kind: int, flags: int, stream: int) -> bool:
            if stream and (kind == RESET or (kind == HEADERS and flags & END_STREAM)):
                ended.add(stream)
            return len(ended) == 20

        await connection.frames(twenty)
        assert ended == {2 * number + 1 for number in range(20)}, "the oldest"
        assert (await door.publish(event())).results[0].status == pb.STATUS_STORED


async def test_whoever_is_let_go_is_told_and_counted(open_door: Opener) -> None:
    door = await open_door(read_timeout_s=0.2)
    connection = await Http2.open(door.server.address)
    body = pb.PublishRequest(topic=TOPIC, events=[event()]).SerializeToString()
    connection.send(frame(HEADERS, END_HEADERS, 1, headers(PUBLISH, AUTHORIZED)), frame(DATA, 0, 1, half(body)))
    seen = await connection.frames(lambda _, flags, stream: stream == 1 and bool(flags & END_STREAM))
    await connection.close()
    assert b"grpc-status-details-bin" in seen[-1][3]
    assert door.gate.requests == ["grpc timeout"]
