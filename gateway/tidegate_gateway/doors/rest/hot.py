"""The endpoints that take events, as ASGI callables: the path of a request from its head to its answer.

`app` sends requests here past the router, which costs more than all of this (traps.md, "HTTP and gRPC"). Each step is one
call: head, who, may, body, submission, intake, answer. No decision is made here.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import unquote_to_bytes

from tidegate.contracts.media import AVRO_CONTAINER, JSON
from tidegate.errors import Code
from tidegate_gateway.doors.problems import internal_fault
from tidegate_gateway.doors.rest.answers import Answer, Answers
from tidegate_gateway.doors.rest.batch import Unbatchable, json_batch, ndjson_batch
from tidegate_gateway.doors.rest.body import Body, Disconnected, Receive, declared_too_large
from tidegate_gateway.doors.rest.container import check_container_taken, container_batch
from tidegate_gateway.doors.rest.crash import log_crash
from tidegate_gateway.doors.rest.decompress import check_declared, encoding_of
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.heads import EventHead, Head, event_of, read_head, version_of
from tidegate_gateway.doors.rest.media import DATA_FORMS, NDJSON, TEXT, VALUES, media_type_of, not_of_this_contract
from tidegate_gateway.doors.rest.query import asks_for_values
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.ids import uuid7
from tidegate_gateway.intake.memory import SMALL_BYTES, decoded_cost_bytes, encoded_cost_bytes
from tidegate_gateway.intake.principal import Principal
from tidegate_gateway.intake.submission import Admission, Incoming, Request, Submission, Unreadable

__all__ = ["ENDPOINTS", "Endpoint", "HotDoor", "Scope", "Send", "find_endpoint"]

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_DOOR = "rest"
_PREFIX = b"/v1/topics/"
_LEFT_BYTES = 65_536
"""An unread rest of this size is the server's to skip; a longer one ends the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One hot endpoint: `media` is what it takes, `batch` whether JSON holds many events, `stores` whether it publishes.

    `parameters` are those of its query.
    """

    media: tuple[str, ...]
    batch: bool
    stores: bool
    parameters: tuple[str, ...] = ()


ENDPOINTS = {
    b"events": Endpoint(media=VALUES, batch=False, stores=True),
    b"events:batch": Endpoint(media=(JSON, NDJSON, AVRO_CONTAINER), batch=True, stores=True, parameters=("format",)),
    b"events:validate": Endpoint(media=(*VALUES, NDJSON), batch=False, stores=False, parameters=("format",)),
}
"""The last part of `/v1/topics/{topic}/...`, decoded, and what is there."""


@dataclass(slots=True)
class _Exchange:
    """What is known of a request while it goes its way: enough to answer whatever happens."""

    request: Request
    topic: str
    events: int = 1
    head: Head | None = None
    body: Body | None = None
    principal: Principal | None = None
    admission: Admission | None = None


def find_endpoint(scope: Scope, routes: Mapping[bytes, str]) -> tuple[Endpoint, str] | None:
    """The hot endpoint and the topic of a request, after exactly one percent-decoding; None where the router may look.

    `routes` are the typed routes: each is the single endpoint of its topic.
    """
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    root: str = scope.get("root_path", "")
    if root:
        raw = raw.removeprefix(root.encode("utf-8"))
    if not raw.startswith(_PREFIX):
        named = routes.get(_decoded(raw) if b"%" in raw else raw)
        return (ENDPOINTS[b"events"], named) if named is not None else None
    topic, _, rest = raw[len(_PREFIX) :].partition(b"/")
    endpoint = ENDPOINTS.get(unquote_to_bytes(rest) if b"%" in rest else rest)
    if b"%" in topic:
        topic = unquote_to_bytes(topic)
        if (
            endpoint is None and not rest
        ):  # `x%2Fevents`: one segment, so a topic's name, and none that a topic may have
            endpoint = ENDPOINTS.get(topic.rpartition(b"/")[2])
    if endpoint is None:
        return None
    return endpoint, topic.decode("utf-8", "replace")


def _decoded(raw: bytes) -> bytes:
    """A path, each segment decoded once; empty where that would make two segments of one (`%2F`)."""
    return b"" if b"%2f" in raw.lower() else unquote_to_bytes(raw)


class HotDoor:
    """The hot endpoints of one gateway."""

    __slots__ = ("_answers", "_deps", "_intake")

    def __init__(self, deps: RestDeps, answers: Answers) -> None:
        self._deps = deps
        self._intake = deps.intake
        self._answers = answers

    async def serve(self, endpoint: Endpoint, topic: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever it holds. Raises what `send` raises, and cancellation."""
        started = perf_counter()
        exchange = _Exchange(
            topic=topic, request=Request(id=uuid7(), door=_DOOR, arrival_ms=self._deps.now_ms(), client=_client(scope))
        )
        try:
            answer = await self._answer_or_refuse(endpoint, scope, receive, exchange)
        except Disconnected:
            self._count("disconnected", started)
            return
        except Exception as error:
            log_crash(error, exchange.request.id)
            answer = await self._refuse(internal_fault(), exchange)
        finally:
            if exchange.admission is not None:
                exchange.admission.reservation.release()
        await _write(answer, exchange, send)
        self._count(answer.code, started)

    async def _answer_or_refuse(
        self, endpoint: Endpoint, scope: Scope, receive: Receive, exchange: _Exchange
    ) -> Answer:
        try:
            return await self._answer(endpoint, scope, receive, exchange)
        except Fault as fault:
            return await self._refuse(fault, exchange)

    async def _answer(self, endpoint: Endpoint, scope: Scope, receive: Receive, exchange: _Exchange) -> Answer:
        exchange.body = Body(receive, self._deps.body_timeout_s)
        exchange.head = head = read_head(scope)
        if scope["method"] != "POST":
            return _other_method(scope["method"], exchange)
        media = media_type_of(head.content_type, endpoint.media)
        encoding = encoding_of(head.content_encoding)
        lines = media == NDJSON
        many = endpoint.batch or lines
        settings = self._intake.settings
        limit_bytes = settings.max_batch_bytes if many else settings.max_event_bytes
        length = head.length
        _check_length(length, limit_bytes, encoding=encoding)

        exchange.principal = principal = await self._intake.authenticate(head.token, head.certificate)
        version = version_of(head)
        event = event_of(head) if not many else None
        query: bytes = scope["query_string"]
        bare_values = bool(query) and asks_for_values(query, endpoint.parameters, lines=lines)
        request = exchange.request
        if head.traceparent is not None:
            exchange.request = request = Request(
                id=request.id, door=_DOOR, arrival_ms=request.arrival_ms, traceparent=head.trace, client=request.client
            )
        exchange.admission = admission = self._intake.admit(request, principal, exchange.topic, version, length or 0)
        if media == AVRO_CONTAINER:
            check_container_taken(admission)
        elif media != JSON and not lines:
            _check_taken(media, admission)
        if not many:
            limit_bytes = min(limit_bytes, admission.contract.source.max_event_bytes or limit_bytes)
            _check_length(length, limit_bytes, encoding=encoding)

        body = await exchange.body.read(encoding=encoding, limit_bytes=limit_bytes, reservation=admission.reservation)
        if media in TEXT:
            check_declared(body)
        take = self._intake.accept if endpoint.stores else self._intake.validate
        if event is not None:
            return self._answers.single(await take(admission, _one(body, media, event, admission)), admission)
        try:
            submission = await self._many(body, media, admission, bare_values=bare_values)
        except Unbatchable as error:
            told = await take(admission, _unbatchable(body, error))
            return self._answers.single(told, admission, detail=error.detail)
        exchange.events = submission.count
        return self._answers.receipt(await take(admission, submission), admission)

    async def _many(self, body: bytes, media: str, admission: Admission, *, bare_values: bool) -> Submission:
        """The events of a batch. Raises `Unbatchable`, and what its reader raises of the whole."""
        settings = self._intake.settings
        if media == AVRO_CONTAINER:
            return await container_batch(
                body, admission, max_events=settings.max_batch_events, max_bytes=settings.max_batch_bytes
            )
        forms = DATA_FORMS[admission.contract.newest.source.format]
        if media == NDJSON:
            return ndjson_batch(
                body,
                admission.reservation,
                forms=forms,
                bare_values=bare_values,
                max_events=settings.max_batch_events,
            )
        return json_batch(body, admission.reservation, forms=forms)

    async def _refuse(self, fault: Fault, exchange: _Exchange) -> Answer:
        if self._deps.on_refused is not None:
            self._deps.on_refused(exchange.topic, _DOOR, fault.code, exchange.events)
        owner = None
        principal = exchange.principal
        contract = self._intake.standing(principal, exchange.topic) if principal is not None else None
        if principal is not None and contract is not None:
            owner = contract.source.owner
            fault.topic = fault.topic or contract.topic
            if not fault.quotas and fault.code is not Code.INTERNAL:  # what broke may be the limiter itself
                fault.quotas = await self._intake.quotas(principal, contract)
        return self._answers.fault(fault, exchange.request.id, owner, exchange.request.client)

    def _count(self, code: str, started: float) -> None:
        if self._deps.on_request is not None:
            self._deps.on_request(_DOOR, code, perf_counter() - started)


