"""The version that people are editing: a contract file and its schema files as they are now. Called by `folder` and `release`.

Everything a release freezes is settled here: paths that the contract names must exist in the schema.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tidegate.contracts.fingerprint import fingerprint
from tidegate.contracts.source import FieldRules, VersionSource
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.repository.avro_files import AvroFiles
from tidegate.repository.broken import Place, Problems, Refused
from tidegate.repository.contract_file import ContractFile, Definition
from tidegate.repository.fields import avro_fields, protobuf_fields
from tidegate.repository.proto_files import ProtoFiles

__all__ = ["SchemaFiles", "WorkingCopy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingCopy:
    """A contract's next version, not released: number 0, schema id 0, its fingerprint set.

    `file` holds its schema; `places` are those of JSON pointers into the schema's text (Avro; empty for Protobuf), and
    `rule_places` those of the rules that the contract file adds, by field path. `lost` are paths of the contract file that the
    schema lacks, noted already.
    """

    source: VersionSource
    file: str
    places: Mapping[str, Place]
    rule_places: Mapping[str, Place]
    lost: frozenset[str] = frozenset()

    @property
    def known_source(self) -> VersionSource:
        """The source without what stands on a path of `lost`: what can be judged of it all the same."""
        if not self.lost:
            return self.source
        return msgspec.structs.replace(
            self.source,
            key=None if self.source.key in self.lost else self.source.key,
            event_time=None if self.source.event_time in self.lost else self.source.event_time,
            rules=tuple(row for row in self.source.rules if row.path not in self.lost),
        )


class SchemaFiles:
    """One reading of avro/ and proto/: no file is read or compiled twice for several contracts."""

    def __init__(self, folder: Path) -> None:
        self._avro = AvroFiles(folder)
        self._proto = ProtoFiles(folder)
        self._pools: list[object] = []  # what contracts share of their descriptors lives as long as somebody holds it

    def _protobuf_fields(self, descriptors: bytes, message: str) -> frozenset[str]:
        from tidegate.contracts.protobuf.linking import linked  # an extra

        found, pool = linked(descriptors, message)
        if pool not in self._pools:
            self._pools.append(pool)
        return protobuf_fields(found) if found is not None else frozenset()

    def prepare(self, definitions: Iterable[Definition]) -> None:
        """Compiles the Protobuf files among `definitions` together, where many are about to be read."""
        self._proto.prepare(one.path for one in definitions if one.format == "protobuf")

    def working_copy(self, contract: ContractFile, problems: Problems, *, strict: bool = True) -> WorkingCopy:
        """The contract's working copy. Raises `Refused` when anything is wrong, all of it noted.

        Not `strict`: fields that the contract names and the schema lacks are noted only, so that the schema can be judged.
        """
        definition = contract.definition
        places: Mapping[str, Place] = {}
        if definition.format == "avro":
            schema = self._avro.read(definition.path, definition.place, problems)
            source, places, known = _source(contract, schema.text), schema.places, avro_fields(schema.value)
        else:
            compiled = self._proto.read(definition.path, definition.message, definition.place, problems)
            source = msgspec.structs.replace(
                _source(contract, compiled.text),
                descriptors=compiled.descriptors,
                message=definition.message,
                message_index=compiled.message_index,
            )
            known = self._protobuf_fields(compiled.descriptors, definition.message)
        lost = frozenset(_lost_paths(contract, known, problems))
        if problems and strict:
            raise Refused(contract.topic)
        frozen = msgspec.structs.replace(source, fingerprint=fingerprint(source))
        rule_places = {row.path: row.options_place or row.place for row in contract.properties}
        return WorkingCopy(source=frozen, file=definition.path, places=places, rule_places=rule_places, lost=lost)


def _source(contract: ContractFile, schema: str) -> VersionSource:
    return VersionSource(
        number=0,
        schema_id=0,
        format=contract.definition.format,
        schema=schema,
        key=contract.key,
        event_time=contract.event_time,
        unknown_fields=contract.unknown_fields,
        tombstones=contract.tombstones,
        rules=tuple(FieldRules(path=p.path, keywords=p.keywords) for p in contract.properties if p.keywords),
    )


def _lost_paths(contract: ContractFile, known: frozenset[str], problems: Problems) -> Iterator[str]:
    """What the contract file names and the schema lacks; each is noted."""
    asked = [(f'property "{shown(row.path)}"', row.path, row.place) for row in contract.properties]
    for name, path in (("key", contract.key), ("eventTime", contract.event_time)):
        if path is not None:
            asked.append((f'{name} "{shown(path)}"', path, contract.places[name]))
    for what, path, place in asked:
        if path not in known:
            hint = did_you_mean(path, known)
            problems.note(f"{what} is no field of {contract.definition.path}" + (f"; {hint}" if hint else ""), place)
            yield path
