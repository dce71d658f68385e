"""CloudEvents out of HTTP: from headers (binary mode), from one JSON envelope, from an array of them. Called by `door`.

Source: CloudEvents 1.0.2, HTTP protocol binding, section 3, and JSON event format. A value stays the bytes that were sent.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import msgspec

from tidegate.contracts.media import JSON
from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import pointer, shown
from tidegate.errors import Code
from tidegate.wire.event import MAX_HEADER_BYTES, check_id
from tidegate_gateway.doors.cloudevents.attributes import CONTROL, Attributes, check_attributes
from tidegate_gateway.doors.media import TEXT, VALUES, media_type_of
from tidegate_gateway.doors.rest.events import unreadable_text
from tidegate_gateway.doors.rest.members import duplicate_member, members_at_most
from tidegate_gateway.intake.faults import Fault

__all__ = [
    "BATCH",
    "BINARY",
    "NO_DATA",
    "STRUCTURED",
    "CloudEvent",
    "Unusable",
    "from_array",
    "from_envelope",
    "from_headers",
    "mode_of",
    "read_all",
]

BINARY = ""
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MODES = (STRUCTURED, BATCH)
_MODES = {b"application/json": BINARY, STRUCTURED.encode("ascii"): STRUCTURED, BATCH.encode("ascii"): BATCH}
"""As most write them."""

_PREFIX = b"ce-"
NO_DATA = b"null"
"""The value of an event without data."""
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL).fullmatch
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_PROTOBUF = re.compile(r"application/(?:vnd\.google\.)?protobuf(?=\s*(?:;|$))", re.IGNORECASE)
_JSON_LIKE = re.compile(r"\s*[a-z0-9.+_-]+/(?:json|[a-z0-9.+_-]+\+json)\s*(?:;|$)", re.IGNORECASE).match


class _Usual(msgspec.Struct, forbid_unknown_fields=True):
    """An envelope without extensions but the partition key, every attribute a string: most are."""

    specversion: str
    id: str
    source: str
    type: str
    data: msgspec.Raw = msgspec.Raw()
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    partitionkey: str | None = None


_decode_usual = msgspec.json.Decoder(_Usual).decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_scalar = msgspec.json.Decoder(str | bool | int | None).decode


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event as its sender wrote it: checked attributes, and the value's bytes in `media_type` (null: it has no data)."""

    attributes: Attributes
    body: bytes
    media_type: str

    @property
    def is_null(self) -> bool:
        """Whether it says that its key is gone."""
        body = self.body
        return not body.startswith(b"{") and self.media_type in TEXT and body.strip(b" \t\r\n") == NO_DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """One event of a batch that cannot be read: why, and its id where that can be told."""

    fault: Fault
    id: str | None = None


def mode_of(content_type: bytes | None) -> str:
    """`BINARY`, `STRUCTURED` or `BATCH`. Raises `unsupported_media` for envelopes in another format than JSON."""
    usual = _MODES.get(content_type or b"")
    if usual is not None:
        return usual
    essence = (content_type or b"").decode("latin-1").partition(";")[0].strip().lower()
    if not essence.startswith("application/cloudevents"):
        return BINARY
    return media_type_of(content_type, MODES)


def from_headers(
    headers: Iterable[tuple[bytes, bytes]], content_type: bytes | None, length: int | None
) -> tuple[Attributes, str]:
    """The attributes of binary mode and the media type of the body, which need not be named where there is none.

    `length` is the body's, declared. Raises `malformed`, `unsupported_media`.
    """
    attributes: dict[str, str] = {}
    for field, value in headers:
        if not field.startswith(_PREFIX):
            continue
        name = field[len(_PREFIX) :].decode("latin-1").lower()
        if name in attributes:
            raise _malformed(_header(name, "stands twice, and may stand once"))
        try:
            attributes[name] = _decoded(value).decode("utf-8")
        except UnicodeDecodeError:
            raise _malformed(_header(name, "is not UTF-8 once its percent-encoding is taken away")) from None
    if not attributes:
        raise _malformed(
            Violation(
                pointer="#",
                rule="malformed",
                detail="there is no ce- header, and the Content-Type is no CloudEvents envelope",
                expected=f"headers ce-specversion, ce-id, ce-source, ce-type; or a body of {STRUCTURED} or {BATCH}",
            )
        )
    wrong = check_attributes(attributes, header=True)
    if wrong is not None:
        raise _malformed(wrong)
    return attributes, JSON if content_type is None and length == 0 else _media_of(content_type)


def _decoded(value: bytes) -> bytes:
    """A header's value: a quoted string (RFC 9110, section 5.6.4) taken out of its quotes, then percent-decoded once."""
    value = value.strip(b" \t")
    quoted = _QUOTED(value) if value.startswith(b'"') else None
    if quoted is not None:
        value = _ESCAPE.sub(rb"\1", quoted[1])
    return unquote_to_bytes(value) if b"%" in value else value


def from_envelope(text: bytes) -> CloudEvent:
    """One JSON envelope. Raises `malformed`, `unsupported_media`."""
    read = _read(text)
    if isinstance(read, Unusable):
        raise read.fault
    return read


