"""A batch as NDJSON of Events, and answers read. Pure: bytes in, values out. Called by `http`.

NDJSON and not one JSON document: whatever an application's own bytes hold, they spoil their line and no other.
"""

from base64 import b64encode
from collections.abc import Sequence

import msgspec

from tidegate.contracts.media import FRAMED, JSON
from tidegate.errors import Code
from tidegate.outgoing import Outgoing
from tidegate.transport.port import Answer, Receipted, Refusal
from tidegate.wire.problem import Problem
from tidegate.wire.results import ReceiptLines

__all__ = ["batch_body", "read_answer"]

_text = msgspec.json.Encoder().encode
_decode_receipt = msgspec.json.Decoder(ReceiptLines).decode
_decode_problem = msgspec.json.Decoder(Problem).decode


def batch_body(events: Sequence[Outgoing]) -> bytes:
    """The body of `events:batch`, one line an event, in order."""
    return b"\n".join([_line(event) for event in events])


def _line(event: Outgoing) -> bytes:
    """One Event. A line break inside JSON can only be white space, so a space takes its place."""
    head = b'{"id":"%s"' % event.id.encode("ascii")
    if event.version is not None:
        head += b',"version":%d' % event.version
    if event.key is not None or event.time is not None or event.headers:
        head += _rare_members(event)
    if event.media_type == JSON:
        body = event.body
        return b'%s,"value":%b}' % (head, body.replace(b"\n", b" ") if b"\n" in body else body)
    framed = b',"framed":true' if event.media_type in FRAMED else b""
    return b'%s,"data":"%b"%b}' % (head, b64encode(event.body), framed)


def _rare_members(event: Outgoing) -> bytes:
    members = b""
    if isinstance(event.key, bytes):
        members += b',"keyBytes":"%b"' % b64encode(event.key)
    elif event.key is not None:
        members += b',"key":%b' % _text(event.key)
    if event.time is not None:
        members += b',"time":%b' % _text(event.time)
    if event.headers:
        members += b',"headers":%b' % _text(event.headers)
    return members


def read_answer(status: int, body: bytes, retry_after_s: float | None) -> Answer:
    """What an answer to `events:batch` says. Anything that no gateway would write counts by its status alone."""
    if 200 <= status < 300 or b'"results"' in body:
        try:
            return Receipted(lines=_decode_receipt(body).results)
        except (msgspec.DecodeError, UnicodeDecodeError):
            if status < 300:
                return Refusal(status=502, reason=f"the answer {status} holds no receipt that can be read")
    try:
        problem = _decode_problem(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refusal(
            status=status, reason=f"HTTP status {status} from something that is no gateway", retry_after_s=retry_after_s
        )
    if retry_after_s is None and problem.retry_after_s is not None:
        retry_after_s = float(problem.retry_after_s)
    return Refusal(
        status=status,
        reason=problem.detail or problem.title,
        code=_code(problem.code),
        problem=problem,
        retry_after_s=retry_after_s,
        max_events=problem.max_events,
    )


def _code(name: str) -> Code | None:
    try:
        return Code(name)
    except ValueError:
        return None
