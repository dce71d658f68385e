"""Avro binary as values, by its own schema: what a consumer sees. Used by `resolution` and by golden records' tests.

Logical types are their underlying values. No event's path: `binary` judges those.
"""

import struct
from typing import TypeAlias, TypeVar

from tidegate.contracts.avro.reading import BrokenBytes, read_long, read_size
from tidegate.contracts.avro.schema import Array, Enum, Fixed, Map, Primitive, Record, Schema, Union, type_name
from tidegate.contracts.avro.skipping import block

__all__ = ["Value", "read_value"]

Value: TypeAlias = bool | int | float | str | bytes | list["Value"] | dict[str, "Value"] | None
"""Records and maps are dicts, enums their symbols, bytes and fixed bytes; a union's value stands for itself."""


def read_value(schema: Schema, payload: bytes, *, tagged: bool = False) -> Value:
    """The value of a payload without frame, encoded by `schema` to its last byte.

    `tagged`: values of unions but null become `{"<type>": value}`, with the full name of named types. Raises one of
    `reading.ENDS`, or UnicodeDecodeError, for bytes that are none.
    """
    value, end = _read(schema, payload, 0, tagged)
    if end != len(payload):
        raise BrokenBytes("malformed", "goes on behind the value", end)
    return value


def _read(schema: Schema, data: bytes, at: int, tagged: bool) -> tuple[Value, int]:  # noqa: FBT001 -- one of four that every call hands on
    match schema:
        case Primitive():
            return _primitive(schema.name, data, at)
        case Fixed():
            return _slice(data, at, schema.size)
        case Enum():
            index, at = read_long(data, at)
            return _member(schema.symbols, index, at), at
        case Array():
            return _array(schema, data, at, tagged)
        case Map():
            return _map(schema, data, at, tagged)
        case Union():
            index, at = read_long(data, at)
            branch = _member(schema.branches, index, at)
            value, at = _read(branch, data, at, tagged)
            return ({type_name(branch): value} if tagged and value is not None else value), at
        case Record():
            found: dict[str, Value] = {}
            for field in schema.fields:
                found[field.name], at = _read(field.type, data, at, tagged)
            return found, at


T = TypeVar("T")


def _member(members: tuple[T, ...], index: int, at: int) -> T:
    if not 0 <= index < len(members):
        raise BrokenBytes("encoding", "has an index past the end", at)
    return members[index]


def _slice(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if at + size > len(data):
        raise BrokenBytes("malformed", "ends too early", len(data))
    return data[at : at + size], at + size


def _primitive(name: str, data: bytes, at: int) -> tuple[Value, int]:
    match name:
        case "null":
            return None, at
        case "boolean":
            return data[at] == 1, at + 1
        case "int" | "long":
            return read_long(data, at)
        case "float" | "double":
            taken, end = _slice(data, at, 4 if name == "float" else 8)
            return struct.unpack("<f" if name == "float" else "<d", taken)[0], end
        case _:
            size, at = read_size(data, at)
            taken = data[at : at + size]
            return (taken.decode() if name == "string" else taken), at + size


def _array(schema: Array, data: bytes, at: int, tagged: bool) -> tuple[Value, int]:  # noqa: FBT001 -- as `_read`
    found: list[Value] = []
    while True:
        count, at = block(data, at)
        if not count:
            return found, at
        for _ in range(count):
            value, at = _read(schema.items, data, at, tagged)
            found.append(value)


def _map(schema: Map, data: bytes, at: int, tagged: bool) -> tuple[Value, int]:  # noqa: FBT001 -- as `_read`
    found: dict[str, Value] = {}
    while True:
        count, at = block(data, at)
        if not count:
            return found, at
        for _ in range(count):
            size, at = read_size(data, at)
            name = data[at : at + size].decode()
            found[name], at = _read(schema.values, data, at + size, tagged)
