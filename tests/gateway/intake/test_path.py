"""The path of an event, with in-memory ports: what stops where, in which order, and one line for each event."""

import asyncio
import itertools
import threading
from collections.abc import Iterable, Sequence

import pytest

from tidegate.contracts.codec import FieldDoc, Payload
from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.source import ContractSource, Limits, VersionSource
from tidegate.contracts.verdict import Rejected, Violation
from tidegate.errors import Code
from tidegate.wire.receipt import Stored, Valid
from tidegate_gateway.adapters.local_limiter import LocalLimiter
from tidegate_gateway.adapters.memory_publisher import MemoryPublisher
from tidegate_gateway.intake.catalogue import Catalogue, CatalogueHolder
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.judging import MAX_LISTED
from tidegate_gateway.intake.memory import MemoryBudget
from tidegate_gateway.intake.path import Intake, IntakeSettings
from tidegate_gateway.intake.ports import NotStored, Outcome, RecordRefused, Unknown
from tidegate_gateway.intake.principal import Principal
from tidegate_gateway.intake.submission import Admission, Incoming, Line, Refusal, Request, Submission, Unreadable

ARRIVAL_MS = 1_769_860_800_123


class StartsWithBrace:
    """A codec that takes `{...`, keyed by the body."""

    media_types = frozenset({"application/json"})
    has_key = True

    def check(self, body: bytes, media_type: str) -> Payload | Rejected:
        if body.startswith(b"{"):
            return Payload(b"framed:" + body, body, None, 1)
        wrong = Violation(pointer="#", rule="type", detail="is no object")
        return Rejected(violations=(wrong,) * max(1, body.count(b"!")), omitted=body.count(b"?"), malformed=body == b"")

    def key_bytes(self, key: str | bytes) -> bytes:
        return key.encode() if isinstance(key, str) else key

    def fields(self) -> tuple[FieldDoc, ...]:
        return ()

    def example(self) -> bytes:
        return b"{}"


