"""The catalogue as a registry: a snapshot made of a snapshot, so that a reload is seen at once and never half.

Called by `door`. A contract that did not change keeps its part: printing Protobuf as text costs milliseconds. A version that
cannot be shown is left out and logged; everything else is served.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.source import ContractSource, VersionSource
from tidegate_gateway.doors.registry.entries import AVRO, PROTOBUF, Entry, Reference, Snapshot, derived_id
from tidegate_gateway.doors.registry.protobuf_schemas import ProtoFile, clean_files, subject_of_import
from tidegate_gateway.intake.catalogue import Catalogue

__all__ = ["KEY_SCHEMA", "Snapshots", "snapshot_of"]

_log = logging.getLogger("tidegate.registry")

KEY_SCHEMA = '"string"'
"""Keys are text: whatever type the field has, its bytes in Kafka are its text's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """One version of a contract: its number in the subject, and the files that a Protobuf version is made of (its own last)."""

    number: int
    source: VersionSource
    files: tuple[ProtoFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one contract brings."""

    source: ContractSource
    versions: tuple[_Version, ...]


class Snapshots:
    """The registry of the current catalogue."""

    __slots__ = ("_catalogue", "_parts", "_snapshot")

    def __init__(self) -> None:
        self._catalogue: Catalogue | None = None
        self._parts: Mapping[str, _Part] = {}
        self._snapshot = snapshot_of(())

    async def of(self, catalogue: Catalogue) -> Snapshot:
        """The catalogue's snapshot, made in a thread where it is new; what two of them make is the same."""
        if catalogue is not self._catalogue:
            parts = await asyncio.to_thread(_parts_of, catalogue, self._parts)
            self._snapshot, self._parts, self._catalogue = parts[1], parts[0], catalogue
        return self._snapshot


def snapshot_of(contracts: Iterable[CompiledContract]) -> Snapshot:
    """The snapshot of these contracts."""
    return _joined([_part_of(contract) for contract in contracts])


def _parts_of(catalogue: Catalogue, known: Mapping[str, _Part]) -> tuple[Mapping[str, _Part], Snapshot]:
    parts = {
        topic: kept if (kept := known.get(topic)) is not None and kept.source is contract.source else _part_of(contract)
        for topic, contract in catalogue.contracts.items()
    }
    return parts, _joined(list(parts.values()))


def _part_of(contract: CompiledContract) -> _Part:
    """A working copy, which has no number, comes after the released versions."""
    released = [version.source for number, version in contract.versions.items() if number]
    working = contract.versions.get(0)
    numbered = [(source.number, source) for source in released]
    if working is not None:
        numbered.append((max((source.number for source in released), default=0) + 1, working.source))
    shown = (_version_of(contract.topic, number, source) for number, source in numbered)
    return _Part(source=contract.source, versions=tuple(version for version in shown if version is not None))


def _version_of(topic: str, number: int, source: VersionSource) -> _Version | None:
    """None where it cannot be shown, be it by a fault of ours: the others' consumers need their ids all the same."""
    try:
        files = clean_files(source.descriptors) if source.descriptors else ()
        _check_imports(files)
    except Exception as error:
        said = "version %s of %s is not in the registry: its schema cannot be shown"
        _log.exception(said, number, topic, extra={"topic": topic, "detail": repr(error)})
        return None
    return _Version(number=number, source=source, files=files)


def _check_imports(files: tuple[ProtoFile, ...]) -> None:
    """Raises LookupError for an import that is not there."""
    known = {file.name for file in files}
    for file in files:
        for name in file.imports:
            if name not in known:
                raise LookupError(f"{file.name} imports {name}, which is not there")


class _Imports:
    """The files that are imported somewhere, each under a subject, its contents counted in the order of ids that need them."""

    def __init__(self) -> None:
        self.entries: dict[str, list[Entry]] = {}
        self._names: dict[str, str] = {}

    @property
    def newest(self) -> dict[str, Entry]:
        """By path."""
        return {name: self.entries[subject][-1] for name, subject in self._names.items()}

    def reference(self, name: str, files: Mapping[str, ProtoFile], topic: str) -> Reference:
        """Where the import is found from now on, with all that it imports itself."""
        file = files[name]
        references = tuple(self.reference(inner, files, topic) for inner in file.imports)
        subject = self._names.setdefault(name, subject_of_import(name))
        known = self.entries.setdefault(subject, [])
        for place, entry in enumerate(known):
            if entry.schema == file.text and entry.references == references:
                known[place] = _also_of(entry, topic)
                return Reference(name=name, subject=subject, version=entry.version)
        entry = Entry(
            subject=subject,
            version=len(known) + 1,
            id=derived_id(file.text),
            type=PROTOBUF,
            schema=file.text,
            topics=frozenset({topic}),
            references=references,
            serialized=file.serialized,
            compared=file.compared,
        )
        known.append(entry)
        return Reference(name=name, subject=subject, version=entry.version)


def _also_of(entry: Entry, topic: str) -> Entry:
    if topic in entry.topics:
        return entry
    return Entry(
        subject=entry.subject,
        version=entry.version,
        id=entry.id,
        type=entry.type,
        schema=entry.schema,
        topics=entry.topics | {topic},
        references=entry.references,
        serialized=entry.serialized,
        compared=entry.compared,
    )


def _joined(parts: list[_Part]) -> Snapshot:
    imports = _Imports()
    subjects: dict[str, list[Entry]] = {}
    rows = sorted(
        ((version.source.schema_id, part.source.topic, version) for part in parts for version in part.versions),
        key=lambda row: (row[0], row[1], row[2].number),
    )
    for _, topic, version in rows:
        subjects.setdefault(f"{topic}-value", []).append(_value(topic, version, imports))
    keyed = (part.source.topic for part in parts if any(version.source.key for version in part.versions))
    for topic in keyed:
        subjects[f"{topic}-key"] = [_key(topic)]
    for subject, entries in imports.entries.items():
        subjects.setdefault(subject, []).extend(entries)
    ordered = {
        subject: tuple(sorted(entries, key=lambda entry: entry.version))
        for subject, entries in sorted(subjects.items())
    }
    by_id: dict[int, list[Entry]] = {}
    by_guid: dict[str, list[Entry]] = {}
    for entry in chain.from_iterable(ordered.values()):
        by_id.setdefault(entry.id, []).append(entry)
        by_guid.setdefault(entry.guid, []).append(entry)
    return Snapshot(
        subjects=MappingProxyType(ordered),
        by_id=MappingProxyType({number: tuple(entries) for number, entries in by_id.items()}),
        by_guid=MappingProxyType({guid: tuple(entries) for guid, entries in by_guid.items()}),
        levels=MappingProxyType(
            {f"{part.source.topic}-value": part.source.compatibility for part in parts if part.source.compatibility_set}
        ),
        imports=MappingProxyType(imports.newest),
    )


def _value(topic: str, version: _Version, imports: _Imports) -> Entry:
    source = version.source
    if not version.files:
        return Entry(
            subject=f"{topic}-value",
            version=version.number,
            id=source.schema_id,
            type=AVRO,
            schema=source.schema,
            topics=frozenset({topic}),
            compared=source.schema.encode("utf-8", "surrogatepass"),
        )
    files = {file.name: file for file in version.files}
    own = version.files[-1]
    return Entry(
        subject=f"{topic}-value",
        version=version.number,
        id=source.schema_id,
        type=PROTOBUF,
        schema=own.text,
        topics=frozenset({topic}),
        references=tuple(imports.reference(name, files, topic) for name in own.imports),
        serialized=own.serialized,
        compared=own.compared,
    )


def _key(topic: str) -> Entry:
    return Entry(
        subject=f"{topic}-key",
        version=1,
        id=derived_id(KEY_SCHEMA),
        type=AVRO,
        schema=KEY_SCHEMA,
        topics=frozenset({topic}),
        compared=KEY_SCHEMA.encode("ascii"),
    )
