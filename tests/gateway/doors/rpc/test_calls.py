"""One call as every method is given it: who calls, what is read, and what its end carries."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.gateway.doors.rest.conftest import BASE_URL, TOPIC, Gate, make_gate

from tidegate.errors import Code
from tidegate_gateway.doors.problems import Problems
from tidegate_gateway.doors.rpc.calls import Call
from tidegate_gateway.doors.rpc.deps import RpcDeps
from tidegate_gateway.doors.rpc.metadata import Metadata
from tidegate_gateway.doors.rpc.receiving import Receiving
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.limits import Quota
from tidegate_gateway.intake.principal import Principal

GOOD: Metadata = (("authorization", "Bearer good"),)
QUOTA = Quota(name="events", burst=10, window_s=1.0, remaining=3, reset_s=1.0)


class Wire:
    """A context: what was said and asked of it."""

    client = "192.0.2.1"

    def __init__(self, metadata: Metadata = GOOD, left_s: float | None = None, named: str | None = None) -> None:
        self.metadata = metadata
        self.messages: list[bytes | Fault | None] = []
        self.trailing: Metadata = ()
        self.known = 0
        self.part: bool = False
        self._left_s, self._named = left_s, named
        self.asked_certificate = 0

    def certificate(self) -> str | None:
        self.asked_certificate += 1
        return self._named

    def time_left_s(self) -> float | None:
        return self._left_s

    def know(self) -> None:
        self.known += 1

    async def read(self, begun: Callable[[], None] | None = None) -> bytes | None:
        if self.part and begun is not None:
            begun()
        await asyncio.sleep(0)
        message = self.messages.pop(0)
        if isinstance(message, Fault):
            raise message
        return message

    async def write(self, response: bytes) -> None:
        self.messages.append(response)

    async def taken(self) -> None: ...

    def set_trailing(self, trailing: Metadata) -> None:
        self.trailing = trailing

    def succeed(self, response: bytes | None = None) -> None: ...
    def fail(self, status: int, text: str, trailing: Metadata = ()) -> None: ...
    def cancel(self) -> None: ...


class Rig:
    """A call's surroundings."""

    def __init__(self, **deps: Any) -> None:
        self.gate: Gate = make_gate()
        self.deps = RpcDeps(
            intake=self.gate.intake,
            problems=Problems(BASE_URL, lambda: 0.0),
            on_refused=lambda *what: self.gate.refused.append(what),
            now_ms=lambda: 1_800_000_000_000,
            **deps,
        )
        self.let_go: list[Code] = []
        self.receiving: Receiving[Call] = Receiving(10.0, 1, lambda _, fault: self.let_go.append(fault.code))

    def call(self, wire: Wire | None = None) -> Call:
        return Call(wire or Wire(), self.deps, self.receiving)


async def test_who_calls_is_asked_once_and_again_a_minute_later() -> None:
    """So that a stream with an expired token does not publish for ever."""
    rig, wire, now_s = Rig(), Wire(), 0.0
    call = rig.call(wire)
    assert call.principal is None
    for now_s in (0.0, 59.0, 60.0, 61.0, 120.0, 121.5):
        who = await call.authenticate(lambda: now_s)  # noqa: B023 -- called at once
        assert who is call.principal
    assert rig.gate.tokens.seen == ["good"] * 3
    assert wire.known == 3


async def test_a_bad_token_leaves_a_stranger() -> None:
    rig, wire = Rig(), Wire((("authorization", "Bearer bad"),))
    call = rig.call(wire)
    with pytest.raises(Fault) as caught:
        await call.authenticate()
    assert (caught.value.code, call.principal, wire.known) == (Code.UNAUTHENTICATED, None, 0)


async def test_a_certificate_counts_where_there_is_no_token() -> None:
    rig, with_token, without = Rig(), Wire(named="spiffe://x/y"), Wire((), named="spiffe://x/y")
    await rig.call(with_token).authenticate()
    assert with_token.asked_certificate == 0
    who = await rig.call(without).authenticate()
    assert isinstance(who, Principal)
    assert (without.asked_certificate, who.subject) == (1, "spiffe://x/y")


