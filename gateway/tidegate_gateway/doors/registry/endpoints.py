"""What each path of the registry answers: one pattern a path. Called by `door`, which knows HTTP; pure but for compiling .proto text.

Source: Confluent Schema Registry API reference, and what stock clients were seen to ask.
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from google.protobuf import descriptor_pb2

from tidegate_gateway.doors.registry.answers import (
    Plain,
    as_json,
    schema_body,
    subject_rows,
    version_body,
    versions_body,
)
from tidegate_gateway.doors.registry.changes import against, avro_changes, protobuf_changes
from tidegate_gateway.doors.registry.entries import AVRO, PROTOBUF, Entry, Snapshot
from tidegate_gateway.doors.registry.errors import (
    bad_version,
    no_level,
    no_schema,
    no_subject,
    no_version,
    nothing_here,
    read_only,
    unknown_to_read_only,
)
from tidegate_gateway.doors.registry.lookup import Asked, asked_of, avro_text, check_size
from tidegate_gateway.doors.registry.paths import subject_name
from tidegate_gateway.doors.registry.resolving import Resolver, Sees, visible

__all__ = ["Ask", "Endpoints"]

_MAX_VERSION = 2**31 - 1
_DEFAULT_LEVEL = "FULL_TRANSITIVE"
_WIRE_LEVELS = ("WIRE", "WIRE_JSON", "PACKAGE", "FILE")
"""Protobuf's levels are buf's categories; each holds in both directions, against every version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request: its method, its segments after /registry, its query (names in lower case), who may see which topic."""

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    sees: Sees
    snapshot: Snapshot
    body: bytes = b""

    def says(self, name: str) -> bool:
        """A boolean parameter, in any case."""
        return self.query.get(name, "").lower() == "true"

    @property
    def serialized(self) -> bool:
        """Whether Protobuf is wanted as a descriptor."""
        return self.query.get("format", "").lower() == "serialized"


class Endpoints:
    """The answers of one gateway. `resolver` finds what clients send."""

    __slots__ = ("_resolver",)

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def answer(self, ask: Ask) -> bytes | Plain:
        """The body of a 200: JSON, or said to be none. Raises `NotServed`."""
        if ask.method == "GET" and not _only_post(ask.segments):
            return _read(ask)
        if ask.method != "POST":
            raise read_only(_methods(ask.segments))
        match ask.segments:
            case ("subjects", subject):
                return await self._look_up(ask, subject_name(subject))
            case ("subjects", subject, "versions"):
                return await self._register(ask, subject_name(subject))
            case ("compatibility", "subjects", subject, "versions"):
                return await self._compatible(ask, subject_name(subject), None)
            case ("compatibility", "subjects", subject, "versions", version):
                return await self._compatible(ask, subject_name(subject), version)
        raise read_only(_methods(ask.segments))

    async def _look_up(self, ask: Ask, subject: str) -> bytes:
        entries = _visible_subject(ask, subject)
        found = await self._resolver.found(ask.snapshot, asked_of(ask.body), entries, ask.sees)
        if found is None:
            raise no_schema()
        return version_body(found)

    async def _register(self, ask: Ask, subject: str) -> bytes:
        asked = asked_of(ask.body)
        entries = _entries(ask, subject)
        found = await self._resolver.found(ask.snapshot, asked, entries, ask.sees) if entries else None
        if found is None:
            raise unknown_to_read_only(subject)
        return as_json({"id": found.id, "version": found.version, "guid": found.guid, "schema": found.schema})

    async def _compatible(self, ask: Ask, subject: str, version: str | None) -> bytes:
        entries = _entries(ask, subject)
        if version is not None:
            if not entries:
                raise no_subject(subject)
            level, entries = _level(ask, subject), (_version_of(entries, version),)
        else:
            level = _level(ask, subject)
        asked = asked_of(ask.body)
        check_size(asked)
        compiled = await self._resolver.compiled(ask.snapshot, asked, ask.sees) if asked.type == PROTOBUF else None
        said = await self._resolver.apart(partial(_changes, asked, compiled, entries, level))
        body: dict[str, object] = {"is_compatible": not said}
        if ask.says("verbose"):
            body["messages"] = said
        return as_json(body)


def _changes(asked: Asked, compiled: bytes | None, entries: Sequence[Entry], level: str) -> list[str]:
    """What keeps the schema from being a next version. `compiled` is Protobuf's descriptor. Raises `NotServed` for no schema."""
    if compiled is None:
        avro_text(asked.schema)
    said: list[str] = []
    count, backward, forward = against(level, len(entries))
    for entry in entries[len(entries) - count :]:
        if entry.type != asked.type:
            said.append(f"version {entry.version} is {entry.type}, not {asked.type}")
        elif compiled is not None:
            new = descriptor_pb2.FileDescriptorProto.FromString(compiled)
            said += protobuf_changes(new, descriptor_pb2.FileDescriptorProto.FromString(b64decode(entry.serialized)))
        else:
            said += avro_changes(asked.schema, entry.schema, backward=backward, forward=forward)
    return said


