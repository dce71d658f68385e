"""A problem as a gRPC status: code by the errors table, google.rpc details, and trailing metadata. Pure; sends nothing.

Called by `methods` for a call that ends with one. All details together stay below what stock clients take: past 8 to 16 kB of trailers
they report RESOURCE_EXHAUSTED instead of the error.
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote

import msgspec
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, Help, QuotaFailure, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

from tidegate.contracts.verdict import Violation
from tidegate.errors import Code, row
from tidegate.wire.problem import Problem
from tidegate_gateway.doors.rates import rate_fields
from tidegate_gateway.doors.rpc.codes import StatusCode
from tidegate_gateway.doors.rpc.metadata import Metadata
from tidegate_gateway.intake.limits import Quota

__all__ = ["DOMAIN", "MAX_DETAILS_BYTES", "Ended", "ended", "field_path", "grpc_code", "reason_of"]

DOMAIN = "tidegate"
"""ErrorInfo's domain: who defines the reasons."""
MAX_DETAILS_BYTES = 4_600
"""Of the serialised google.rpc.Status; as base64, with the other trailers, it stays below 8 KiB."""

_MESSAGE_BYTES = 600
_ENCODED_BYTES = 1_200
"""Of the message in `grpc-message`, where every byte that is not ASCII takes three (gRPC over HTTP/2, "Percent-Encoded")."""
_MAX_LINK = 400
_QUALIFYING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_NOT_IN_REASON = re.compile(r"[^A-Z0-9]+")


