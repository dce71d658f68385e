"""The registry's answers as bytes. Called by `endpoints` and `door`."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from tidegate_gateway.doors.registry.entries import AVRO, Entry
from tidegate_gateway.doors.registry.errors import NotServed

__all__ = [
    "MEDIA_TYPE",
    "PLAIN_TEXT",
    "Plain",
    "as_json",
    "refusal",
    "schema_body",
    "subject_rows",
    "version_body",
    "versions_body",
]

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"

PLAIN_TEXT = "text/plain; charset=utf-8"


class Plain(NamedTuple):
    """A body that is no JSON: a bare .proto text, or a descriptor in base64."""

    body: bytes


as_json = msgspec.json.Encoder().encode


def schema_body(entry: Entry, *, serialized: bool) -> bytes:
    """What an id or a guid stands for."""
    return as_json({**_content(entry, serialized=serialized), "guid": entry.guid})


def version_body(entry: Entry, *, serialized: bool = False) -> bytes:
    """One version of a subject."""
    return as_json(_version(entry, serialized=serialized))


def versions_body(entries: Iterable[Entry]) -> bytes:
    """Many of them."""
    return as_json([_version(entry, serialized=False) for entry in entries])


def subject_rows(entries: Sequence[Entry]) -> bytes:
    """Subjects and versions that hold a schema."""
    return as_json([{"subject": entry.subject, "version": entry.version} for entry in entries])


def refusal(error: NotServed) -> bytes:
    """The body of every error."""
    return as_json({"error_code": error.code, "message": error.message})


def _version(entry: Entry, *, serialized: bool) -> dict[str, Any]:
    head = {"subject": entry.subject, "version": entry.version, "id": entry.id, "guid": entry.guid}
    return head | _content(entry, serialized=serialized)


def _content(entry: Entry, *, serialized: bool) -> dict[str, Any]:
    """The type is left out for Avro, and references where there are none, as Confluent's server does."""
    body: dict[str, Any] = {} if entry.type == AVRO else {"schemaType": entry.type}
    if entry.references:
        body["references"] = [
            {"name": reference.name, "subject": reference.subject, "version": reference.version}
            for reference in entry.references
        ]
    body["schema"] = entry.serialized if serialized and entry.serialized else entry.schema
    return body
