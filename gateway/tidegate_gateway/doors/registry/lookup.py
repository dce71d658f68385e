"""Which entry holds the schema that a client has. Called by `endpoints` for lookups and for what a client would register.

An Avro schema is found by its JSON, else by its canonical form (the bytes it writes are those of the version); Protobuf by
descriptors, whatever the text's layout, comments, JSON names and options.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError

from tidegate.contracts.avro.canonical import canonical_form
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.codec import ContractError
from tidegate_gateway.doors.registry.entries import AVRO, PROTOBUF, Entry
from tidegate_gateway.doors.registry.errors import invalid_schema
from tidegate_gateway.doors.registry.protobuf_schemas import comparable

__all__ = [
    "MAX_SCHEMA_CHARS",
    "Asked",
    "CompileProto",
    "asked_of",
    "avro_text",
    "check_size",
    "descriptor_of",
    "find",
]

CompileProto = Callable[[str, Mapping[str, str]], bytes]
"""A .proto text and the files it may import (path to text) to a serialised FileDescriptorProto; raises ValueError, with why."""

_TYPES = (AVRO, PROTOBUF)
MAX_SCHEMA_CHARS = 262_144
"""A longer text is compared with what is served letter by letter only."""


class _Reference(msgspec.Struct):
    name: str = ""
    subject: str = ""
    version: int = -1


class Asked(msgspec.Struct, rename={"type": "schemaType"}):
    """What a client sends: a schema, its type (Avro where it says none) and the files that it imports.

    Other members (`metadata`, `ruleSet`, `id`, `version`) are not looked at.
    """

    schema: str
    type: str | None = None
    references: list[_Reference] | None = None


def asked_of(body: bytes) -> Asked:
    """The request's body read. Raises `NotServed`."""
    try:
        asked = msgspec.json.decode(body, type=Asked)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise invalid_schema(f"the body is no request with a schema ({error})") from error
    asked.type = (asked.type or AVRO).upper()
    if asked.type not in _TYPES:
        raise invalid_schema(f"the type {asked.type[:40]} is none of {', '.join(_TYPES)}")
    return asked


def check_size(asked: Asked) -> None:
    """Raise `NotServed` where the schema is too long to be read."""
    if len(asked.schema) > MAX_SCHEMA_CHARS:
        raise invalid_schema(f"it takes more than {MAX_SCHEMA_CHARS} characters, and is none that is served here")


def find(asked: Asked, entries: Sequence[Entry], compiled: bytes | None) -> Entry | None:
    """The newest entry with this schema, by its text before by its meaning. `compiled` is Protobuf's descriptor.

    Raises `NotServed` where an Avro text is no schema.
    """
    newest_first = [entry for entry in reversed(entries) if entry.type == asked.type]
    if asked.type == PROTOBUF:
        if compiled is None:
            return None
        wanted = comparable(descriptor_pb2.FileDescriptorProto.FromString(compiled))
        return next((entry for entry in newest_first if entry.compared == wanted), None)
    value, form = avro_text(asked.schema)
    same = next((entry for entry in newest_first if _json(entry.schema) == value), None)
    return same or next((entry for entry in newest_first if avro_text(entry.schema)[1] == form), None)


def avro_text(text: str) -> tuple[Any, str]:
    """An Avro schema's JSON and its canonical form. Raises `NotServed`."""
    try:
        return _json(text), canonical_form(parse_schema(text))
    except (ContractError, ValueError) as error:
        raise invalid_schema(str(error)) from error
    except RecursionError:
        raise invalid_schema("it is nested too deeply") from None


def descriptor_of(text: str) -> bytes | None:
    """The serialised descriptor that a client sends as base64; None for what must be .proto text."""
    try:
        raw = b64decode(text, validate=True)
        file = descriptor_pb2.FileDescriptorProto.FromString(raw)
    except (ValueError, DecodeError):
        return None
    return raw if file.message_type or file.enum_type else None


def _json(text: str) -> Any:
    return msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
