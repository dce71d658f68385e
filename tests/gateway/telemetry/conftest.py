"""An admission to a topic, and lines of a receipt, as the intake hands them to its observers."""

from collections.abc import Callable

import pytest

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.source import ContractSource, VersionSource
from tidegate.contracts.verdict import Rejected
from tidegate_gateway.intake.catalogue import BrokenContract, Catalogue, CatalogueHolder
from tidegate_gateway.intake.memory import MemoryBudget
from tidegate_gateway.intake.principal import Principal
from tidegate_gateway.intake.submission import Admission, Request

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class SilentCodec:
    """A codec for contracts that are only named here, never asked."""

    media_types = frozenset({"application/json"})
    has_key = False

    def check(self, body: bytes, media_type: str) -> Rejected:
        return Rejected(violations=())

    def key_bytes(self, key: str | bytes) -> bytes:
        return key if isinstance(key, bytes) else key.encode()

    def fields(self) -> tuple[()]:
        return ()

    def example(self) -> bytes:
        return b"{}"


def contract(topic: str) -> CompiledContract:
    version = VersionSource(number=1, schema_id=7, format="avro", schema='"string"')
    source = ContractSource(topic=topic, id=f"urn:test:{topic}", versions=(version,))
    return CompiledContract(source, {1: CompiledVersion(topic, version, SilentCodec())})


@pytest.fixture
def catalogue() -> CatalogueHolder:
    broken = BrokenContract(contract="bad", file="contracts/bad.yaml", line=3, column=1, detail="status: activ")
    topics = ("customer.orders", "customer.profiles")
    return CatalogueHolder(Catalogue(contracts={topic: contract(topic) for topic in topics}, broken=(broken,)))


@pytest.fixture
def admit(catalogue: CatalogueHolder) -> Callable[..., Admission]:
    def admitted(topic: str = "customer.orders", door: str = "rest", subject: str = "web-shop") -> Admission:
        return Admission(
            request=Request(id="0198-request", door=door, arrival_ms=1_000_000, traceparent=TRACEPARENT),
            principal=Principal(issuer="dev", subject=subject),
            contract=catalogue.current.contracts[topic],
            version=None,
            reservation=MemoryBudget(1000).reserve(10),
        )

    return admitted
