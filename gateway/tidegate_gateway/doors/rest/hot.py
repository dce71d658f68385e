"""The endpoints that take events, as ASGI callables: the path of a request from its head to its answer.

`app` sends requests here past the router, which costs more than all of this (traps.md, "HTTP and gRPC"). Each step is one
call: head, who, may, body, submission, intake, answer. No decision is made here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote_to_bytes

from tidegate.contracts.media import AVRO_CONTAINER, JSON
from tidegate_gateway.doors.heads import EventHead, event_of, read_head, version_of
from tidegate_gateway.doors.media import (
    DATA_FORMS,
    NDJSON,
    TEXT,
    VALUES,
    check_taken,
    media_type_of,
    value_cost_bytes,
)
from tidegate_gateway.doors.rest.answers import Answer, Answers
from tidegate_gateway.doors.rest.batch import Unbatchable, json_batch, ndjson_batch
from tidegate_gateway.doors.rest.body import Body, Receive
from tidegate_gateway.doors.rest.container import check_container_taken, container_batch
from tidegate_gateway.doors.rest.decompress import check_declared, encoding_of
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.exchange import (
    Exchange,
    Exchanges,
    Scope,
    Send,
    check_length,
    new_exchange,
    other_method,
    traced,
)
from tidegate_gateway.doors.rest.hints import hint_at_the_endpoint
from tidegate_gateway.doors.rest.query import asks_for_values
from tidegate_gateway.intake.submission import Admission, Incoming, Submission, Unreadable

__all__ = ["ENDPOINTS", "Endpoint", "HotDoor", "find_endpoint"]

_PREFIX = b"/v1/topics/"


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

    __slots__ = ("_answers", "_deps", "_exchanges", "_intake")

    def __init__(self, deps: RestDeps, answers: Answers) -> None:
        self._deps = deps
        self._intake = deps.intake
        self._answers = answers
        self._exchanges = Exchanges(deps, answers.fault)

    async def serve(self, endpoint: Endpoint, topic: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever it holds. Raises what `send` raises, and cancellation."""
        exchange = new_exchange(scope, Body(receive, self._deps.body_timeout_s), self._deps, topic)
        await self._exchanges.run(exchange, partial(self._answer, endpoint), send)

    async def _answer(self, endpoint: Endpoint, exchange: Exchange) -> Answer:
        scope = exchange.scope
        exchange.head = head = read_head(scope)
        if scope["method"] != "POST":
            return other_method(exchange)
        media = media_type_of(head.content_type, endpoint.media)
        encoding = encoding_of(head.content_encoding)
        lines = media == NDJSON
        many = endpoint.batch or lines
        settings = self._intake.settings
        limit_bytes = settings.max_batch_bytes if many else settings.max_event_bytes
        length = head.length
        check_length(length, limit_bytes, encoding=encoding)

        exchange.principal = principal = await self._intake.authenticate(head.token, head.certificate)
        version = version_of(head)
        event = event_of(head) if not many else None
        query: bytes = scope["query_string"]
        bare_values = bool(query) and asks_for_values(query, endpoint.parameters, lines=lines)
        request = exchange.request
        if head.traceparent is not None:
            exchange.request = request = traced(request, head)
        exchange.admission = admission = self._intake.admit(request, principal, exchange.topic, version, length or 0)
        if media == AVRO_CONTAINER:
            check_container_taken(admission)
        elif media != JSON and not lines:
            check_taken(media, admission)
        if not many:
            limit_bytes = min(limit_bytes, admission.contract.source.max_event_bytes or limit_bytes)
            check_length(length, limit_bytes, encoding=encoding)

        body = await exchange.body.read(encoding=encoding, limit_bytes=limit_bytes, reservation=admission.reservation)
        if media in TEXT:
            check_declared(body)
        take = self._intake.accept if endpoint.stores else self._intake.validate
        if event is not None:
            told = await take(admission, _one(body, media, event, admission))
            hint_at_the_endpoint(told.lines[0], stores=endpoint.stores)
            return self._answers.single(told, admission)
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


def _one(body: bytes, media: str, event: EventHead, admission: Admission) -> Submission:
    admission.reservation.grow_to(value_cost_bytes(body, media))
    incoming = Incoming(body=body, id=event.id, key=event.key, time=event.time, headers=event.headers)
    return Submission(events=(incoming,), count=1, size_bytes=len(body), media_type=media)


def _unbatchable(body: bytes, error: Unbatchable) -> Submission:
    """A body that is no batch goes the way of an unreadable event: it is counted, and it spends the allowance."""
    events: Iterable[Unreadable] = (Unreadable(violations=(error.violation,)),)
    return Submission(events=events, count=1, size_bytes=len(body))