def _only_post(segments: tuple[str, ...]) -> bool:
    match segments:
        case (
            ("subjects", _)
            | ("compatibility", "subjects", _, "versions")
            | ("compatibility", "subjects", _, "versions", _)
        ):
            return True
    return False


def _methods(segments: tuple[str, ...]) -> str:
    """The methods of a path, as Allow says them."""
    if _only_post(segments):
        return "POST"
    match segments:
        case ("subjects", _, "versions"):
            return "GET, HEAD, POST"
    return "GET, HEAD"


def _read(ask: Ask) -> bytes | Plain:
    match ask.segments:
        case ():
            return b"{}"
        case ("subjects",):
            return as_json([subject for subject in ask.snapshot.subjects if _listed(ask, subject)])
        case ("subjects", subject, "versions"):
            return as_json([entry.version for entry in _visible_subject(ask, subject_name(subject))])
        case ("subjects", subject, "versions", version):
            return version_body(_version(ask, subject, version), serialized=ask.serialized)
        case ("subjects", subject, "versions", version, "schema"):
            return _text(_version(ask, subject, version), serialized=ask.serialized)
        case ("subjects", subject, "versions", version, "referencedby"):
            return as_json(_referencing(ask, _version(ask, subject, version)))
        case ("schemas",):
            return versions_body(_page(ask))
        case ("schemas", "types"):
            return as_json(["AVRO", "PROTOBUF"])
        case ("schemas", "ids", number):
            return schema_body(_of_id(ask, number)[0], serialized=ask.serialized)
        case ("schemas", "ids", number, "schema"):
            return _text(_of_id(ask, number)[0], serialized=ask.serialized)
        case ("schemas", "ids", number, "subjects"):
            return as_json([entry.subject for entry in _of_id(ask, number)])
        case ("schemas", "ids", number, "versions"):
            return subject_rows(_of_id(ask, number))
        case ("schemas", "guids", guid):
            return schema_body(_of_guid(ask, guid)[0], serialized=ask.serialized)
        case ("schemas", "guids", guid, "ids"):
            return as_json([{"context": ".", "id": entry.id} for entry in _of_guid(ask, guid)[:1]])
        case ("config",):
            return as_json({"compatibilityLevel": _DEFAULT_LEVEL})
        case ("config", subject):
            return as_json({"compatibilityLevel": _own_level(ask, subject_name(subject))})
        case ("mode",):
            return b'{"mode":"READONLY"}'
        case ("mode", subject):
            _visible_subject(ask, subject_name(subject))
            return b'{"mode":"READONLY"}'
        case ("contexts",):
            return b'["."]'
    raise nothing_here()


