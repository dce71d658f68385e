"""/asyncapi.json: the topics for those who consume them, with what the caller may see of the contracts (AsyncAPI 3.0).

Installed by `app`, served by `documents`. Where OpenAPI says how events come in, this says what a record in Kafka is: its
value's schema in every version, its key, its headers, the frame. Brokers are not named: who may reach them is not ours to say.
"""

from functools import partial
from importlib.metadata import version
from typing import Final

import msgspec
from fastapi import FastAPI

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.source import TopicSettings
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.documents import Contracts, install_document
from tidegate_gateway.doors.rest.openapi_schemas import Json, JsonObject
from tidegate_gateway.doors.rest.views import newest_first

__all__ = ["install_asyncapi", "topics_description"]

_BINDING: Final = "0.5.0"
"""Of the AsyncAPI bindings for Kafka."""
_AVRO: Final = "application/vnd.apache.avro;version=1.9.0"
_PROTOBUF: Final = "application/vnd.google.protobuf;version=3"
_ABOUT: Final = (
    "What Tidegate writes to Kafka. Every record satisfied its contract; each value begins with the Confluent frame, whose id "
    "is `x-schema-id` of the message."
)
_HEADERS: Final[JsonObject] = {
    "type": "object",
    "required": ["tidegate-id", "tidegate-version", "tidegate-time"],
    "properties": {
        "tidegate-id": {"type": "string", "description": "The event's id. A second copy of an event has the same."},
        "tidegate-version": {"type": "string", "description": "The schema version that judged it."},
        "tidegate-time": {"type": "string", "format": "date-time", "description": "When it arrived at the gateway."},
        "traceparent": {"type": "string", "description": "W3C Trace Context, where the producer sent one."},
    },
    "additionalProperties": {"type": "string", "description": "The producer's own."},
}


def install_asyncapi(app: FastAPI, deps: RestDeps) -> None:
    """Serve /asyncapi.json. Without a token it shows no topic, unless contracts are public."""
    install_document(app, deps, "/asyncapi.json", partial(_encoded, deps.base_url))


def _encoded(base_url: str, contracts: Contracts) -> bytes:
    return msgspec.json.encode(topics_description(contracts, base_url))


def topics_description(contracts: Contracts, base_url: str) -> JsonObject:
    """The document with these contracts."""
    return {
        "asyncapi": "3.0.0",
        "id": f"{base_url}/asyncapi.json",
        "info": {
            "title": "Tidegate",
            "version": version("tidegate-gateway"),
            "description": _ABOUT,
            "externalDocs": {"url": f"{base_url}/docs", "description": "Contracts for people"},
        },
        "defaultContentType": "application/octet-stream",
        "channels": {one.topic: _channel(one, base_url) for one in contracts},
        "operations": {f"publish.{one.topic}": _operation(one) for one in contracts if one.source.status != "retired"},
        "components": {"messageTraits": {"record": {"headers": _HEADERS}}},
    }


def _channel(contract: CompiledContract, base_url: str) -> JsonObject:
    source = contract.source
    channel: JsonObject = {
        "address": source.topic,
        "title": source.name or source.topic,
        "description": source.purpose,
        "externalDocs": {"url": f"{base_url}/docs/topics/{source.topic}"},
        "messages": {f"v{one.number}": _message(contract, one) for one in newest_first(contract)},
        "bindings": {"kafka": {"topic": source.topic, **_topic(source.kafka), "bindingVersion": _BINDING}},
        "x-status": source.status,
    }
    if source.owner.team:
        channel["x-owner"] = source.owner.team
    if source.domain:
        channel["tags"] = [{"name": source.domain}]
    return channel


def _topic(settings: TopicSettings | None) -> JsonObject:
    """What the contract says of its topic."""
    if settings is None:
        return {}
    said = {"partitions": settings.partitions, "replicas": settings.replication_factor}
    return {name: number for name, number in said.items() if number is not None}


def _message(contract: CompiledContract, one: CompiledVersion) -> JsonObject:
    source = one.source
    avro = source.format == "avro"
    schema: Json = msgspec.json.decode(source.schema) if avro else source.schema
    name = source.message or (schema.get("name", "") if isinstance(schema, dict) else "")
    message: JsonObject = {
        "name": name or contract.topic,
        "title": f"{contract.source.name or contract.topic}, version {one.number}" if one.number else "Working copy",
        "contentType": "application/avro" if avro else "application/x-protobuf",
        "payload": {"schemaFormat": _AVRO if avro else _PROTOBUF, "schema": schema},
        "traits": [{"$ref": "#/components/messageTraits/record"}],
        "bindings": {"kafka": {
            **_key(source.key),
            "schemaIdLocation": "payload", "schemaIdPayloadEncoding": "confluent", "bindingVersion": _BINDING,
        }},
        "x-schema-id": source.schema_id,
        "x-fingerprint": source.fingerprint,
    }  # fmt: skip
    if source.tombstones == "allow":
        message["description"] = "A record without a value is a tombstone: what its key names is gone."
    return message


def _key(field: str | None) -> JsonObject:
    return {"key": {"type": "string", "description": f"The value's `{field}`, as text."}} if field else {}


def _operation(contract: CompiledContract) -> JsonObject:
    """What Tidegate does with the topic. Events of every version may come, so all its messages are named by naming none."""
    return {
        "action": "send",
        "channel": {"$ref": "#/channels/" + contract.topic.replace("~", "~0").replace("/", "~1")},
        "summary": f"Tidegate writes the accepted events of {contract.topic}.",
    }
