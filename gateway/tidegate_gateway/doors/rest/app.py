"""The REST door as one FastAPI application: hot endpoints before the router, everything else as plain routers.

Built once by the gateway's `app`. Whatever goes wrong anywhere in it leaves as a problem (RFC 9457).
"""

from contextlib import suppress

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tidegate.contracts.wording import shown
from tidegate.errors import Code
from tidegate_gateway.doors.pages.router import asks_for_page, pages_router, refusal_page
from tidegate_gateway.doors.rest.answers import Answer, Answers, internal_fault
from tidegate_gateway.doors.rest.crash import log_crash
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.hot import HotDoor, find_endpoint
from tidegate_gateway.doors.rest.openapi import install_openapi
from tidegate_gateway.doors.rest.reads import reads_router
from tidegate_gateway.intake.catalogue import CatalogueHolder
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.ids import uuid7

__all__ = ["RestApp", "build_app"]


class RestApp(FastAPI):
    """FastAPI, with the hot endpoints taken out before its middleware and router: those cost 350 us a request."""

    hot: HotDoor
    catalogue: CatalogueHolder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection: http past or through the router, lifespan through it."""
        if scope["type"] == "http":
            found = find_endpoint(scope, self.catalogue.current.routes)
            if found is not None:
                endpoint, topic = found
                await self.hot.serve(endpoint, topic, scope, receive, send)
                return
            if scope["method"] == "HEAD":
                scope, send = {**scope, "method": "GET"}, _without_body(send)
            with suppress(Exception):  # Starlette raises again what `of_anything` has logged and answered
                await super().__call__(scope, receive, send)
            return
        await super().__call__(scope, receive, send)


def _without_body(send: Send) -> Send:
    """What GET would answer, its body left out (RFC 9110, section 9.3.2)."""

    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head


def build_app(deps: RestDeps) -> RestApp:
    """The whole door: hot endpoints, what callers may read, pages for people, and the description of all of it."""
    answers = Answers(deps.base_url, deps.random)
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
    app.catalogue = deps.intake.catalogue
    app.include_router(reads_router(deps))
    app.include_router(pages_router(deps, answers))
    install_openapi(app, deps)
    _install_problems(app, answers)
    return app


def _install_problems(app: FastAPI, answers: Answers) -> None:
    """Every answer of the framework's own, and every fault of a router, as a problem."""

    def respond(fault: Fault) -> Response:
        return _response(answers.fault(fault, uuid7()))

    async def of_fault(_request: Request, error: Exception) -> Response:
        return respond(error) if isinstance(error, Fault) else respond(internal_fault())

    async def of_framework(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and request.url.path.startswith("/docs/") and asks_for_page(request):
            return refusal_page(request, _fault_of(request, error), answers)
        return respond(_fault_of(request, error)) if isinstance(error, HTTPException) else respond(internal_fault())

    async def of_arguments(_request: Request, error: Exception) -> Response:
        return (
            respond(_bad_arguments(error)) if isinstance(error, RequestValidationError) else respond(internal_fault())
        )

    async def of_anything(_request: Request, error: Exception) -> Response:
        request_id = uuid7()
        log_crash(error, request_id)
        return _response(answers.fault(internal_fault(), request_id))

    app.add_exception_handler(Fault, of_fault)
    app.add_exception_handler(HTTPException, of_framework)
    app.add_exception_handler(RequestValidationError, of_arguments)
    app.add_exception_handler(Exception, of_anything)


def _fault_of(request: Request, error: HTTPException) -> Fault:
    """Starlette's own refusals: no such path, no such method on it."""
    if error.status_code == 404:
        return Fault(Code.NOT_FOUND, "there is nothing at this path")
    if error.status_code == 405:
        allow = tuple(method.strip() for method in (error.headers or {}).get("Allow", "").split(",") if method.strip())
        if "GET" in allow:
            allow = (*allow, "HEAD")
        return Fault(Code.MALFORMED, f"{shown(request.method)} is not allowed at this path", status=405, allow=allow)
    return Fault(Code.MALFORMED, "the request cannot be read")


def _bad_arguments(error: RequestValidationError) -> Fault:
    """Arguments that a router's endpoint does not take: 400 here, not FastAPI's 422, which means a reused id."""
    names = [".".join(str(step) for step in entry.get("loc", ())[1:]) for entry in error.errors()]
    return Fault(Code.MALFORMED, f"not usable as arguments: {shown(', '.join(names))}")


def _response(answer: Answer) -> Response:
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in answer.fields}
    return Response(answer.body, status_code=answer.status, headers=headers)