def _entries(ask: Ask, subject: str) -> Sequence[Entry]:
    return visible(ask.snapshot.subjects.get(subject, ()), ask.sees)


def _visible_subject(ask: Ask, subject: str) -> Sequence[Entry]:
    entries = _entries(ask, subject)
    if not entries:
        raise no_subject(subject)
    return entries


def _listed(ask: Ask, subject: str) -> bool:
    prefix = ask.query.get("subjectprefix", "").removeprefix(":*:")
    return subject.startswith(subject_name(prefix)) and bool(_entries(ask, subject))


def _page(ask: Ask) -> Sequence[Entry]:
    """All versions, or the latest of each subject; `offset` and `limit` where they are numbers."""
    latest = ask.says("latestonly")
    rows: list[Entry] = []
    for subject in ask.snapshot.subjects:
        if _listed(ask, subject):
            entries = _entries(ask, subject)
            rows += entries[-1:] if latest else entries
    offset, limit = (_whole(ask.query.get(name, "")) for name in ("offset", "limit"))
    rows = rows[offset or 0 :]
    return rows[:limit] if limit is not None else rows


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _version(ask: Ask, subject: str, text: str) -> Entry:
    name = subject_name(subject)
    entries = _entries(ask, name)
    if not entries:
        _number_of(text)
        raise no_subject(name)
    return _version_of(entries, text)


def _number_of(text: str) -> int | None:
    """A version's number; None for the latest. Raises `NotServed`."""
    if text in {"latest", "-1"}:
        return None
    number = (
        _whole(text) if len(text) < 10 else int(text) if text.isascii() and text.isdigit() and len(text) == 10 else None
    )
    if number is None or not 1 <= number <= _MAX_VERSION:
        raise bad_version(text[:40])
    return number


def _version_of(entries: Sequence[Entry], text: str) -> Entry:
    number = _number_of(text)
    found = next((entry for entry in entries if entry.version == number), None) if number is not None else entries[-1]
    if found is None:
        raise no_version(text)
    return found


def _text(entry: Entry, *, serialized: bool) -> bytes | Plain:
    """The bare schema, not as a JSON string: an Avro schema is JSON itself."""
    text = (entry.serialized if serialized and entry.serialized else entry.schema).encode("utf-8", "surrogatepass")
    return text if entry.type == AVRO else Plain(text)


def _of_id(ask: Ask, text: str) -> Sequence[Entry]:
    """The entries with an id. `subject` in the query never changes the answer: clients send it empty, or guessed."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
    if number is None:
        raise nothing_here()
    entries = visible(ask.snapshot.by_id.get(number, ()), ask.sees)
    if not entries:
        raise no_schema(text)
    return entries


def _of_guid(ask: Ask, text: str) -> Sequence[Entry]:
    entries = visible(ask.snapshot.by_guid.get(text.lower(), ()), ask.sees)
    if not entries:
        raise no_schema(text[:40])
    return entries


def _referencing(ask: Ask, entry: Entry) -> list[int]:
    """Ids of the schemas that import a version, ascending, each once."""
    ids = {
        other.id
        for entries in ask.snapshot.subjects.values()
        for other in visible(entries, ask.sees)
        if any(row.subject == entry.subject and row.version == entry.version for row in other.references)
    }
    return sorted(ids)


def _own_level(ask: Ask, subject: str) -> str:
    """The contract's level. A subject that is not seen is one without a level: that is what clients ask before they write."""
    level = ask.snapshot.levels.get(subject) if _entries(ask, subject) else None
    if level is None:
        if ask.says("defaulttoglobal"):
            return _DEFAULT_LEVEL
        raise no_level(subject)
    return _DEFAULT_LEVEL if level in _WIRE_LEVELS else level


def _level(ask: Ask, subject: str) -> str:
    level = ask.snapshot.levels.get(subject, _DEFAULT_LEVEL)
    return _DEFAULT_LEVEL if level in _WIRE_LEVELS else level
