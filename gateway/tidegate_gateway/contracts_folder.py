"""A schemas folder as a snapshot of the catalogue: what is sound is served, what broke stays as it was. Called by `app`.

Nothing here watches the folder (`file_changes` does) and nothing judges events.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.services import ServiceSource
from tidegate.contracts.source import ContractSource
from tidegate.repository.folder import Loaded, contract_name, load
from tidegate.repository.services import read_services
from tidegate_gateway.intake.catalogue import BrokenContract, Catalogue

__all__ = ["read_catalogue", "watched_paths"]

_SERVED = ("contracts", "released", "released.lock")
_EDITED = ("avro", "proto")

Contracts = Mapping[str, CompiledContract]
Services = Mapping[str, ServiceSource]


def watched_paths(folder: Path, *, working_copies: bool, services: bool = False) -> tuple[Path, ...]:
    """What `read_catalogue` reads below a schemas folder: a change of anything else means nothing to it.

    `services`: whether those of contracts are served, which live in proto/.
    """
    edited = _EDITED if working_copies else _EDITED[1:] if services else ()
    return tuple(folder / name for name in (*_SERVED, *edited))


def read_catalogue(
    folder: Path,
    *,
    working_copies: bool,
    known: Contracts = MappingProxyType({}),
    services: Services | None = None,
    with_ids: Callable[[ContractSource], ContractSource] | None = None,
) -> Catalogue:
    """A schemas folder as a snapshot; what `known` holds and did not change is not compiled again.

    A contract of `known` whose file is broken now stays as it was, and the catalogue says so. So do all where nothing can be
    read, as while a folder is being replaced. The same holds for services of contracts: `services` are those served now, None
    where there is no door for them. `with_ids` gives contracts the schema ids of another registry.
    """
    loaded = load(folder, working_copies=working_copies, known=known, with_ids=with_ids)
    sound = {contract.topic: contract for contract in loaded.contracts}
    kept = _kept(loaded, sound, known)
    lost = _lost_routes(sound, kept)
    for topic in lost:
        del sound[topic]
        if topic in known:
            kept[topic] = known[topic]
    unread = bool(loaded.broken) and not loaded.contracts
    broken = tuple(
        BrokenContract(
            contract=row.topic or row.file,
            file=row.file,
            line=row.line,
            column=row.column,
            detail=row.detail + ("; served as before it broke" if row.topic in kept or (unread and kept) else ""),
        )
        for row in loaded.broken
    )
    conflicts = tuple(_conflict(topic, owner, served=topic in kept) for topic, owner in lost.items())
    contracts = MappingProxyType(dict(sorted((sound | kept).items())))
    if services is None:
        return Catalogue(contracts=contracts, broken=broken + conflicts)
    if unread and kept:
        return Catalogue(contracts=contracts, broken=broken + conflicts, services=services)
    found = read_services(folder, {topic: contract.source for topic, contract in contracts.items()}, services)
    faults = tuple(
        BrokenContract(contract=row.file, file=row.file, line=row.line, column=row.column, detail=row.detail)
        for row in found.broken
    )
    return Catalogue(contracts=contracts, broken=broken + conflicts + faults, services=found.services)


def _kept(loaded: Loaded, sound: Contracts, known: Contracts) -> dict[str, CompiledContract]:
    """The contracts that stay as they were."""
    if loaded.broken and not sound:
        return dict(known)
    gone_bad = {row.topic for row in loaded.broken if row.topic is not None} - sound.keys()
    return {topic: known[topic] for topic in gone_bad if topic in known}


def _lost_routes(sound: Contracts, kept: Contracts) -> dict[str, str]:
    """Sound contracts that name the route of one that stays as it was: nobody's route is taken while its file is broken."""
    owners = {contract.source.route: topic for topic, contract in kept.items() if contract.source.route}
    return {
        topic: owners[route]
        for topic, contract in sound.items()
        if (route := contract.source.route) in owners and route
    }


def _conflict(topic: str, owner: str, *, served: bool) -> BrokenContract:
    detail = f"its route is that of {contract_name(owner)}, which is served as before it broke"
    return BrokenContract(
        contract=topic,
        file=contract_name(topic),
        line=1,
        column=1,
        detail=detail + ("; served as before" if served else ""),
    )
