"""Which version of a subject has the schema that a client sends: asked by the registry's endpoints and by the REST proxy's door."""

import asyncio
from collections.abc import Callable, Sequence

from tidegate_gateway.doors.registry.entries import PROTOBUF, Entry, Snapshot
from tidegate_gateway.doors.registry.errors import invalid_schema, no_subject, no_version
from tidegate_gateway.doors.registry.lookup import Asked, CompileProto, descriptor_of, find
from tidegate_gateway.doors.registry.paths import subject_name
from tidegate_gateway.doors.registry.snapshot import Snapshots
from tidegate_gateway.intake.catalogue import CatalogueHolder

__all__ = ["Resolver", "Sees", "visible"]

Sees = Callable[[str], bool]
"""Whether the caller may read a topic's contract."""


def visible(entries: Sequence[Entry], sees: Sees) -> list[Entry]:
    """The entries that the caller may read."""
    return [entry for entry in entries if any(sees(topic) for topic in entry.topics)]


class Resolver:
    """For one gateway; .proto texts are compiled one at a time, since a compiler is a process."""

    __slots__ = ("_catalogue", "_compile", "_snapshots", "_turn")

    def __init__(self, catalogue: CatalogueHolder, compile_proto: CompileProto) -> None:
        self._catalogue = catalogue
        self._compile = compile_proto
        self._snapshots = Snapshots()
        self._turn = asyncio.Semaphore(1)

    async def snapshot(self) -> Snapshot:
        """The registry of now."""
        return await self._snapshots.of(self._catalogue.current)

    async def resolve(self, subject: str, asked: Asked, topic: str) -> Entry | None:
        """The version of `subject` with this schema, for who may publish to `topic`. Raises `NotServed` for what is no schema."""
        snapshot = await self.snapshot()
        return await self.found(snapshot, asked, snapshot.subjects.get(subject, ()), topic.__eq__)

    async def found(self, snapshot: Snapshot, asked: Asked, entries: Sequence[Entry], sees: Sees) -> Entry | None:
        """The newest of `entries` with this schema. Raises `NotServed` for what is no schema."""
        same = next((e for e in reversed(entries) if e.type == asked.type and e.schema == asked.schema), None)
        if same is not None:
            return same
        compiled = await self.compiled(snapshot, asked, sees) if asked.type == PROTOBUF else None
        return find(asked, entries, compiled)

    async def compiled(self, snapshot: Snapshot, asked: Asked, sees: Sees) -> bytes:
        """The descriptor of what a client sends as base64 or as text. Raises `NotServed`."""
        sent = descriptor_of(asked.schema)
        if sent is not None:
            return sent
        texts = {name: entry.schema for name, entry in snapshot.imports.items() if visible([entry], sees)}
        for row in asked.references or ():
            if row.name:
                texts[row.name] = _referenced(snapshot, row.subject, row.version, sees).schema
        async with self._turn:
            try:
                return await asyncio.to_thread(self._compile, asked.schema, texts)
            except ValueError as error:
                raise invalid_schema(str(error)) from error


def _referenced(snapshot: Snapshot, subject: str, version: int, sees: Sees) -> Entry:
    name = subject_name(subject)
    entries = visible(snapshot.subjects.get(name, ()), sees)
    if not entries:
        raise no_subject(name)
    found = next((entry for entry in entries if entry.version == version), None) if version > 0 else entries[-1]
    if found is None:
        raise no_version(str(version))
    return found
