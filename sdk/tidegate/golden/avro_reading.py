"""One Avro payload read by a later schema, compared with what was written. Called by `judging`. Pure.

What the schemas mean is compared, not their underlying numbers: a decimal whose scale changed reads every byte and loses the value.
"""

import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.avro.resolution import Resolution, ResolutionError
from tidegate.contracts.avro.schema import Array, Enum, Fixed, Logical, Map, Primitive, Record, Schema, Union, type_name
from tidegate.contracts.avro.values import Value, read_value
from tidegate.golden.mismatch import Difference

__all__ = ["avro_differences", "avro_value"]

_NANOS = {"millis": 10**6, "micros": 10**3, "nanos": 1}


def avro_value(schema: str, payload: bytes) -> tuple[Schema, Value]:
    """A payload by its own schema, unions tagged. Raises what `values.read_value` does."""
    parsed = parse_schema(schema)
    return parsed, read_value(parsed, payload, tagged=True)


def avro_differences(writer: str, reader: str, payload: bytes) -> Iterator[Difference]:
    """What the reader's schema makes of the payload that is not what was written."""
    written_by, written = avro_value(writer, payload)
    read_by = parse_schema(reader)
    try:
        read = Resolution(written_by, read_by).read(payload, tagged=True)
    except ResolutionError as error:
        yield Difference(path="", detail=f"cannot be read: {error}")
        return
    yield from _differences(written_by, written, read_by, read, "")


def _differences(writer: Schema, written: Any, reader: Schema, read: Any, path: str) -> Iterator[Difference]:
    writer, written = _branch(writer, written)
    reader, read = _branch(reader, read)
    match writer, reader:
        case Record(), Record():
            for field in reader.fields:
                names = (field.name, *field.aliases)
                source = next((one for name in names for one in writer.fields if one.name == name), None)
                if source is not None:
                    inner = f"{path}.{field.name}" if path else field.name
                    yield from _differences(source.type, written[source.name], field.type, read[field.name], inner)
        case Array(), Array() if len(written) == len(read):
            for index, (before, after) in enumerate(zip(written, read, strict=True)):
                yield from _differences(writer.items, before, reader.items, after, f"{path}[{index}]")
        case Map(), Map() if written.keys() == read.keys():
            for key, before in written.items():
                yield from _differences(writer.values, before, reader.values, read[key], f"{path}[{key!r}]")
        case Enum(), Enum():
            if read != written and not (written not in reader.symbols and read == reader.default):
                yield _told(path, written, read)
        case _:
            both = _logical(writer) is not None and _logical(reader) is not None
            before, after = (_meaning(writer, written), _meaning(reader, read)) if both else (_raw(written), _raw(read))
            if before != after and not _is_rounded(before, after):
                yield _told(path, before, after)


def _told(path: str, written: object, read: object) -> Difference:
    return Difference(path=path, detail=f"{_shown(written)} was written, {_shown(read)} is read")


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _branch(schema: Schema, value: Any) -> tuple[Schema, Any]:
    """The branch that a tagged value names."""
    if not isinstance(schema, Union):
        return schema, value
    if value is None:
        return next(one for one in schema.branches if type_name(one) == "null"), None
    ((name, inner),) = value.items()
    return next(one for one in schema.branches if type_name(one) == name), inner


def _logical(schema: Schema) -> Logical | None:
    return schema.logical if isinstance(schema, Primitive | Fixed) else None


def _raw(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value  # string and bytes read each other


def _meaning(schema: Schema, value: Any) -> object:
    logical = _logical(schema)
    if logical is None:
        return _raw(value)
    kind, _, unit = logical.name.rpartition("-")
    if logical.name == "decimal":
        digits = Decimal(int.from_bytes(value, "big", signed=True)).as_tuple()
        return Decimal((digits.sign, digits.digits, -logical.scale))
    if unit in _NANOS:
        return f"{kind} at {value * _NANOS[unit]} ns"
    return (
        value.hex() if isinstance(value, bytes) else value.replace("-", "").lower() if isinstance(value, str) else value
    )


def _is_rounded(written: object, read: object) -> bool:
    """A whole number that was promoted to a float is the nearest one."""
    if type(written) is not int or not isinstance(read, float):
        return False
    return float(written) == read or struct.pack("<f", float(written)) == struct.pack("<f", read)
