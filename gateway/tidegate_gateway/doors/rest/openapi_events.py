"""The OpenAPI document's endpoints that take events: bodies, header fields, and every status that each can answer.

Read by `openapi`. What is told of single contracts (examples) comes in as `Samples`.
"""

from typing import Final

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.media import AVRO_CONTAINER, JSON
from tidegate.errors import Code
from tidegate_gateway.doors.media import VALUES
from tidegate_gateway.doors.rest.openapi_parts import (
    HEAD,
    Samples,
    header,
    json_content,
    problems,
    text_header,
    told_headers,
    topic_parameter,
)
from tidegate_gateway.doors.rest.openapi_schemas import ID_PATTERN, MAX_VERSION, Json, JsonObject, ref

__all__ = ["EVENT_RESPONSES", "PUBLISH", "event_headers", "event_paths", "options_of", "versions_of"]

_JUDGE = (
    Code.MALFORMED, Code.CONTRACT_VIOLATION, Code.UNKNOWN_VERSION, Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.UNKNOWN_TOPIC,
    Code.TIMEOUT, Code.RETIRED, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA, Code.RATE_LIMITED, Code.OVERLOADED,
    Code.VERSION_NOT_HERE_YET,
)  # fmt: skip
PUBLISH: Final = (*_JUDGE, Code.BROKER_UNAVAILABLE, Code.AFTER_FAILURE, Code.OUTCOME_UNKNOWN)
"""What an event that is published may be refused for."""

_CONTAINER: Final[JsonObject] = {
    "type": "string",
    "description": "An Avro object container file, for a contract in Avro: each value in it is an event.",
}


def event_paths(samples: Samples) -> JsonObject:
    """The paths by which events come in."""
    base = "/v1/topics/{topic}/events"
    return {
        base: _hot(
            samples, "publishEvent", "Publish one event; the body is the value itself.", event_headers(), _value_body(samples), _event_responses()
        ),
        f"{base}:batch": _hot(
            samples, "publishBatch", "Publish many events. Not atomic: each has its own result.", [_line_format()], _batch_body(samples), _many()
        ),
        f"{base}:validate": _hot(
            samples, "validateEvents", "The verdict on one value or many events; publishes nothing.", [*event_headers(), _line_format()], _any_body(samples), _verdicts()
        ),
    }  # fmt: skip


def _hot(
    samples: Samples, name: str, summary: str, parameters: list[Json], body: JsonObject, responses: JsonObject
) -> JsonObject:
    post: JsonObject = {
        "operationId": name,
        "summary": summary,
        "description": _HOT_TEXT,
        "tags": ["events"],
        "security": [{"bearer": []}],
        "parameters": [topic_parameter(samples), _version(), *parameters],
        "requestBody": {"required": True, "content": body},
        "responses": responses,
    }
    topic: JsonObject = {"name": "topic", "in": "path", "required": True, "schema": {"type": "string"}}
    return {"post": post, "options": options_of(name, topic)}


def options_of(name: str, *parameters: Json) -> JsonObject:
    """OPTIONS of the operation called `name`: the methods of its path."""
    methods: JsonObject = {"description": "See Allow.", "headers": {"Allow": text_header()}}
    return {
        "operationId": f"{name}Options",
        "summary": "The methods of this path.",
        "tags": ["events"],
        "security": [],
        "parameters": list(parameters),
        "responses": {"204": methods, **problems((Code.INTERNAL,), HEAD)},
    }


_COPIES = (
    "This build removes no duplicates: an event sent twice is stored twice, and consumers tell the copies by the Kafka "
    "header `tidegate-id`."
)

_HOT_TEXT = (
    "`Content-Encoding: gzip` and `zstd` are taken. A query parameter that is not listed here is refused (400). What is published is answered with 2xx only after all in-sync replicas of Kafka "
    "have it. For a single event `Event-Header-<name>` sets the Kafka header of that name."
)


def _version() -> JsonObject:
    schema: JsonObject = {"type": "integer", "minimum": 1, "maximum": MAX_VERSION}
    return header("Event-Version", schema, "The contract's version; the newest where none is given.")


