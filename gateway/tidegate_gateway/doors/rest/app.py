"""The REST door as one FastAPI application: hot endpoints before the router, everything else as plain routers.

Built once by the gateway's `app`. Whatever goes wrong anywhere in it leaves as a problem (RFC 9457).
"""

import re
from contextlib import suppress
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tidegate_gateway.doors.cloudevents.door import PATH as CLOUD_EVENTS
from tidegate_gateway.doors.cloudevents.door import CloudEventsDoor
from tidegate_gateway.doors.pages.router import asks_for_page, pages_router, refusal_page
from tidegate_gateway.doors.registry.door import RegistryDoor
from tidegate_gateway.doors.registry.paths import is_below
from tidegate_gateway.doors.registry.resolving import Resolver
from tidegate_gateway.doors.rest.answers import Answers
from tidegate_gateway.doors.rest.asyncapi import install_asyncapi
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.hot import HotDoor, find_endpoint
from tidegate_gateway.doors.rest.openapi import install_openapi
from tidegate_gateway.doors.rest.problems import install_problems
from tidegate_gateway.doors.rest.reads import reads_router
from tidegate_gateway.doors.restproxy.door import RestProxyDoor, find_target
from tidegate_gateway.intake.catalogue import CatalogueHolder
from tidegate_gateway.intake.faults import Fault

__all__ = ["RestApp", "build_app"]

_SLASH = re.compile(rb"%2f", re.IGNORECASE)


class RestApp(FastAPI):
    """FastAPI, with the hot endpoints taken out before its middleware and router: those cost 350 us a request."""

    hot: HotDoor
    cloud_events: CloudEventsDoor
    registry: RegistryDoor
    rest_proxy: RestProxyDoor
    catalogue: CatalogueHolder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection: http past or through the router, lifespan through it."""
        if scope["type"] == "http":
            found = find_endpoint(scope, self.catalogue.current.routes)
            if found is not None:
                endpoint, topic = found
                await self.hot.serve(endpoint, topic, scope, receive, send)
                return
            raw: bytes = scope.get("raw_path", b"")
            if raw == CLOUD_EVENTS:
                await self.cloud_events.serve(scope, receive, send)
                return
            if is_below(raw):
                await self.registry.serve(scope, receive, send)
                return
            target = find_target(raw)
            if target is not None:
                await self.rest_proxy.serve(target, scope, receive, send)
                return
            if b"%" in raw:
                scope = {**scope, "path": _path_of(raw) or scope["path"]}
            if scope["method"] == "HEAD":
                scope, send = {**scope, "method": "GET"}, _without_body(send)
            with suppress(Exception):  # Starlette raises again what `of_anything` has logged and answered
                await super().__call__(scope, receive, send)
            return
        await super().__call__(scope, receive, send)


def _path_of(raw: bytes) -> str:
    """The path for the router where it holds a `%2F`, which is a slash in a segment and none between two; else empty.

    uvicorn decodes it, so that `/v1%2Ftopics` would be `/v1/topics` here and something else for a proxy in front. No route
    has a slash in a segment, nor two beside each other: that is what it becomes, so that nothing is there.
    """
    kept = _SLASH.sub(b"//", raw)
    return unquote(kept.decode("latin-1")) if kept != raw else ""


def _without_body(send: Send) -> Send:
    """What GET would answer, its body left out (RFC 9110, section 9.3.2)."""

    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head


def build_app(deps: RestDeps, answers: Answers | None = None) -> RestApp:
    """The whole door: hot endpoints, what callers may read, pages for people, and the description of all of it.

    `answers` renders for the whole port, where what stops before the door is answered too.
    """
    answers = answers or Answers(deps.base_url, deps.random)
    app = RestApp(
        title="Tidegate",
        description="The gate in front of Kafka: only events that satisfy their contract get in.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.hot = HotDoor(deps, answers)
    app.cloud_events = CloudEventsDoor(deps, answers)
    resolver = Resolver(deps.intake.catalogue, deps.compile_proto)
    app.registry = RegistryDoor(deps, resolver)
    app.rest_proxy = RestProxyDoor(deps, answers, resolver)
    app.catalogue = deps.intake.catalogue
    app.include_router(reads_router(deps))
    app.include_router(pages_router(deps, answers))
    install_openapi(app, deps)
    install_asyncapi(app, deps)

    def page_of(request: Request, fault: Fault) -> Response | None:
        below_docs = request.url.path.startswith("/docs/") and asks_for_page(request)
        return refusal_page(request, fault, answers) if below_docs else None

    install_problems(app, answers, page_of)
    return app
