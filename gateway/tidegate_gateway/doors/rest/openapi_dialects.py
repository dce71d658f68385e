"""The OpenAPI document's paths of other HTTP dialects: CloudEvents, and Kafka REST v2 produce. Read by `openapi`.

The registry describes itself: it is another API, with another vocabulary of errors.
"""

from typing import Final

from tidegate.errors import Code, row
from tidegate_gateway.doors.cloudevents.reading import BATCH, STRUCTURED
from tidegate_gateway.doors.media import VALUES
from tidegate_gateway.doors.rest.openapi_events import PUBLISH, options_of
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
from tidegate_gateway.doors.rest.openapi_schemas import Json, JsonObject, ref
from tidegate_gateway.doors.restproxy.answers import MEDIA_TYPE
from tidegate_gateway.doors.restproxy.reading import EMBEDDED

__all__ = ["DIALECT_SCHEMAS", "dialect_paths"]

_NULLABLE_INTEGER: Final[JsonObject] = {"type": ["integer", "null"]}
_ATTRIBUTES: Final[JsonObject] = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,128}$"},
    "source": {"type": "string", "minLength": 1},
    "type": {"type": "string", "minLength": 1, "description": "The topic, or the contract's id."},
    "subject": {"type": ["string", "null"]},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "datacontenttype": {"type": ["string", "null"]},
    "dataschema": {
        "type": ["string", "null"],
        "description": "`.../v1/topics/{topic}/schemas/{version}` names topic and version; another is kept and not looked at.",
    },
    "partitionkey": {"type": ["string", "null"], "description": "The record's key."},
    "data": {"description": "The value as JSON."},
    "data_base64": {"type": "string", "contentEncoding": "base64"},
}

DIALECT_SCHEMAS: Final[JsonObject] = {
    "CloudEvent": {
        "type": "object",
        "description": "CloudEvents 1.0, JSON format. Further members are extensions.",
        "required": ["specversion", "id", "source", "type"],
        "properties": _ATTRIBUTES,
    },
    "RestProxyProduce": {
        "type": "object",
        "required": ["records"],
        "properties": {
            "key_schema": {"type": ["string", "null"]},
            "key_schema_id": _NULLABLE_INTEGER,
            "value_schema": {"type": ["string", "null"], "description": "Must be a version of the contract."},
            "value_schema_id": _NULLABLE_INTEGER,
            "records": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"key": {}, "value": {}, "partition": {"type": ["integer", "null"], "minimum": 0}},
                    "additionalProperties": False,
                },
            },
        },
    },
    "RestProxyReceipt": {
        "type": "object",
        "required": ["offsets"],
        "properties": {
            "error_code": {"type": "integer"},
            "message": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object"}},
            "key_schema_id": _NULLABLE_INTEGER,
            "value_schema_id": _NULLABLE_INTEGER,
            "offsets": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["partition", "offset", "error_code", "error"],
                    "properties": {
                        "partition": _NULLABLE_INTEGER,
                        "offset": _NULLABLE_INTEGER,
                        "error_code": {
                            "type": ["integer", "null"],
                            "description": "1: never retried with success; 2: may be sent again.",
                        },
                        "error": {"type": ["string", "null"]},
                        "problem": ref("Problem"),
                    },
                },
            },
        },
    },
    "RestProxyError": {
        "type": "object",
        "required": ["error_code", "message"],
        "properties": {
            "error_code": {"type": "integer"},
            "message": {"type": "string"},
            "code": {"type": "string"},
            "retryable": {"type": "boolean"},
            "errors": {"type": "array", "items": {"type": "object"}},
            "docs": {"type": "string"},
        },
    },
    "TopicsReceipt": {
        "type": "object",
        "description": "A batch for several topics: each result names its own.",
        "required": ["results"],
        "properties": {"results": {"type": "array", "items": {"type": "object"}}},
    },
}