def _client(scope: Scope) -> str:
    """The client's address, as the socket or a trusted proxy says; for logs alone."""
    client = scope.get("client")
    return client[0] if client else ""


def _check_length(length: int | None, limit_bytes: int, *, encoding: str) -> None:
    if declared_too_large(length, limit_bytes, encoding=encoding):
        raise Fault(Code.TOO_LARGE, f"the body takes {length} bytes, at most {limit_bytes} are allowed")


def _other_method(method: str, exchange: _Exchange) -> Answer:
    if method == "OPTIONS":
        fields = [(b"allow", b"POST, OPTIONS"), (b"request-id", exchange.request.id.encode("ascii"))]
        return Answer(status=204, fields=fields, body=b"", code="ok")
    raise Fault(
        Code.MALFORMED, "the method is not allowed here; events are sent by POST", status=405, allow=("POST", "OPTIONS")
    )


def _check_taken(media: str, admission: Admission) -> None:
    """Raise `unsupported_media` where the version that was asked for takes other media types."""
    version = admission.contract.version(admission.version)
    if version is not None and media not in version.media_types:
        raise not_of_this_contract(media, version.media_types, admission.contract.topic)


def _one(body: bytes, media: str, event: EventHead, admission: Admission) -> Submission:
    admission.reservation.grow_to(_cost_bytes(body, media))
    incoming = Incoming(body=body, id=event.id, key=event.key, time=event.time, headers=event.headers)
    return Submission(events=(incoming,), count=1, size_bytes=len(body), media_type=media)


