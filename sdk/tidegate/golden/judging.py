"""Golden records judged: is a record what its version says, and does a later version read it as it was written? Called by `plugin`.

One `Judge` keeps a schemas folder's versions compiled for all records of a run.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tidegate.contracts.changes import changes
from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.framing import FRAME_BYTES, protobuf_frame
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Rejected
from tidegate.golden.avro_reading import avro_differences
from tidegate.golden.mismatch import Difference, Mismatch
from tidegate.repository.broken import Broken
from tidegate.repository.golden import GoldenRecord
from tidegate.repository.survey import Subject, survey

__all__ = ["WORKING", "Judge", "Reader"]

WORKING = "the schema being edited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A version that reads records: a released one, or the working copy."""

    name: str
    source: VersionSource


@dataclass(slots=True)
class Judge:
    """One schemas folder. Broken contracts are in `broken`; their records are not judged, and a test says so."""

    folder: Path
    subjects: dict[str, Subject] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()
    _compiled: dict[tuple[str, str], CompiledVersion] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> "Judge":
        """The folder, read."""
        found = survey(folder)
        return cls(folder, {one.topic: one for one in found.subjects}, found.broken)

    def why_broken(self, topic: str) -> str:
        """Why the topic is not among the subjects."""
        rows = [
            f"{row.file}:{row.line}:{row.column}: {row.detail}" for row in self.broken if row.topic in (topic, None)
        ]
        return "\n".join(rows) or f"there is no contract of {topic}"

    def version(self, topic: str, number: int) -> Reader | None:
        """A version by its number. One that the lock does not name yet is the working copy; past that, None."""
        subject = self.subjects[topic]
        for source in subject.versions:
            if source.number == number:
                return Reader(name=f"version {number}", source=source)
        return self._working(subject) if number == len(subject.versions) + 1 else None

    def readers(self, topic: str, number: int) -> Iterator[Reader]:
        """Every version from `number` on, and the working copy where a release would freeze something new."""
        subject = self.subjects[topic]
        for source in subject.versions:
            if source.number >= number:
                yield Reader(name=f"version {source.number}", source=source)
        if subject.changed:
            yield self._working(subject)

    def _working(self, subject: Subject) -> Reader:
        """Under the id 1, which is no part of what is compared."""
        return Reader(name=WORKING, source=msgspec.structs.replace(subject.copy.source, schema_id=1))

    def compiled(self, topic: str, reader: Reader) -> CompiledVersion:
        """The version, compiled once. Raises `ContractError`."""
        known = self._compiled.get((topic, reader.name))
        if known is None:
            known = self._compiled[topic, reader.name] = compile_version(topic, reader.source)
        return known

    def payload(self, record: GoldenRecord, writer: Reader) -> bytes | Mismatch:
        """The bytes that the record's JSON stands for, without frame; why not, where its own version refuses it."""
        verdict = self.compiled(record.topic, writer).check(record.json)
        if isinstance(verdict, Rejected):
            found = tuple(Difference(path=one.pointer, detail=one.detail) for one in verdict.violations)
            return Mismatch(record=record.file, reader=f"{writer.name}, its own, which refuses it", differences=found)
        if verdict.value is None:
            return _whole(record, writer, "is no event")
        return verdict.value[_frame_bytes(writer.source) :]

    def judge(self, record: GoldenRecord, reader: Reader) -> Mismatch | None:
        """Why the record fails with a reader; None where it passes."""
        writer = self.version(record.topic, record.version)
        if writer is None:
            return _whole(record, reader, f"there is no version {record.version}")
        try:
            made = self.payload(record, writer)
            if isinstance(made, Mismatch):
                return made
            if record.payload is not None and record.payload != made:
                return _whole(record, writer, _not_its_bytes(record, made))
            differences = tuple(_differences(writer.source, reader.source, made))
            told = self._changes(record.topic, writer, reader, differences) if differences else ()
        except ContractError as error:
            return _whole(record, reader, f"a version cannot be compiled: {error}")
        return (
            Mismatch(record=record.file, reader=reader.name, differences=differences, changes=told)
            if differences
            else None
        )

    def _changes(
        self, topic: str, writer: Reader, reader: Reader, differences: tuple[Difference, ...]
    ) -> tuple[str, ...]:
        """The changes that name a field that differs; all, where none does."""
        found = changes(self.compiled(topic, writer), self.compiled(topic, reader))
        paths = {_plain(one.path) for one in differences}
        named = tuple(change for change in found if any(f"`{path}" in change for path in paths if path))
        return named or found


def _plain(path: str) -> str:
    """The path as docs have it, without indexes and keys."""
    return "".join(part.partition("]")[2] if index else part for index, part in enumerate(path.split("[")))


def _differences(writer: VersionSource, reader: VersionSource, payload: bytes) -> Iterator[Difference]:
    if writer.format != reader.format:
        yield Difference(path="", detail=f"was {writer.format}, and is read as {reader.format}")
    elif writer.format == "avro":
        yield from avro_differences(writer.schema, reader.schema, payload)
    else:
        from tidegate.golden.protobuf_reading import protobuf_differences  # an extra

        yield from protobuf_differences(writer, reader, payload)


def _frame_bytes(source: VersionSource) -> int:
    return FRAME_BYTES if source.format == "avro" else len(protobuf_frame(source.schema_id, source.message_index))


def _whole(record: GoldenRecord, reader: Reader, detail: str) -> Mismatch:
    return Mismatch(record=record.file, reader=reader.name, differences=(Difference(path="", detail=detail),))


def _not_its_bytes(record: GoldenRecord, made: bytes) -> str:
    stored = record.payload or b""
    at = next(
        (index for index, (a, b) in enumerate(zip(stored, made, strict=False)) if a != b), min(len(stored), len(made))
    )
    return f"{record.name}.bin is not what its JSON stands for: {len(stored)} bytes, {len(made)} expected, byte {at} is the first that differs"
