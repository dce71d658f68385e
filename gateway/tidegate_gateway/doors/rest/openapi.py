"""/openapi.json: the whole of the REST door for programs, with what the caller may see of the contracts (OpenAPI 3.1).

Installed by `app`. Parts: `openapi_events`, `openapi_contracts`, `openapi_schemas`. Here it is decided only who sees which contract in it.
"""

from importlib.metadata import version

import msgspec
from fastapi import FastAPI, Request, Response

from tidegate.contracts.compiled import CompiledContract
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.openapi_contracts import contract_paths
from tidegate_gateway.doors.rest.openapi_events import event_paths
from tidegate_gateway.doors.rest.openapi_parts import Samples
from tidegate_gateway.doors.rest.openapi_schemas import SCHEMAS, Json, JsonObject
from tidegate_gateway.doors.rest.reads import etag_of, matches
from tidegate_gateway.doors.rest.viewer import viewer_of

__all__ = ["description", "install_openapi"]

_ABOUT = (
    "The gate in front of Kafka: only events that satisfy their contract get in, and a refusal names everything that is "
    "wrong with an event.\n\nErrors are problems (RFC 9457) whose `code` says what to do; `type` links to its page.\n\n"
    "Not listed here: HEAD, which is answered wherever GET is, and the paths that redirect to /docs (`/` for browsers, "
    "`/docs/`, `/docs/topics`, `/docs/errors`)."
)


def install_openapi(app: FastAPI, deps: RestDeps) -> None:
    """Serve /openapi.json. Without a token it shows the interface and no contract, unless contracts are public."""
    kept = {"Cache-Control": f"{'public' if deps.public else 'private'}, no-cache", "Vary": "Authorization"}

    async def openapi(request: Request) -> Response:
        viewer = await viewer_of(deps, request, anonymous=True)
        contracts = sorted(deps.intake.catalogue.current.contracts.items())
        seen = [contract for topic, contract in contracts if viewer.sees(topic)]
        body = msgspec.json.encode(description(seen, deps.base_url, public=deps.public))
        headers = {**kept, "ETag": etag_of(body)}
        if matches(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    app.add_api_route("/openapi.json", openapi, methods=["GET"])


def description(contracts: list[CompiledContract], base_url: str, *, public: bool) -> JsonObject:
    """The document with these contracts."""
    values: tuple[tuple[str, Json], ...] = tuple(
        (contract.topic, msgspec.json.decode(contract.newest.codec.example()))
        for contract in contracts
        if contract.source.status != "retired"
    )
    samples = Samples(values=values, public=public)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tidegate", "version": version("tidegate-gateway"), "description": _ABOUT},
        "servers": [{"url": base_url}],
        "tags": [
            {"name": "events", "description": "Send events."},
            {"name": "contracts", "description": "What events must look like."},
            {"name": "pages", "description": "The same for people."},
        ],
        "externalDocs": {"url": f"{base_url}/docs", "description": "Contracts and errors for people"},
        "paths": {**event_paths(samples), **contract_paths(samples)},
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "basic": {"type": "http", "scheme": "basic", "description": "Any name; the token is the password."},
            },
        },
    }
