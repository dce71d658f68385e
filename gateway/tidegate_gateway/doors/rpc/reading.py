"""Requests of the ingest service as bytes to submissions. Bounded before they are decoded; nothing is judged here.

Called by `ingest`. One event that cannot be read is one `Unreadable`, as in a batch over HTTP; pointers are the same.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from google.protobuf.message import DecodeError

from tidegate.contracts.media import JSON
from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate.ingest.v1.ingest_pb2 import Event, PublishRequest
from tidegate.wire.event import too_many_headers
from tidegate_gateway.doors.event_headers import wrong_headers
from tidegate_gateway.doors.media import DATA_FORMS, DataForms
from tidegate_gateway.doors.rpc.wire import count_fields, first_field
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.submission import Admission, Incoming, Submission, Unreadable

__all__ = ["Parsed", "charged_bytes", "decode", "submission_of", "topic_of"]

_TOPIC_FIELD = 1
_MAX_TOPIC_BYTES = 250
_EVENTS_FIELD = 2
_COUNTED_TIMES = 2
"""So many times the allowed events are still decoded: how many they are too many, the intake then says exactly."""
_BYTES_AN_EVENT = 1_400
"""What an event keeps until its request is answered, beside its bytes: the decoded message, record, headers, result."""
_BYTES_A_HEADER = 56
_COPIES = 2


class Parsed(Protocol):
    """A decoded request: PublishRequest or ValidateRequest, which have the same fields."""

    @property
    def topic(self) -> str: ...
    @property
    def events(self) -> Sequence[Event]: ...


def decode(body: bytes, *, max_bytes: int, max_events: int) -> PublishRequest:
    """The request. A ValidateRequest is decoded likewise: it has the same fields.

    Events are counted first, since an empty one takes 2 bytes as sent and some hundred decoded. Raises `too_large`, and
    `malformed` for bytes that are no such message (truncated, invalid UTF-8, nested too deeply).
    """
    if len(body) > max_bytes:
        raise Fault(Code.TOO_LARGE, f"the request takes {len(body)} bytes, at most {max_bytes} are allowed")
    most = _COUNTED_TIMES * max_events
    count = count_fields(body, _EVENTS_FIELD, most + 1)
    if count > most:
        raise Fault(
            Code.TOO_LARGE,
            f"a batch of more than {most} events: at most {max_events} are taken at once",
            max_events=max_events,
        )
    try:
        if count >= 0:
            return PublishRequest.FromString(body)
    except DecodeError:
        pass
    wrong = Violation(
        pointer="#", rule="malformed", detail="is no such message", expected="tidegate.ingest.v1.PublishRequest"
    )
    detail = "the request cannot be decoded: truncated, invalid UTF-8, or of another type"
    raise Fault(Code.MALFORMED, detail, violations=(wrong,))


def topic_of(body: bytes) -> str:
    """The topic that a request names, for what is told of one that is not decoded; empty where it does not come first."""
    return first_field(body, _TOPIC_FIELD)[:_MAX_TOPIC_BYTES].decode("utf-8", "replace")


def charged_bytes(body: bytes, events: int) -> int:
    """What a request takes while it is judged. Colons bound the members of JSON, and the headers, whose tag is one."""
    return _COPIES * len(body) + _BYTES_AN_EVENT * events + _BYTES_A_HEADER * body.count(b":")


def submission_of(parsed: Parsed, body: bytes, admission: Admission) -> Submission:
    """The request's events for the intake, read one by one while it judges."""
    forms = DATA_FORMS[admission.contract.newest.source.format]
    return Submission(
        events=_events(parsed.events, forms), count=len(parsed.events), size_bytes=len(body), media_type=JSON
    )


def _events(events: Sequence[Event], forms: DataForms) -> Iterator[Incoming | Unreadable]:
    for event in events:
        yield _incoming(event, forms)


def _incoming(event: Event, forms: DataForms) -> Incoming | Unreadable:
    form = event.WhichOneof("value_form")
    if form == "json":
        if event.framed:
            return _bad(event, _FRAMED_ALONE)
        incoming = Incoming(body=event.json)
    elif form == "data":
        incoming = Incoming(body=event.data, media_type=forms[1] if event.framed else forms[0])
    else:
        return _bad(event, _FRAMED_ALONE if event.framed else _MISSING)
    incoming.id = event.id or None
    incoming.version = event.version or None
    key_form = event.WhichOneof("key_form")
    if key_form is not None:
        incoming.key = event.key if key_form == "key" else event.key_bytes
    if event.HasField("time"):
        incoming.time = _time_text(event)
    if event.headers:
        many = too_many_headers(len(event.headers))
        if many is not None:
            return _bad(event, many)
        headers = [(name.lower(), text) for name, text in event.headers.items()]
        bad = wrong_headers(headers)
        if bad is not None:
            return _bad(event, bad)
        incoming.headers = tuple((name, text.encode()) for name, text in headers)
    return incoming


def _time_text(event: Event) -> str:
    """RFC 3339, as the contract reads it; a timestamp outside of its years stays a number, which is refused as no time."""
    try:
        return event.time.ToJsonString()
    except ValueError:
        return f"{event.time.seconds} s"


_FRAMED_ALONE = Violation(
    pointer="#/framed", rule="malformed", detail="stands without data", expected="data with a frame in front"
)
_MISSING = Violation(
    pointer="#/value", rule="malformed", detail="is missing", expected="JSON, or data with the encoded value"
)


def _bad(event: Event, violation: Violation) -> Unreadable:
    return Unreadable(violations=(violation,), id=event.id or None)
