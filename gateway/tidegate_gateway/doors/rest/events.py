"""Events of a batch, one by one: JSON text to what the intake takes. Called by `batch`, lazily, while the intake judges.

A value stays the very bytes that were sent. One bad event is one `Unreadable`; nothing here stops a batch.
"""

import re

import msgspec

from tidegate.contracts.avro.binary import decode_base64
from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import pointer
from tidegate.wire.event import EVENT_FIELDS, Event, unknown_member
from tidegate_gateway.doors.event_headers import unreadable_headers, wrong_headers
from tidegate_gateway.doors.media import DataForms
from tidegate_gateway.doors.rest.members import duplicate_member, members_at_most
from tidegate_gateway.intake.submission import Incoming, Unreadable

__all__ = ["read_event", "stranger_in", "unreadable_text"]

_decode = msgspec.json.Decoder(Event).decode
_PARTS = [(name, msgspec.Raw, msgspec.Raw()) for name in EVENT_FIELDS]
_decode_parts = msgspec.json.Decoder(msgspec.defstruct("_Parts", _PARTS)).decode
_decode_only_parts = msgspec.json.Decoder(msgspec.defstruct("_OnlyParts", _PARTS, forbid_unknown_fields=True)).decode
_decode_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode
_ENCODED = ("data", "keyBytes")

_BYTE = re.compile(r"\(byte ([0-9]+)\)$").search
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL).match
_UNKNOWN = re.compile(r"unknown field `(.*)`", re.DOTALL).search
_EXPECTED = re.compile(r"^Expected `(?P<expected>[^`]*)`(?:, got `(?P<found>[a-z]*)`)?$").match
_HALF_A_PAIR = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]", re.DOTALL
).search
_NEAR_BYTES = 14
_WRAP = 'wrap it in {"value": ...}, or send values as NDJSON to events:batch?format=values'
"""What to do about a value where an event is due, in whatever framing it came."""
_BOM = b"\xef\xbb\xbf"


def read_event(text: bytes, forms: DataForms) -> Incoming | Unreadable:
    """One event of a batch, or why it cannot be read. Pointers are relative to the event. Raises nothing for any text.

    `forms` are the media types of `data`, bare and framed.
    """
    try:
        event = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        loose = _loosely_encoded(text, error)
        if loose is None:
            return Unreadable(violations=_unreadable_event(text, error), id=_id_of(text))
        event = loose
    value = bytes(event.value)
    if not value or event.data is not None or event.framed:
        wrong = _wrong_content(event)
        if wrong is not None:
            return _bad(event, wrong)
    twice = _named_twice(event, text, value)
    if twice is not None:
        return _bad(event, twice)
    key: str | bytes | None = event.key
    if event.key_bytes is not None:
        if key is not None:
            return _bad(event, _beside("keyBytes", "key"))
        key = event.key_bytes
    incoming = Incoming(body=value, id=event.id, key=key, time=event.time, version=event.version)
    if event.data is not None:
        incoming.body = event.data
        incoming.media_type = forms[1] if event.framed else forms[0]
    if event.headers:
        headers = [(name.lower(), text) for name, text in event.headers.items()]
        bad = wrong_headers(headers)
        if bad is not None:
            return _bad(event, bad)
        incoming.headers = tuple((name, text.encode()) for name, text in headers)
    return incoming


def _wrong_content(event: Event) -> Violation | None:
    """What is wrong with the members of which one holds what the event says."""
    if event.data is not None:
        return _beside("data", "value") if bytes(event.value) else None
    if event.framed:
        return Violation(
            pointer="#/framed", rule="malformed", detail="stands without data", expected="data with a frame in front"
        )
    return Violation(
        pointer="#/value", rule="malformed", detail="is missing", expected="JSON, or data with the encoded value"
    )


def _beside(name: str, other: str) -> Violation:
    return Violation(pointer=f"#/{name}", rule="malformed", detail=f"stands beside {other}", expected="one of the two")


def _named_twice(event: Event, text: bytes, value: bytes) -> Violation | None:
    """The member that stands twice, or None. Counted first: only a doubt costs a second parser."""
    present = (
        (event.id is not None)
        + (event.key is not None)
        + (event.key_bytes is not None)
        + (event.time is not None)
        + (event.version is not None)
        + (1 if value else (event.data is not None) + (event.framed is not None))
        + (0 if event.headers is None else 1 + len(event.headers))
    )
    return None if members_at_most(text, value, present) else duplicate_member(text)


