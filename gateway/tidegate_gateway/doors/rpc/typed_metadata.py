"""What a typed call's metadata say of its event, by the names that REST has as headers: a typed request is the value alone.

Called by `typed`. `event-id` (or `idempotency-key`), `event-key`, `event-time`, `event-version`, `event-header-<name>`; as gRPC has it, a
name that ends in `-bin` brings bytes: `event-key-bin` a key that is no text, `event-header-<name>-bin` text that is not ASCII.
"""

from collections.abc import Iterable

import msgspec

from tidegate.errors import Code
from tidegate_gateway.doors.heads import Head, event_of, version_of
from tidegate_gateway.intake.faults import Fault

__all__ = ["EventMetadata", "read_event_metadata"]

_OWN = "event-header-"
_BINARY = "-bin"
_FIELDS = {
    "event-id": "event_id",
    "idempotency-key": "idempotency_key",
    "event-key": "event_key",
    "event-time": "event_time",
    "event-version": "event_version",
}
_OF_ONE = ("event-id", "idempotency-key", "event-key", "event-key-bin", "event-time")


class EventMetadata(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`version`: that of the contract for every event of the call; `headers`: of every event. The rest is of the one event."""

    id: str | None = None
    key: str | bytes | None = None
    time: str | None = None
    version: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


_NOTHING = EventMetadata()


def read_event_metadata(metadata: Iterable[tuple[str, str | bytes]], *, many: bool) -> EventMetadata:
    """The event's part of a call's metadata; `many`: the call brings several events.

    Raises `malformed` for what cannot be read, stands twice, is reserved, or would hold for one event of many.
    """
    given = [(name, value) for name, value in metadata if name.startswith("event-") or name == "idempotency-key"]
    if not given:
        return _NOTHING
    if many and (one := next((name for name, _ in given if name in _OF_ONE), None)) is not None:
        raise Fault(Code.MALFORMED, f"the metadata {one} is of one event, and this call brings many")
    fields: dict[str, bytes] = {}
    own: list[tuple[bytes, bytes]] = []
    key: bytes | None = None
    twice = ""
    for name, value in given:
        data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
        field = _FIELDS.get(name)
        if field is not None:
            twice = field if field in fields else twice
            fields[field] = data
        elif name == "event-key" + _BINARY:
            twice = "event_key" if key is not None else twice
            key = data
        elif name.startswith(_OWN):
            own.append((name.removeprefix(_OWN).removesuffix(_BINARY).encode("ascii", "replace"), data))
        else:
            raise Fault(
                Code.MALFORMED, f"the metadata {name} says nothing here; known: {', '.join(_FIELDS)}, {_OWN}<name>"
            )
    if key is not None and "event_key" in fields:
        twice = "event_key"
    head = Head(
        event_id=fields.get("event_id"),
        idempotency_key=fields.get("idempotency_key"),
        event_key=fields.get("event_key"),
        event_time=fields.get("event_time"),
        event_version=fields.get("event_version"),
        own=tuple(own),
        twice=twice,
    )
    version = version_of(head)
    event = event_of(head)
    return EventMetadata(
        id=event.id, key=key if key is not None else event.key, time=event.time, version=version, headers=event.headers
    )
