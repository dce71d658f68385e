"""What a value in Avro binary means, so that equal ones are told apart from different ones: for `uniqueItems` only.

One value has many encodings: arrays and maps in other blocks, maps in another order, a uuid in upper case, a decimal with
leading sign bytes. Everything else is compared by its bytes, as the JSON writers' `unique_writer` does with what it encodes.
Called on bytes that a reader found right.
"""

from collections.abc import Callable
from typing import TypeAlias

from tidegate.contracts.avro.reading import Read, Reading, read_long, read_size
from tidegate.contracts.avro.schema import Array, Fixed, Map, Primitive, Record, Schema, Union
from tidegate.contracts.avro.text_readers import text_at

__all__ = ["Meaning", "meaning_of"]

Meaning: TypeAlias = Callable[[bytes, int], tuple[object, int]]
"""Reads a value: something hashable that is equal for equal values, and the position behind it."""

_FIXED_BYTES = {"null": 0, "boolean": 1, "float": 4, "double": 8}


def meaning_of(schema: Schema, read: Read) -> Meaning:
    """The meaning of the values that `read` reads."""
    if _has_one_encoding(schema, set()):

        def by_bytes(data: bytes, at: int) -> tuple[object, int]:
            end = read(data, at, Reading())
            return data[at:end], end

        return by_bytes
    return lambda data, at: _meaning(schema, data, at)


def _has_one_encoding(schema: Schema, seen: set[str]) -> bool:
    match schema:
        case Array() | Map():
            return False
        case Union():
            return all(_has_one_encoding(branch, seen) for branch in schema.branches)
        case Record():
            if schema.name in seen:
                return True
            seen.add(schema.name)
            return all(_has_one_encoding(field.type, seen) for field in schema.fields)
        case Primitive(name="string" | "bytes"):
            return schema.logical is None
        case _:
            return True


def _meaning(schema: Schema, data: bytes, at: int) -> tuple[object, int]:
    match schema:
        case Union():
            index, at = read_long(data, at)
            value, at = _meaning(schema.branches[index], data, at)
            return (index, value), at
        case Record():
            members = []
            for field in schema.fields:
                value, at = _meaning(field.type, data, at)
                members.append(value)
            return tuple(members), at
        case Array():
            return _items(data, at, lambda at: _meaning(schema.items, data, at))
        case Map():
            pairs, at = _items(data, at, lambda at: _pair(schema, data, at))
            return frozenset(pairs), at
        case Primitive(name="string" | "bytes"):
            size, at = read_size(data, at)
            return _told(schema, data[at : at + size]), at + size
        case Fixed():
            return _told(schema, data[at : at + schema.size]), at + schema.size
        case Primitive() if schema.name in _FIXED_BYTES:
            end = at + _FIXED_BYTES[schema.name]
            return data[at:end], end
        case _:
            return read_long(data, at)


def _told(schema: Primitive | Fixed, data: bytes) -> object:
    name = schema.logical.name if schema.logical is not None else ""
    if name == "decimal":
        return int.from_bytes(data, "big", signed=True)
    return data.lower() if name == "uuid" and isinstance(schema, Primitive) else data


def _pair(schema: Map, data: bytes, at: int) -> tuple[object, int]:
    key, at = text_at(data, at)
    value, at = _meaning(schema.values, data, at)
    return (key, value), at


def _items(data: bytes, at: int, item: Callable[[int], tuple[object, int]]) -> tuple[tuple[object, ...], int]:
    items: list[object] = []
    empty = 0  # items that take no bytes are all equal: they are counted
    while True:
        count, at = read_long(data, at)
        if count < 0:
            count = -count
            _, at = read_long(data, at)
        if not count:
            return (empty, *items), at
        start = at
        for _ in range(count):
            value, at = item(at)
            if at == start:
                empty += count
                break
            items.append(value)