def _cost_bytes(body: bytes, media: str) -> int:
    """What a single value takes while it is judged, at worst."""
    size = len(body)
    if size <= SMALL_BYTES or media not in TEXT:
        return encoded_cost_bytes(size)
    return decoded_cost_bytes(size, body.count(b",") + body.count(b"[") + body.count(b"{"))


def _unbatchable(body: bytes, error: Unbatchable) -> Submission:
    """A body that is no batch goes the way of an unreadable event: it is counted, and it spends the allowance."""
    events: Iterable[Unreadable] = (Unreadable(violations=(error.violation,)),)
    return Submission(events=events, count=1, size_bytes=len(body))


async def _write(answer: Answer, exchange: _Exchange, send: Send) -> None:
    """Head and body, without a pause between them: the server's loop puts them on the wire in one write.

    A body that nobody read: where its sender waits for `100 Continue` it never comes, so the connection ends. A long one
    is read on for a while after the answer went out, since closing on unread bytes may destroy the answer on its way.
    """
    fields = [*answer.fields, (b"content-length", b"%d" % len(answer.body))] if answer.status != 204 else answer.fields
    unread = _unread(exchange)
    if unread:
        fields = [*fields, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": answer.status, "headers": fields})
    if unread == "linger" and exchange.body is not None:
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        await exchange.body.linger()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    else:
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def _unread(exchange: _Exchange) -> str:
    """What to do about the body's rest: nothing, `close`, or `linger` and close."""
    head, body = exchange.head, exchange.body
    if body is None or body.complete:
        return ""
    if head is None:
        return "close"
    if head.length == 0:
        return ""
    if head.expect is not None and not body.begun:
        return "close"
    if head.length is not None and head.length <= _LEFT_BYTES and not body.late:
        return ""
    return "close" if body.late else "linger"
