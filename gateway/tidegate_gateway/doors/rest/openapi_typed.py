"""The OpenAPI document's operations of single contracts: the typed route, and the topic's own endpoint, with their schema.

Read by `openapi`, made once for each contract. What is the same for all topics stands in `openapi_events`; here stands
what one contract adds: the request's schema, an event that is accepted, one that is refused and its answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.described_value import describe_value
from tidegate.contracts.media import AVRO_JSON, JSON
from tidegate.contracts.verdict import Rejected
from tidegate_gateway.doors.media import VALUES
from tidegate_gateway.doors.rest.openapi_events import EVENT_RESPONSES, event_headers, options_of, versions_of
from tidegate_gateway.doors.rest.openapi_parts import problems_with_example
from tidegate_gateway.doors.rest.openapi_schemas import Json, JsonObject, ref

__all__ = ["Fragment", "Refusals", "fragment_of"]

Refusals = Callable[[CompiledContract, Rejected], bytes]
"""The problem, as JSON, that a refused event of a contract gets."""

_BINARY: JsonObject = {"type": "string", "format": "binary"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One contract's part of the document, encoded: paths and component schemas by name. `contract` is what it was made of."""

    contract: CompiledContract
    paths: Mapping[str, msgspec.Raw]
    schemas: Mapping[str, msgspec.Raw]


def fragment_of(contract: CompiledContract, refusals: Refusals) -> Fragment:
    """The contract's operations. Costs some milliseconds."""
    topic, route = contract.topic, contract.source.route
    name = f"value.{topic}"
    schema, definitions = describe_value(contract.newest, name)
    example: Json = msgspec.json.decode(contract.newest.codec.example())
    body = _content(contract, ref(name), example)
    refused = _refused(contract, example, refusals)
    paths = {f"/v1/topics/{topic}/events": _operation(contract, f"publish.{topic}", body, refused)}
    if route:
        paths[route] = _operation(contract, f"route.{topic}", body, refused)
    schemas: JsonObject = {name: schema, **definitions}
    return Fragment(
        contract=contract,
        paths={path: msgspec.Raw(msgspec.json.encode(operation)) for path, operation in paths.items()},
        schemas={key: msgspec.Raw(msgspec.json.encode(one)) for key, one in schemas.items()},
    )


def _operation(contract: CompiledContract, name: str, body: JsonObject, refused: Json) -> JsonObject:
    source = contract.source
    title = source.name or source.topic
    responses: JsonObject = {status: {"$ref": f"#/components/responses/Event{status}"} for status in EVENT_RESPONSES}
    if refused is not None:
        responses["400"] = problems_with_example(EVENT_RESPONSES["400"], refused)
    post: JsonObject = {
        "operationId": name,
        "summary": f"Publish one event: {title}.",
        "description": f"{source.purpose} The single endpoint of the topic `{source.topic}`, with its contract's schema.".strip(),
        "tags": ["events"],
        "security": [{"bearer": []}],
        "deprecated": source.status == "deprecated",
        "parameters": [versions_of(contract), *event_headers(keyed=contract.newest.source.key is not None)],
        "requestBody": {"required": True, "content": body},
        "responses": responses,
    }
    return {"post": post, "options": options_of(name)}


def _content(contract: CompiledContract, schema: JsonObject, example: Json) -> JsonObject:
    """Every media type that the contract takes."""
    content: JsonObject = {JSON: {"schema": schema, "examples": {"accepted": {"value": example}}}}
    for media in VALUES:
        if media in contract.newest.media_types and media != JSON:
            content[media] = {"schema": {"type": "object"} if media == AVRO_JSON else dict(_BINARY)}
    return content


def _refused(contract: CompiledContract, example: Json, refusals: Refusals) -> Json:
    """The answer to the example with its first field misspelt; None where that breaks nothing."""
    if not isinstance(example, dict) or not example:
        return None
    first, *rest = example
    wrong: JsonObject = {f"{first}_": example[first], **{name: example[name] for name in rest}}
    verdict = contract.newest.check(msgspec.json.encode(wrong))
    if not isinstance(verdict, Rejected):
        return None
    shown: Json = msgspec.json.decode(refusals(contract, verdict))
    return shown
