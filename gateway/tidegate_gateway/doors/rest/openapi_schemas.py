"""The OpenAPI document's schemas: the wire types' own, as msgspec describes them, and what it cannot know.

Read by `openapi` and the modules of its paths. A schema here is a plain JSON value: that is what the document is made of.
"""

from collections.abc import Mapping
from inspect import cleandoc
from types import MappingProxyType
from typing import Final

import msgspec

from tidegate.contracts.source import ContractSource
from tidegate.errors import Code
from tidegate.wire.event import EVENT_FIELDS, MAX_HEADERS
from tidegate.wire.problem import Problem
from tidegate.wire.receipt import Receipt, Stored, Valid
from tidegate_gateway.doors.rest.views import TopicList, TopicView

__all__ = ["ID_PATTERN", "MAX_VERSION", "SCHEMAS", "TOPIC_PATTERN", "Json", "JsonObject", "ref"]

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
JsonObject = dict[str, Json]

TOPIC_PATTERN: Final = r"^[A-Za-z0-9._-]{1,249}$"
ID_PATTERN: Final = r"^[!-~]{1,128}$"
_REF: Final = "#/components/schemas/{name}"
MAX_VERSION: Final = 0x7FFFFFFF
_POINTER: Final = (
    "JSON pointer (RFC 6901) as a URI fragment. For `contract_violation` it starts at the event's value, in a batch too. "
    "For `malformed` it starts at what could not be read: the value of a single event; in a batch the Event (`#/headers/a`), "
    "whose value is at `#/value`; or the Batch itself. `#` is the whole of it, and of what stands in a request header."
)


def ref(name: str) -> JsonObject:
    """A reference to a schema of the components."""
    return {"$ref": _REF.format(name=name)}


_EVENT_MEMBERS: Final[Mapping[str, JsonObject]] = MappingProxyType(
    {
        "id": {
            "type": "string",
            "pattern": ID_PATTERN,
            "description": "Of the event; a UUIDv7 where none is given. A retry keeps it.",
        },
        "key": {
            "type": "string",
            "description": "The record's key; must equal the contract's key field where it has one.",
        },
        "keyBytes": {
            "type": "string",
            "contentEncoding": "base64",
            "description": "The key as bytes, instead of `key`.",
        },
        "value": {"description": "The event itself, judged by the topic's contract. Null is a tombstone."},
        "data": {
            "type": "string",
            "contentEncoding": "base64",
            "description": "Instead of `value`: the event encoded by the contract's schema, Avro or Protobuf.",
        },
        "framed": {
            "type": "boolean",
            "description": "Whether `data` begins with the Confluent frame, which then names the version.",
        },
        "headers": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "maxProperties": MAX_HEADERS,
            "description": "Kafka headers; names are lower-cased.",
        },
        "time": {
            "type": "string",
            "format": "date-time",
            "description": "When it happened, where the contract names no event time.",
        },
        "version": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_VERSION,
            "description": "Of the contract; the newest where none is given.",
        },
    }
)


def _event() -> JsonObject:
    """`wire.event.Event`: msgspec cannot describe its raw value, so its members stand here (a test compares the names)."""
    return {
        "title": "Event",
        "type": "object",
        "description": "One event of a batch.",
        "properties": {name: _or_null(_EVENT_MEMBERS[name]) for name in EVENT_FIELDS},
        "anyOf": [{"required": ["value"]}, {"required": ["data"]}],
        "additionalProperties": False,
    }


def _or_null(member: JsonObject) -> JsonObject:
    """The member, which may be null instead of being left out; `value` has no type of its own."""
    return {**member, "type": [member["type"], "null"]} if "type" in member else dict(member)


def _schemas() -> dict[str, Json]:
    types = (Problem, Receipt, Stored, Valid, TopicList, TopicView, ContractSource)
    _, described = msgspec.json.schema_components(types, ref_template=_REF)
    schemas: dict[str, Json] = {}
    for name, schema in described.items():
        schemas[name] = {**schema, "description": cleandoc(schema.get("description", ""))}
    _set(schemas, "Problem", "code", {"type": "string", "enum": [str(code) for code in Code]})
    _set(schemas, "Problem", "status", {"type": "integer", "minimum": 400, "maximum": 599})
    _set(schemas, "Problem", "type", {"type": "string", "format": "uri"})
    _describe(schemas, "Violation", "pointer", _POINTER)
    schemas["Event"] = _event()
    schemas["Batch"] = {
        "title": "Batch",
        "type": "object",
        "properties": {"events": {"type": "array", "items": ref("Event")}},
        "required": ["events"],
        "additionalProperties": False,
    }
    for name in ("Stored", "Valid"):
        schemas[f"{name}Event"] = _with_topic(described[name], f"{name}Event")
    return schemas


def _set(schemas: dict[str, Json], name: str, member: str, schema: JsonObject) -> None:
    """Say more of one member than its Python type does."""
    whole = schemas[name]
    if isinstance(whole, dict) and isinstance(members := whole["properties"], dict) and member in members:
        members[member] = schema
        return
    raise KeyError(f"{name}.{member}")


def _describe(schemas: dict[str, Json], name: str, member: str, text: str) -> None:
    """Say in words what a member's type cannot."""
    whole = schemas[name]
    if isinstance(whole, dict) and isinstance(members := whole["properties"], dict):
        found = members.get(member)
        if isinstance(found, dict):
            members[member] = {**found, "description": text}
            return
    raise KeyError(f"{name}.{member}")


def _with_topic(result: dict[str, Json], title: str) -> JsonObject:
    """The result of a single event: the batch's, with the topic beside it."""
    members, required = result["properties"], result["required"]
    if not isinstance(members, dict) or not isinstance(required, list):
        raise TypeError(title)
    return {
        "title": title,
        "type": "object",
        "properties": {"topic": {"type": "string"}, **members},
        "required": ["topic", *required],
    }


SCHEMAS: Final[Mapping[str, Json]] = MappingProxyType(_schemas())
"""Every schema by its name."""
