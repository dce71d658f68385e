"""The contracts served at one moment. A submission takes one snapshot and keeps it to its end; reload swaps the whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.services import ServiceSource
from tidegate.contracts.wording import did_you_mean
from tidegate.errors import Code
from tidegate_gateway.intake.faults import Fault

__all__ = ["BrokenContract", "Catalogue", "CatalogueHolder", "find_contract", "find_version", "unknown_topic"]

_NEAR = 0.8
"""Topics of one domain begin alike: `customer.nothing` is not meant for `customer.profiles`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenContract:
    """One thing wrong with a contract that is not served (or not as its file says now). Lines and columns count from 1.

    `contract` is the topic, or the file's name where none can be read: several faults of one contract share it.
    """

    contract: str
    file: str
    line: int
    column: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """One immutable snapshot: contracts by topic, and what could not be served.

    `routes` are the typed routes' paths, each with its topic: they come and go with their contracts.
    `clients` are the roles that name one principal (`client:<issuer>/<subject>`), each with the topics it may write.
    `services` are the gRPC services that contracts bring themselves, by full name.
    """

    contracts: Mapping[str, CompiledContract] = field(default_factory=lambda: MappingProxyType({}))
    broken: tuple[BrokenContract, ...] = ()
    services: Mapping[str, ServiceSource] = field(default_factory=lambda: MappingProxyType({}))
    routes: Mapping[bytes, str] = field(init=False)
    clients: Mapping[str, frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        """Gather the routes and the clients."""
        named = ((contract.source.route, topic) for topic, contract in self.contracts.items())
        routes = MappingProxyType({route.encode("ascii"): topic for route, topic in named if route})
        clients: dict[str, set[str]] = {}
        for topic, contract in self.contracts.items():
            for role in contract.source.roles:
                if role.startswith("client:"):
                    clients.setdefault(role, set()).add(topic)
        frozen = MappingProxyType({role: frozenset(topics) for role, topics in clients.items()})
        object.__setattr__(self, "clients", frozen)
        object.__setattr__(self, "routes", routes)  # frozen: this is the one place that may

    @property
    def broken_count(self) -> int:
        """How many contracts have faults, however many each."""
        return len({row.contract for row in self.broken})


class CatalogueHolder:
    """The current snapshot. `swap` is atomic: requests under way keep the one they took."""

    __slots__ = ("current",)

    def __init__(self, catalogue: Catalogue) -> None:
        self.current = catalogue

    def swap(self, catalogue: Catalogue) -> None:
        """From now on, new submissions see this snapshot."""
        self.current = catalogue


def unknown_topic(catalogue: Catalogue, topic: str, sees: Callable[[str], bool]) -> Fault:
    """The refusal of a topic that is not there, with what may have been meant: of topics only that the caller `sees`."""
    hint = did_you_mean(topic, filter(sees, catalogue.contracts), near=_NEAR)
    detail = f"no contract for the topic {topic} is served here" + (f": {hint}" if hint else "")
    return Fault(Code.UNKNOWN_TOPIC, detail, topic=topic)


def find_contract(catalogue: Catalogue, topic: str, sees: Callable[[str], bool]) -> CompiledContract:
    """The topic's contract. Raises `unknown_topic` or `retired`; ask it only after the right to know was checked."""
    contract = catalogue.contracts.get(topic)
    if contract is None:
        raise unknown_topic(catalogue, topic, sees)
    if contract.source.status == "retired":
        raise Fault(Code.RETIRED, f"the contract of {topic} is retired: it takes no more events", topic=topic)
    return contract


def find_version(contract: CompiledContract, number: int | None) -> CompiledVersion:
    """The version that an event names, or the newest. Raises `unknown_version` or `version_not_here_yet`."""
    found = contract.version(number)
    if found is not None:
        if number is None and contract.source.inputs == "pinned":
            raise Fault(
                Code.UNKNOWN_VERSION,
                f"the contract of {contract.topic} wants every event to name its version",
                topic=contract.topic,
            )
        return found
    newest = max(contract.versions)
    if number is not None and number > newest:
        raise Fault(
            Code.VERSION_NOT_HERE_YET,
            f"version {number} of {contract.topic} is not known here yet; the newest is {newest}",
            retry_after_s=5.0,
            topic=contract.topic,
        )
    raise Fault(
        Code.UNKNOWN_VERSION,
        f"{contract.topic} has no version {number}; it has {', '.join(str(n) for n in contract.versions if n)}",
        topic=contract.topic,
    )
