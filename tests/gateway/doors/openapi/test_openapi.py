"""The API description: whole, valid, true to the routes that are served, and showing what the caller may see."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2
import jsonschema_rs
import pytest
from fastapi.routing import APIRoute

from tidegate.errors import ERRORS, Code
from tidegate.wire.event import EVENT_FIELDS
from tidegate_gateway.doors.media import DATA_FORMS
from tidegate_gateway.doors.rest.app import build_app
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.events import read_event
from tidegate_gateway.doors.rest.hot import ENDPOINTS
from tidegate_gateway.doors.rest.openapi import description
from tidegate_gateway.doors.rest.openapi_schemas import SCHEMAS
from tidegate_gateway.intake.submission import Incoming

Ask = Callable[..., Awaitable[httpx2.Response]]
Document = dict[str, Any]


@pytest.fixture
async def document(ask: Ask) -> Document:
    answer = await ask("/openapi.json", "reader")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    decoded: Document = answer.json()
    return decoded


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Every operation, references to responses resolved."""
    shared = document["components"]["responses"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            responses = {
                status: shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
                for status, response in operation["responses"].items()
            }
            yield path, method, {**operation, "responses": responses}


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref":
                yield str(inner)
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


DIALECTS = ("/v1/events", "/topics/{topic}", "/topics/{topic}/partitions/{partition}")


def schema_of(document: Document, path: str, method: str, status: str, media_type: str) -> Document:
    response = document["paths"][path][method]["responses"][status]
    return {**response["content"][media_type]["schema"], "components": document["components"]}


def test_it_is_openapi_3_1_and_every_reference_leads_somewhere(document: Document) -> None:
    assert document["openapi"] == "3.1.0"
    for reference in references(document):
        _, _, kind, name = reference.split("/", 3)
        assert name in document["components"][kind]
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_every_schema_is_one(document: Document) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})


def test_its_paths_are_the_routes_that_are_served(deps: RestDeps, document: Document) -> None:
    def all_routes(routes: list[Any]) -> Iterator[tuple[str, str]]:
        for route in routes:
            if isinstance(route, APIRoute):
                yield from ((route.path, method.lower()) for method in route.methods or ())
            elif hasattr(route, "effective_candidates"):
                yield from ((c.path, m.lower()) for c in route.effective_candidates() for m in c.methods)

    hot = {(f"/v1/topics/{{topic}}/{name.decode()}", method) for name in ENDPOINTS for method in ("post", "options")}
    hot |= {(path, method) for path in DIALECTS for method in ("post", "options")}
    served = set(all_routes(build_app(deps).routes))
    assert served
    redirects = {(path, "get") for path in ("/", "/docs/", "/docs/topics", "/docs/errors")}
    assert redirects < served
    own = {
        (f"/v1/topics/{topic}/events", m) for topic in ("customer.orders", "stock.levels") for m in ("post", "options")
    }
    assert {(path, method) for path, method, _ in operations(document)} == (served - redirects) | hot | own


def test_media_types_of_the_hot_endpoints_are_those_that_they_take(document: Document) -> None:
    for name, endpoint in ENDPOINTS.items():
        body = document["paths"][f"/v1/topics/{{topic}}/{name.decode()}"]["post"]["requestBody"]
        assert set(body["content"]) == set(endpoint.media)


def test_every_path_parameter_is_declared(document: Document) -> None:
    for path, method, operation in operations(document):
        declared = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), (path, method)


def test_every_refusal_is_a_problem_with_a_status_of_the_table(document: Document) -> None:
    statuses = {str(status) for row in ERRORS.values() for status in (row.http, *row.http_also)}
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if status < "400":
                continue
            assert status in statuses, (path, method)
            refusal = (
                "application/vnd.kafka.v2+json"
                if path.startswith("/topics/") and method == "post"
                else "application/problem+json"
            )
            assert refusal in response["content"]
        assert "500" in operation["responses"]


def test_the_event_schema_has_the_members_of_the_wire_type() -> None:
    event = SCHEMAS["Event"]
    assert isinstance(event, dict)
    assert isinstance(event["properties"], dict)
    assert tuple(event["properties"]) == EVENT_FIELDS


