"""The field paths that a schema has, so that a contract file cannot name others. Called by `working_copy`.

Only names: arrays, maps and unions are looked through, as dotted paths without indexes do. A recursive type is listed once.
"""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protobuf import DescField, DescMessage  # an extra: imported where it is used

__all__ = ["avro_fields", "inner_message", "protobuf_fields"]

_MAX_PATHS = 20_000


def avro_fields(schema: Any) -> frozenset[str]:
    """Every dotted path of a self-contained schema; the first 20,000 where there are more."""
    return frozenset(islice(_avro(schema, "", "", {}, ()), _MAX_PATHS))


def _avro(schema: Any, prefix: str, namespace: str, named: dict[str, Any], above: tuple[str, ...]) -> Iterator[str]:
    if isinstance(schema, str):
        schema = named.get(schema if "." in schema or not namespace else f"{namespace}.{schema}")
    if isinstance(schema, list):
        for branch in schema:
            yield from _avro(branch, prefix, namespace, named, above)
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    if kind in ("record", "error"):
        name, own = str(schema.get("name", "")), schema.get("namespace", namespace)
        full = name if "." in name or not own else f"{own}.{name}"
        named[full] = {**schema, "name": full, "namespace": full.rpartition(".")[0]}
        if full not in above:
            yield from _avro_record(schema, prefix, full, named, above)
    elif kind in ("array", "map"):
        yield from _avro(schema.get("items" if kind == "array" else "values"), prefix, namespace, named, above)
    elif isinstance(kind, dict | list):
        yield from _avro(kind, prefix, namespace, named, above)


def _avro_record(
    schema: dict[str, Any], prefix: str, full: str, named: dict[str, Any], above: tuple[str, ...]
) -> Iterator[str]:
    fields = schema.get("fields")
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, dict) and isinstance(field.get("name"), str):
            path = f"{prefix}.{field['name']}" if prefix else field["name"]
            yield path
            yield from _avro(field.get("type"), path, full.rpartition(".")[0], named, (*above, full))


def protobuf_fields(message: "DescMessage") -> frozenset[str]:
    """Every dotted path of a message, by the .proto file's names and by JSON's; the first 20,000 where there are more."""
    return frozenset(islice(_protobuf(message, "", ()), _MAX_PATHS))


def _protobuf(message: "DescMessage", prefix: str, above: tuple[str, ...]) -> Iterator[str]:
    if message.type_name in above or message.type_name.startswith("google.protobuf."):
        return
    for field in message.fields:
        inner = inner_message(field)
        for name in dict.fromkeys((field.name, field.json_name)):
            path = f"{prefix}.{name}" if prefix else name
            yield path
            if inner is not None:
                yield from _protobuf(inner, path, (*above, message.type_name))


def inner_message(field: "DescField") -> "DescMessage | None":
    """The message that a field, its items or its map's values are; None for scalars and enums."""
    from protobuf import DescFieldValueList, DescFieldValueMap, DescFieldValueMessage, DescMessage

    match field.value:
        case DescFieldValueMessage(message=message):
            return message
        case DescFieldValueList(element=DescMessage() as message) | DescFieldValueMap(value=DescMessage() as message):
            return message
    return None
