"""The admin port: /livez, /readyz, /metrics (operations.md, "What an operator sees"). Never on the public port.

Served by `app` as an application of its own. It asks and reports; what is ready is decided by whom it asks.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from fastapi import FastAPI, Response
from starlette.types import Receive, Scope, Send

from tidegate_gateway.doors.rest.answers import Answers
from tidegate_gateway.doors.rest.problems import install_problems
from tidegate_gateway.intake.catalogue import CatalogueHolder

__all__ = ["AdminApp", "AdminDeps", "admin_app"]

_METHODS = ["GET", "HEAD"]
_UNCACHED = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminDeps:
    """What the admin port asks, each at the moment of a request; no call may wait.

    `kafka` and `keys` answer whether they are fine and a phrase that says why (not): events could be stored now; tokens
    could be verified now. `draining`: the gateway is shutting down. `metrics` is the text of /metrics, in
    `metrics_type`. `ready_without_kafka`: a broker outage does not make the gateway unready.
    """

    kafka: Callable[[], tuple[bool, str]]
    keys: Callable[[], tuple[bool, str]]
    catalogue: CatalogueHolder
    draining: Callable[[], bool]
    metrics: Callable[[], bytes]
    metrics_type: str
    ready_without_kafka: bool = False


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the gateway needs, and how it is."""

    ok: bool
    detail: str


class BrokenFile(msgspec.Struct, frozen=True, kw_only=True):
    """Where a contract that is not served is wrong; lines count from 1."""

    file: str
    line: int
    detail: str


class ContractsCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How many contracts are served, and which are not. Not `ok` is said, and makes nothing unready."""

    ok: bool
    served: int
    broken: tuple[BrokenFile, ...]


class Checks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every check; `shutdown` is there only while the gateway drains."""

    kafka: Check
    contracts: ContractsCheck
    keys: Check
    shutdown: Check | None = None


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """The body of /readyz."""

    ready: bool
    checks: Checks


def readiness(deps: AdminDeps) -> Readiness:
    """Whether new events should be sent here now, and what speaks for and against it."""
    kafka, keys, draining = _check(deps.kafka()), _check(deps.keys()), deps.draining()
    checks = Checks(
        kafka=kafka,
        contracts=_contracts(deps.catalogue),
        keys=keys,
        shutdown=Check(ok=False, detail="shutting down: nothing new is taken") if draining else None,
    )
    return Readiness(ready=(kafka.ok or deps.ready_without_kafka) and keys.ok and not draining, checks=checks)


class AdminApp(FastAPI):
    """FastAPI that answers a crash once: Starlette raises again what `install_problems` has logged and answered."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        with suppress(Exception):
            await super().__call__(scope, receive, send)


def admin_app(deps: AdminDeps, answers: Answers) -> AdminApp:
    """The application of the admin port. `answers` renders its refusals."""
    app = AdminApp(title="Tidegate admin", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    install_problems(app, answers)

    @app.api_route("/livez", methods=_METHODS)
    async def livez() -> Response:
        return Response(b"ok\n", media_type="text/plain", headers=_UNCACHED)

    @app.api_route("/readyz", methods=_METHODS)
    async def readyz() -> Response:
        state = readiness(deps)
        return Response(
            msgspec.json.encode(state),
            status_code=200 if state.ready else 503,
            media_type="application/json",
            headers=_UNCACHED,
        )

    @app.api_route("/metrics", methods=_METHODS)
    async def metrics() -> Response:
        return Response(deps.metrics(), headers={"Content-Type": deps.metrics_type, **_UNCACHED})

    return app


def _check(answer: tuple[bool, str]) -> Check:
    return Check(ok=answer[0], detail=answer[1])


def _contracts(holder: CatalogueHolder) -> ContractsCheck:
    catalogue = holder.current
    return ContractsCheck(
        ok=not catalogue.broken,
        served=len(catalogue.contracts),
        broken=tuple(BrokenFile(file=one.file, line=one.line, detail=one.detail) for one in catalogue.broken),
    )
