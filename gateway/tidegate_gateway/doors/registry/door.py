"""The registry API over HTTP: who reads, which body, one answer. Called by the REST application before its router.

The hot question is `/schemas/ids/{id}`, which a fleet of consumers asks at its start: a router would cost more than the answer.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from hashlib import sha256
from time import perf_counter
from typing import Any

from starlette.requests import Request
from starlette.types import Scope

from tidegate.errors import Code, row
from tidegate_gateway.doors.crash import log_crash
from tidegate_gateway.doors.registry.answers import MEDIA_TYPE, PLAIN_TEXT, Plain, refusal
from tidegate_gateway.doors.registry.endpoints import Ask, Endpoints
from tidegate_gateway.doors.registry.errors import NotServed, internal, nothing_here, unauthenticated
from tidegate_gateway.doors.registry.openapi import registry_description
from tidegate_gateway.doors.registry.paths import query_of, segments_of
from tidegate_gateway.doors.registry.resolving import Resolver
from tidegate_gateway.doors.rest.body import Body, Disconnected, Receive
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.viewer import Viewer, viewer_of
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.ids import uuid7
from tidegate_gateway.intake.memory import Reservation

__all__ = ["RegistryDoor"]

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_DOOR = "registry"
_MAX_BODY_BYTES = 1_048_576
_JSON = (b"content-type", MEDIA_TYPE.encode("ascii"))
_PLAIN = (b"content-type", PLAIN_TEXT.encode("ascii"))
_CHALLENGES = [(b"www-authenticate", b"Bearer"), (b"www-authenticate", b'Basic realm="tidegate", charset="UTF-8"')]


class RegistryDoor:
    """The registry of one gateway."""

    __slots__ = ("_cached", "_deps", "_description", "_endpoints", "_resolver")

    def __init__(self, deps: RestDeps, resolver: Resolver) -> None:
        self._deps = deps
        self._resolver = resolver
        self._endpoints = Endpoints(resolver)
        self._description = registry_description(deps.base_url)
        visibility = b"public" if deps.public else b"private"
        self._cached = [(b"cache-control", visibility + b", no-cache"), (b"vary", b"Authorization")]

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request below /registry."""
        started = perf_counter()
        request_id = uuid7()
        try:
            answer = await self._answer(scope, receive)
            kind, body = (_PLAIN, answer.body) if isinstance(answer, Plain) else (_JSON, answer)
            status, fields, code = 200, [kind, *self._cached], "ok"
            if scope["method"] in {"GET", "HEAD"}:
                etag = b'"%s"' % sha256(body).hexdigest()[:32].encode("ascii")
                fields.append((b"etag", etag))
                if _matches(scope, etag):
                    status, fields, body = 304, fields[1:], b""
        except NotServed as error:
            status, fields, body, code = error.status, _refusal_fields(error), refusal(error), _counted(error)
        except Disconnected:
            return
        except Exception as error:
            log_crash(error, request_id)
            broken = internal()
            status, fields, body, code = broken.status, [_JSON], refusal(broken), Code.INTERNAL
        fields = [*fields, (b"request-id", request_id.encode("ascii"))]
        if status != 304:
            fields.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        if self._deps.on_request is not None:
            self._deps.on_request(_DOOR, code, perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive) -> bytes | Plain:
        segments = segments_of(scope.get("raw_path") or scope["path"].encode())
        if segments[:1] == ("associations",):
            # Clients since 2.14 ask this first, and take any other answer for a broken registry: whatever the token holds.
            raise nothing_here()
        if segments == ("openapi.json",) and scope["method"] in {"GET", "HEAD"}:
            return self._description
        viewer = await self._viewer(scope)
        method: str = scope["method"]
        if method == "POST":
            with self._deps.intake.memory.reserve(0) as reservation:
                return await self._told(scope, segments, viewer, await self._body(scope, receive, reservation))
        return await self._told(scope, segments, viewer, b"")

    async def _told(self, scope: Scope, segments: tuple[str, ...], viewer: Viewer, body: bytes) -> bytes | Plain:
        method: str = scope["method"]
        query: bytes = scope["query_string"]
        return await self._endpoints.answer(
            Ask(
                method="GET" if method == "HEAD" else method,
                segments=segments,
                query=query_of(query) if query else {},
                sees=viewer.sees,
                snapshot=await self._resolver.snapshot(),
                body=body,
            )
        )

    async def _viewer(self, scope: Scope) -> Viewer:
        try:
            return await viewer_of(self._deps, Request(scope), basic=True)
        except Fault as fault:
            raise unauthenticated() if fault.code is Code.UNAUTHENTICATED else _told_of(fault) from None

    async def _body(self, scope: Scope, receive: Receive, reservation: Reservation) -> bytes:
        """The whole body; its media type is not judged. Raises `NotServed` past its bounds of size, time and memory."""
        for name, value in scope["headers"]:
            if name == b"content-encoding" and value.strip().lower() != b"identity":
                raise NotServed(415, 415, "The body must not be compressed")
        body = Body(receive, self._deps.body_timeout_s)
        try:
            return await body.read(encoding="", limit_bytes=_MAX_BODY_BYTES, reservation=reservation)
        except Fault as fault:
            raise _told_of(fault) from None


def _told_of(fault: Fault) -> NotServed:
    status = fault.status or row(fault.code).http
    return NotServed(status, status, fault.detail)


def _matches(scope: Scope, etag: bytes) -> bool:
    """If-None-Match names the ETag, weakly compared (RFC 9110, section 13.1.2)."""
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            tags = [tag.strip().removeprefix(b"W/") for tag in value.split(b",")]
            if tags == [b"*"] or etag in tags:
                return True
    return False


def _refusal_fields(error: NotServed) -> list[tuple[bytes, bytes]]:
    fields = [_JSON]
    if error.status == 401:
        fields += _CHALLENGES
    if error.status == 503:
        fields.append((b"retry-after", b"1"))
    if error.allow:
        fields.append((b"allow", error.allow.encode("ascii")))
    return fields


def _counted(error: NotServed) -> str:
    """In the vocabulary of both doors."""
    match error.status:
        case 401:
            return Code.UNAUTHENTICATED
        case 404:
            return Code.NOT_FOUND
        case 413 | 431:
            return Code.TOO_LARGE
        case 408:
            return Code.TIMEOUT
        case 503:
            return Code.OVERLOADED
        case 415:
            return Code.UNSUPPORTED_MEDIA
        case _:
            return Code.MALFORMED