class Remembers:
    """An observer that keeps what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[Line], list[int], bool]] = []

    def told(
        self, admission: Admission, lines: Sequence[Line], stored_times_ms: Sequence[int], publish_s: float | None
    ) -> None:
        self.calls.append((list(lines), list(stored_times_ms), publish_s is not None))


class NoTokens:
    async def authenticate(self, token: str | None) -> Principal:
        raise AssertionError("not asked here")


def contract(topic: str = "t", **live: object) -> CompiledContract:
    versions = {}
    for number in (1, 2):
        source = VersionSource(
            number=number, schema_id=10 + number, format="avro", schema="{}", key="k", tombstones="allow"
        )
        versions[number] = CompiledVersion(topic, source, StartsWithBrace())
    return CompiledContract(ContractSource(topic=topic, id=topic, versions=(), **live), versions)  # type: ignore[arg-type]


class World:
    """An intake with everything in memory, and ways to look at it."""

    def __init__(
        self, *, live: dict[str, object] | None = None, script: Iterable[Outcome | None] = (), **settings: object
    ) -> None:
        self.catalogue = CatalogueHolder(Catalogue(contracts={"t": contract(**(live or {}))}))
        self.publisher = MemoryPublisher(script=script)
        self.memory = MemoryBudget(10_000)
        self.observer = Remembers()
        ids = (f"made-{n}" for n in itertools.count())
        self.intake = Intake(
            authenticator=NoTokens(), catalogue=self.catalogue, limiter=LocalLimiter(now_s=lambda: 0.0), memory=self.memory,
            publisher=self.publisher, observer=self.observer, settings=IntakeSettings(**settings), new_id=lambda: next(ids),  # type: ignore[arg-type]
        )  # fmt: skip

    def admit(
        self,
        topic: str = "t",
        *,
        scopes: str = "publish:t",
        roles: str = "",
        version: int | None = None,
        size: int = 0,
        trace: str = "",
    ) -> Admission:
        principal = Principal.of(
            issuer="i", subject="s", scopes=frozenset(scopes.split()), roles=frozenset(roles.split())
        )
        request = Request(id="r", door="rest", arrival_ms=ARRIVAL_MS, traceparent=trace)
        return self.intake.admit(request, principal, topic, version, size)

    async def accept(self, *events: Incoming | Unreadable, **admission: object) -> list[Line]:
        return (await self.intake.accept(self.admit(**admission), submission(*events))).lines  # type: ignore[arg-type]


def submission(*events: Incoming | Unreadable) -> Submission:
    return Submission(
        events=events, count=len(events), size_bytes=sum(len(e.body) for e in events if isinstance(e, Incoming))
    )


def refused(code: Code):
    return pytest.raises(Fault, check=lambda fault: isinstance(fault, Fault) and fault.code is code)


async def test_a_good_event_is_stored_and_says_where() -> None:
    world = World()
    (line,) = await world.accept(
        Incoming(body=b"{}", id="e-1", headers=(("h", b"v"),)), trace="00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    )
    (record,) = world.publisher.records("t")
    assert line == Stored(id="e-1", partition=line.partition, offset=0, version=2, schema_id=12, dropped=1)  # type: ignore[union-attr]
    assert (record.key, record.value, record.timestamp_ms) == (b"{}", b"framed:{}", ARRIVAL_MS)
    assert list(record.headers) == [
        ("h", b"v"),
        ("tidegate-id", b"e-1"),
        ("tidegate-version", b"2"),
        ("tidegate-time", b"2026-01-31T12:00:00.123Z"),
        ("traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"),
    ]
    assert world.observer.calls == [([line], [ARRIVAL_MS], True)]


async def test_one_line_for_each_event_in_their_order() -> None:
    world = World()
    bad = Violation(pointer="#/x", rule="unknown_field", detail="is no member")
    lines = await world.accept(
        Incoming(body=b"{1}"),
        Unreadable(violations=(bad,), id="u"),
        Incoming(body=b"[]", id="v"),
        Incoming(body=b"", id="m"),
        Incoming(body=b"{2}", id="bad id"),
        Incoming(body=b"{3}", version=0),
        Incoming(body=b"{4}", version=3),
        Incoming(body=b"{5}", version=1),
        Incoming(body=b"null", key="gone"),
    )
    assert [line.code if isinstance(line, Refusal) else type(line) for line in lines] == [
        Stored, Code.MALFORMED, Code.CONTRACT_VIOLATION, Code.MALFORMED, Code.MALFORMED, Code.MALFORMED,
        Code.VERSION_NOT_HERE_YET, Stored, Stored,
    ]  # fmt: skip
    assert [line.id for line in lines] == ["made-0", "u", "v", "m", "", "made-1", "made-2", "made-3", "made-4"]
    assert [record.value for record in world.publisher.records("t") if record.key == b"gone"] == [None]
    assert len(world.publisher.records("t")) == 3
    assert lines[2].judged_by is not None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("outcome", "code", "wait"),
    [
        (NotStored(Code.BROKER_UNAVAILABLE, "away", 3.0), Code.BROKER_UNAVAILABLE, 3.0),
        (Unknown("no acknowledgement"), Code.OUTCOME_UNKNOWN, 1.0),
        (RecordRefused(Code.TOO_LARGE, "too large"), Code.TOO_LARGE, None),
        (
            RecordRefused(
                Code.CONTRACT_VIOLATION, "time", Violation(pointer="#", rule="event_time", detail="is out of bounds")
            ),
            Code.CONTRACT_VIOLATION,
            None,
        ),
    ],
)
async def test_what_the_publisher_says_is_told(outcome: Outcome, code: Code, wait: float | None) -> None:
    world = World(script=[outcome])
    (line,) = await world.accept(Incoming(body=b"{}"))
    assert isinstance(line, Refusal)
    assert (line.code, line.retry_after_s) == (code, wait)
    assert world.observer.calls[0][1] == []


async def test_after_a_failure_the_key_s_later_events_are_not_attempted() -> None:
    world = World(script=[NotStored(Code.BROKER_UNAVAILABLE, "away")])
    lines = await world.accept(Incoming(body=b"{k}"), Incoming(body=b"{k}"))
    assert [line.code for line in lines if isinstance(line, Refusal)] == [Code.BROKER_UNAVAILABLE, Code.AFTER_FAILURE]


async def test_a_submission_lists_so_many_violations_and_counts_the_others() -> None:
    """Three megabytes of bad events were answered with seventy."""
    lines = await World().accept(*[Incoming(body=b"!" * 25 + b"?") for _ in range(102)], Incoming(body=b"!!"))
    told = [(len(line.violations), line.omitted) for line in lines if isinstance(line, Refusal)]
    assert told == [(25, 1)] * (MAX_LISTED // 25) + [(1, 25)] * 2 + [(1, 1)]
    assert all(line.detail.endswith("and 21 more") for line in lines[:-1] if isinstance(line, Refusal))


async def test_validate_publishes_nothing_and_spends_the_allowance() -> None:
    world = World(live={"limits": Limits(events_per_second=1, burst_seconds=2)})
    told = await world.intake.validate(
        world.admit(), submission(Incoming(body=b"{}", id="a"), Incoming(body=b"[]", id="b"))
    )
    assert told.lines[0] == Valid(id="a", version=2, schema_id=12, dropped=1)
    assert isinstance(told.lines[1], Refusal)
    assert world.publisher.records("t") == []
    assert [quota.remaining for quota in told.quotas] == [0]
    with refused(Code.RATE_LIMITED):
        await world.accept(Incoming(body=b"{}"))


async def test_limits_stop_a_whole_submission() -> None:
    world = World(live={"limits": Limits(events_per_second=1, burst_seconds=2)})
    with refused(Code.TOO_LARGE) as caught:
        await world.accept(*[Incoming(body=b"{}")] * 3)
    assert caught.value.max_events == 2
    world = World(max_batch_events=2)
    with refused(Code.TOO_LARGE) as caught:
        await world.accept(*[Incoming(body=b"{}")] * 3)
    assert caught.value.max_events == 2
    assert world.publisher.records("t") == []


async def test_the_gateway_s_limits_where_the_contract_has_none() -> None:
    world = World(limits=Limits(events_per_second=1, burst_seconds=1))
    await world.accept(Incoming(body=b"{}"))
    with refused(Code.RATE_LIMITED) as caught:
        await world.accept(Incoming(body=b"{}"))
    assert caught.value.retry_after_s == pytest.approx(1.0)


async def test_size_counts_input_and_record() -> None:
    world = World(live={"max_event_bytes": 120})
    lines = await world.accept(
        Incoming(body=b"{" + b" " * 120),
        Incoming(body=b"{" + b" " * 60),
        Incoming(body=b"{}"),
        Incoming(body=b"{}", headers=(("h", b"v" * 60),)),
    )
    assert [line.code if isinstance(line, Refusal) else "stored" for line in lines] == [
        Code.TOO_LARGE,
        Code.TOO_LARGE,
        "stored",
        Code.TOO_LARGE,
    ]


async def test_rights_are_asked_before_the_catalogue() -> None:
    world = World(live={"roles": ("writer", "client:i/s2")})
    with refused(Code.FORBIDDEN) as there:
        world.admit("t", scopes="publish:other")
    with refused(Code.FORBIDDEN) as missing:
        world.admit("missing", scopes="publish:other")
    assert there.value.detail.replace(":t", ":missing") == missing.value.detail
    with refused(Code.UNKNOWN_TOPIC):
        world.admit("missing", scopes="publish:*")
    with refused(Code.FORBIDDEN):
        world.admit(roles="client:i/s2 reader")
    assert world.admit(roles="writer").contract.topic == "t"


@pytest.mark.parametrize("topic", ["", ".", "..", "__consumer_offsets", "a/b", "a b", "ü", "x" * 250, "a%2Fb"])
def test_what_is_no_topic(topic: str) -> None:
    with refused(Code.MALFORMED):
        World().admit(topic, scopes="publish:*")


def test_versions_are_found_before_the_body_is_read() -> None:
    world = World()
    with refused(Code.UNKNOWN_VERSION):
        world.admit(version=0)
    with refused(Code.VERSION_NOT_HERE_YET):
        world.admit(version=3)


async def test_a_retired_contract_takes_nothing_and_a_pinned_one_wants_a_version() -> None:
    with refused(Code.RETIRED):
        World(live={"status": "retired"}).admit()
    lines = await World(live={"inputs": "pinned"}).accept(Incoming(body=b"{}"), Incoming(body=b"{}", version=1))
    assert [line.code if isinstance(line, Refusal) else "stored" for line in lines] == [Code.UNKNOWN_VERSION, "stored"]


def test_memory_is_reserved_and_given_back() -> None:
    world = World()
    admission = world.admit(size=9_000)
    with refused(Code.OVERLOADED):
        world.admit(size=2_000)
    admission.reservation.release()
    with world.admit(size=2_000).reservation:
        assert world.memory.used_bytes == 2_000
    assert world.memory.used_bytes == 0
    with refused(Code.TOO_LARGE):
        world.admit(size=20_000)
    assert world.memory.used_bytes == 0


async def test_a_submission_keeps_its_snapshot_over_a_reload() -> None:
    world = World()
    admission = world.admit()
    world.catalogue.swap(Catalogue())
    told = await world.intake.accept(admission, submission(Incoming(body=b"{}")))
    assert isinstance(told.lines[0], Stored)
    with refused(Code.UNKNOWN_TOPIC):
        world.admit()


def test_a_closed_intake_admits_nothing() -> None:
    world = World()
    world.intake.close()
    with refused(Code.OVERLOADED):
        world.admit()


async def test_a_long_batch_lets_others_run() -> None:
    """Judging 4,000 events takes far longer than one turn: a neighbour's ticks come in between."""
    world = World()
    ticks = 0

    async def neighbour() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(neighbour())
    await asyncio.sleep(0)
    before = ticks
    await world.intake.validate(
        world.admit(),
        Submission(events=(Incoming(body=b"{" + b"x" * n + b"}") for n in range(4000)), count=4000, size_bytes=0),
    )
    task.cancel()
    assert ticks > before


