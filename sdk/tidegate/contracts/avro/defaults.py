"""Which defaults are valid, as Java Avro 1.12 judges them (Schema.isValidDefault), and what bytes they stand for.

Called by `parsing` (validity) and the compiler (bytes, and the default as plain JSON).
"""

import base64
import math
import struct
from decimal import Decimal

from tidegate.contracts.avro.schema import Array, Enum, Fixed, Map, Missing, Primitive, Record, Schema, Union
from tidegate.contracts.avro.text import hyphenated
from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.codec import ContractError

__all__ = ["default_bytes", "is_valid_default", "plain_default"]

_BITS = {"int": 31, "long": 63}
_MAX_NESTING = 64


def is_valid_default(schema: Schema, value: object) -> bool:
    """Whether `value` (JSON with int and Decimal) is a default for `schema`: of a union, for any branch."""
    match schema:
        case Primitive(name="string" | "bytes") | Enum() | Fixed():
            return isinstance(value, str)
        case Primitive(name="int" | "long"):
            return type(value) is int and -(2 ** _BITS[schema.name]) <= value < 2 ** _BITS[schema.name]
        case Primitive(name="float" | "double"):
            return type(value) is int or isinstance(value, (Decimal, float))
        case Primitive(name="boolean"):
            return isinstance(value, bool)
        case Primitive():
            return value is None
        case Array():
            return isinstance(value, list) and all(is_valid_default(schema.items, item) for item in value)
        case Map():
            return isinstance(value, dict) and all(is_valid_default(schema.values, item) for item in value.values())
        case Union():
            return any(is_valid_default(branch, value) for branch in schema.branches)
        case Record():
            return isinstance(value, dict) and all(
                not isinstance(member, Missing) and is_valid_default(field.type, member)
                for field in schema.fields
                for member in (value.get(field.name, field.default),)
            )


def default_bytes(schema: Schema, value: object, pointer: str, depth: int = 0) -> bytes:
    """The Avro encoding of a valid default.

    Raises `ContractError` at `pointer` for one that Java lets through and no event can hold: text past U+00FF for bytes,
    a fixed of another length, no symbol of the enum, a number out of range, endless recursion.
    """
    if depth > _MAX_NESTING:
        raise ContractError("the default never ends: a record's default needs itself", pointer=pointer)
    match schema:
        case Union():
            index, branch = _branch(schema, value)
            return zigzag(index) + default_bytes(branch, value, pointer, depth + 1)
        case Record():
            assert isinstance(value, dict)  # noqa: S101 -- is_valid_default said so
            return b"".join(
                default_bytes(field.type, value.get(field.name, field.default), pointer, depth + 1)
                for field in schema.fields
            )
        case Array():
            assert isinstance(value, list)  # noqa: S101 -- is_valid_default said so
            items = [default_bytes(schema.items, item, pointer, depth + 1) for item in value]
            return b"".join([zigzag(len(items)), *items, b"\0"]) if items else b"\0"
        case Map():
            assert isinstance(value, dict)  # noqa: S101 -- is_valid_default said so
            values = [_text(k) + default_bytes(schema.values, v, pointer, depth + 1) for k, v in value.items()]
            return b"".join([zigzag(len(values)), *values, b"\0"]) if values else b"\0"
        case _:
            return _scalar_bytes(schema, value, pointer)


def _branch(union: Union, value: object) -> tuple[int, Schema]:
    return next((i, branch) for i, branch in enumerate(union.branches) if is_valid_default(branch, value))


def _text(value: str) -> bytes:
    data = value.encode()
    return zigzag(len(data)) + data


def _latin(value: str, pointer: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        raise ContractError("the default holds characters past U+00FF, which are no bytes", pointer=pointer) from None


def _scalar_bytes(schema: Primitive | Fixed | Enum, value: object, pointer: str) -> bytes:
    if isinstance(value, bool):
        return b"\1" if value else b"\0"
    if isinstance(value, str):
        if isinstance(schema, Enum):
            if value not in schema.symbols:
                raise ContractError(f'the default "{value}" is no symbol of {schema.name}', pointer=pointer)
            return zigzag(schema.symbols.index(value))
        if isinstance(schema, Fixed):
            data = _latin(value, pointer)
            if len(data) != schema.size:
                raise ContractError(f"the default has {len(data)} bytes, not {schema.size}", pointer=pointer)
            return data
        if schema.name == "bytes":
            data = _latin(value, pointer)
            return zigzag(len(data)) + data
        return _text(value)
    if isinstance(value, (int, float, Decimal)):
        return _number_bytes(schema.name, value, pointer)
    return b""


def _number_bytes(kind: str, value: float | Decimal, pointer: str) -> bytes:
    if kind in _BITS:
        return zigzag(int(value))
    try:
        number = float(value)
        if math.isfinite(number):
            return struct.pack("<f" if kind == "float" else "<d", number)
    except OverflowError:
        pass
    raise ContractError(f"the default is out of the range of {kind}", pointer=pointer)


def plain_default(schema: Schema, value: object) -> object:
    """A valid default as plain JSON would write it: base64 for bytes, a decimal's digits, records filled."""
    match schema:
        case Union():
            return plain_default(_branch(schema, value)[1], value)
        case Array() if isinstance(value, list):
            return [plain_default(schema.items, item) for item in value]
        case Map() if isinstance(value, dict):
            return {k: plain_default(schema.values, v) for k, v in value.items()}
        case Record() if isinstance(value, dict):
            return {f.name: plain_default(f.type, value.get(f.name, f.default)) for f in schema.fields}
        case Primitive(name="bytes") | Fixed() if isinstance(value, str):
            data = value.encode("latin-1")
            if schema.logical is not None and schema.logical.name == "decimal":
                unscaled = Decimal(int.from_bytes(data, "big", signed=True)).as_tuple()
                number = Decimal((unscaled.sign, unscaled.digits, -schema.logical.scale))
                return f"{number:f}"  # exact: arithmetic would round to 28 digits
            if schema.logical is not None and schema.logical.name == "uuid":
                return hyphenated(data)
            return base64.b64encode(data).decode()
        case _:
            return float(value) if isinstance(value, Decimal) else value
