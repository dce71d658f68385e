"""A REST door in memory: a driver of its ASGI application, and ports whose answers a test writes down."""

import asyncio
import json
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from tidegate.contracts.codec import FieldDoc, Payload
from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.framing import avro_frame
from tidegate.contracts.media import AVRO, AVRO_FRAMED, JSON
from tidegate.contracts.source import ContractSource, Limits, Owner, VersionSource
from tidegate.contracts.verdict import Rejected, Violation
from tidegate.errors import Code
from tidegate_gateway.doors.rest.app import RestApp, build_app
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.intake.catalogue import Catalogue, CatalogueHolder
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.limits import Allowance
from tidegate_gateway.intake.memory import MemoryBudget
from tidegate_gateway.intake.path import Intake, IntakeSettings
from tidegate_gateway.intake.ports import Outcome, Record, RecordStored
from tidegate_gateway.intake.principal import Principal
from tidegate_gateway.intake.submission import Admission, Line

BASE_URL = "https://gate.example.com"
TOPIC = "customer.orders"
Message = MutableMapping[str, Any]


@dataclass
class Reply:
    """What came back: status, header fields (names in lower case), body, and the ASGI messages themselves."""

    status: int
    fields: dict[str, str]
    body: bytes
    messages: list[Message]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def drive(
    app: RestApp,
    method: str,
    path: str,
    *,
    headers: Sequence[tuple[str, str | bytes]] = (),
    chunks: Sequence[bytes] = (b"",),
    query: str = "",
    receive: Callable[[], Any] | None = None,
    root_path: str = "",
) -> Reply | None:
    """One request through the application; None where nothing was answered. `path` is raw (percent-encoded)."""
    left = list(chunks)

    async def next_chunk() -> Message:
        if not left:
            return {"type": "http.disconnect"}
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": root_path,
        "headers": [(n.lower().encode(), v if isinstance(v, bytes) else v.encode()) for n, v in headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }
    await app(scope, receive or next_chunk, send)
    if not sent:
        return None
    assert sent[0]["type"] == "http.response.start"
    assert not sent[-1].get("more_body", False)
    fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message["body"] for message in sent[1:])
    return Reply(sent[0]["status"], fields, body, sent)


@dataclass(frozen=True)
class OrderCodec:
    """A schema in few lines: an object with `n`, an int of 1 to 10, and nothing else but a `secret`.

    Its binary form is the one byte of `n`; framed, the Confluent frame stands in front.
    """

    schema_id: int = 12
    media_types: frozenset[str] = frozenset({JSON, AVRO, AVRO_FRAMED})
    has_key: bool = False

    def check(self, body: bytes, media_type: str) -> Payload | Rejected:
        if media_type == JSON:
            try:
                value = msgspec.json.decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                wrong = Violation(pointer="#", rule="malformed", detail="is no JSON")
                return Rejected(violations=(wrong,), malformed=True)
        else:
            frame = avro_frame(self.schema_id) if media_type == AVRO_FRAMED else b""
            if not body.startswith(frame) or len(body) != len(frame) + 1:
                wrong = Violation(pointer="#", rule="encoding", detail="is not one byte", byte_offset=0)
                return Rejected(violations=(wrong,), malformed=True)
            value = {"n": body[-1]}
        return self._judged(value, body)

    def _judged(self, value: object, body: bytes) -> Payload | Rejected:
        wrong = []
        if not isinstance(value, dict):
            wrong.append(Violation(pointer="#", rule="type", detail="is no object"))
        else:
            n = value.get("n")
            if not isinstance(n, int):
                wrong.append(Violation(pointer="#/n", rule="required", detail="is missing", expected="int", docs="n"))
            elif not 1 <= n <= 10:
                wrong.append(Violation(pointer="#/n", rule="range", detail="is outside 1 to 10", docs="n"))
        return Rejected(violations=tuple(wrong)) if wrong else Payload(b"framed" + body, None, None)

    def key_bytes(self, key: str | bytes) -> bytes:
        return key.encode() if isinstance(key, str) else key

    def fields(self) -> tuple[FieldDoc, ...]:
        return (FieldDoc(path="n", type="int", expected="int, 1 to 10"),)

    def example(self) -> bytes:
        return b'{"n":1}'


def contract(topic: str = TOPIC, **live: Any) -> CompiledContract:
    """A contract with the versions 1 and 2."""
    versions = tuple(
        VersionSource(number=n, schema_id=10 + n, format="avro", schema="{}", fingerprint=f"f{n}", tombstones="allow")
        for n in (1, 2)
    )
    source = ContractSource(
        topic=topic, id=f"urn:{topic}", owner=Owner(team="orders", channel="#orders"), versions=versions, **live
    )
    return CompiledContract(source, {v.number: CompiledVersion(topic, v, OrderCodec(v.schema_id)) for v in versions})


class Tokens:
    """Tokens by name: `good` may publish customer.*, `poor` nothing; `crash` is a fault of ours."""

    def __init__(self) -> None:
        self.seen: list[str | None] = []

    async def authenticate(self, token: str | None) -> Principal:
        self.seen.append(token)
        if token == "crash":
            raise ZeroDivisionError("secret detail")
        if token not in {"good", "poor"}:
            reason = f"reason of {token}" if token is not None else ""
            raise Fault(Code.UNAUTHENTICATED, f"said of {token}", challenge=token is not None, reason=reason)
        scopes = frozenset({"publish:customer.*"} if token == "good" else {"publish:other"})
        return Principal.of(issuer="dev", subject=token, scopes=scopes, roles=frozenset())


