"""The fingerprint of a version: two parties with the same one judge alike. Called by the repository and the bundle.

Covered is what a verdict depends on and what a consumer sees under the version's id, and nothing that may change live:

- the format, key, eventTime, unknownFields, tombstones and the rules that the contract file adds;
- Avro: the schema's JSON without insignificant whitespace, member order kept. `doc` counts: the text is what a registry
  serves under its id, and Avro keeps no comments apart from it. The Parsing Canonical Form would not do, since it drops
  defaults, logical types and rules, which decide verdicts;
- Protobuf: the message's name and the descriptors of the project's own files without source info, so that neither
  comments nor layout count. Files of google/protobuf/, buf/validate/, tidegate/options/ and tidegate/ingest/ do not count: they come with the installed
  packages, and an upgrade of those must not make every contract look changed.

Pure: a walk over bytes, no Protobuf runtime.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from tidegate.contracts.source import VersionSource

__all__ = ["DescriptorFile", "descriptor_files", "fingerprint", "is_bundled", "schema_hash"]

_FILE = 1  # FileDescriptorSet.file
_NAME = 1  # FileDescriptorProto.name
_SOURCE_INFO = 9  # FileDescriptorProto.source_code_info
_LENGTH_DELIMITED = 2

_encode = msgspec.json.Encoder(order="deterministic").encode


class DescriptorFile(NamedTuple):
    """One file of a FileDescriptorSet: its path, its serialised FileDescriptorProto, and that without source info."""

    name: str
    whole: bytes
    bare: bytes


def is_bundled(name: str) -> bool:
    """Whether a .proto path is one that installed packages bring (`google/protobuf/`, `buf/validate/`, ours)."""
    return name.startswith(("google/protobuf/", "buf/validate/", "tidegate/options/", "tidegate/ingest/"))


def fingerprint(source: VersionSource) -> str:
    """SHA-256 (64 hex digits) over the frozen parts. `number`, `schema_id` and `fingerprint` itself are not covered.

    Raises ValueError where the Avro text is no JSON or the descriptors are no FileDescriptorSet.
    """
    digest = hashlib.sha256()
    frozen = (
        source.format,
        source.message,
        source.key,
        source.event_time,
        source.unknown_fields,
        source.tombstones,
        sorted((rule.path, sorted(rule.keywords.items())) for rule in source.rules),
    )
    digest.update(_encode(frozen))
    if source.format == "avro":
        digest.update(_compact(source.schema))
    else:
        for file in _own_files(source.descriptors):
            digest.update(len(file.bare).to_bytes(8, "big") + file.bare)
    return digest.hexdigest()


def schema_hash(source: VersionSource) -> str:
    """SHA-256 (64 hex digits) of what one schema id stands for: the text, and for Protobuf its own imports too.

    Texts with equal hashes share an id over all topics; messages of one .proto file do (contracts.md, Versions).
    """
    digest = hashlib.sha256(source.schema.encode())
    if source.format == "protobuf":
        for file in _own_files(source.descriptors)[:-1]:  # the last one is the text itself
            digest.update(b"\0" + file.bare)
    return digest.hexdigest()


def _compact(text: str) -> bytes:
    try:
        return msgspec.json.format(text.encode(), indent=-1)
    except msgspec.DecodeError as error:
        raise ValueError(f"the schema is not JSON: {error}") from None


def _own_files(descriptors: bytes) -> list[DescriptorFile]:
    return [file for file in descriptor_files(descriptors) if not is_bundled(file.name)]


def descriptor_files(descriptors: bytes) -> list[DescriptorFile]:
    """The files of a serialised FileDescriptorSet in its order (imports first). Raises ValueError where it is none.

    Bytes are cut out, never written anew, so that they stay what protoc wrote.
    """
    return [_descriptor_file(field.content) for field in _fields(descriptors) if field.number == _FILE]


def _descriptor_file(whole: bytes) -> DescriptorFile:
    name, bare = "", bytearray()
    for field in _fields(whole):
        if field.number == _NAME:
            name = field.content.decode()
        if field.number != _SOURCE_INFO:
            bare += field.raw
    return DescriptorFile(name, whole, bytes(bare))


class _Field(NamedTuple):
    number: int
    raw: bytes
    content: bytes


def _fields(message: bytes) -> Iterator[_Field]:
    """The fields of one message. Descriptors' top levels hold varints and length-delimited fields only."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        length, content = _varint(message, at)
        if tag & 7 == _LENGTH_DELIMITED:
            at = content + length
        elif tag & 7 == 0:
            at = content
        else:
            raise ValueError("the descriptors are no FileDescriptorSet")
        if at > len(message):
            raise ValueError("the descriptors are cut off")
        yield _Field(tag >> 3, message[start:at], message[content:at])


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("the descriptors are cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("the descriptors are no FileDescriptorSet")