class Ended(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a call ends that is not OK: status, text, trailing metadata; and the table's code, which metrics count."""

    status: StatusCode
    message: str
    trailing: Metadata
    code: str


def ended(problem: Problem, request_id: str, quotas: Sequence[Quota] = (), place: int | None = None) -> Ended:
    """The end of a call that met this problem. `quotas` are the limits as they stand, `place` a stream's event that ends it."""
    code = Code(problem.code)
    message = _message(problem.detail)
    status = _status(problem, code, message, request_id, quotas, place)
    trailing: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", status), ("request-id", request_id)]
    if problem.retry_after_s is not None:
        trailing.append(("grpc-retry-pushback-ms", str(problem.retry_after_s * 1000)))
    trailing += [(name.decode("ascii"), value.decode("ascii")) for name, value in rate_fields(quotas)]
    return Ended(status=grpc_code(code), message=message, trailing=tuple(trailing), code=code)


def grpc_code(code: Code) -> StatusCode:
    """The gRPC status of a code, by the errors table."""
    return StatusCode[row(code).grpc]


def reason_of(name: str) -> str:
    """A code or a rule as a reason: `[A-Z][A-Z0-9_]*[A-Z0-9]`, at most 63 characters (google.rpc.ErrorInfo)."""
    reason = _NOT_IN_REASON.sub("_", name.upper()).strip("_")[:63].strip("_")
    return reason if reason[:1].isalpha() else f"RULE_{reason}".strip("_")


def field_path(pointer: str) -> str:
    """A JSON pointer (as a URI fragment) as google.rpc.BadRequest names fields: `#/items/1/name` is `items[1].name`.

    A name that is no identifier stands quoted in brackets, as a map's key does. The value itself is the empty path.
    """
    path = ""
    for step in pointer.split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if name.isascii() and name.isdigit():
            path += f"[{name}]"
        elif _QUALIFYING(name):
            path += f".{name}" if path else name
        else:
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            path += f'["{quoted}"]'
    return path


def _status(
    problem: Problem, code: Code, message: str, request_id: str, quotas: Sequence[Quota], place: int | None
) -> bytes:
    """The serialised google.rpc.Status; violations that find no room in it are counted as omitted."""
    info = ErrorInfo(reason=reason_of(code), domain=DOMAIN, metadata=_facts(problem))
    if place is not None:
        info.metadata["index"] = str(place)
    details: list[Message] = [info]
    if problem.retry_after_s is not None:
        details.append(RetryInfo(retry_delay=Duration(seconds=problem.retry_after_s)))
    if code is Code.RATE_LIMITED:
        details.append(_quota_failure(quotas, message))
    details.append(Help(links=_links(problem)))
    details.append(RequestInfo(request_id=request_id))
    status = Status(code=grpc_code(code), message=message)
    for detail in details:
        status.details.add().Pack(detail)
    if problem.errors:
        room = MAX_DETAILS_BYTES - status.ByteSize() - 64  # what Any and the counts take
        told = _told(problem.errors, room)
        left_out = (problem.omitted or 0) + len(problem.errors) - len(told)
        if left_out:
            info.metadata["omitted"] = str(left_out)
            status.details[0].Pack(info)
        status.details.add().Pack(BadRequest(field_violations=told))
    return bytes(status.SerializeToString())


def _facts(problem: Problem) -> dict[str, str]:
    """ErrorInfo's metadata: what a program may want, in strings."""
    facts = {"title": problem.title, "retryable": "true" if problem.retryable else "false"}
    if problem.topic:
        facts["topic"] = problem.topic
    if problem.contract is not None:
        facts["contractVersion"] = str(problem.contract.version)
        facts["schemaId"] = str(problem.contract.schema_id)
    if problem.max_events is not None:
        facts["maxEvents"] = str(problem.max_events)
    if problem.accepted:
        facts["accepted"] = ", ".join(problem.accepted)
    if problem.owner is not None:
        facts["owner"] = _cut(problem.owner.team or problem.owner.channel, 100)
    return facts


def _links(problem: Problem) -> list[Help.Link]:
    links = [Help.Link(description="What this error means, and what to do", url=_cut(problem.type, _MAX_LINK))]
    if problem.docs:
        links.append(Help.Link(description="The topic's contract", url=_cut(problem.docs, _MAX_LINK)))
    if problem.owner is not None and problem.owner.url:
        links.append(Help.Link(description="Its owner", url=_cut(problem.owner.url, _MAX_LINK)))
    return links


def _quota_failure(quotas: Sequence[Quota], message: str) -> QuotaFailure:
    spent = [quota for quota in quotas if quota.remaining <= 0] or list(quotas)
    return QuotaFailure(
        violations=[
            QuotaFailure.Violation(subject=quota.name, description=f"{message} ({quota.burst} in {quota.window_s:g} s)")
            for quota in spent
        ]
        or [QuotaFailure.Violation(subject="events", description=message)]
    )


def _told(violations: Sequence[Violation], room_bytes: int) -> list[BadRequest.FieldViolation]:
    """As many of the violations as have room, in their order."""
    told: list[BadRequest.FieldViolation] = []
    for violation in violations:
        one = BadRequest.FieldViolation(
            field=_cut(field_path(violation.pointer), 256),
            description=_described(violation),
            reason=reason_of(violation.rule),
        )
        room_bytes -= one.ByteSize() + 4
        if room_bytes < 0:
            break
        told.append(one)
    return told


def _described(violation: Violation) -> str:
    """One violation for a person: what is wrong, what was expected and found, what may have been meant."""
    text = violation.detail
    if violation.expected and violation.expected not in text:
        text += f"; expected {violation.expected}"
    if violation.found and violation.found not in text:
        text += f", found {violation.found}"
    return _cut(text + (f"; {violation.hint}" if violation.hint else ""), 500)


def _message(text: str) -> str:
    """The text as far as it has room among the trailers: a contract's own words may be in any script."""
    message = _cut(text, _MESSAGE_BYTES)
    encoded_bytes = sum(
        1 if 0x20 <= byte <= 0x7E and byte != 0x25 else 3 for byte in message.encode("utf-8", "replace")
    )
    return message if encoded_bytes <= _ENCODED_BYTES else _cut(message, _ENCODED_BYTES // 3)


def _cut(text: str, most_bytes: int) -> str:
    """The text, at most so many bytes of UTF-8."""
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= most_bytes else raw[: most_bytes - 3].decode("utf-8", "ignore") + "…"
