"""`POST /v1/events`: CloudEvents in binary, structured and batch mode, each through the same intake as every event.

Called by the REST application before its router. In binary mode headers name the topic, so that the request is admitted before
its body is read; an envelope must be read first.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from tidegate.contracts.media import JSON
from tidegate.errors import Code, row
from tidegate.wire.problem import Problem
from tidegate.wire.receipt import Failed, Rejected, Result
from tidegate_gateway.doors.cloudevents.attributes import Attributes, kafka_headers
from tidegate_gateway.doors.cloudevents.reading import (
    BATCH,
    BINARY,
    NO_DATA,
    CloudEvent,
    Unusable,
    from_array,
    from_envelope,
    from_headers,
    mode_of,
    read_all,
)
from tidegate_gateway.doors.cloudevents.routing import Route, Router
from tidegate_gateway.doors.heads import Head, read_head
from tidegate_gateway.doors.media import TEXT, check_taken, value_cost_bytes
from tidegate_gateway.doors.rest.answers import Answer, Answers, batch_status
from tidegate_gateway.doors.rest.batch import BYTES_AN_EVENT
from tidegate_gateway.doors.rest.body import Body, Receive
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
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.memory import decoded_cost_bytes
from tidegate_gateway.intake.submission import Admission, Incoming, Submission

__all__ = ["PATH", "CloudEventsDoor"]

PATH = b"/v1/events"

_ENVELOPE_BYTES = 65_536
"""What an envelope may hold beside its value; base64 makes the value a third longer."""
_encode = msgspec.json.Encoder().encode
_JSON_FIELD = (b"content-type", b"application/json")


@dataclass(slots=True, kw_only=True)
class _Group:
    """A batch's events for one topic, each with the version that it names, and their places in it."""

    topic: str
    stored_format: str
    events: list[tuple[CloudEvent, int | None]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    size_bytes: int = 0


class CloudEventsDoor:
    """The endpoint of one gateway."""

    __slots__ = ("_answers", "_deps", "_exchanges", "_intake", "_router")

    def __init__(self, deps: RestDeps, answers: Answers) -> None:
        self._deps = deps
        self._intake = deps.intake
        self._answers = answers
        self._exchanges = Exchanges(deps, answers.fault)
        self._router = Router(deps.intake.catalogue.current)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever it holds. Raises what `send` raises, and cancellation."""
        exchange = new_exchange(scope, Body(receive, self._deps.body_timeout_s), self._deps)
        await self._exchanges.run(exchange, self._answer, send)

    async def _answer(self, exchange: Exchange) -> Answer:
        exchange.head = head = read_head(exchange.scope)
        if exchange.scope["method"] != "POST":
            return other_method(exchange)
        if exchange.scope["query_string"]:
            raise Fault(Code.MALFORMED, "this endpoint takes no parameters")
        mode = mode_of(head.content_type)
        encoding = encoding_of(head.content_encoding)
        check_length(head.length, self._limit_bytes(mode), encoding=encoding)
        exchange.principal = principal = await self._intake.authenticate(head.token, head.certificate)
        if head.twice:
            raise Fault(Code.MALFORMED, f"the header {head.twice.replace('_', '-')} stands twice, and may stand once")
        if mode == BINARY:
            return await self._binary(exchange, head, encoding)
        if not principal.topics and not principal.prefixes:
            # Whatever the envelope names: it need not be read.
            raise Fault(Code.FORBIDDEN, "the sender may publish to no topic at all")
        exchange.request = traced(exchange.request, head)
        exchange.reservation = reservation = self._intake.memory.reserve(head.length or 0)
        body = await exchange.body.read(encoding=encoding, limit_bytes=self._limit_bytes(mode), reservation=reservation)
        check_declared(body)
        reservation.grow_to(decoded_cost_bytes(len(body), body.count(b",") + body.count(b"[") + body.count(b"{")))
        if mode == BATCH:
            return await self._batch(exchange, body)
        event = from_envelope(body)
        admission = self._admitted(exchange, event.attributes)
        return await self._one(admission, event, len(body))

    def _limit_bytes(self, mode: str) -> int:
        """The largest body, decompressed: what a value may take, with its envelope."""
        settings = self._intake.settings
        if mode == BATCH:
            return settings.max_batch_bytes
        return settings.max_event_bytes if mode == BINARY else settings.max_event_bytes * 4 // 3 + _ENVELOPE_BYTES

    async def _binary(self, exchange: Exchange, head: Head, encoding: str) -> Answer:
        attributes, media_type = from_headers(exchange.scope["headers"], head.content_type, head.length)
        exchange.request = traced(exchange.request, head)
        admission = self._admitted(exchange, attributes, head.length or 0)
        check_taken(media_type, admission)
        limit_bytes = self._limit_bytes(BINARY)
        limit_bytes = min(limit_bytes, admission.contract.source.max_event_bytes or limit_bytes)
        check_length(head.length, limit_bytes, encoding=encoding)
        body = await exchange.body.read(encoding=encoding, limit_bytes=limit_bytes, reservation=admission.reservation)
        if head.content_type is None:
            body = NO_DATA
        elif media_type in TEXT:
            check_declared(body)
        admission.reservation.grow_to(value_cost_bytes(body, media_type))
        event = CloudEvent(attributes=attributes, body=body, media_type=media_type)
        return await self._one(admission, event, len(body))

    def _admitted(self, exchange: Exchange, attributes: Attributes, size_bytes: int = 0) -> Admission:
        """The single event's admission, held by the exchange. Raises what `admit` raises, `malformed`, `forbidden`."""
        if exchange.principal is None:
            raise RuntimeError("an event is admitted after its sender is known")
        route = self._route(exchange, attributes)
        exchange.topic = route.topic
        exchange.admission = admission = self._intake.admit(
            exchange.request, exchange.principal, route.topic, route.version, size_bytes
        )
        return admission

    def _route(self, exchange: Exchange, attributes: Attributes) -> Route:
        catalogue = self._intake.catalogue.current
        if self._router.catalogue is not catalogue:
            self._router = Router(catalogue)
        if exchange.principal is None:
            raise RuntimeError("an event is routed after its sender is known")
        return self._router.route(attributes, exchange.principal)

    async def _one(self, admission: Admission, event: CloudEvent, size_bytes: int) -> Answer:
        incoming = _incoming(event, admission.contract.newest.source.format)
        submission = Submission(events=(incoming,), count=1, size_bytes=size_bytes, media_type=event.media_type)
        return self._answers.single(await self._intake.accept(admission, submission), admission)

    async def _batch(self, exchange: Exchange, body: bytes) -> Answer:
        """One submission for each topic; the results in the order of the events."""
        raws = from_array(body)
        exchange.events = len(raws)
        most = self._intake.settings.max_batch_events
        if len(raws) > most:
            raise Fault(
                Code.TOO_LARGE, f"a batch of {len(raws)} events: at most {most} are taken at once", max_events=most
            )
        reservation = exchange.reservation
        if reservation is not None:
            reservation.grow_to(reservation.size_bytes + BYTES_AN_EVENT * len(raws))
        told: list[tuple[str, Result] | None] = [None] * len(raws)
        groups: dict[str, _Group] = {}
        routed: dict[tuple[str, str | None], tuple[Route, _Group]] = {}
        for place, read in enumerate(read_all(raws)):
            if place % 500 == 499:
                await asyncio.sleep(0)
            if isinstance(read, Unusable):
                told[place] = ("", self._unplaced(read.fault, read.id or "", exchange))
                continue
            kind = (read.attributes["type"], read.attributes.get("dataschema"))
            known = routed.get(kind)
            if known is None:
                try:
                    route = self._route(exchange, read.attributes)
                except Fault as fault:
                    told[place] = ("", self._unplaced(fault, read.attributes["id"], exchange))
                    continue
                group = groups.get(route.topic)
                if group is None:
                    group = groups[route.topic] = _Group(topic=route.topic, stored_format=self._format_of(route.topic))
                known = routed[kind] = (route, group)
            route, group = known
            group.events.append((read, route.version))
            group.places.append(place)
            group.size_bytes += len(raws[place])
        if len(groups) == 1 and all(result is None for result in told):
            (group,) = groups.values()
            exchange.topic = group.topic
            return await self._single_topic(exchange, group)
        outcomes = await asyncio.gather(*(self._group(exchange, group) for group in groups.values()))
        for group, results in zip(groups.values(), outcomes, strict=True):
            for place, result in zip(group.places, results, strict=True):
                told[place] = (group.topic, result)
        return _many_topics([result for result in told if result is not None], exchange)

    def _format_of(self, topic: str) -> str:
        contract = self._intake.catalogue.current.contracts.get(topic)
        return contract.newest.source.format if contract is not None else "avro"

    async def _single_topic(self, exchange: Exchange, group: _Group) -> Answer:
        if exchange.principal is None:
            raise RuntimeError("a batch is admitted after its sender is known")
        exchange.admission = admission = self._intake.admit(exchange.request, exchange.principal, group.topic, None, 0)
        return self._answers.receipt(await self._intake.accept(admission, _submission(group)), admission)

    async def _group(self, exchange: Exchange, group: _Group) -> Sequence[Result]:
        """The results of one topic's events. What stops the whole group is the result of each of them."""
        if exchange.principal is None:
            raise RuntimeError("a batch is admitted after its sender is known")
        try:
            admission = self._intake.admit(exchange.request, exchange.principal, group.topic, None, 0)
            with admission.reservation:
                told = await self._intake.accept(admission, _submission(group))
                return self._answers.results(told.lines, admission)
        except Fault as fault:
            if self._deps.on_refused is not None:
                self._deps.on_refused(group.topic, exchange.request.door, fault.code, len(group.events))
            fault.topic = group.topic
            return [self._result_of(fault, event.attributes["id"], exchange) for event, _ in group.events]

    def _unplaced(self, fault: Fault, event_id: str, exchange: Exchange) -> Result:
        """The result of an event that belongs to no topic; it is counted as one that names none."""
        if self._deps.on_refused is not None:
            self._deps.on_refused("", exchange.request.door, fault.code, 1)
        return self._result_of(fault, event_id, exchange)

    def _result_of(self, fault: Fault, event_id: str, exchange: Exchange) -> Result:
        problem: Problem = self._answers.problems.of_fault(fault, exchange.request.id)
        kind = Failed if row(fault.code).retryable else Rejected
        return kind(id=event_id, error=problem)


def _incoming(event: CloudEvent, stored_format: str, version: int | None = None) -> Incoming:
    attributes = event.attributes
    return Incoming(
        body=event.body,
        id=attributes["id"],
        key=attributes.get("partitionkey"),
        time=attributes.get("time"),
        version=version,
        headers=kafka_headers(attributes, stored_format, tombstone=event.is_null),
        media_type=event.media_type,
    )


def _submission(group: _Group) -> Submission:
    events = (_incoming(event, group.stored_format, version) for event, version in group.events)
    return Submission(events=events, count=len(group.events), size_bytes=group.size_bytes, media_type=JSON)


def _many_topics(told: Iterable[tuple[str, Result]], exchange: Exchange) -> Answer:
    """Results with a topic each, and none on top. What has no topic could not be routed."""
    rows: list[bytes] = []
    codes: list[str] = []
    waits: list[int] = []
    for topic, result in told:
        head = b'{"topic":%s,' % _encode(topic) if topic else b"{"
        rows.append(head + _encode(result)[1:])
        if isinstance(result, Rejected | Failed):
            codes.append(result.error.code)
            waits += [result.error.retry_after_s] if result.error.retry_after_s else []
        else:
            codes.append("ok")
    status, code = batch_status(codes)
    fields = [_JSON_FIELD, (b"request-id", exchange.request.id.encode("ascii"))]
    if status >= 400 and waits:
        fields.append((b"retry-after", b"%d" % max(waits)))
    return Answer(status=status, fields=fields, body=b'{"results":[%s]}' % b",".join(rows), code=code)