@pytest.mark.parametrize(
    ("left_s", "for_storing_s"),
    [(None, None), (1.0, 0.9), (10.0, 9.75), (0.0, 0.0)],
    ids=["none", "short", "long", "over"],
)
def test_a_deadline_leaves_a_little_for_the_answer(left_s: float | None, for_storing_s: float | None) -> None:
    assert Rig().call(Wire(left_s=left_s)).request.time_left_s == pytest.approx(for_storing_s)


async def test_one_request_or_malformed() -> None:
    rig, wire = Rig(), Wire()
    wire.messages = [b"one", None]
    assert await rig.call(wire).read_one() == b"one"
    for none_or_two in ([None], [b"one", b"two", None]):
        wire.messages = list(none_or_two)
        with pytest.raises(Fault) as caught:
            await rig.call(wire).read_one()
        assert caught.value.code is Code.MALFORMED


@pytest.mark.parametrize("end", [b"message", None, Fault(Code.TOO_LARGE, "long")])
async def test_a_call_reads_as_long_as_it_waits(end: bytes | Fault | None) -> None:
    rig, wire = Rig(), Wire()
    wire.messages = [end]
    call = rig.call(wire)
    reading = asyncio.create_task(call.read_one())
    await asyncio.sleep(0)
    assert call.reading
    assert call in rig.receiving._since_s
    await asyncio.wait([reading])
    assert not call.reading
    assert call not in rig.receiving._since_s
    assert isinstance(reading.exception(), Fault) is not isinstance(end, bytes)


async def test_a_producers_stream_may_be_silent_but_not_within_a_message() -> None:
    rig, wire = Rig(), Wire()
    wire.messages = [b"a", b"b"]
    call = rig.call(wire)
    await call.authenticate()
    for part in (False, True):
        wire.part = part
        reading = asyncio.create_task(call.read())
        await asyncio.sleep(0)
        assert (call in rig.receiving._since_s) is part
        await reading
        assert call not in rig.receiving._since_s


async def test_a_strangers_stream_is_one_of_those_that_wait() -> None:
    rig, wire = Rig(), Wire()
    wire.messages = [b"a"]
    call = rig.call(wire)
    reading = asyncio.create_task(call.read())
    await asyncio.sleep(0)
    assert (call in rig.receiving._strangers, call in rig.receiving._since_s) == (True, False)
    await reading
    assert call not in rig.receiving._strangers


async def test_a_streams_request_is_a_call_of_its_own() -> None:
    rig, wire = Rig(), Wire()
    call = rig.call(wire)
    await call.authenticate()
    one = call.another()
    assert one.request.id != call.request.id
    assert (one.principal, one.head) == (call.principal, call.head)
    one.trailing([QUOTA])
    assert (one.ends_with, call.ends_with) == ((), ()), "the end of the stream is not this request's"
    call.trailing([])
    assert call.ends_with == ()
    call.trailing([QUOTA])
    assert "ratelimit" in dict(call.ends_with)


def test_nobody_is_admitted_before_the_token_was_looked_at() -> None:
    with pytest.raises(Fault) as caught:
        Rig().call().admit(TOPIC, 10)
    assert caught.value.code is Code.INTERNAL


async def test_an_admission_is_given_back() -> None:
    rig = Rig()
    call = rig.call()
    await call.authenticate()
    with call.admit(TOPIC, 10).reservation:
        assert rig.gate.memory.used_bytes > 0
    assert rig.gate.memory.used_bytes == 0
    assert call.topic == TOPIC


async def test_what_is_refused_is_counted_with_its_events_and_owner() -> None:
    rig = Rig()
    call = rig.call()
    stranger = await call.refused(Fault(Code.UNAUTHENTICATED, "no"))
    assert (stranger.owner, stranger.instance) == (None, f"urn:uuid:{call.request.id}")
    await call.authenticate()
    call.topic, call.events = TOPIC, 3
    known = await call.refused(Fault(Code.MALFORMED, "no"))
    assert known.owner is not None
    assert known.topic == TOPIC
    call.events = 0
    await call.refused(Fault(Code.MALFORMED, "no"))
    assert [(topic, code, events) for topic, _, code, events in rig.gate.refused] == [
        ("", Code.UNAUTHENTICATED, 1),
        (TOPIC, Code.MALFORMED, 3),
    ]