def dialect_paths(samples: Samples) -> JsonObject:
    """The paths, each with its OPTIONS."""
    topic: JsonObject = {"name": "topic", "in": "path", "required": True, "schema": {"type": "string"}}
    partition: JsonObject = {
        "name": "partition",
        "in": "path",
        "required": True,
        "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    }
    loose: JsonObject = {**partition, "schema": {"type": "string"}}
    return {
        "/v1/events": {"post": _cloud_events(), "options": options_of("publishCloudEvents")},
        "/topics/{topic}": {
            "post": _produce("produce", [topic_parameter(samples)]),
            "options": options_of("produce", topic),
        },
        "/topics/{topic}/partitions/{partition}": {
            "post": _produce("produceToPartition", [topic_parameter(samples), partition]),
            "options": options_of("produceToPartition", topic, loose),
        },
    }


def _cloud_events() -> JsonObject:
    value: JsonObject = {
        "schema": {"description": "Binary mode: the value itself, its attributes in ce- header fields."}
    }
    many: JsonObject = {"schema": {"type": "array", "items": ref("CloudEvent")}}
    receipt = json_content({"anyOf": [ref("StoredEvent"), ref("Receipt"), ref("TopicsReceipt")]})
    names = ("specversion", "id", "source", "type", "time", "subject", "dataschema", "partitionkey")
    parameters: list[Json] = [
        header(f"ce-{name}", {"type": "string"}, f"The attribute `{name}` in binary mode.") for name in names
    ]
    batches = problems((*PUBLISH, Code.INTERNAL), HEAD, receipt=True, limits=True)
    return {
        "operationId": "publishCloudEvents",
        "summary": "Publish CloudEvents 1.0: binary, structured or batch mode.",
        "description": "`type` or `dataschema` finds the contract. The record in Kafka carries the attributes as `ce_` headers.",
        "tags": ["events"],
        "security": [{"bearer": []}],
        "parameters": parameters,
        "requestBody": {
            "required": True,
            "content": {
                STRUCTURED: {"schema": ref("CloudEvent")},
                BATCH: many,
                **{name: dict(value) for name in VALUES},
            },
        },
        "responses": {
            "200": {"description": "Everything is stored.", "headers": told_headers(), "content": receipt},
            "207": {"description": "Some are stored; each result says.", "headers": told_headers(), "content": receipt},
            **_also_many_topics(batches),
        },
    }


def _also_many_topics(responses: JsonObject) -> JsonObject:
    """A batch over topics that fails whole for one reason has that reason's status too, whatever it is."""
    out: JsonObject = {}
    for status, response in responses.items():
        if not isinstance(response, dict) or not isinstance(response["content"], dict):
            raise TypeError(response)
        content = {**response["content"], **json_content({"anyOf": [ref("Receipt"), ref("TopicsReceipt")]})}
        out[status] = {**response, "content": content}
    return out


def _produce(name: str, parameters: list[Json]) -> JsonObject:
    body: JsonObject = {form.media_type: {"schema": ref("RestProxyProduce")} for form in EMBEDDED.values()}
    receipt: JsonObject = {MEDIA_TYPE: {"schema": ref("RestProxyReceipt")}}
    return {
        "operationId": name,
        "summary": "Produce as to a Kafka REST proxy (v2).",
        "description": "For producers that speak to a REST proxy today. Never 200 for what was not stored.",
        "tags": ["events"],
        "security": [{"bearer": []}],
        "parameters": parameters,
        "requestBody": {"required": True, "content": body},
        "responses": {
            "200": {"description": "All are stored.", "headers": told_headers(), "content": receipt},
            "207": {"description": "Some are stored.", "headers": told_headers(), "content": receipt},
            **_errors(),
        },
    }


def _errors() -> JsonObject:
    """By status, in the REST proxy's words: 422 where no record would ever be taken."""
    statuses = {row(code).http for code in (*PUBLISH, Code.INTERNAL)} | {422, 431}
    either: JsonObject = {MEDIA_TYPE: {"schema": {"anyOf": [ref("RestProxyError"), ref("RestProxyReceipt")]}}}
    fields: JsonObject = {
        name: text_header()
        for name in ("Request-Id", "WWW-Authenticate", "RateLimit", "RateLimit-Policy", "Retry-After")
    }
    return {
        str(status): {"description": "Nothing is stored, or nobody knows.", "headers": fields, "content": either}
        for status in sorted(statuses)
    }
