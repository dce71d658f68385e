"""An event as producers write it in a batch, and the checks on what stands beside its value.

Shared by the SDK and the gateway's doors, so that both refuse the same. The value is not judged here.
"""

import re
from collections.abc import Collection

import msgspec

from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import did_you_mean
from tidegate.contracts.wording import pointer as pointer_of

__all__ = [
    "EVENT_FIELDS",
    "MAX_HEADERS",
    "MAX_HEADER_BYTES",
    "Event",
    "check_headers",
    "check_id",
    "check_version",
    "too_many_headers",
    "unknown_member",
]

MAX_HEADERS = 32
"""How many headers of its own an event may carry."""
MAX_HEADER_BYTES = 8192
"""How many bytes those headers' names and values may take together."""

_ID = re.compile(r"[\x21-\x7e]{1,128}").fullmatch
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,128}").fullmatch
_RESERVED_NAMES = frozenset({"traceparent", "tracestate"})
_RESERVED_PREFIXES = ("tidegate-", "ce_", "__")


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """One event of a batch.

    `id`: 1 to 128 visible ASCII characters; without one the gateway gives a UUIDv7. `key` or `key_bytes` (base64): must
    equal the contract's key field where it has one. `value`: JSON, kept as the bytes that were sent; null is a tombstone. Or
    `data` (base64): the value encoded by the contract's schema, Avro or Protobuf, bare, or with the Confluent frame where
    `framed` is true. `headers`: names are compared in lower case. `time`: RFC 3339. `version`: of the contract, 1 or more.
    """

    id: str | None = None
    key: str | None = None
    key_bytes: bytes | None = None
    value: msgspec.Raw = msgspec.Raw()
    data: bytes | None = None
    framed: bool | None = None
    headers: dict[str, str] | None = None
    time: str | None = None
    version: int | None = None


EVENT_FIELDS = tuple(field.encode_name for field in msgspec.structs.fields(Event))
"""The members an event may have, as they are written."""


def check_id(event_id: str, pointer: str = "#/id") -> Violation | None:
    """What is wrong with an event's id, or None."""
    if _ID(event_id):
        return None
    return Violation(
        pointer=pointer,
        rule="format",
        detail="is not a usable event id",
        expected="1 to 128 visible ASCII characters",
        found=f"string of {len(event_id)} characters",
    )


def check_version(version: int, pointer: str = "#/version") -> Violation | None:
    """What is wrong with an event's version number, or None. Whether it exists is the catalogue's to say."""
    if 1 <= version <= 0x7FFFFFFF:
        return None
    return Violation(
        pointer=pointer,
        rule="range",
        detail="is not a version number",
        expected="int, 1 or more",
        found=f"int {version}" if abs(version) < 10**18 else "int",
    )


def too_many_headers(count: int, pointer: str = "#/headers") -> Violation | None:
    """What is wrong with so many headers, or None. Asked before anything is made of them: an event of megabytes may hold a million."""
    if count <= MAX_HEADERS:
        return None
    return _bad_header(pointer, f"are {count} headers, at most {MAX_HEADERS} are allowed", f"at most {MAX_HEADERS}")


def check_headers(headers: Collection[tuple[str, str]], pointer: str = "#/headers") -> Violation | None:
    """The first thing wrong with an event's own headers (names in lower case), or None. `pointer` is where they stand. Their number and size come first."""
    many = too_many_headers(len(headers), pointer)
    if many is not None:
        return many
    if sum(len(name) + len(value.encode("utf-8", "surrogatepass")) for name, value in headers) > MAX_HEADER_BYTES:
        return _bad_header(
            pointer, f"take more than {MAX_HEADER_BYTES} bytes", f"at most {MAX_HEADER_BYTES} bytes in all"
        )
    for name, value in headers:
        at = pointer + pointer_of((name,)).removeprefix("#")
        if not _HEADER_NAME(name):
            return _bad_header(at, "is not a usable header name", "letters, digits and !#$%&'*+.^_`|~-")
        if name in _RESERVED_NAMES or name.startswith(_RESERVED_PREFIXES):
            return _bad_header(at, "is a header that only the gateway writes", "another name")
        if any((ord(c) < 0x20 and c != "\t") or ord(c) == 0x7F for c in value):
            return _bad_header(at, "holds a control character", "text without control characters")
    return None


def unknown_member(name: str, hint: str = "") -> Violation:
    """The violation for a member that an event does not have. `hint` is said where no known name is near."""
    return Violation(
        pointer=pointer_of((name,)),
        rule="unknown_field",
        detail="is no member of an event",
        expected="one of " + ", ".join(EVENT_FIELDS),
        hint=did_you_mean(name, EVENT_FIELDS) or hint,
    )


def _bad_header(pointer: str, detail: str, expected: str) -> Violation:
    return Violation(pointer=pointer, rule="malformed", detail=detail, expected=expected)
