"""A request's line and headers, bounded and sorted in one walk: what a door must know before a body is read.

Read by every door of HTTP and by `viewer`; `edge` takes its bounds, and `rpc.typed_metadata` reads metadata of the same names
by it. Nothing here asks who sends; `event_of` reads what the headers say of the one event that a body is.
"""

import re
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import shown
from tidegate.errors import Code
from tidegate.wire.event import check_headers, check_id
from tidegate_gateway.doors.event_headers import named_again
from tidegate_gateway.intake.faults import Fault

__all__ = [
    "CERTIFICATE",
    "MAX_AUTHORIZATION_BYTES",
    "MAX_HEAD_BYTES",
    "EventHead",
    "Head",
    "event_of",
    "read_head",
    "version_of",
]

MAX_HEAD_BYTES = 16_384
"""Request line and headers together (http.md, "What a stranger can do")."""
MAX_AUTHORIZATION_BYTES = 8_192
CERTIFICATE = "tidegate.certificate"
"""The ASGI scope's extension that holds the name in the client's certificate, where mutual TLS verified one."""

_LINE_OVERHEAD_BYTES = 4
_LENGTH_DIGITS = 18
_EVENT_HEADER = b"event-header-"
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
_VERSION = re.compile(rb"[0-9]{1,10}").fullmatch
_QUOTED_ID = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"').fullmatch
_ESCAPE = re.compile(r"\\(.)")

_SINGLE = {
    b"authorization": "authorization",
    b"content-type": "content_type",
    b"content-encoding": "content_encoding",
    b"content-length": "content_length",
    b"transfer-encoding": "transfer_encoding",
    b"expect": "expect",
    b"traceparent": "traceparent",
    b"event-id": "event_id",
    b"idempotency-key": "idempotency_key",
    b"event-key": "event_key",
    b"event-time": "event_time",
    b"event-version": "event_version",
}


class Head(msgspec.Struct, kw_only=True, gc=False):
    """The headers that the door reads, as sent; None where one was not.

    `own` are the event's own headers (`Event-Header-<name>`), names in lower case. `twice` is a header that may stand
    once and stood again: reading it is refused, after the token was looked at. `certificate` is the name in the client's
    certificate, verified by TLS.
    """

    authorization: bytes | None = None
    content_type: bytes | None = None
    content_encoding: bytes | None = None
    content_length: bytes | None = None
    transfer_encoding: bytes | None = None
    expect: bytes | None = None
    traceparent: bytes | None = None
    event_id: bytes | None = None
    idempotency_key: bytes | None = None
    event_key: bytes | None = None
    event_time: bytes | None = None
    event_version: bytes | None = None
    own: tuple[tuple[bytes, bytes], ...] = ()
    twice: str = ""
    certificate: str | None = None

    @property
    def length(self) -> int | None:
        """The body's declared size in bytes; None where it comes in chunks, 0 where there is none."""
        if self.transfer_encoding is not None:
            return None
        text = self.content_length
        if text is None:
            return 0
        if not text.isdigit():
            return None
        return int(text) if len(text) <= _LENGTH_DIGITS else sys.maxsize

    @property
    def token(self) -> str | None:
        """The bearer token, or None where there is none. Two of them are one that cannot be good."""
        if self.authorization is None:
            return None
        scheme, _, token = self.authorization.partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        return token.strip().decode("latin-1") if self.twice != "authorization" else ""

    @property
    def trace(self) -> str:
        """The W3C traceparent where it is well formed, else nothing (Trace Context, section 3.2)."""
        if self.traceparent is None or not _TRACEPARENT(self.traceparent):
            return ""
        return self.traceparent.decode("ascii")