@pytest.mark.parametrize(
    ("path", "template", "token", "status"),
    [
        ("/v1/topics", "/v1/topics", "reader", "200"),
        ("/v1/topics/customer.orders", "/v1/topics/{topic}", "reader", "200"),
        ("/v1/topics/customer.orders/bundle", "/v1/topics/{topic}/bundle", "reader", "200"),
        ("/v1/topics/customer.orders", "/v1/topics/{topic}", None, "401"),
        ("/v1/topics/customer.orders", "/v1/topics/{topic}", "other", "403"),
        ("/v1/topics/customer.none", "/v1/topics/{topic}", "reader", "404"),
        ("/v1/topics/__x", "/v1/topics/{topic}", "reader", "400"),
        ("/v1/topics/customer.orders/schemas/9", "/v1/topics/{topic}/schemas/{version}", "reader", "404"),
        ("/docs/errors/none", "/docs/errors/{code}", None, "404"),
    ],
)
async def test_answers_satisfy_their_schemas(
    ask: Ask, document: Document, path: str, template: str, token: str | None, status: str
) -> None:
    answer = await ask(path, token)
    assert str(answer.status_code) == status
    media_type = answer.headers["content-type"].split(";")[0]
    validator = jsonschema_rs.Draft202012Validator(schema_of(document, template, "get", status, media_type))
    validator.validate(answer.json())
    assert not validator.is_valid([])


def shown_topics(document: Document) -> set[str]:
    content = document["paths"]["/v1/topics/{topic}/events"]["post"]["requestBody"]["content"]["application/json"]
    return set(content.get("examples", {}))


@pytest.mark.parametrize(
    ("token", "topics"),
    [("reader", {"customer.orders", "stock.levels"}), ("orders", {"customer.orders"}), ("nothing", set()), (None, set())],
)  # fmt: skip
async def test_it_shows_what_the_caller_may_see(ask: Ask, token: str | None, topics: set[str]) -> None:
    answer = await ask("/openapi.json", token)
    assert answer.status_code == 200
    assert shown_topics(answer.json()) == topics
    for topic in {"customer.orders", "stock.levels", "customer.order-status"} - topics:
        assert f'"{topic}"' not in answer.text


async def test_a_bad_token_is_refused(ask: Ask) -> None:
    assert (await ask("/openapi.json", "bad")).status_code == 401


async def test_public_contracts_are_shown_to_all_and_need_no_token(ask_public: Ask) -> None:
    document = (await ask_public("/openapi.json")).json()
    assert shown_topics(document) == {"customer.orders", "stock.levels"}
    assert document["paths"]["/v1/topics"]["get"]["security"] == []
    assert "401" not in document["paths"]["/v1/topics/{topic}"]["get"]["responses"]
    assert document["paths"]["/v1/topics/{topic}/events"]["post"]["security"] == [{"bearer": []}]


async def test_it_is_not_sent_twice(ask: Ask) -> None:
    etag = (await ask("/openapi.json", "reader")).headers["etag"]
    assert (await ask("/openapi.json", "reader", If_None_Match=etag)).status_code == 304
    assert (await ask("/openapi.json", "orders", If_None_Match=etag)).status_code == 200


def test_every_code_but_those_of_later_builds_is_named_somewhere() -> None:
    text = str(description([], "https://gate.example.com", public=False))
    later = {Code.IN_PROGRESS, Code.ID_REUSED}
    for code in set(Code) - later:
        assert f"`{code}`" in text


def test_optional_members_of_an_event_may_be_null(document: Document) -> None:
    event = {**document["components"]["schemas"]["Event"], "components": document["components"]}
    nulls: Document = dict.fromkeys(EVENT_FIELDS)
    assert jsonschema_rs.is_valid(event, nulls)
    assert read_event(json.dumps(nulls).encode(), DATA_FORMS["avro"]) == Incoming(body=b"null")
    assert not jsonschema_rs.is_valid(event, {"value": 1, "id": 7})


def test_it_says_where_pointers_start_and_that_duplicates_stay(document: Document) -> None:
    pointer = document["components"]["schemas"]["Violation"]["properties"]["pointer"]
    assert pointer["type"] == "string"
    assert "starts at the event's value, in a batch too" in pointer["description"]
    parameters = document["paths"]["/v1/topics/{topic}/events"]["post"]["parameters"]
    told = {p["name"] for p in parameters if "removes no duplicates" in p.get("description", "")}
    assert told == {"Event-Id", "Idempotency-Key"}


def test_limits_are_described_where_they_are_told(document: Document) -> None:
    for path, method, operation in operations(document):
        if "/events" not in path or method != "post":
            continue
        for status, response in operation["responses"].items():
            told = {"RateLimit", "RateLimit-Policy"} & set(response["headers"])
            assert bool(told) is (status not in {"401", "403", "431", "500"}), (path, status)