class WaitsForTheLoop(StartsWithBrace):
    """Judges a long value only while the loop turns."""

    def __init__(self) -> None:
        self.turned = threading.Event()

    def check(self, body: bytes, media_type: str) -> Payload | Rejected:
        assert len(body) < 100 or self.turned.wait(20)
        return super().check(body, media_type)


async def test_a_long_value_is_judged_beside_the_loop_and_in_its_place() -> None:
    """A megabyte of empty Protobuf messages took 3 seconds, and nobody was answered meanwhile."""
    codec = WaitsForTheLoop()
    source = VersionSource(number=1, schema_id=11, format="avro", schema="{}", key="k")
    version = CompiledVersion("t", source, codec)
    live = CompiledContract(ContractSource(topic="t", id="t", versions=()), {1: version})
    world = World()
    world.catalogue.swap(Catalogue(contracts={"t": live}))
    asyncio.get_running_loop().call_soon(codec.turned.set)
    bodies = [b"{a", b"!", b"{" + b"x" * 70_000, b"{b", b"!" * 70_000, b"{c"]
    lines = await world.accept(*[Incoming(body=body) for body in bodies])
    kinds = [type(line) for line in lines]
    assert kinds == [Stored, Refusal, Stored, Stored, Refusal, Stored]
    stored = [record.value for partition in world.publisher.topics["t"] for record in partition]
    assert sorted(map(str, stored)) == sorted(str(b"framed:" + body) for body in bodies if body[:1] == b"{")
    assert [line.id for line in lines] == [f"made-{place}" for place in range(len(bodies))]


