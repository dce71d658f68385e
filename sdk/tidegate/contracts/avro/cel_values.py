"""An encoded event as CEL sees it: `this` of the rules, read from the Avro bytes that the codec has already judged.

Every form of an event (plain JSON, the specification's JSON, binary) ends in these bytes, so that a rule sees the same value
for all of them. Used by `cel_rules`, only where a contract has rules.

int, long: int. float, double, decimal: double. string, enum, uuid: string. bytes, fixed, duration: bytes. date and timestamps:
timestamp (dates at midnight UTC, local ones as if in UTC). time of day: duration since midnight. Records and maps: map; unions
as the value in them. Every field is there, null where it is null.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from struct import Struct
from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from tidegate.contracts.avro.schema import Array, Enum, Fixed, Logical, Map, Primitive, Record, Schema, Union

__all__ = ["Asked", "Read", "Values"]

_float = Struct("<f").unpack_from
_double = Struct("<d").unpack_from
_NANOS = 1_000_000_000
_PER_SECOND = {"millis": 1000, "micros": 1_000_000, "nanos": _NANOS}
_DAY_S = 86_400


class Asked:
    """A record of an event that has rules: its number among the contract's, its value, its path (innermost first)."""

    __slots__ = ("path", "record", "this")

    def __init__(self, record: int, this: Mapping[str, object]) -> None:
        self.record = record
        self.this = this
        self.path: list[str | int] = []


Read = Callable[[bytes, int, list[Asked]], tuple[object, int]]
"""Reads a value at a place of sound bytes, notes the records that have rules, answers the value and where it ends."""


def _long(body: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = body[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at
        shift += 7


def _data(body: bytes, at: int) -> tuple[bytes, int]:
    size, at = _long(body, at)
    return body[at : at + size], at + size


def _step(asked: list[Asked], mark: int, step: str | int) -> None:
    for one in asked[mark:]:
        one.path.append(step)


class Values:
    """The readers of one schema. `numbers` are those of the records that have rules, by full name."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = numbers
        self._records: dict[str, list[tuple[str, Read]]] = {}

    def of(self, schema: Schema) -> Read:
        """The reader of a type."""
        match schema:
            case Record():
                return self._record(schema)
            case Array():
                return _array(self.of(schema.items))
            case Map():
                return _map(self.of(schema.values))
            case Union():
                return _union([self.of(branch) for branch in schema.branches])
            case Enum():
                return _symbol(schema.symbols)
            case _:
                return _scalar(schema)

    def _record(self, schema: Record) -> Read:
        members = self._records.get(schema.name)
        if members is None:
            members = self._records[schema.name] = []
            members += [(field.name, self.of(field.type)) for field in schema.fields]
        number = self._numbers.get(schema.name, -1)
        known = members

        def read(body: bytes, at: int, asked: list[Asked]) -> tuple[object, int]:
            value: dict[str, object] = {}
            if number >= 0:
                asked.append(Asked(number, value))
            for name, inner in known:
                mark = len(asked)
                value[name], at = inner(body, at, asked)
                if len(asked) > mark:
                    _step(asked, mark, name)
            return value, at

        return read


def _blocks(body: bytes, at: int) -> tuple[int, int]:
    """The number of items in the next block of an array or map, and where they begin."""
    count, at = _long(body, at)
    if count < 0:
        _, at = _long(body, at)
    return abs(count), at


def _array(item: Read) -> Read:
    def read(body: bytes, at: int, asked: list[Asked]) -> tuple[object, int]:
        items: list[object] = []
        count, at = _blocks(body, at)
        while count:
            for _ in range(count):
                mark = len(asked)
                value, at = item(body, at, asked)
                if len(asked) > mark:
                    _step(asked, mark, len(items))
                items.append(value)
            count, at = _blocks(body, at)
        return items, at

    return read


def _map(inner: Read) -> Read:
    def read(body: bytes, at: int, asked: list[Asked]) -> tuple[object, int]:
        entries: dict[str, object] = {}
        count, at = _blocks(body, at)
        while count:
            for _ in range(count):
                key, at = _data(body, at)
                name = key.decode()
                mark = len(asked)
                entries[name], at = inner(body, at, asked)
                if len(asked) > mark:
                    _step(asked, mark, name)
            count, at = _blocks(body, at)
        return entries, at

    return read


def _union(branches: list[Read]) -> Read:
    def read(body: bytes, at: int, asked: list[Asked]) -> tuple[object, int]:
        index, at = _long(body, at)
        return branches[index](body, at, asked)

    return read


def _symbol(symbols: tuple[str, ...]) -> Read:
    def read(body: bytes, at: int, _asked: list[Asked]) -> tuple[object, int]:
        index, at = _long(body, at)
        return symbols[index], at

    return read


def _scalar(schema: Primitive | Fixed) -> Read:
    meaning = _meaning(schema, schema.logical) if schema.logical is not None else None
    plain = _sized(schema.size) if isinstance(schema, Fixed) else _PLAIN[schema.name]

    def read(body: bytes, at: int, _asked: list[Asked]) -> tuple[object, int]:
        value, at = plain(body, at)
        return (value if meaning is None else meaning(value)), at

    return read


def _sized(size: int) -> Callable[[bytes, int], tuple[object, int]]:
    return lambda body, at: (body[at : at + size], at + size)


def _text(body: bytes, at: int) -> tuple[str, int]:
    data, at = _data(body, at)
    return data.decode(), at


_PLAIN: Mapping[str, Callable[[bytes, int], tuple[object, int]]] = {
    "null": lambda _body, at: (None, at),
    "boolean": lambda body, at: (body[at] == 1, at + 1),
    "int": _long,
    "long": _long,
    "float": lambda body, at: (_float(body, at)[0], at + 4),
    "double": lambda body, at: (_double(body, at)[0], at + 8),
    "bytes": _data,
    "string": _text,
}


def _meaning(schema: Primitive | Fixed, logical: Logical) -> Callable[[object], object] | None:
    """What a logical type makes of its underlying value; None where it stays as it is."""
    name = logical.name
    if name == "decimal":
        return lambda value: float(Decimal(_unscaled(value)).scaleb(-logical.scale))
    if name == "uuid":
        return (lambda value: str(UUID(bytes=bytes(value)))) if isinstance(schema, Fixed) else None  # type: ignore[call-overload]  # bytes, of a fixed
    if name == "date":
        return lambda value: Timestamp(seconds=_whole(value) * _DAY_S)
    if name == "duration":
        return None
    unit = _PER_SECOND[name.rpartition("-")[2]]
    kind = Duration if name.startswith("time-") else Timestamp

    def instant(value: object) -> object:
        seconds, rest = divmod(_whole(value), unit)
        return kind(seconds=seconds, nanos=rest * (_NANOS // unit))

    return instant


def _unscaled(value: object) -> int:
    assert isinstance(value, bytes)  # noqa: S101 -- what decimals stand on
    return int.from_bytes(value, "big", signed=True)


def _whole(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101 -- what times stand on
    return value