class EventHead(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the request's headers say of its one event."""

    id: str | None = None
    key: str | None = None
    time: str | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def read_head(scope: Mapping[str, Any]) -> Head:
    """The head of an ASGI scope. Raises `too_large` (431) past 16 KiB, or past 8 KiB of Authorization."""
    fields: dict[str, bytes] = {}
    own: list[tuple[bytes, bytes]] = []
    twice = ""
    size = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value) + _LINE_OVERHEAD_BYTES
        known = _SINGLE.get(name)
        if known is not None:
            if known in fields:
                twice = known
            fields[known] = value
        elif name.startswith(_EVENT_HEADER):
            own.append((name[len(_EVENT_HEADER) :], value))
    if size > MAX_HEAD_BYTES:
        raise Fault(
            Code.TOO_LARGE, f"the request line and headers take more than {MAX_HEAD_BYTES} bytes in all", status=431
        )
    if len(fields.get("authorization", b"")) > MAX_AUTHORIZATION_BYTES:
        raise Fault(
            Code.TOO_LARGE, f"the Authorization header takes more than {MAX_AUTHORIZATION_BYTES} bytes", status=431
        )
    extensions = scope.get("extensions")
    certificate = extensions.get(CERTIFICATE) if extensions else None
    return Head(**fields, own=tuple(own), twice=twice, certificate=certificate)


def version_of(head: Head) -> int | None:
    """The version that the head names. Raises `malformed` where it is no positive integer, or a header stood twice."""
    if head.twice:
        raise _malformed(head.twice, "stands twice, and may stand once", "one value")
    text = head.event_version
    if text is None:
        return None
    if not _VERSION(text) or not 1 <= int(text) <= 0x7FFFFFFF:
        raise _malformed("event_version", "is not a version number", "int, 1 or more")
    return int(text)


def event_of(head: Head) -> EventHead:
    """The event's id, key, time and own headers. Raises `malformed` for what cannot be read or is reserved."""
    if head.event_id is None and head.idempotency_key is None and head.event_key is None:
        event_id = key = None
    else:
        event_id = _event_id(head)
        key = _text("event_key", head.event_key)
    return EventHead(
        id=event_id,
        key=key,
        time=_text("event_time", head.event_time),
        headers=_own_headers(head.own) if head.own else (),
    )


def _event_id(head: Head) -> str | None:
    """`Event-Id`, else `Idempotency-Key`: a structured-field string (RFC 9651, section 3.3.3), or bare."""
    named = _text("event_id", head.event_id)
    other = _text("idempotency_key", head.idempotency_key)
    if other is not None and other.startswith('"'):
        quoted = _QUOTED_ID(other)
        if quoted is None:
            raise _malformed("idempotency_key", "is no quoted string", "a structured-field string, or a bare id")
        other = _ESCAPE.sub(r"\1", quoted[1])
    for field, given in (("event_id", named), ("idempotency_key", other)):
        if given is not None and (bad := check_id(given)) is not None:
            raise _malformed(field, bad.detail, bad.expected, rule=bad.rule)
    if named is not None and other is not None and named != other:
        raise _malformed("idempotency_key", "is another id than Event-Id's", "one of the two, or the same in both")
    return named if named is not None else other


def _text(field: str, value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed(field, "is not UTF-8", "UTF-8 text", rule="encoding") from None


def _own_headers(own: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[str, bytes], ...]:
    try:
        texts = [(name.decode("latin-1").lower(), value.decode("utf-8")) for name, value in own]
    except UnicodeDecodeError:
        raise _malformed("event_header", "holds a value that is not UTF-8", "UTF-8 text", rule="encoding") from None
    again = named_again(texts)
    if again is not None:
        raise _malformed_header(f"Event-Header-{shown(again)}", "stands twice, and may stand once", "one value")
    bad = check_headers(texts, "#")
    if bad is not None:
        # As `#/<name>`: a header has no place in the value, so its pointer becomes a name.
        raise _malformed_header(
            f"Event-Header-{unquote(bad.pointer[2:]) or '<name>'}", bad.detail, bad.expected, rule=bad.rule
        )
    return tuple((name, value) for (name, _), (_, value) in zip(texts, own, strict=True))


def _malformed(field: str, detail: str, expected: str, rule: str = "malformed") -> Fault:
    """As `_malformed_header`, of one of `Head`'s fields."""
    return _malformed_header("-".join(part.capitalize() for part in field.split("_")), detail, expected, rule)


def _malformed_header(name: str, detail: str, expected: str, rule: str = "malformed") -> Fault:
    """A header that cannot be read. It has no place in the value, so its pointer is the whole and its name the text."""
    violation = Violation(pointer="#", rule=rule, detail=f"the header {name} {detail}", expected=expected)
    return Fault(Code.MALFORMED, violation.detail, violations=(violation,))
