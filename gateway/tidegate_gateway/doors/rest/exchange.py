"""The frame of a request to an endpoint that takes events: whatever happens, one answer leaves, is counted, and memory is given back.

Used by `hot`, and by the doors of other HTTP dialects. What an endpoint reads and answers is its own.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from tidegate.contracts.source import Owner
from tidegate.errors import Code
from tidegate_gateway.doors.crash import log_crash
from tidegate_gateway.doors.heads import Head
from tidegate_gateway.doors.problems import internal_fault
from tidegate_gateway.doors.rest.answers import Answer
from tidegate_gateway.doors.rest.body import Body, Disconnected, declared_too_large
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.ids import uuid7
from tidegate_gateway.intake.memory import Reservation
from tidegate_gateway.intake.principal import Principal
from tidegate_gateway.intake.submission import Admission, Request

__all__ = ["Exchange", "Exchanges", "Refuse", "Scope", "Send", "check_length", "new_exchange", "other_method", "traced"]

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Refuse = Callable[[Fault, str, Owner | None, str], Answer]
"""Renders what stopped a request: the fault, the request's id, whom to ask, the client's address for the log."""

_DOOR = "rest"
_LEFT_BYTES = 65_536
"""An unread rest of this size is the server's to skip; a longer one ends the connection."""


@dataclass(slots=True)
class Exchange:
    """What is known of a request while it goes its way: enough to answer whatever happens.

    `topic` is the one it names (empty: none yet), `events` how many it holds (1 where nobody knows).
    `reservation` is memory held before a topic is known; an admission holds its own.
    """

    request: Request
    scope: Scope
    body: Body
    topic: str = ""
    events: int = 1
    head: Head | None = None
    principal: Principal | None = None
    admission: Admission | None = None
    reservation: Reservation | None = None

    def release(self) -> None:
        """Give back the memory that is held."""
        if self.admission is not None:
            self.admission.reservation.release()
        if self.reservation is not None:
            self.reservation.release()


class Exchanges:
    """Runs the exchanges of one endpoint or family of them; `refuse` renders what stops one."""

    __slots__ = ("_deps", "_refuse")

    def __init__(self, deps: RestDeps, refuse: Refuse) -> None:
        self._deps = deps
        self._refuse = refuse

    async def run(self, exchange: Exchange, answering: Callable[[Exchange], Awaitable[Answer]], send: Send) -> None:
        """Answer one request, whatever it holds. Raises what `send` raises, and cancellation."""
        started = perf_counter()
        try:
            answer = await self._answer_or_refuse(exchange, answering)
        except Disconnected:
            self._count("disconnected", started)
            return
        except Exception as error:
            log_crash(error, exchange.request.id)
            answer = await self._refused(internal_fault(), exchange)
        finally:
            exchange.release()
        await _write(answer, exchange, send)
        self._count(answer.code, started)

    async def _answer_or_refuse(self, exchange: Exchange, answering: Callable[[Exchange], Awaitable[Answer]]) -> Answer:
        try:
            return await answering(exchange)
        except Fault as fault:
            return await self._refused(fault, exchange)

    async def _refused(self, fault: Fault, exchange: Exchange) -> Answer:
        if self._deps.on_refused is not None:
            self._deps.on_refused(exchange.topic, _DOOR, fault.code, exchange.events)
        owner = None
        principal, intake = exchange.principal, self._deps.intake
        contract = intake.standing(principal, exchange.topic) if principal is not None else None
        if principal is not None and contract is not None:
            owner = contract.source.owner
            fault.topic = fault.topic or contract.topic
            if not fault.quotas and fault.code is not Code.INTERNAL:  # what broke may be the limiter itself
                fault.quotas = await intake.quotas(principal, contract)
        return self._refuse(fault, exchange.request.id, owner, exchange.request.client)

    def _count(self, code: str, started: float) -> None:
        if self._deps.on_request is not None:
            self._deps.on_request(_DOOR, code, perf_counter() - started)


def new_exchange(scope: Scope, body: Body, deps: RestDeps, topic: str = "") -> Exchange:
    """An exchange as it begins. The client's address is what the socket or a trusted proxy says."""
    client = scope.get("client")
    request = Request(id=uuid7(), door=_DOOR, arrival_ms=deps.now_ms(), client=client[0] if client else "")
    return Exchange(request=request, scope=scope, body=body, topic=topic)


def traced(request: Request, head: Head) -> Request:
    """The request with the trace that its head names."""
    return Request(
        id=request.id, door=_DOOR, arrival_ms=request.arrival_ms, traceparent=head.trace, client=request.client
    )


def check_length(length: int | None, limit_bytes: int, *, encoding: str) -> None:
    """Raise `too_large` where the declared length alone is over the limit."""
    if declared_too_large(length, limit_bytes, encoding=encoding):
        raise Fault(Code.TOO_LARGE, f"the body takes {length} bytes, at most {limit_bytes} are allowed")


def other_method(exchange: Exchange) -> Answer:
    """The answer to a method that is not POST: 204 for OPTIONS. Raises `malformed` (405) for the others."""
    if exchange.scope["method"] == "OPTIONS":
        fields = [(b"allow", b"POST, OPTIONS"), (b"request-id", exchange.request.id.encode("ascii"))]
        return Answer(status=204, fields=fields, body=b"", code="ok")
    raise Fault(
        Code.MALFORMED, "the method is not allowed here; events are sent by POST", status=405, allow=("POST", "OPTIONS")
    )


async def _write(answer: Answer, exchange: Exchange, send: Send) -> None:
    """Head and body, without a pause between them: the server's loop puts them on the wire in one write.

    A body that nobody read: where its sender waits for `100 Continue` it never comes, so the connection ends. A long one
    is read on for a while after the answer went out, since closing on unread bytes may destroy the answer on its way.
    """
    fields = [*answer.fields, (b"content-length", b"%d" % len(answer.body))] if answer.status != 204 else answer.fields
    unread = _unread(exchange)
    if unread:
        fields = [*fields, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": answer.status, "headers": fields})
    if unread == "linger":
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        await exchange.body.linger()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    else:
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def _unread(exchange: Exchange) -> str:
    """What to do about the body's rest: nothing, `close`, or `linger` and close."""
    head, body = exchange.head, exchange.body
    if body.complete:
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