def _loosely_encoded(text: bytes, error: Exception) -> Event | None:
    """The event where only its base64 is of the other kind: url-safe, or without padding (as ProtoJSON and our codecs take)."""
    if not isinstance(error, msgspec.ValidationError) or "base64" not in str(error):
        return None
    try:
        members = _present(_decode_only_parts(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    for name in _ENCODED:
        raw = members.get(name)
        if raw is not None and bytes(raw).startswith(b'"'):
            try:
                members[name] = msgspec.Raw(_encode(decode_base64(_decode_text(raw))))
            except ValueError:
                return None
    try:
        return _decode(_encode(members))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def unreadable_text(text: bytes, error: Exception, what: str) -> Violation:
    """What is wrong with JSON text that msgspec refused: its syntax, encoding, depth, or the type of a member.

    `what` is what the text should be (`an event`). No byte of the text is repeated.
    """
    if text.startswith(_BOM):
        return Violation(
            pointer="#", rule="encoding", detail="begins with a byte order mark", expected=what, byte_offset=0
        )
    if isinstance(error, UnicodeDecodeError):
        return Violation(pointer="#", rule="encoding", detail="is not UTF-8", expected="UTF-8 text")
    if isinstance(error, RecursionError):
        return Violation(
            pointer="#", rule="depth", detail="is nested too deeply to be read", expected="depth 64 at most"
        )
    if isinstance(error, msgspec.ValidationError):
        broken = _broken_behind(text)
        return _wrong_type(str(error), what) if broken is None else unreadable_text(text, broken, what)
    message = str(error)
    at = _BYTE(message)
    offset = int(at[1]) if at else len(text)
    if _HALF_A_PAIR(text[max(0, offset - _NEAR_BYTES) : offset + _NEAR_BYTES]):
        return Violation(
            pointer="#",
            rule="encoding",
            detail=f"holds half of a surrogate pair (byte {offset})",
            expected="escapes in pairs",
            byte_offset=offset,
        )
    reason = "it ends too early" if "truncated" in message else _reason(message)
    return Violation(
        pointer="#",
        rule="malformed",
        detail=f"is not JSON: {reason} (byte {offset})",
        expected=what,
        byte_offset=offset,
    )


def _broken_behind(text: bytes) -> Exception | None:
    """What the syntax breaks on behind the place where a type was wrong: text that is not JSON has no types."""
    try:
        _decode_parts(text)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return error
    return None


def stranger_in(text: bytes, error: Exception) -> str | None:
    """The name of the first member that an object may not have, where msgspec stopped at one and all of `text` is JSON."""
    named = _UNKNOWN(str(error)) if isinstance(error, msgspec.ValidationError) else None
    return named[1] if named is not None and _broken_behind(text) is None else None


def _reason(message: str) -> str:
    return message.removeprefix("JSON is malformed: ").partition(" (byte")[0]


def _wrong_type(message: str, what: str) -> Violation:
    """msgspec's words about a member, as a violation: `Expected `str | null`, got `int` - at `$.id``."""
    parts = _AT(message)
    path = parts["path"] if parts is not None and parts["path"] else ""
    said = _EXPECTED(parts["what"]) if parts is not None else None
    steps = [step for step in path.replace("[...]", "").split(".") if step]
    if said is None:
        return Violation(pointer=pointer(steps), rule="type", detail="is not what is expected here", expected=what)
    kind = _kind(said["expected"])
    return Violation(
        pointer=pointer(steps),
        rule="type",
        detail=f"is no {kind.removesuffix(' or null')}",
        expected=kind if steps else what,
        found=_kind(said["found"] or ""),
    )


def _kind(said: str) -> str:
    """msgspec's names of types, as everything else here says them."""
    return said.replace("str", "string").replace(" | ", " or ")


def _unreadable_event(text: bytes, error: Exception) -> tuple[Violation, ...]:
    stranger = stranger_in(text, error)
    if stranger is not None:
        return (unknown_member(stranger, _WRAP if "value" not in _members(text) else ""),)
    if isinstance(error, msgspec.ValidationError) and "base64" in str(error):
        return (
            Violation(
                pointer=f"#/{_undecodable(text)}", rule="encoding", detail="is not base64", expected="base64 (RFC 4648)"
            ),
        )
    whole = unreadable_text(text, error, "an event")
    if whole.rule != "type":
        return (whole,)
    if whole.pointer == "#":
        return (msgspec.structs.replace(whole, hint=_WRAP),)
    if whole.pointer == "#/headers" and (raw := _members(text).get("headers")) is not None:
        return unreadable_headers(bytes(raw)) or (whole,)
    return (whole,)


def _undecodable(text: bytes) -> str:
    """The first member whose base64 is none of either kind."""
    members = _members(text)
    for name in _ENCODED[:-1]:
        try:
            decode_base64(_decode_text(members.get(name, b'""')))
        except ValueError:
            return name
    return _ENCODED[-1]


def _members(text: bytes) -> dict[str, msgspec.Raw]:
    """The members that an event may have, as far as they can be told. Others are skipped: 600,000 of them in a dict take 0.2 s."""
    try:
        return _present(_decode_parts(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _present(parts: msgspec.Struct) -> dict[str, msgspec.Raw]:
    return {name: raw for name in EVENT_FIELDS if bytes(raw := getattr(parts, name))}


def _id_of(text: bytes) -> str | None:
    """The id of an event that cannot be read otherwise, so that its sender finds it again."""
    raw = _members(text).get("id")
    try:
        return _decode_text(raw) if raw is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _bad(event: Event, violation: Violation) -> Unreadable:
    return Unreadable(violations=(violation,), id=event.id)