async def test_events_in_flight_are_counted_and_given_back() -> None:
    world = World()
    seen: list[int] = []

    def events():
        seen.append(world.memory.events)
        yield Incoming(body=b"{}")

    await world.intake.accept(world.admit(), Submission(events=events(), count=1, size_bytes=2))
    assert (seen, world.memory.events) == ([1], 0)


async def test_events_whose_sender_goes_before_kafka_answers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be stored: metrics without them would show less than the topic holds."""
    world = World()
    waits = asyncio.Event()

    async def never(*_: object, **__: object) -> Sequence[Outcome]:
        waits.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(world.publisher, "publish", never)
    accepting = asyncio.create_task(world.accept(Incoming(body=b"{}"), Incoming(body=b"[")))
    await waits.wait()
    accepting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await accepting
    ((lines, times_ms, _),) = world.observer.calls
    codes = [line.code for line in lines if isinstance(line, Refusal)]
    assert codes == [Code.OUTCOME_UNKNOWN, Code.CONTRACT_VIOLATION]
    assert (times_ms, world.memory.events) == ([], 0)


async def test_a_sender_in_a_hurry_accuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own deadline ends its wait; the publisher keeps its time, for a batch that is late there is a producer's fault."""
    world = World()
    told: list[float] = []

    async def never(*_: object, timeout_s: float) -> Sequence[Outcome]:
        told.append(timeout_s)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(world.publisher, "publish", never)
    admission = world.admit()
    admission.request = Request(id="r", door="grpc", arrival_ms=ARRIVAL_MS, time_left_s=0.01)
    (line,) = (await world.intake.accept(admission, submission(Incoming(body=b"{}")))).lines
    assert isinstance(line, Refusal)
    assert line.code is Code.OUTCOME_UNKNOWN
    assert told == [world.intake.settings.delivery_timeout_s]