def versions_of(contract: CompiledContract) -> JsonObject:
    """Event-Version with the numbers that the contract has; needed where it says so."""
    numbers: list[Json] = [number for number in contract.versions if number]
    pinned = contract.source.inputs == "pinned" and bool(numbers)
    schema: JsonObject = {"type": "integer", "enum": numbers} if numbers else {"type": "integer", "minimum": 1}
    text = (
        "The contract's version; it has to be named."
        if pinned
        else "The contract's version; the newest where none is given."
    )
    return {**header("Event-Version", schema, text), "required": pinned}


def _line_format() -> JsonObject:
    return {
        "name": "format",
        "in": "query",
        "required": False,
        "description": "What a line of NDJSON is: an Event, or a bare value.",
        "schema": {"type": "string", "enum": ["events", "values"]},
    }


def event_headers(*, keyed: bool = False) -> list[Json]:
    """The header fields of one event. `keyed`: a field gives the key, and only the same one may stand here."""
    key = "The record's key, where the contract names no key field."
    return [
        header("Event-Id", {"type": "string", "pattern": ID_PATTERN}, f"The event's id; a retry keeps it. {_COPIES}"),
        header("Idempotency-Key", {"type": "string"}, f"The same as Event-Id, as a quoted string or bare. {_COPIES}"),
        *([] if keyed else [header("Event-Key", {"type": "string"}, key)]),
        header("Event-Time", {"type": "string", "format": "date-time"}, "When it happened (RFC 3339)."),
    ]


def _event_responses() -> JsonObject:
    stored: JsonObject = {
        "description": "Stored.",
        "headers": told_headers(),
        "content": json_content(ref("StoredEvent")),
    }
    return {"200": stored, **problems((*PUBLISH, Code.INTERNAL), HEAD, limits=True)}


EVENT_RESPONSES: Final[JsonObject] = _event_responses()
"""What the single endpoint of every topic answers, by status: components that the typed operations refer to."""


def _many() -> JsonObject:
    receipt = json_content(ref("Receipt"))
    return {
        "200": {"description": "Every event is stored.", "headers": told_headers(), "content": receipt},
        "207": {"description": "Some are stored, or none for several reasons; each result says.", "headers": told_headers(), "content": receipt},
        **problems((*PUBLISH, Code.INTERNAL), HEAD, receipt=True, limits=True),
    }  # fmt: skip


def _verdicts() -> JsonObject:
    one_or_many = json_content({"anyOf": [ref("ValidEvent"), ref("Receipt")]})
    return {
        "200": {"description": "Valid; a Receipt where many were sent.", "headers": told_headers(), "content": one_or_many},
        "207": {"description": "Some are valid, or none for several reasons.", "headers": told_headers(), "content": json_content(ref("Receipt"))},
        **problems((*_JUDGE, Code.INTERNAL), HEAD, receipt=True, limits=True),
    }  # fmt: skip


def _value_body(samples: Samples) -> JsonObject:
    examples: JsonObject = {topic: {"summary": f"For {topic}", "value": value} for topic, value in samples.values}
    media: JsonObject = {"schema": {"description": "The value, judged by the topic's contract."}}
    plain: JsonObject = {**media, "examples": examples} if examples else media
    return {**{name: dict(media) for name in VALUES}, JSON: plain}


def _batch_body(samples: Samples) -> JsonObject:
    examples: JsonObject = {
        topic: {"summary": f"For {topic}", "value": {"events": [{"value": value}]}} for topic, value in samples.values
    }
    media: JsonObject = {"schema": ref("Batch")}
    plain: JsonObject = {**media, "examples": examples} if examples else media
    return {JSON: plain, **_lines(), AVRO_CONTAINER: {"schema": _CONTAINER}}


def _any_body(samples: Samples) -> JsonObject:
    return {**_value_body(samples), **_lines()}


def _lines() -> JsonObject:
    return {"application/x-ndjson": {"schema": {"type": "string", "description": "An Event a line."}}}
