"""Which version of a subject has the schema that a client sends: asked by the registry's endpoints and by the REST proxy's door."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from tidegate_gateway.doors.registry.entries import PROTOBUF, Entry, Snapshot
from tidegate_gateway.doors.registry.errors import invalid_schema, no_subject, no_version
from tidegate_gateway.doors.registry.lookup import Asked, CompileProto, check_size, descriptor_of, find
from tidegate_gateway.doors.registry.paths import subject_name
from tidegate_gateway.doors.registry.snapshot import Snapshots
from tidegate_gateway.doors.registry.turns import Turns
from tidegate_gateway.intake.catalogue import CatalogueHolder

__all__ = ["Resolver", "Sees", "visible"]

T = TypeVar("T")

_KEPT = 64
"""So many answers are kept: producers of a REST proxy send the same text, laid out in their way, with every request."""

Sees = Callable[[str], bool]
"""Whether the caller may read a topic's contract."""


def visible(entries: Sequence[Entry], sees: Sees) -> list[Entry]:
    """The entries that the caller may read."""
    return [entry for entry in entries if any(sees(topic) for topic in entry.topics)]


class Resolver:
    """For one gateway; .proto texts are compiled one at a time, since a compiler is a process, and schemas compared one at a time."""

    __slots__ = ("_catalogue", "_comparing", "_compile", "_compiling", "_found", "_found_in", "_snapshots")

    def __init__(self, catalogue: CatalogueHolder, compile_proto: CompileProto) -> None:
        self._catalogue = catalogue
        self._compile = compile_proto
        self._snapshots = Snapshots()
        self._compiling = Turns()
        self._comparing = Turns()
        self._found: dict[object, Entry] = {}
        self._found_in: Snapshot | None = None

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
        check_size(asked)
        if self._found_in is not snapshot or len(self._found) >= _KEPT:
            self._found_in, self._found = snapshot, {}
        references = tuple((row.name, row.subject, row.version) for row in asked.references or ())
        key = (asked.type, asked.schema, references, tuple((entry.subject, entry.version) for entry in entries))
        known = self._found.get(key)
        if known is not None:
            return known
        compiled = await self.compiled(snapshot, asked, sees) if asked.type == PROTOBUF else None
        found = await self.apart(partial(find, asked, entries, compiled))
        if found is not None and self._found_in is snapshot:
            self._found[key] = found
        return found

    async def apart(self, work: Callable[[], T]) -> T:
        """What `work` on a schema that a client sent gives, off the event loop. Raises what it raises, and `NotServed` (503)."""
        return await self._comparing.take(work)

    async def compiled(self, snapshot: Snapshot, asked: Asked, sees: Sees) -> bytes:
        """The descriptor of what a client sends as base64 or as text. Raises `NotServed`."""
        check_size(asked)
        sent = descriptor_of(asked.schema)
        if sent is not None:
            return sent
        texts = {name: entry.schema for name, entry in snapshot.imports.items() if visible([entry], sees)}
        for row in asked.references or ():
            if row.name:
                texts[row.name] = _referenced(snapshot, row.subject, row.version, sees).schema
        try:
            return await self._compiling.take(partial(self._compile, asked.schema, texts))
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
