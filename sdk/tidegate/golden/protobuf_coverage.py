"""`coverage` for Protobuf (an extra): fields and enums' symbols; a oneof's members are fields. Called by `coverage`."""

from collections.abc import Iterator
from typing import Any

from protobuf import DescEnum, DescField, DescFieldValueMap, DescMessage

from tidegate.contracts.protobuf.expected import field_kind
from tidegate.contracts.protobuf.schema import load_message
from tidegate.contracts.source import VersionSource
from tidegate.golden.protobuf_reading import protobuf_value

__all__ = ["exercised_rows", "possible_rows"]


def possible_rows(source: VersionSource) -> tuple[str, ...]:
    """All that records could exercise. The symbol 0 of an open enum is what absence means, and no row."""
    message, _pool = load_message(source)
    return tuple(dict.fromkeys(_possible(message, "", ())))


def exercised_rows(source: VersionSource, payload: bytes) -> Iterator[str]:
    """What one payload exercises."""
    message, value = protobuf_value(source, payload)
    yield from _seen(message, value, "")


def _possible(message: DescMessage, path: str, above: tuple[str, ...]) -> Iterator[str]:
    if message.type_name in above or message.type_name.startswith("google.protobuf."):
        return
    for field in message.fields:
        inner = f"{path}.{field.json_name}" if path else field.json_name
        yield f"field {inner}"
        kind = field_kind(field)
        if isinstance(kind, DescMessage):
            yield from _possible(kind, inner, (*above, message.type_name))
        elif isinstance(kind, DescEnum):
            yield from (f"symbol {inner}: {one.name}" for one in kind.values if one.number != 0)


def _seen(message: DescMessage, value: dict[str, Any], path: str) -> Iterator[str]:
    for field in message.fields:
        inner = f"{path}.{field.json_name}" if path else field.json_name
        if field.json_name in value:
            yield f"field {inner}"
            for item in _items(field, value[field.json_name]):
                kind = field_kind(field)
                if (
                    isinstance(kind, DescMessage)
                    and isinstance(item, dict)
                    and not kind.type_name.startswith("google.protobuf.")
                ):
                    yield from _seen(kind, item, inner)
                elif isinstance(kind, DescEnum):
                    yield f"symbol {inner}: {item}"


def _items(field: DescField, value: Any) -> list[Any]:
    if isinstance(field.value, DescFieldValueMap):
        return list(value.values())
    return value if isinstance(value, list) else [value]
