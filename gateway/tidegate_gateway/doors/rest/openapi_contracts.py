"""The OpenAPI document's endpoints that show contracts, to programs and to people, and the document itself.

Read by `openapi`. Their rights are `viewer`'s; here stands only what each can answer.
"""

from tidegate.contracts.media import PROTOBUF
from tidegate.errors import Code
from tidegate_gateway.doors.rest.openapi_parts import (
    HEAD,
    Samples,
    header,
    json_content,
    problems,
    text_header,
    topic_parameter,
)
from tidegate_gateway.doors.rest.openapi_schemas import Json, JsonObject, ref

__all__ = ["contract_paths"]


def contract_paths(samples: Samples) -> JsonObject:
    """The paths that show contracts."""
    topics = "/v1/topics"
    version: JsonObject = {
        "name": "version",
        "in": "path",
        "required": True,
        "description": "A version's number, or `latest`.",
        "schema": {"type": "string", "pattern": "^(latest|[0-9]{1,10})$"},
    }
    document: JsonObject = {"type": "object"}
    return {
        topics: {"get": _get(samples, "listTopics", "The topics that the caller may see.", json_content(ref("TopicList")))},
        f"{topics}/{{topic}}": _of_topic(
            samples, "getTopic", "A contract: versions, owner, limits, an example, links.", json_content(ref("TopicView"))
        ),
        f"{topics}/{{topic}}/contract": _of_topic(
            samples, "getContract", "The contract file (Open Data Contract Standard).", {"application/yaml": {"schema": document}}
        ),
        f"{topics}/{{topic}}/schemas/{{version}}": _of_topic(
            samples, "getSchema", "A version's schema: Avro as JSON, Protobuf as text.",
            {**json_content({"description": "An Avro schema."}), **_text("text/plain")}, version, also=((Code.UNKNOWN_VERSION, 404),),
        ),
        f"{topics}/{{topic}}/bundle": _of_topic(
            samples, "getBundle", "All versions in one: what an SDK judges by.", json_content(ref("ContractSource"))
        ),
        "/openapi.json": _open_to_all(samples, "getDescription", "This document.", document),
        "/asyncapi.json": _open_to_all(samples, "getTopicsDescription", "What the topics hold, as AsyncAPI 3.0.", document),
        **_pages(samples),
    }  # fmt: skip


def _of_topic(
    samples: Samples, name: str, summary: str, content: JsonObject, *parameters: Json, also: tuple[tuple[Code, int], ...] = ()
) -> JsonObject:  # fmt: skip
    operation = _get(samples, name, summary, content, _one_topic(samples), also)
    operation["parameters"] = [topic_parameter(samples), *parameters, *_conditional()]
    return {"get": operation}


def _open_to_all(samples: Samples, name: str, summary: str, document: JsonObject) -> JsonObject:
    """A description that everybody gets, with the contracts that they may see."""
    return {"get": {**_get(samples, name, summary, json_content(document)), "security": [{}, *_bearer(samples)]}}


def _get(
    samples: Samples,
    name: str,
    summary: str,
    content: JsonObject,
    codes: tuple[Code, ...] = (),
    also: tuple[tuple[Code, int], ...] = (),
) -> JsonObject:
    """A conditional GET. `also` are codes with another status than their usual one."""
    fields: JsonObject = {"ETag": text_header()}
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["contracts"],
        "security": _bearer(samples),
        "parameters": _conditional(),
        "responses": {
            "200": {"description": "As asked.", "headers": fields, "content": content},
            "304": {"description": "Unchanged since the ETag in If-None-Match.", "headers": fields},
            **problems((*_who(samples), *codes, Code.INTERNAL), (*HEAD, *also)),
        },
    }


def _bearer(samples: Samples) -> list[Json]:
    return [] if samples.public else [{"bearer": []}]


def _who(samples: Samples) -> tuple[Code, ...]:
    """What asking for a token adds."""
    return () if samples.public else (Code.UNAUTHENTICATED, Code.OVERLOADED)


def _one_topic(samples: Samples) -> tuple[Code, ...]:
    """What naming a topic adds."""
    return (Code.MALFORMED, Code.UNKNOWN_TOPIC, *(() if samples.public else (Code.FORBIDDEN,)))


def _text(media_type: str) -> JsonObject:
    return {media_type: {"schema": {"type": "string"}}}


def _conditional() -> list[Json]:
    return [header("If-None-Match", {"type": "string"}, "The ETag of an answer that is kept.")]


def _pages(samples: Samples) -> JsonObject:
    code: JsonObject = {
        "name": "code",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "examples": {str(Code.CONTRACT_VIOLATION): {"value": str(Code.CONTRACT_VIOLATION)}},
    }
    security: list[Json] = [] if samples.public else [{"bearer": []}, {"basic": []}]
    guarded = _who(samples)
    topic = (*guarded, *_one_topic(samples))
    style = _file("getStyle", "The pages' style sheet.", "text/css")
    ingest = _file("getIngestProto", "The gRPC API as a .proto file.", "text/plain")
    return {
        "/docs": _page("showIndex", "The index of the docs pages.", [], problems((*guarded, Code.INTERNAL), HEAD, html=True), security),
        "/docs/topics/{topic}": _page(
            "showTopic", "A contract's page, with an anchor for each field.", [topic_parameter(samples)],
            problems((*topic, Code.INTERNAL), HEAD, html=True), security,
        ),
        "/docs/topics/{topic}/services/{name}.binpb": {"get": _descriptors(samples, security, topic)},
        "/docs/errors/{code}": _page(
            "showError", "What an error code means, and what to do.", [code],
            problems((Code.NOT_FOUND, Code.INTERNAL), (), html=True), [],
        ),
        "/docs/style.css": {"get": style},
        "/docs/ingest.proto": {"get": ingest},
    }  # fmt: skip


def _descriptors(samples: Samples, security: list[Json], codes: tuple[Code, ...]) -> JsonObject:
    """The file that grpcurl takes (`-protoset`) where the port tells nothing by reflection."""
    name: JsonObject = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    content: JsonObject = {PROTOBUF: {"schema": {"type": "string", "format": "binary"}}}
    return {
        "operationId": "getServiceDescriptors",
        "summary": "The descriptors of a contract's own gRPC service (google.protobuf.FileDescriptorSet).",
        "tags": ["pages"],
        "security": security,
        "parameters": [topic_parameter(samples), name],
        "responses": {
            "200": {"description": "As asked.", "content": content},
            **problems((*codes, Code.NOT_FOUND, Code.INTERNAL), HEAD, html=True),
        },
    }


def _file(name: str, summary: str, media_type: str) -> JsonObject:
    """A file that is the same for everybody."""
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["pages"],
        "security": [],
        "responses": {
            "200": {"description": "As asked.", "content": _text(media_type)},
            **problems((Code.INTERNAL,), ()),
        },
    }


def _page(name: str, summary: str, parameters: list[Json], refusals: JsonObject, security: list[Json]) -> JsonObject:
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "tags": ["pages"],
            "security": security,
            "parameters": parameters,
            "responses": {"200": {"description": "As asked.", "content": _text("text/html")}, **refusals},
        }
    }