@dataclass
class Allowances:
    """A limiter that says what it is told to."""

    next: Allowance = field(default_factory=Allowance)
    asked: list[tuple[int, int]] = field(default_factory=list)

    async def take(
        self,
        principal: Principal,
        topic: str,
        events: int,
        size_bytes: int,
        limits: Limits | None,
        topic_limits: Limits | None,
    ) -> Allowance:
        self.asked.append((events, size_bytes))
        return self.next


@dataclass
class Topics:
    """A publisher that stores everything at rising offsets, or answers what a test put down for the next call."""

    stored: list[Record] = field(default_factory=list)
    script: list[Outcome] = field(default_factory=list)
    crash: bool = False

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float) -> Sequence[Outcome]:
        if self.crash:
            raise ZeroDivisionError("secret detail")
        outcomes: list[Outcome] = []
        for record in records:
            outcome = self.script.pop(0) if self.script else RecordStored(0, len(self.stored))
            if isinstance(outcome, RecordStored):
                self.stored.append(record)
            outcomes.append(outcome)
        await asyncio.sleep(0)
        return outcomes

    def ready(self) -> tuple[bool, str]:
        return True, "in memory"


class Silent:
    """An observer that notes how many lines it was told of."""

    def __init__(self) -> None:
        self.lines = 0

    def told(
        self, admission: Admission, lines: Sequence[Line], stored_times_ms: Sequence[int], publish_s: float | None
    ) -> None:
        self.lines += len(lines)


@dataclass
class Gate:
    """The door with its ports, for a test to turn and to look at."""

    tokens: Tokens
    limiter: Allowances
    publisher: Topics
    observer: Silent
    memory: MemoryBudget
    catalogue: CatalogueHolder
    requests: list[str]
    refused: list[tuple[str, str, Code, int]]
    intake: Intake
    app: RestApp
    now_ms: int = 1_800_000_000_000

    async def post(
        self,
        path: str,
        body: bytes | Sequence[bytes] = b"",
        *,
        who: str | None = "good",
        media: str | None = "application/json",
        headers: Sequence[tuple[str, str | bytes]] = (),
        query: str = "",
    ) -> Reply:
        """POST as a client does: with a token, a type and a length."""
        chunks = [body] if isinstance(body, bytes) else list(body)
        fields: list[tuple[str, str | bytes]] = [("host", "gate")]
        if who is not None:
            fields.append(("authorization", f"Bearer {who}"))
        if media is not None:
            fields.append(("content-type", media))
        names = {name.lower() for name, _ in headers}
        if not names & {"content-length", "transfer-encoding"}:
            if isinstance(body, bytes):
                fields.append(("content-length", str(len(body))))
            else:
                fields.append(("transfer-encoding", "chunked"))
        reply = await drive(self.app, "POST", path, headers=[*fields, *headers], chunks=chunks, query=query)
        assert reply is not None
        assert self.memory.used_bytes == 0, "the reservation was not given back"
        return reply

    async def event(self, body: bytes | Sequence[bytes], **more: Any) -> Reply:
        return await self.post(f"/v1/topics/{TOPIC}/events", body, **more)

    async def batch(self, body: bytes | Sequence[bytes], **more: Any) -> Reply:
        return await self.post(f"/v1/topics/{TOPIC}/events:batch", body, **more)

    async def validate(self, body: bytes | Sequence[bytes], **more: Any) -> Reply:
        return await self.post(f"/v1/topics/{TOPIC}/events:validate", body, **more)


def make_gate(
    *contracts: CompiledContract, capacity_bytes: int = 64_000_000, body_timeout_s: float = 10.0, **settings: Any
) -> Gate:
    """A door over contracts (one of customer.orders where none is given)."""
    served = contracts or (contract(),)
    requests: list[str] = []
    refused: list[tuple[str, str, Code, int]] = []
    tokens, limiter, publisher, observer = Tokens(), Allowances(), Topics(), Silent()
    memory = MemoryBudget(capacity_bytes)
    catalogue = CatalogueHolder(Catalogue(contracts={c.topic: c for c in served}))
    intake = Intake(
        authenticator=tokens,
        catalogue=catalogue,
        limiter=limiter,
        memory=memory,
        publisher=publisher,
        observer=observer,
        settings=IntakeSettings(**settings),
        new_id=lambda: "new-id",
    )
    deps = RestDeps(
        intake=intake,
        base_url=BASE_URL,
        body_timeout_s=body_timeout_s,
        on_request=lambda door, code, _: requests.append(f"{door} {code}"),
        on_refused=lambda *what: refused.append(what),
        random=lambda: 0.0,
        now_ms=lambda: 1_800_000_000_000,
    )
    return Gate(tokens, limiter, publisher, observer, memory, catalogue, requests, refused, intake, build_app(deps))


@pytest.fixture
def gate() -> Gate:
    return make_gate()
