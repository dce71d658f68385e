"""Serves the docs pages: index, topics, error codes. `app` includes the router; errors of the REST door link here.

Pages need the rights of `doors.viewer`, but for the error codes, which say nothing of anyone's contracts.
"""

from importlib.resources import files
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from tidegate.contracts.media import PROTOBUF
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.errors import ERRORS, Code
from tidegate.wire.problem import Problem
from tidegate_gateway.doors.pages.content import error_page, topic_entry, topic_page
from tidegate_gateway.doors.pages.methods import service_of
from tidegate_gateway.doors.pages.rendering import STYLE, error_html, fault_html, index_html, topic_html
from tidegate_gateway.doors.rest.answers import Answers
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.viewer import readable, viewer_of
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.ids import uuid7

__all__ = ["BASIC_CHALLENGE", "SECURITY_FIELDS", "asks_for_page", "pages_router", "refusal_page"]

HTML = "text/html; charset=utf-8"
BASIC_CHALLENGE = 'Basic realm="Tidegate docs: any name, your token as the password", charset="UTF-8"'
SECURITY_FIELDS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every page: it runs no script, loads its own style sheet only, and is framed by nobody."""

_NOTHING_HERE = "there is nothing at this path; the docs are at /docs, the API's description at /openapi.json"
INGEST: Final = files("tidegate").joinpath("ingest/v1/ingest.proto").read_bytes()
"""The gRPC API, for tools that are not told by reflection."""
_OPEN = {"Cache-Control": "public, max-age=3600"}
_LASTING = {"Cache-Control": "public, max-age=31536000, immutable"}


def pages_router(deps: RestDeps, answers: Answers) -> APIRouter:
    """`/docs` and below, and what leads there; all by GET."""
    router = APIRouter()
    guarded = {"Cache-Control": f"{'public' if deps.public else 'private'}, no-cache", "Vary": "Authorization, Accept"}

    @router.get("/docs")
    async def index(request: Request) -> Response:
        try:
            viewer = await viewer_of(deps, request, basic=True)
        except Fault as fault:
            return _refused(request, fault, answers)
        contracts = sorted(deps.intake.catalogue.current.contracts.items())
        entries = [topic_entry(contract) for topic, contract in contracts if viewer.sees(topic)]
        return _page(index_html(entries, _root(request)), guarded)

    @router.get("/docs/topics/{topic}")
    async def topic(request: Request, topic: str) -> Response:
        try:
            contract = readable(deps, await viewer_of(deps, request, basic=True), topic)
        except Fault as fault:
            return _refused(request, fault, answers)
        services = deps.intake.catalogue.current.services.values()
        return _page(topic_html(topic_page(contract, deps.base_url, deps.grpc, services), _root(request)), guarded)

    @router.get("/docs/topics/{topic}/services/{name}.binpb")
    async def descriptors(request: Request, topic: str, name: str) -> Response:
        try:
            readable(deps, await viewer_of(deps, request, basic=True), topic)
        except Fault as fault:
            return _refused(request, fault, answers)
        service = service_of(deps.intake.catalogue.current.services.values(), name, topic)
        if service is None:
            return _refused(request, Fault(Code.NOT_FOUND, f"no service of that name publishes to {topic}"), answers)
        return Response(service.descriptors, headers={"Content-Type": PROTOBUF, **SECURITY_FIELDS, **guarded})

    @router.get("/docs/errors/{code}")
    async def error(request: Request, code: str) -> Response:
        if code not in ERRORS:
            return _refused(request, Fault(Code.NOT_FOUND, _no_code(code)), answers)
        return _page(error_html(error_page(Code(code)), _root(request)), _OPEN)

    @router.get("/docs/style.css")
    async def style() -> Response:
        return Response(STYLE, headers={"Content-Type": "text/css; charset=utf-8", **SECURITY_FIELDS, **_LASTING})

    @router.get("/docs/ingest.proto")
    async def ingest() -> Response:
        return Response(INGEST, headers={"Content-Type": "text/plain; charset=utf-8", **SECURITY_FIELDS, **_OPEN})

    @router.get("/", include_in_schema=False)
    async def front(request: Request) -> Response:
        if not asks_for_page(request):
            raise Fault(Code.NOT_FOUND, _NOTHING_HERE)
        return await _to_index(request)

    for near in ("/docs/", "/docs/topics", "/docs/errors"):
        router.add_api_route(near, _to_index, methods=["GET"], include_in_schema=False)
    return router


def _no_code(name: str) -> str:
    hint = did_you_mean(name, ERRORS)
    return (
        f'there is no error code "{shown(name)}"' + (f" ({hint})" if hint else "") + "; all of them are at /docs#errors"
    )


async def _to_index(request: Request) -> Response:
    """307 with a relative address, so that it holds behind any proxy (RFC 9110, section 10.2.2)."""
    return Response(status_code=307, headers={"Location": f"{_root(request)}docs", "Vary": "Accept"})


def _page(html: str, fields: dict[str, str], status: int = 200) -> Response:
    return Response(html.encode(), status, headers={"Content-Type": HTML, **SECURITY_FIELDS, **fields})


def _root(request: Request) -> str:
    """What leads from this page to `/`: `../../` for `/docs/topics/x`."""
    return "../" * (request.url.path.count("/") - 1)


def _refused(request: Request, fault: Fault, answers: Answers) -> Response:
    """The refusal as a page where a person asks, else as the problem that every other endpoint answers."""
    if not asks_for_page(request):
        raise fault
    return refusal_page(request, fault, answers)


def asks_for_page(request: Request) -> bool:
    """Whether a person asks, by a browser."""
    return "text/html" in request.headers.get("accept", "")


def refusal_page(request: Request, fault: Fault, answers: Answers) -> Response:
    """The refusal as a page. A browser is asked for Basic credentials, since it can send no other."""
    answer = answers.fault(fault, uuid7())
    problem = msgspec.json.decode(answer.body, type=Problem)
    remedy = ERRORS[fault.code].remedy
    html = fault_html(problem.status, problem.title, problem.detail, problem.code, remedy, _root(request))
    response = _page(html, {"Cache-Control": "no-store", "Vary": "Authorization, Accept"}, problem.status)
    for name, value in answer.fields:
        if name != b"content-type":
            response.headers.append(name.decode("ascii"), value.decode("latin-1"))
    if fault.code is Code.UNAUTHENTICATED:
        response.headers.append("WWW-Authenticate", BASIC_CHALLENGE)
    return response
