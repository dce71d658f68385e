"""The fields that a contract takes the record's key and event time from. Made when a contract loads, run for every event.

Both are read from the decoded value after it was found right, so nothing is judged here.
"""

from collections.abc import Callable

from tidegate.contracts.avro.binary import decode_base64
from tidegate.contracts.avro.defaults import plain_default
from tidegate.contracts.avro.numbers import INTEGERS
from tidegate.contracts.avro.reading import Span, read_long, read_size
from tidegate.contracts.avro.schema import Enum, Field, Fixed, Missing, Primitive, Record, Schema, Union
from tidegate.contracts.avro.temporal import reader
from tidegate.contracts.avro.text import hyphenated
from tidegate.contracts.codec import ContractError
from tidegate.contracts.formats import is_uuid
from tidegate.contracts.record_keys import integer_key, text_key
from tidegate.contracts.wording import did_you_mean

__all__ = ["encoded_key", "encoded_time", "explicit_key", "key_reader", "time_reader"]

_PER_MS = {"timestamp-millis": 1, "timestamp-micros": 1000, "timestamp-nanos": 1_000_000}


def _fields_on(schema: Record, path: str, what: str) -> list[Field]:
    fields: list[Field] = []
    at: Schema = schema
    for step in path.split("."):
        if not isinstance(at, Record):
            raise ContractError(f"{what} {path}: {fields[-1].name} is no record", pointer=fields[-1].pointer)
        field = next((field for field in at.fields if field.name == step), None)
        if field is None:
            hint = did_you_mean(step, [field.name for field in at.fields])
            raise ContractError(f"{what} {path} is not in the schema{'; ' + hint if hint else ''}", pointer=at.pointer)
        fields.append(field)
        at = field.type
    return fields


def _getter(fields: list[Field]) -> Callable[[dict[str, object]], object]:
    """Reads the field, or its default, from a value that satisfies the schema."""
    steps = [(f.name, None if isinstance(f.default, Missing) else plain_default(f.type, f.default)) for f in fields]
    if len(steps) == 1:
        ((name, default),) = steps
        return lambda value: value.get(name, default)

    def get(value: dict[str, object]) -> object:
        at: object = value
        for name, default in steps:
            at = at.get(name, default) if isinstance(at, dict) else default
        return at

    return get


def key_reader(schema: Record, path: str) -> Callable[[dict[str, object]], bytes]:
    """The key's bytes: string UTF-8, int and long decimal, uuid lower case, bytes raw, enum symbol. Raises ContractError."""
    fields = _fields_on(schema, path, "the key")
    get = _getter(fields)
    match _key_kind(fields[-1]):
        case "uuid":
            return lambda value: str(get(value)).lower().encode()
        case "bytes":
            return lambda value: decode_base64(str(get(value)))
        case _:
            return lambda value: str(get(value)).encode()


def _key_kind(field: Field) -> str:
    match field.type:
        case Primitive() | Fixed() as schema if schema.logical is not None:
            if schema.logical.name == "uuid":
                return "uuid"
        case Primitive(name="string" | "int" | "long" | "bytes" as kind):
            return kind
        case Enum():
            return "enum"
    raise ContractError(
        f'the key "{field.name}" must be a string, int, long, uuid, bytes or enum that is never null',
        pointer=field.pointer,
    )


def explicit_key(schema: Record, path: str | None, key: str | bytes) -> bytes:
    """A key that the event itself brings, as the key field would give it. Raises ValueError for what it could never give."""
    data = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
    if path is None:
        return data
    field = _fields_on(schema, path, "the key")[-1]
    kind = _key_kind(field)
    if kind == "uuid":
        data = data.lower()
        if not is_uuid(text_key(data)):
            raise ValueError("is no uuid")
    elif kind in INTEGERS:
        integer_key(data, kind, *INTEGERS[kind])
    elif kind != "bytes":
        text = text_key(data)
        if isinstance(field.type, Enum) and text not in field.type.symbols:
            raise ValueError("is none of the enum's symbols")
    return data


def time_reader(schema: Record, path: str) -> Callable[[dict[str, object]], int | None]:
    """The event time in ms since 1970 UTC (finer digits cut); None where a nullable field is null. Raises ContractError."""
    fields = _fields_on(schema, path, "the event time")
    get = _getter(fields)
    logical = _time_kind(fields[-1])
    read, per_ms = reader(logical), _PER_MS[logical]

    def time_ms(value: dict[str, object]) -> int | None:
        time = get(value)
        if isinstance(time, dict):  # tagged: {"long": ...}
            (time,) = time.values()
        if time is None:
            return None
        return (read(time) if isinstance(time, str) else int(str(time))) // per_ms

    return time_ms


def encoded_key(schema: Record, path: str) -> Callable[[bytes, Span], bytes]:
    """`key_reader` for the field's place in an Avro binary body that was found right. Raises ContractError."""
    field = _fields_on(schema, path, "the key")[-1]
    kind = _key_kind(field)
    if kind in INTEGERS:
        return lambda data, span: str(read_long(data, span[0])[0]).encode()
    if isinstance(field.type, Enum):
        symbols = tuple(symbol.encode() for symbol in field.type.symbols)
        return lambda data, span: symbols[read_long(data, span[0])[0]]
    if isinstance(field.type, Fixed):
        return lambda data, span: hyphenated(data[span[0] : span[1]]).encode()
    if kind == "uuid":
        return lambda data, span: data[read_size(data, span[0])[1] : span[1]].lower()
    return lambda data, span: data[read_size(data, span[0])[1] : span[1]]


def encoded_time(schema: Record, path: str) -> Callable[[bytes, Span], int | None]:
    """`time_reader` for the field's place in an Avro binary body that was found right. Raises ContractError."""
    field = _fields_on(schema, path, "the event time")[-1]
    per_ms = _PER_MS[_time_kind(field)]
    branches = field.type.branches if isinstance(field.type, Union) else ()

    def time_ms(data: bytes, span: Span) -> int | None:
        at = span[0]
        if branches:
            _, at = read_long(data, at)
            if at == span[1]:  # null
                return None
        return read_long(data, at)[0] // per_ms

    return time_ms


def _time_kind(field: Field) -> str:
    branches = field.type.branches if isinstance(field.type, Union) else (field.type,)
    others = [b for b in branches if not (isinstance(b, Primitive) and b.name == "null")]
    if len(others) == 1 and isinstance(others[0], Primitive):
        logical = others[0].logical
        if logical is not None and logical.name in _PER_MS:
            return logical.name
    raise ContractError(
        f'the event time "{field.name}" must be timestamp-millis, -micros or -nanos', pointer=field.pointer
    )
