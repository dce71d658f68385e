"""The attributes of a CloudEvent, checked, and the Kafka headers they become. Called by `reading`; pure.

Sources: CloudEvents 1.0.2, section 3 (attributes) and section 2.3 of its Kafka protocol binding (binary mode: `ce_*`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from tidegate.contracts.media import AVRO_FRAMED, PROTOBUF_FRAMED
from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import pointer, shown
from tidegate.wire.event import MAX_HEADER_BYTES, MAX_HEADERS, check_id

__all__ = ["CONTROL", "Attributes", "check_attributes", "kafka_headers"]

_REQUIRED = ("specversion", "id", "source", "type")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]").search
"""A character that no attribute may hold."""
_NAME = re.compile(r"[a-z0-9]{1,64}").fullmatch
_STORED = {
    "avro": ("content-type", AVRO_FRAMED.encode("ascii")),
    "protobuf": ("content-type", PROTOBUF_FRAMED.encode("ascii")),
}
_HEADERS = {name: f"ce_{name}" for name in (*_REQUIRED, "time", "subject", "dataschema", "partitionkey")}
_REPEATED = frozenset({"specversion", "source", "type", "dataschema"})
"""What many events have in common."""
_APART = frozenset({"datacontenttype", "data"})
"""What is no `ce_*` header: the first is Kafka's `content-type`, the second the value."""

Attributes = Mapping[str, str]
"""Context attributes and extensions by name (lower case letters and digits), in their canonical text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """How a mode writes attributes: as members of JSON, or as headers."""

    header: bool

    def pointer(self, name: str) -> str:
        return "#" if self.header else pointer((name,))

    def named(self, name: str, detail: str) -> str:
        return f"the header ce-{shown(name)} {detail}" if self.header else detail


def check_attributes(attributes: Attributes, *, header: bool = False) -> Violation | None:
    """The first thing wrong, or None. `header`: they stand in headers (`ce-<name>`), which a pointer cannot name."""
    place = _Place(header=header)
    for name in _REQUIRED:
        if not attributes.get(name):
            return _wrong(place, name, "is missing", "a CloudEvent names its specversion, id, source and type")
    if attributes["specversion"] != "1.0":
        return _wrong(place, "specversion", "is another than 1.0", "1.0")
    wrong_id = check_id(attributes["id"], place.pointer("id"))
    if wrong_id is not None:
        return _wrong(place, "id", wrong_id.detail, wrong_id.expected)
    values = "".join(attributes.values())
    if CONTROL(values):
        name = next(name for name, value in attributes.items() if CONTROL(value))
        return _wrong(place, name, "holds a control character", "text without control characters")
    names_bytes = 0
    for name in attributes:
        if name not in _HEADERS and not _NAME(name):
            return _wrong(place, name, "is no name of an attribute", "lower case letters and digits")
        names_bytes += len(name)
    if len(attributes) > MAX_HEADERS or names_bytes + len(values.encode()) > MAX_HEADER_BYTES:
        detail = f"the attributes are more than {MAX_HEADERS}, or take more than {MAX_HEADER_BYTES} bytes"
        return Violation(pointer="#", rule="malformed", detail=detail, expected="fewer attributes, or shorter ones")
    return None


def kafka_headers(attributes: Attributes, stored_format: str, *, tombstone: bool) -> tuple[tuple[str, bytes], ...]:
    """The record's headers. `content-type` says what the value in Kafka is (the contract's encoding), not what came in."""
    headers = [
        _repeated(name, value) if name in _REPEATED else (_HEADERS.get(name) or f"ce_{name}", value.encode())
        for name, value in attributes.items()
        if name not in _APART
    ]
    if not tombstone:
        headers.append(_STORED[stored_format])
    return tuple(headers)


@lru_cache(maxsize=512)
def _repeated(name: str, value: str) -> tuple[str, bytes]:
    """One header for all events that have it: what a batch keeps until it is answered is what the collector walks over."""
    return f"ce_{name}", value.encode()


def _wrong(place: _Place, name: str, detail: str, expected: str) -> Violation:
    return Violation(pointer=place.pointer(name), rule="malformed", detail=place.named(name, detail), expected=expected)
