"""A batch as a message of `tidegate.ingest.v1`, and responses read. Pure: values in, values out. Called by `grpc`."""

from datetime import datetime
from typing import Final

from tidegate.contracts.media import FRAMED, JSON
from tidegate.contracts.source import Owner
from tidegate.contracts.verdict import Violation
from tidegate.errors import ERRORS, Code
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.outgoing import Outgoing
from tidegate.transport.port import Answer, Receipted, Refusal, Request
from tidegate.wire.problem import ContractRef, Problem
from tidegate.wire.results import ResultLine

__all__ = ["answer_of", "batch_message", "refusal_of"]

_STATUSES: Final = {
    pb.STATUS_STORED: "stored",
    pb.STATUS_VALID: "valid",
    pb.STATUS_REJECTED: "rejected",
    pb.STATUS_FAILED: "failed",
}
_BY_STATUS: Final = {
    "UNAUTHENTICATED": Code.UNAUTHENTICATED,
    "PERMISSION_DENIED": Code.FORBIDDEN,
    "NOT_FOUND": Code.UNKNOWN_TOPIC,
    "UNIMPLEMENTED": Code.NOT_FOUND,
    "INVALID_ARGUMENT": Code.MALFORMED,
    "UNAVAILABLE": Code.OVERLOADED,
    "DEADLINE_EXCEEDED": Code.OUTCOME_UNKNOWN,
    "INTERNAL": Code.INTERNAL,
}
"""The code for a call that ended with a bare status: what the table says of it, where several do, the most general."""


def batch_message(request: Request) -> pb.PublishRequest:
    """The request as its message."""
    return pb.PublishRequest(topic=request.topic, events=[_event(event) for event in request.events])


def _event(event: Outgoing) -> pb.Event:
    message = pb.Event(id=event.id, version=event.version or 0)
    if event.media_type == JSON:
        message.json = event.body
    else:
        message.data = event.body
        message.framed = event.media_type in FRAMED
    if isinstance(event.key, bytes):
        message.key_bytes = event.key
    elif event.key is not None:
        message.key = event.key
    if event.headers:
        message.headers.update(event.headers)
    if event.time is not None:
        message.time.FromDatetime(datetime.fromisoformat(event.time))
    return message


def answer_of(response: pb.PublishResponse) -> Answer:
    """What a response says: a line for each event, or why none was judged."""
    if not response.HasField("error"):
        return Receipted(lines=[_line(row) for row in response.results])
    problem = _problem(response.error)
    return Refusal(
        status=problem.status,
        reason=problem.detail or problem.title,
        code=_code(problem.code),
        problem=problem,
        retry_after_s=problem.retry_after_s,
        max_events=problem.max_events,
    )


def _line(row: pb.EventReceipt) -> ResultLine:
    return ResultLine(
        id=row.id,
        status=_STATUSES.get(row.status, f"status_{row.status}"),
        partition=row.partition,
        offset=row.offset,
        version=row.version,
        schema_id=row.schema_id,
        dropped=row.dropped,
        error=_problem(row.error) if row.HasField("error") else None,
    )


def _problem(said: pb.Problem) -> Problem:
    ref = said.contract
    return Problem(
        type=said.type,
        title=said.title,
        status=said.status,
        detail=said.detail,
        code=said.code,
        retryable=said.retryable,
        instance=said.instance,
        topic=said.topic,
        contract=ContractRef(version=ref.version, schema_id=ref.schema_id, fingerprint=ref.fingerprint)
        if said.HasField("contract")
        else None,
        errors=tuple(_violation(one) for one in said.errors),
        omitted=said.omitted if said.errors else None,
        max_events=said.max_events if said.HasField("max_events") else None,
        accepted=tuple(said.accepted),
        retry_after_s=said.retry_after_s if said.HasField("retry_after_s") else None,
        owner=Owner(team=said.owner.team, channel=said.owner.channel, url=said.owner.url)
        if said.HasField("owner")
        else None,
        docs=said.docs,
    )


def _violation(one: pb.Violation) -> Violation:
    return Violation(
        pointer=one.pointer,
        rule=one.rule,
        detail=one.detail,
        expected=one.expected,
        found=one.found,
        hint=one.hint,
        docs=one.docs,
        byte_offset=one.byte_offset if one.HasField("byte_offset") else None,
    )


def refusal_of(status: str, details: str, pushback_ms: float | None) -> Refusal:
    """A call that ended with a status, by its name. With `pushback_ms` a spent allowance, else a size, is what RESOURCE_EXHAUSTED means."""
    code = _BY_STATUS.get(status)
    if status == "RESOURCE_EXHAUSTED":
        code = Code.TOO_LARGE if pushback_ms is None else Code.RATE_LIMITED
    return Refusal(
        status=ERRORS[code].http if code is not None else 500,
        reason=details or f"the call ended with {status}",
        code=code,
        retry_after_s=pushback_ms / 1000 if pushback_ms is not None else None,
    )


def _code(name: str) -> Code | None:
    try:
        return Code(name)
    except ValueError:
        return None
