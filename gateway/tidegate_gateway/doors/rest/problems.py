"""What FastAPI and Starlette would answer by themselves, as problems (RFC 9457): no path, no method, bad arguments, a crash.

Installed by the REST door's `app` and by the admin port.
"""

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tidegate.contracts.wording import shown
from tidegate.errors import Code
from tidegate_gateway.doors.crash import log_crash
from tidegate_gateway.doors.problems import internal_fault
from tidegate_gateway.doors.rest.answers import Answer, Answers
from tidegate_gateway.doors.rest.hints import path_hint
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.ids import uuid7

__all__ = ["PageOf", "install_problems", "no_page"]

PageOf = Callable[[Request, Fault], Response | None]


def no_page(_request: Request, _fault: Fault) -> None:
    """Nobody asks for pages here."""


def install_problems(app: FastAPI, answers: Answers, page_of: PageOf = no_page) -> None:
    """Every answer of the framework's own, and every fault of a router, as a problem.

    `page_of` gives the page for a refusal of the framework's where a person asks, None where a problem is wanted.
    """

    def respond(fault: Fault) -> Response:
        return _response(answers.fault(fault, uuid7()))

    async def of_fault(_request: Request, error: Exception) -> Response:
        return respond(error) if isinstance(error, Fault) else respond(internal_fault())

    async def of_framework(request: Request, error: Exception) -> Response:
        fault = _fault_of(request, error) if isinstance(error, HTTPException) else internal_fault()
        return page_of(request, fault) or respond(fault)

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
        hint = path_hint(request.url.path)
        return Fault(Code.NOT_FOUND, "there is nothing at this path" + (f": {hint}" if hint else ""))
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
