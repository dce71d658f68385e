"""A batch's body taken apart: JSON (`{"events": [...]}`) or NDJSON, into a submission whose events are read lazily.

Called by `hot`. The top of the body is read here; one event is `events`' business.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import did_you_mean, pointer
from tidegate.errors import Code
from tidegate_gateway.doors.media import DataForms
from tidegate_gateway.doors.rest.events import read_event, stranger_in, unreadable_text
from tidegate_gateway.doors.rest.hints import BATCH_HINT
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.memory import Reservation, decoded_cost_bytes
from tidegate_gateway.intake.submission import Incoming, Submission, Unreadable

__all__ = ["BYTES_AN_EVENT", "Unbatchable", "json_batch", "ndjson_batch"]

BYTES_AN_EVENT = 1024
"""What an event keeps until its batch is answered, beside its bytes: raw text, record, headers, result."""
_LINES_AN_EVENT = 16
"""So many lines, blank ones included, a batch may have for each event that it may have."""

_WHAT = '{"events": [...]}'
_JSON_SPACE = b" \t\r\n"
_HEAD = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"(?:[^"\\]|\\.)*"[ \t\r\n]*:[ \t\r\n]*').match


class _Top(msgspec.Struct, forbid_unknown_fields=True):
    events: msgspec.Raw


_decode_top = msgspec.json.Decoder(_Top).decode
_decode_events = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Unbatchable(Exception):
    """The body is no batch at all: one violation for the whole request."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.detail)
        self.violation = violation

    @property
    def detail(self) -> str:
        """The violation in words, of the body and not of an event."""
        name = self.violation.pointer.removeprefix("#/") if self.violation.pointer != "#" else "the body"
        return f"{name} {self.violation.detail}"


def json_batch(body: bytes, reservation: Reservation, *, forms: DataForms) -> Submission:
    """The submission of a JSON batch; `forms` are what its events' `data` is. Raises `Unbatchable`; `overloaded` or `too_large` where its events take too much."""
    try:
        array = bytes(_decode_top(body).events)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unbatchable(_not_a_batch(body, error)) from None
    _check_single_member(body, array)
    if not array.startswith(b"["):
        raise Unbatchable(
            Violation(pointer="#/events", rule="type", detail="is no array", expected="an array of events")
        )
    commas = array.count(b",")
    reservation.grow_to(decoded_cost_bytes(len(body), commas))
    raws = _decode_events(array)
    reservation.grow_to(decoded_cost_bytes(len(body), commas) + BYTES_AN_EVENT * len(raws))
    return Submission(events=_events(raws, forms), count=len(raws), size_bytes=len(body))


def ndjson_batch(
    body: bytes, reservation: Reservation, *, forms: DataForms, bare_values: bool, max_events: int
) -> Submission:
    """The submission of an NDJSON batch: a line is an event, or a value; blank lines are skipped.

    Raises `too_large` where it has ever so many lines, or its events take too much; `overloaded`.
    """
    newlines = body.count(b"\n")
    if newlines > _LINES_AN_EVENT * max_events:
        raise Fault(Code.TOO_LARGE, f"a batch of {newlines} lines, blank ones counted", max_events=max_events)
    reservation.grow_to(decoded_cost_bytes(len(body), newlines))
    lines = [line for line in body.split(b"\n") if line.strip(_JSON_SPACE)]
    reservation.grow_to(decoded_cost_bytes(len(body), newlines) + BYTES_AN_EVENT * len(lines))
    events: Iterable[Incoming | Unreadable] = (
        (Incoming(body=line.strip(_JSON_SPACE)) for line in lines)
        if bare_values
        else (read_event(line, forms) for line in lines)
    )
    return Submission(events=events, count=len(lines), size_bytes=len(body))


def _events(raws: list[msgspec.Raw], forms: DataForms) -> Iterator[Incoming | Unreadable]:
    for raw in raws:
        yield read_event(bytes(raw), forms)


def _check_single_member(body: bytes, array: bytes) -> None:
    """Refuse `events` given twice, of which the decoder took the last.

    The first member's value begins at `start`. Only where it is the last member too does what the decoder took, with
    nothing but white space and one brace behind it, reach the body's end.
    """
    head = _HEAD(body)
    start = head.end() if head is not None else 0
    tail = len(body.rstrip(_JSON_SPACE)) - 1
    end = len(body[start:tail].rstrip(_JSON_SPACE)) + start
    if end - start != len(array):
        raise Unbatchable(
            Violation(pointer="#/events", rule="duplicate_key", detail="stands twice in one object", expected=_WHAT)
        )


def _not_a_batch(body: bytes, error: Exception) -> Violation:
    if isinstance(error, msgspec.ValidationError):
        if "missing required" in str(error):
            return Violation(pointer="#/events", rule="malformed", detail="is missing", expected=_WHAT)
        stranger = stranger_in(body, error)
        if stranger is not None:
            return Violation(
                pointer=pointer((stranger,)),
                rule="unknown_field",
                detail="is no member of a batch",
                expected=_WHAT,
                hint=did_you_mean(stranger, ("events",)) or BATCH_HINT,
            )
    whole = unreadable_text(body, error, _WHAT)
    return msgspec.structs.replace(whole, hint=BATCH_HINT) if whole.rule == "type" else whole
