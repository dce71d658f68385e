"""The OpenAPI document's paths: every endpoint of the REST door with every status that it can answer, from the errors table.

Read by `openapi`. What is told of single contracts (examples) comes in as `Samples`; nothing here asks who reads.
"""

from dataclasses import dataclass

from tidegate.errors import Code, row
from tidegate_gateway.doors.rest.openapi_schemas import ID_PATTERN, TOPIC_PATTERN, Json, JsonObject, ref

__all__ = ["Samples", "paths"]

_HEAD = ((Code.TOO_LARGE, 431),)
_READ = (Code.UNAUTHENTICATED, Code.OVERLOADED)
_ONE_TOPIC = (Code.MALFORMED, Code.FORBIDDEN, Code.UNKNOWN_TOPIC)
_JUDGE = (
    Code.MALFORMED, Code.CONTRACT_VIOLATION, Code.UNKNOWN_VERSION, Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.UNKNOWN_TOPIC,
    Code.TIMEOUT, Code.RETIRED, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA, Code.RATE_LIMITED, Code.OVERLOADED,
    Code.VERSION_NOT_HERE_YET,
)  # fmt: skip
_PUBLISH = (*_JUDGE, Code.BROKER_UNAVAILABLE, Code.AFTER_FAILURE, Code.OUTCOME_UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What a reader may be shown of the contracts. `values`: an accepted event as JSON, by topic; in the topics' order.

    `public`: reading needs no token.
    """

    values: tuple[tuple[str, Json], ...]
    public: bool


def paths(samples: Samples) -> JsonObject:
    """All paths."""
    return {
        "/v1/topics/{topic}/events": _hot(
            samples, "publishEvent", "Publish one event; the body is the value itself.", _value_body(samples), _single()
        ),
        "/v1/topics/{topic}/events:batch": _hot(
            samples, "publishBatch", "Publish many events. Not atomic: each has its own result.", _batch_body(samples), _many()
        ),
        "/v1/topics/{topic}/events:validate": _hot(
            samples, "validateEvents", "The verdict on one value or many events; publishes nothing.", _any_body(samples), _verdicts()
        ),
        **_reads(samples),
        **_pages(samples),
        "/openapi.json": {"get": _get(samples, "getDescription", "This document.", {}, {"application/json": {"type": "object"}}, ())},
    }  # fmt: skip


# Endpoints that take events


def _hot(samples: Samples, name: str, summary: str, body: JsonObject, responses: JsonObject) -> JsonObject:
    single = name == "publishEvent"
    parameters: list[Json] = [_topic(samples), _header("Event-Version", {"type": "integer", "minimum": 1, "maximum": 2147483647}, "The contract's version; the newest where none is given.")]  # fmt: skip
    if name != "publishBatch":
        parameters += _event_headers()
    if name == "publishBatch":
        parameters.append(
            {
                "name": "format",
                "in": "query",
                "required": False,
                "description": "What a line of NDJSON is: an Event, or a bare value.",
                "schema": {"type": "string", "enum": ["events", "values"]},
            }
        )
    post: JsonObject = {
        "operationId": name,
        "summary": summary,
        "description": _HOT_TEXT if single else "`Content-Encoding: gzip` is taken.",
        "tags": ["events"],
        "security": [{"bearer": []}],
        "parameters": parameters,
        "requestBody": {"required": True, "content": body},
        "responses": responses,
    }
    options: JsonObject = {
        "operationId": f"{name}Options",
        "summary": "The methods of this path.",
        "tags": ["events"],
        "security": [],
        "parameters": [_topic(samples)],
        "responses": {"204": {"description": "See Allow.", "headers": {"Allow": _text_header()}}, **_problems((Code.INTERNAL,), _HEAD)},
    }  # fmt: skip
    return {"post": post, "options": options}


_HOT_TEXT = (
    "`Event-Header-<name>` sets the Kafka header of that name; `Content-Encoding: gzip` is taken. "
    "2xx only after all in-sync replicas of Kafka have the event."
)


def _event_headers() -> list[Json]:
    return [
        _header("Event-Id", {"type": "string", "pattern": ID_PATTERN}, "The event's id; a retry keeps it."),
        _header("Idempotency-Key", {"type": "string"}, "The same as Event-Id, as a quoted string or bare."),
        _header("Event-Key", {"type": "string"}, "The record's key, where the contract names no key field."),
        _header("Event-Time", {"type": "string", "format": "date-time"}, "When it happened (RFC 3339)."),
    ]


def _single() -> JsonObject:
    stored: JsonObject = {"description": "Stored.", "headers": _told_headers(), "content": _json(ref("StoredEvent"))}
    return {"200": stored, **_problems((*_PUBLISH, Code.INTERNAL), _HEAD)}


def _many() -> JsonObject:
    receipt = _json(ref("Receipt"))
    return {
        "200": {"description": "Every event is stored.", "headers": _told_headers(), "content": receipt},
        "207": {"description": "Some are stored, or none for several reasons; each result says.", "headers": _told_headers(), "content": receipt},
        **_problems((*_PUBLISH, Code.INTERNAL), _HEAD, receipt=True),
    }  # fmt: skip


def _verdicts() -> JsonObject:
    one_or_many = _json({"anyOf": [ref("ValidEvent"), ref("Receipt")]})
    return {
        "200": {"description": "Valid; a Receipt where many were sent.", "headers": _told_headers(), "content": one_or_many},
        "207": {"description": "Some are valid, or none for several reasons.", "headers": _told_headers(), "content": _json(ref("Receipt"))},
        **_problems((*_JUDGE, Code.INTERNAL), _HEAD, receipt=True),
    }  # fmt: skip


def _value_body(samples: Samples) -> JsonObject:
    examples: JsonObject = {topic: {"summary": f"For {topic}", "value": value} for topic, value in samples.values}
    media: JsonObject = {"schema": {"description": "The value, judged by the topic's contract."}}
    return {"application/json": {**media, "examples": examples} if examples else media}


def _batch_body(samples: Samples) -> JsonObject:
    examples: JsonObject = {
        topic: {"summary": f"For {topic}", "value": {"events": [{"value": value}]}} for topic, value in samples.values
    }
    media: JsonObject = {"schema": ref("Batch")}
    return {"application/json": {**media, "examples": examples} if examples else media, **_lines()}


def _any_body(samples: Samples) -> JsonObject:
    return {**_value_body(samples), **_lines()}


def _lines() -> JsonObject:
    return {"application/x-ndjson": {"schema": {"type": "string", "description": "An Event a line."}}}


# Endpoints that show contracts


def _reads(samples: Samples) -> JsonObject:
    base = "/v1/topics"
    version: JsonObject = {
        "name": "version",
        "in": "path",
        "required": True,
        "description": "A version's number, or `latest`.",
        "schema": {"type": "string", "pattern": "^(latest|[0-9]{1,10})$"},
    }
    schema: dict[str, JsonObject] = {
        "application/json": {"description": "An Avro schema."},
        "text/plain": {"type": "string"},
    }
    return {
        base: {"get": _get(samples, "listTopics", "The topics that the caller may see.", {}, {"application/json": ref("TopicList")}, _READ)},
        f"{base}/{{topic}}": _of_topic(samples, "getTopic", "A contract: versions, owner, limits, an example, links.", {"application/json": ref("TopicView")}),
        f"{base}/{{topic}}/contract": _of_topic(samples, "getContract", "The contract file (Open Data Contract Standard).", {"application/yaml": {"type": "string"}}),
        f"{base}/{{topic}}/schemas/{{version}}": _of_topic(samples, "getSchema", "A version's schema: Avro as JSON, Protobuf as text.", schema, version, missing=(Code.UNKNOWN_VERSION,)),
        f"{base}/{{topic}}/bundle": _of_topic(samples, "getBundle", "All versions in one: what an SDK judges by.", {"application/json": ref("ContractSource")}),
    }  # fmt: skip


def _of_topic(
    samples: Samples, name: str, summary: str, content: dict[str, JsonObject], *parameters: Json, missing: tuple[Code, ...] = ()
) -> JsonObject:  # fmt: skip
    codes = (*_ONE_TOPIC, *_READ) if not samples.public else (Code.MALFORMED, Code.UNKNOWN_TOPIC)
    operation = _get(samples, name, summary, {}, content, codes, missing=missing)
    operation["parameters"] = [_topic(samples), *parameters, *_conditional()]
    return {"get": operation}


def _get(
    samples: Samples,
    name: str,
    summary: str,
    headers: JsonObject,
    content: dict[str, JsonObject],
    codes: tuple[Code, ...],
    *,
    missing: tuple[Code, ...] = (),
) -> JsonObject:
    """A conditional GET. `missing` are codes that answer 404 here, whatever their usual status."""
    needed = tuple(code for code in codes if not samples.public or code not in _READ)
    if name == "getDescription" and not samples.public:
        needed = _READ
    tagged: JsonObject = {"ETag": _text_header(), **headers}
    media: JsonObject = {media_type: {"schema": schema} for media_type, schema in content.items()}
    security: list[Json] = [] if samples.public else [{"bearer": []}]
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["contracts"],
        "security": [{}, *security] if name == "getDescription" else security,
        "parameters": _conditional(),
        "responses": {
            "200": {"description": "As asked.", "headers": tagged, "content": media},
            "304": {"description": "Unchanged since the ETag in If-None-Match.", "headers": tagged},
            **_problems((*needed, Code.INTERNAL), (*_HEAD, *((code, 404) for code in missing))),
        },
    }


def _conditional() -> list[Json]:
    return [_header("If-None-Match", {"type": "string"}, "The ETag of an answer that is kept.")]


# Pages for people


def _pages(samples: Samples) -> JsonObject:
    code: JsonObject = {
        "name": "code",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "examples": {str(Code.CONTRACT_VIOLATION): {"value": str(Code.CONTRACT_VIOLATION)}},
    }
    guarded = _READ if not samples.public else ()
    topic = _ONE_TOPIC if not samples.public else (Code.MALFORMED, Code.UNKNOWN_TOPIC)
    return {
        "/docs": _page(samples, "showIndex", "The index of the docs pages.", [], guarded, _HEAD),
        "/docs/topics/{topic}": _page(samples, "showTopic", "A contract's page, with an anchor for each field.", [_topic(samples)], (*guarded, *topic), _HEAD),
        "/docs/errors/{code}": _page(None, "showError", "What an error code means, and what to do.", [code], (Code.NOT_FOUND,), ()),
        "/docs/style.css": {"get": {
            "operationId": "getStyle", "summary": "The pages' style sheet.", "tags": ["pages"], "security": [],
            "responses": {"200": {"description": "As asked.", "content": {"text/css": {"schema": {"type": "string"}}}}, **_problems((Code.INTERNAL,), ())},
        }},
    }  # fmt: skip


def _page(
    samples: Samples | None,
    name: str,
    summary: str,
    parameters: list[Json],
    codes: tuple[Code, ...],
    also: tuple[tuple[Code, int], ...],
) -> JsonObject:
    open_to_all = samples is None or samples.public
    html: JsonObject = {"text/html": {"schema": {"type": "string"}}}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "tags": ["pages"],
            "security": [] if open_to_all else [{"bearer": []}, {"basic": []}],
            "parameters": parameters,
            "responses": {
                "200": {"description": "As asked.", "content": html},
                **_problems((*codes, Code.INTERNAL), also, html=True),
            },
        }
    }


# Parts


def _problems(
    codes: tuple[Code, ...], also: tuple[tuple[Code, int], ...], *, receipt: bool = False, html: bool = False
) -> JsonObject:
    """A response for each status of these codes; `also` are codes with another status than their usual one.

    `receipt`: a batch that fails whole for one reason answers with a Receipt. `html`: to a browser, with a page.
    """
    by_status: dict[int, list[Code]] = {}
    for code, status in (*((code, row(code).http) for code in codes), *also):
        by_status.setdefault(status, []).append(code)
    return {
        str(status): _problem(status, by_status[status], receipt=receipt, html=html) for status in sorted(by_status)
    }


def _problem(status: int, codes: list[Code], *, receipt: bool, html: bool) -> JsonObject:
    content: JsonObject = {"application/problem+json": {"schema": ref("Problem")}}
    if receipt and status not in {401, 403, 404, 408, 415, 429, 431, 500}:
        content |= _json(ref("Receipt"))
    if html and status != 500:
        content["text/html"] = {"schema": {"type": "string"}}
    headers: JsonObject = {"Request-Id": _text_header()}
    if status in {401, 403}:
        headers["WWW-Authenticate"] = _text_header()
    if status in {429, 503}:
        headers["Retry-After"] = {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds."}
    return {
        "description": " ".join(f"`{code}`: {row(code).title}." for code in codes),
        "headers": headers,
        "content": content,
    }


def _topic(samples: Samples) -> JsonObject:
    parameter: JsonObject = {
        "name": "topic",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": TOPIC_PATTERN},
    }
    if samples.values:
        parameter["examples"] = {topic: {"value": topic} for topic, _ in samples.values}
    return parameter


def _header(name: str, schema: JsonObject, description: str) -> JsonObject:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _told_headers() -> JsonObject:
    return {"Request-Id": _text_header(), "RateLimit": _text_header(), "RateLimit-Policy": _text_header()}


def _text_header() -> JsonObject:
    return {"schema": {"type": "string"}}


def _json(schema: JsonObject) -> JsonObject:
    return {"application/json": {"schema": schema}}
