"""Where the encoding of a value ends, by its schema: for fields that a reader does not have and parts that are copied as they are.

Used by `resolution`. Lengths and counts are bounded by the bytes left; bytes that cannot be read raise one of `reading.ENDS`.
"""

from collections.abc import Callable

from tidegate.contracts.avro.reading import BrokenBytes, read_long, read_size, skip_long
from tidegate.contracts.avro.schema import Array, Enum, Fixed, Map, Primitive, Record, Schema, Union

__all__ = ["MAX_EMPTY_ITEMS", "Skip", "Skippers", "block"]

Skip = Callable[[bytes, int], int]
"""Takes the bytes and where a value begins, answers where it ends."""

MAX_EMPTY_ITEMS = 1 << 20
"""How many items of an array may take no bytes: six bytes can claim billions."""


class Skippers:
    """The skippers of one schema's types, each made once; a recursive type finds itself."""

    def __init__(self) -> None:
        self._made: dict[int, Skip] = {}

    def of(self, schema: Schema) -> Skip:
        """The skipper of a type."""
        known = self._made.get(id(schema))
        if known is not None:
            return known

        def later(data: bytes, at: int) -> int:
            return self._made[id(schema)](data, at)

        self._made[id(schema)] = later
        self._made[id(schema)] = made = self._make(schema)
        return made

    def _make(self, schema: Schema) -> Skip:
        match schema:
            case Primitive():
                return _PRIMITIVES[schema.name]
            case Enum():
                return skip_long
            case Fixed(size=size):
                return lambda data, at: _end(data, at + size)
            case Array():
                return _items(self.of(schema.items))
            case Map():
                values = self.of(schema.values)
                return _items(lambda data, at: values(data, _text(data, at)))
            case Union():
                return _branches([self.of(branch) for branch in schema.branches])
            case Record():
                return _fields([self.of(field.type) for field in schema.fields])


def _end(data: bytes, end: int) -> int:
    if end > len(data):
        raise BrokenBytes("malformed", "ends too early", len(data))
    return end


def _text(data: bytes, at: int) -> int:
    size, at = read_size(data, at)
    return at + size


_PRIMITIVES: dict[str, Skip] = {
    "null": lambda _data, at: at,
    "boolean": lambda data, at: _end(data, at + 1),
    "int": skip_long,
    "long": skip_long,
    "float": lambda data, at: _end(data, at + 4),
    "double": lambda data, at: _end(data, at + 8),
    "bytes": _text,
    "string": _text,
}


def block(data: bytes, at: int) -> tuple[int, int]:
    """The count of an array's or map's next block (0: the end) and where its items begin. A negative count has a size behind it."""
    start = at
    count, at = read_long(data, at)
    if count < 0:
        count = -count
        _, at = read_size(data, at)
    if count > max(len(data) - at, MAX_EMPTY_ITEMS):
        raise BrokenBytes("malformed", "has a count for which no bytes are left", start)
    return count, at


def _items(skip: Skip) -> Skip:
    def items(data: bytes, at: int) -> int:
        empty = 0
        while True:
            count, at = block(data, at)
            if not count:
                return at
            for _ in range(count):
                before = at
                at = skip(data, at)
                empty += at == before
                if empty > MAX_EMPTY_ITEMS:
                    raise BrokenBytes("malformed", "has too many items that take no bytes", at)

    return items


def _branches(skips: list[Skip]) -> Skip:
    def branch(data: bytes, at: int) -> int:
        index, after = read_long(data, at)
        if not 0 <= index < len(skips):
            raise BrokenBytes("encoding", "has a branch that the union does not have", at)
        return skips[index](data, after)

    return branch


def _fields(skips: list[Skip]) -> Skip:
    def fields(data: bytes, at: int) -> int:
        for skip in skips:
            at = skip(data, at)
        return at

    return fields
