"""What the paths of the OpenAPI document are made of: parameters, header fields, and a response for each status of a code.

Used by `openapi_events` and `openapi_contracts`. Nothing here knows an endpoint.
"""

from dataclasses import dataclass
from typing import Final

from tidegate.errors import Code, row
from tidegate_gateway.doors.rest.openapi_schemas import TOPIC_PATTERN, Json, JsonObject, ref

__all__ = [
    "HEAD",
    "Samples",
    "header",
    "json_content",
    "problems",
    "problems_with_example",
    "text_header",
    "told_headers",
    "topic_parameter",
]

HEAD: Final = ((Code.TOO_LARGE, 431),)
"""What every endpoint that reads its head answers where that is too large."""
_BEFORE_EVENTS: Final = frozenset({401, 403, 404, 408, 415, 429, 431, 500})
"""Statuses of whole requests: no Receipt has them."""

_BEFORE_LIMITS: Final = frozenset({401, 403, 431, 500})
"""Statuses of requests whose limits are not known, or not theirs to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What a reader may be shown of the contracts. `values`: an accepted event as JSON, by topic; in the topics' order.

    `public`: reading needs no token.
    """

    values: tuple[tuple[str, Json], ...]
    public: bool


def problems(
    codes: tuple[Code, ...],
    also: tuple[tuple[Code, int], ...],
    *,
    receipt: bool = False,
    html: bool = False,
    limits: bool = False,
) -> JsonObject:
    """A response for each status of these codes; `also` are codes with another status than their usual one.

    `receipt`: a batch that fails whole for one reason answers with a Receipt. `html`: to a browser, with a page.
    `limits`: the caller's limits are told, where they are known by then.
    """
    by_status: dict[int, list[Code]] = {}
    for code, status in (*((code, row(code).http) for code in codes), *also):
        by_status.setdefault(status, []).append(code)
    return {
        str(status): _problem(status, by_status[status], receipt=receipt, html=html, limits=limits)
        for status in sorted(by_status)
    }


def _problem(status: int, codes: list[Code], *, receipt: bool, html: bool, limits: bool) -> JsonObject:
    content: JsonObject = {"application/problem+json": {"schema": ref("Problem")}}
    if receipt and status not in _BEFORE_EVENTS:
        content |= json_content(ref("Receipt"))
    if html and status != 500:
        content["text/html"] = {"schema": {"type": "string"}}
    headers: JsonObject = {"Request-Id": text_header()}
    if status in {401, 403}:
        headers["WWW-Authenticate"] = text_header()
    if limits and status not in _BEFORE_LIMITS:
        headers |= _limit_headers()
    if status in {429, 503}:
        headers["Retry-After"] = {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds."}
    return {
        "description": " ".join(f"`{code}`: {row(code).title}." for code in codes),
        "headers": headers,
        "content": content,
    }


def problems_with_example(response: Json, example: Json) -> JsonObject:
    """A response of `problems`, with an example of the problem."""
    if not isinstance(response, dict) or not isinstance(content := response["content"], dict):
        raise TypeError(response)
    problem: JsonObject = {"schema": ref("Problem"), "examples": {"refused": {"value": example}}}
    return {**response, "content": {**content, "application/problem+json": problem}}


def topic_parameter(samples: Samples) -> JsonObject:
    """The topic in the path, with the visible ones as examples."""
    parameter: JsonObject = {
        "name": "topic",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": TOPIC_PATTERN},
    }
    if samples.values:
        parameter["examples"] = {topic: {"value": topic} for topic, _ in samples.values}
    return parameter


def header(name: str, schema: JsonObject, description: str) -> JsonObject:
    """An optional header field of a request."""
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def told_headers() -> JsonObject:
    """The header fields of an answer that tells of events."""
    deprecated: JsonObject = {
        "schema": {"type": "string"},
        "description": "Where the contract is deprecated (RFC 9745).",
    }
    return {"Request-Id": text_header(), **_limit_headers(), "Deprecation": deprecated, "Link": text_header()}


def _limit_headers() -> JsonObject:
    return {"RateLimit": text_header(), "RateLimit-Policy": text_header()}


def text_header() -> JsonObject:
    """A header field of an answer, any text."""
    return {"schema": {"type": "string"}}


def json_content(schema: JsonObject) -> JsonObject:
    """A body of JSON."""
    return {"application/json": {"schema": schema}}
