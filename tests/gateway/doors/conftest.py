"""A gateway's REST door without a codec, key or broker: two contracts spelled out here, and tokens that are names."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import httpx2
import pytest
from fastapi import FastAPI

from tidegate.contracts.codec import FieldDoc
from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.source import ContractSource, Limits, Owner, ServiceLevel, Support, VersionSource
from tidegate.contracts.verdict import Rejected
from tidegate.errors import Code
from tidegate_gateway.doors.rest.app import build_app
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.intake.catalogue import Catalogue, CatalogueHolder
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.limits import Allowance
from tidegate_gateway.intake.memory import MemoryBudget
from tidegate_gateway.intake.path import Intake, IntakeSettings
from tidegate_gateway.intake.ports import Outcome, Record
from tidegate_gateway.intake.principal import Principal

BASE_URL = "https://gate.example.com"
SCOPES = {
    "reader": {"contracts:read"},
    "orders": {"publish:customer.orders"},
    "customer": {"publish:customer.*"},
    "everything": {"publish:*"},
    "nothing": {"profile"},
    "other": {"publish:stock.levels"},
}
"""Tokens by name, and the scopes that each holds."""

Ask = Callable[..., Awaitable[httpx2.Response]]


@dataclass(frozen=True)
class SpelledCodec:
    """A codec whose fields and example are given; it judges nothing."""

    docs: tuple[FieldDoc, ...]
    text: bytes
    media_types: frozenset[str] = frozenset({"application/json"})
    has_key: bool = True

    def check(self, body: bytes, media_type: str) -> Rejected:
        return Rejected(violations=())

    def key_bytes(self, key: str | bytes) -> bytes:
        return key if isinstance(key, bytes) else key.encode()

    def fields(self) -> tuple[FieldDoc, ...]:
        return self.docs

    def example(self) -> bytes:
        return self.text


class NamedTokens:
    """The authenticator: a token is good where `SCOPES` has it."""

    async def authenticate(self, token: str | None) -> Principal:
        if token is None or token not in SCOPES:
            raise Fault(Code.UNAUTHENTICATED, "no", challenge=token is not None)
        return Principal.of(issuer="dev", subject=token, scopes=frozenset(SCOPES[token]), roles=frozenset())


class Boundless:
    """No limits."""

    async def take(self, *_: object) -> Allowance:
        return Allowance()


class Nowhere:
    """A publisher that these tests never reach."""

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float) -> Sequence[Outcome]:
        raise AssertionError(topic)

    def ready(self) -> tuple[bool, str]:
        return True, ""


class Deaf:
    """An observer that keeps nothing."""

    def told(self, *_: object) -> None:
        return


OLD_FIELDS = (
    FieldDoc(path="orderId", type="string", expected="string (uuid)"),
    FieldDoc(path="coupon", type="string", expected="string", required=False, doc="Gone since version 2."),
)
FIELDS = (
    FieldDoc(path="orderId", type="string", expected="string (uuid)", doc="Who <script>alert(1)</script> & why"),
    FieldDoc(path="placedAt", type="timestamp-millis", expected="timestamp-millis"),
    FieldDoc(path="items", type="array of Item", expected="array, 1 to 50 items"),
    FieldDoc(path="items.coffee", type="Coffee", expected="object"),
    FieldDoc(path="items.coffee.boldness", type="int", expected="int, 1 to 10"),
    FieldDoc(path="email", type="string", expected='string "of" <mail>', sensitive=True),
    FieldDoc(path="note", type="string", expected="string", required=False, default='"<none>"'),
)
EXAMPLE = '{"orderId":"2f1c6b0e-0000-4000-8000-000000000001","note":"it\'s $HOME `x` <b>é"}'.encode()


OLD_SCHEMA = '{"type":"record","name":"Order","fields":[]}'
SCHEMA = '{"type":"record","name":"Order","fields":[{"name":"orderId","type":"string"}]}'


def orders(topic: str = "customer.orders") -> CompiledContract:
    versions = (
        VersionSource(number=1, schema_id=11, format="avro", schema=OLD_SCHEMA, fingerprint="aa" * 32),
        VersionSource(
            number=2,
            schema_id=12,
            format="avro",
            schema=SCHEMA,
            key="orderId",
            event_time="placedAt",
            fingerprint="bb" * 32,
        ),
    )
    source = ContractSource(
        topic=topic,
        id=f"urn:test:{topic}",
        version="2.0.0",
        name="Customer <orders>",
        domain="customer",
        purpose="One order that a customer placed.",
        owner=Owner(team="checkout", channel="#checkout-data", url="https://chat.example.com"),
        support=(
            Support(channel="#checkout-data", url="https://chat.example.com/checkout-data"),
            Support(channel="evil", url="javascript:alert(1)"),
        ),
        service_levels=(ServiceLevel(property="freshness", value="60", unit="s"),),
        roles=("checkout-producer",),
        limits=Limits(events_per_second=500, bytes_per_second=1_000_000),
        max_event_bytes=65536,
        document="id: urn:test # ü\n",
        versions=versions,
    )
    codecs = (SpelledCodec(OLD_FIELDS, b"{}"), SpelledCodec(FIELDS, EXAMPLE))
    compiled = {
        version.number: CompiledVersion(topic, version, codec) for version, codec in zip(versions, codecs, strict=True)
    }
    return CompiledContract(source, compiled)


def status() -> CompiledContract:
    version = VersionSource(
        number=0,
        schema_id=21,
        format="protobuf",
        schema='syntax = "proto3"; // ü\n',
        message="a.B",
        descriptors=b"\x00",
    )
    source = ContractSource(
        topic="customer.order-status", id="urn:test:status", status="retired", inputs="pinned", versions=(version,)
    )
    codec = SpelledCodec((FieldDoc(path="state", type="State", expected="one of PLACED"),), b'{"state":"PLACED"}')
    return CompiledContract(source, {0: CompiledVersion(source.topic, version, codec)})


@pytest.fixture
def deps() -> RestDeps:
    contracts = {contract.topic: contract for contract in (orders(), status(), orders("stock.levels"))}
    intake = Intake(
        authenticator=NamedTokens(),
        catalogue=CatalogueHolder(Catalogue(contracts=contracts)),
        limiter=Boundless(),
        memory=MemoryBudget(1_000_000),
        publisher=Nowhere(),
        observer=Deaf(),
        settings=IntakeSettings(),
    )
    return RestDeps(intake=intake, base_url=BASE_URL, random=lambda: 0.5)


@pytest.fixture
def public_deps(deps: RestDeps) -> RestDeps:
    return replace(deps, public=True)


def door(deps: RestDeps) -> FastAPI:
    return build_app(deps)


def asking(app: FastAPI) -> tuple[httpx2.AsyncClient, Ask]:
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://gate")

    async def ask(path: str, token: str | None = None, *, basic: bool = False, **headers: str) -> httpx2.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            plain = base64.b64encode(f"x:{token}".encode()).decode()
            sent["Authorization"] = f"Basic {plain}" if basic else f"Bearer {token}"
        return await client.get(path, headers=sent)

    return client, ask


@pytest.fixture
async def ask(deps: RestDeps) -> AsyncIterator[Ask]:
    client, asked = asking(door(deps))
    async with client:
        yield asked


@pytest.fixture
async def ask_public(public_deps: RestDeps) -> AsyncIterator[Ask]:
    client, asked = asking(door(public_deps))
    async with client:
        yield asked
