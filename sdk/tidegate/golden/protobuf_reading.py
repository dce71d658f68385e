"""One Protobuf payload read by a later message, compared with what was written. Called by `judging`, for Protobuf only (an extra).

Both are compared as ProtoJSON: that is what people see of them.
"""

import json
from collections.abc import Iterator
from typing import Any

from protobuf import DescMessage

from tidegate.contracts.protobuf.expected import field_kind
from tidegate.contracts.protobuf.schema import load_message
from tidegate.contracts.source import VersionSource
from tidegate.golden.mismatch import Difference

__all__ = ["protobuf_differences", "protobuf_value"]


def protobuf_value(source: VersionSource, payload: bytes) -> tuple[DescMessage, Any]:
    """A payload by its own message, as JSON. Raises ValueError for bytes that are none."""
    message, _pool = load_message(source)
    return message, json.loads(message.type.from_binary(payload).to_json())


def protobuf_differences(writer: VersionSource, reader: VersionSource, payload: bytes) -> Iterator[Difference]:
    """What the reader's message makes of the payload that is not what was written."""
    _, written = protobuf_value(writer, payload)
    try:
        message, read = protobuf_value(reader, payload)
    except ValueError as error:
        yield Difference(path="", detail=f"cannot be read: {error}")
        return
    yield from _object(written, read, message, "")


def _object(written: dict[str, Any], read: dict[str, Any], message: DescMessage, path: str) -> Iterator[Difference]:
    """Fields that the reader has no more are not looked at: it never asks for them."""
    for field in message.fields:
        name = field.json_name
        inner = f"{path}.{name}" if path else name
        if name in written or name in read:
            kind = field_kind(field)
            below = kind if isinstance(kind, DescMessage) else None
            yield from _value(written.get(name), read.get(name), below, inner)


def _value(written: Any, read: Any, message: DescMessage | None, path: str) -> Iterator[Difference]:
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for index, (before, after) in enumerate(zip(written, read, strict=True)):
            yield from _value(before, after, message, f"{path}[{index}]")
    elif message is not None and isinstance(written, dict) and isinstance(read, dict) and not _is_own(message):
        yield from _object(written, read, message, path)
    elif written != read:
        yield Difference(path=path, detail=f"{json.dumps(written)} was written, {json.dumps(read)} is read")


def _is_own(message: DescMessage) -> bool:
    """Whether its JSON is no object of its fields: Struct and the like."""
    return message.type_name.startswith("google.protobuf.")