def from_array(body: bytes) -> list[msgspec.Raw]:
    """The envelopes of a batch, each unread. Raises `malformed` where the body is no JSON array."""
    try:
        return _decode_array(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(unreadable_text(body, error, "an array of CloudEvents")) from None


def read_all(raws: Iterable[msgspec.Raw]) -> Iterator[CloudEvent | Unusable]:
    """Each envelope read."""
    for raw in raws:
        yield _read(bytes(raw))


def _read(text: bytes) -> CloudEvent | Unusable:
    return _usual(text) or _any(text)


def _usual(text: bytes) -> CloudEvent | None:
    """The event where its envelope is of the usual kind and nothing is wrong with it; None asks `_any`, which says what."""
    try:
        read = _decode_usual(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    data = bytes(read.data)
    if not data or len(text) - len(data) > MAX_HEADER_BYTES:
        return None
    if read.specversion != "1.0" or not read.source or not read.type or not read.id:  # the intake checks the id
        return None
    attributes = {"specversion": "1.0", "id": read.id, "source": read.source, "type": read.type}
    if read.time is not None:
        attributes["time"] = read.time
    if read.subject is not None:
        attributes["subject"] = read.subject
    if read.datacontenttype is not None:
        attributes["datacontenttype"] = read.datacontenttype
    if read.dataschema is not None:
        attributes["dataschema"] = read.dataschema
    if read.partitionkey is not None:
        attributes["partitionkey"] = read.partitionkey
    if not _is_plain(text) and CONTROL("".join(attributes.values())):
        return None
    if not members_at_most(text, data, len(attributes) + 1):
        return None
    media_type = JSON if read.datacontenttype in {None, JSON} else ""
    return CloudEvent(attributes=attributes, body=data, media_type=media_type) if media_type else None


def _is_plain(text: bytes) -> bool:
    """Whether JSON text can hold no control character in its strings: no escape, and nothing above DEL."""
    return text.isascii() and b"\\" not in text and b"\x7f" not in text


def _any(text: bytes) -> CloudEvent | Unusable:
    try:
        members = _decode_members(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Unusable(fault=_malformed(unreadable_text(text, error, "a CloudEvent, which is an object")))
    data, encoded = members.pop("data", None), members.pop("data_base64", None)
    count = len(members) + (data is not None) + (encoded is not None)
    twice = None if members_at_most(text, bytes(data) if data is not None else b"", count) else duplicate_member(text)
    event_id = _text_of(members.get("id"))
    if event_id is not None and check_id(event_id) is not None:
        event_id = None  # what cannot be an id is not repeated
    if twice is not None:
        return Unusable(fault=_malformed(twice), id=event_id)
    attributes: dict[str, str] = {}
    for name, raw in members.items():
        text_value = _text_of(raw)
        if text_value is None:
            continue
        if text_value is _NO_SCALAR:
            wrong = _no_scalar(name, bytes(raw))
            return Unusable(fault=_malformed(wrong), id=event_id)
        attributes[name] = text_value
    wrong_attribute = check_attributes(attributes)
    if wrong_attribute is not None:
        return Unusable(fault=_malformed(wrong_attribute), id=event_id)
    try:
        body, media_type = _content(data, encoded, attributes.get("datacontenttype"))
    except Fault as fault:
        return Unusable(fault=fault, id=event_id)
    return CloudEvent(attributes=attributes, body=body, media_type=media_type)


_NO_SCALAR = "\0"
"""Stands for an object, an array or a fraction; no attribute may hold it."""


def _text_of(raw: msgspec.Raw | None) -> str | None:
    """An attribute's canonical text (CloudEvents 1.0.2, section 2.2); None where it is null, which is like not there."""
    if raw is None:
        return None
    try:
        value = _decode_scalar(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NO_SCALAR
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _no_scalar(name: str, raw: bytes) -> Violation:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return Violation(pointer=pointer((name,)), rule="encoding", detail="is not UTF-8", expected="UTF-8 text")
    return Violation(
        pointer=pointer((name,)), rule="type", detail="is no attribute's value", expected="string, boolean or integer"
    )


def _content(data: msgspec.Raw | None, encoded: msgspec.Raw | None, content_type: str | None) -> tuple[bytes, str]:
    """The value's bytes and media type. Raises `malformed`, `unsupported_media`."""
    media_type = _media_of(content_type.encode("latin-1", "replace")) if content_type is not None else JSON
    if encoded is not None:
        if data is not None:
            raise _malformed(_member("data_base64", "stands beside data", "one of the two"))
        text = _text_of(encoded)
        try:
            return b64decode((text or "").encode("ascii"), validate=True), media_type
        except (binascii.Error, UnicodeEncodeError):
            raise _malformed(_member("data_base64", "is not base64", "base64 (RFC 4648)", "encoding")) from None
    if data is None:
        return NO_DATA, JSON
    if media_type not in TEXT:
        raise _malformed(_member("data", f"is JSON, and datacontenttype says {media_type}", "data_base64 for binary"))
    return bytes(data), media_type


def _media_of(content_type: bytes | None) -> str:
    """The value's media type: as on the other endpoints, with the other names of JSON and Protobuf that CloudEvents use."""
    if content_type == b"application/json":
        return JSON
    text = (content_type or b"").decode("latin-1")
    if _PROTOBUF.match(text):
        text = _PROTOBUF.sub("application/x-protobuf", text, count=1)
    elif _JSON_LIKE(text) and "avro" not in text.lower():
        text = JSON
    return media_type_of(text.encode("latin-1") if content_type is not None else None, VALUES)


def _member(name: str, detail: str, expected: str, rule: str = "malformed") -> Violation:
    return Violation(pointer=f"#/{name}", rule=rule, detail=detail, expected=expected)


def _header(name: str, detail: str) -> Violation:
    return Violation(
        pointer="#", rule="malformed", detail=f"the header ce-{shown(name)} {detail}", expected="one value"
    )


def _malformed(violation: Violation) -> Fault:
    where = "" if violation.pointer == "#" else f"{violation.pointer.removeprefix('#/')} "
    return Fault(Code.MALFORMED, f"{where}{violation.detail}", violations=(violation,))
