"""`released/<topic>/<n>/`: one frozen version as files. Read by `folder`, written by `release`.

    version.json        what beside the schema is frozen, and the fingerprint over all of it
    schema.avsc         Avro: the self-contained schema
    schema.proto        Protobuf: the text, for people and registries
    descriptors.binpb   Protobuf: what verdicts are made from; reading a release needs no protoc

Immutable: whatever differs from the lock's hash or fingerprint is refused.
"""

import contextlib
from pathlib import Path
from typing import Any

import msgspec

from tidegate.contracts.fingerprint import fingerprint, schema_hash
from tidegate.contracts.source import FieldRules, Format, Tombstones, UnknownFields, VersionSource
from tidegate.repository.broken import Place, Problems
from tidegate.repository.files import read_bytes, read_text
from tidegate.repository.lock import LockLine

__all__ = ["RELEASED", "read_released", "released_files", "schema_file", "version_folder"]

RELEASED = "released"


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """version.json."""

    format: Format
    message: str = ""
    message_index: tuple[int, ...] = ()
    key: str | None = None
    event_time: str | None = None
    unknown_fields: UnknownFields
    tombstones: Tombstones
    rules: tuple[FieldRules, ...] = ()
    fingerprint: str


def version_folder(topic: str, number: int) -> str:
    """Where a released version stands, relative to the schemas folder."""
    return f"{RELEASED}/{topic}/{number}"


def schema_file(topic: str, source: VersionSource) -> str:
    """The file that holds a released version's schema text."""
    return f"{version_folder(topic, source.number)}/schema.{'avsc' if source.format == 'avro' else 'proto'}"


def released_files(source: VersionSource) -> dict[str, bytes]:
    """The files of a version by name. Texts are canonical: the same version gives the same bytes."""
    frozen = _Frozen(
        format=source.format,
        message=source.message,
        message_index=source.message_index,
        key=source.key,
        event_time=source.event_time,
        unknown_fields=source.unknown_fields,
        tombstones=source.tombstones,
        rules=source.rules,
        fingerprint=source.fingerprint,
    )
    members: dict[str, Any] = msgspec.to_builtins(frozen)
    if source.format == "avro":
        del members["message"], members["messageIndex"]
    text = msgspec.json.format(msgspec.json.encode(members), indent=2) + b"\n"
    if source.format == "avro":
        return {"version.json": text, "schema.avsc": source.schema.encode()}
    return {"version.json": text, "schema.proto": source.schema.encode(), "descriptors.binpb": source.descriptors}


def read_released(folder: Path, line: LockLine, problems: Problems) -> VersionSource:
    """The version that a line of the lock names. Raises `Refused` where a file is missing, unreadable or was changed."""
    base = version_folder(line.topic, line.version)
    name = f"{base}/version.json"
    try:
        frozen = msgspec.json.decode(read_text(folder, name, problems, place=line.place), type=_Frozen)
    except (msgspec.DecodeError, RecursionError) as error:
        problems.refuse(f"is not what `tidegate release` wrote: {error}", Place(file=name))
    suffix = "avsc" if frozen.format == "avro" else "proto"
    schema = read_text(folder, f"{base}/schema.{suffix}", problems, place=line.place)
    descriptors = b""
    if frozen.format == "protobuf":
        descriptors = read_bytes(folder, f"{base}/descriptors.binpb", problems, place=line.place)
    source = VersionSource(
        number=line.version,
        schema_id=line.schema_id,
        format=frozen.format,
        schema=schema,
        descriptors=descriptors,
        message=frozen.message,
        message_index=frozen.message_index,
        key=frozen.key,
        event_time=frozen.event_time,
        unknown_fields=frozen.unknown_fields,
        tombstones=frozen.tombstones,
        rules=frozen.rules,
        fingerprint=line.fingerprint,
    )
    _verify(source, frozen.fingerprint, line, f"{base}/schema.{suffix}", name, problems)
    return source


def _verify(
    source: VersionSource, written: str, line: LockLine, schema_name: str, name: str, problems: Problems
) -> None:
    restore = "released files are immutable: restore them, and release the change as a new version"
    made = hashed = ""
    with contextlib.suppress(ValueError):  # no JSON, no descriptors: changed
        made, hashed = fingerprint(source), schema_hash(source)
    if hashed != line.schema_hash:
        problems.refuse(f"was changed after its release ({restore})", Place(file=schema_name))
    if made != line.fingerprint or written != line.fingerprint:
        problems.refuse(
            f"version {line.version} of {line.topic} was changed after its release ({restore})", Place(file=name)
        )
