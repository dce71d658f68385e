"""The git reference's contracts and services, read only where an edited file differs from the folder's. Called by `examination`.

Nothing is judged here. What the reference holds broken, or as a draft, promises nothing and is left out.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tidegate.check.older import Live, Older
from tidegate.contracts.services import ServiceSource
from tidegate.contracts.source import ContractSource
from tidegate.repository.broken import Problems, Refused
from tidegate.repository.contract_file import ContractFile
from tidegate.repository.folder import CONTRACTS, contract_name, contract_names, read_contract_file
from tidegate.repository.git import Reference
from tidegate.repository.protoc import OPTIONS_PROTO
from tidegate.repository.services import read_services
from tidegate.repository.survey import Subject, candidate_of
from tidegate.repository.working_copy import SchemaFiles

__all__ = ["Before", "ServicesBefore"]

_PROTO = "proto/"
_EDITED = ("avro/", _PROTO, f"{CONTRACTS}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesBefore:
    """The services that the reference serves, by full name. `label` is the reference's name, `retired` the topics that take nothing."""

    label: str
    services: Mapping[str, ServiceSource]
    retired: frozenset[str]


class Before:
    """The contracts of the reference with their working copies, and its services."""

    def __init__(self, folder: Path, reference: Reference, scratch: Path, subjects: Iterable[Subject]) -> None:
        """Reads nothing but ids where no edited file differs. `scratch` becomes a schemas folder. Raises `GitFailure`."""
        self._name = reference.name
        self._scratch = scratch
        self._contracts: dict[str, tuple[ContractFile, Problems] | None] = {}
        edited = [name for name in reference.files if name.startswith(_EDITED)]
        changed = [name for name in edited if not reference.holds(name, folder)]
        self._same = not changed
        declares = False
        for name, content in reference.read(edited).items() if changed else ():
            path = scratch / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            declares = declares or (name.startswith(_PROTO) and OPTIONS_PROTO.encode() in content)
        self._services_changed = declares and any(name.startswith(_PROTO) for name in changed)
        self._schemas = SchemaFiles(scratch)
        self._schemas.prepare(subject.contract.definition for subject in subjects)

    def of(self, subject: Subject) -> tuple[Live | None, Older | None]:
        """What the reference's contract of this topic says, and its schema where neither a release nor the folder has it.

        Nothing where it has none, a broken one, or a draft.
        """
        found = self._contract(subject.topic)
        if found is None:
            return None, None
        contract, problems = found
        return Live(label=self._name, source=contract.live), self._schema(subject, contract, problems)

    def services(self) -> ServicesBefore | None:
        """The services of the reference, or None where it has none or no .proto file differs."""
        if not self._services_changed:
            return None
        contracts = dict(self._protobuf_contracts())
        return ServicesBefore(
            label=self._name,
            services=read_services(self._scratch, contracts).services,
            retired=frozenset(topic for topic, contract in contracts.items() if contract.status == "retired"),
        )

    def _contract(self, topic: str) -> tuple[ContractFile, Problems] | None:
        if topic not in self._contracts:
            self._contracts[topic] = self._read(topic)
        return self._contracts[topic]

    def _read(self, topic: str) -> tuple[ContractFile, Problems] | None:
        name = contract_name(topic)
        if self._same or not (self._scratch / name).is_file():
            return None
        problems = Problems(name, topic)
        try:
            contract = read_contract_file(self._scratch, problems)
        except Refused:
            return None
        return (contract, problems) if contract.live.status != "draft" else None

    def _schema(self, subject: Subject, contract: ContractFile, problems: Problems) -> Older | None:
        try:
            source = candidate_of(self._schemas, contract, problems).source
        except Refused:
            return None
        known = {one.fingerprint for one in (*subject.versions, subject.copy.source)}
        return Older(label=self._name, source=source) if source.fingerprint not in known else None

    def _protobuf_contracts(self) -> Iterable[tuple[str, ContractSource]]:
        """Contracts that services may publish to, by topic, each with its schema as the reference holds it."""
        for name in contract_names(self._scratch, []):
            topic = name.removeprefix(f"{CONTRACTS}/").removesuffix(".yaml")
            found = self._contract(topic)
            if found is None or found[0].definition.format != "protobuf":
                continue
            with suppress(Refused):
                source = candidate_of(self._schemas, *found).source
                yield topic, msgspec.structs.replace(found[0].live, versions=(source,))
