"""What one schema wrote, as another schema reads it: nested defaults, aliases, promotions, enum defaults, unions.

For consumers' tests and golden records; no event's path. Which value comes out is Java Avro 1.12.1's answer (Resolver and
ResolvingDecoder), recorded in the tests. Resolution rewrites the bytes into the reader's encoding, so that the branch of a
union, which a plain value does not show, is settled here; `values` reads them.
"""

import struct
from collections.abc import Callable
from typing import cast

from tidegate.contracts.avro.aliases import with_aliases
from tidegate.contracts.avro.defaults import default_bytes
from tidegate.contracts.avro.reading import ENDS, BrokenBytes, broken, read_long, read_size
from tidegate.contracts.avro.schema import Array, Enum, Fixed, Map, Missing, Primitive, Record, Schema, Union, type_name
from tidegate.contracts.avro.skipping import Skip, Skippers, block
from tidegate.contracts.avro.union_match import first_match, is_union_equal
from tidegate.contracts.avro.values import Value, read_value
from tidegate.contracts.avro.varints import zigzag

__all__ = ["Resolution", "ResolutionError"]


class ResolutionError(ValueError):
    """The reader's schema has no value for what the writer wrote, or the bytes are no encoding by the writer's schema."""


Rewrite = Callable[[bytes, int, list[bytes]], int]
"""Takes bytes and where a value begins, puts its new encoding, answers where it ended."""


class _Action:
    """How one type of the writer becomes one of the reader. `error`: it never does, which only matters where it is read."""

    __slots__ = ("error", "inner", "rewrite")

    def __init__(self, rewrite: Rewrite | None = None, error: str = "", inner: "tuple[_Action, ...]" = ()) -> None:
        self.rewrite: Rewrite = rewrite if rewrite is not None else _refuse(error)
        self.error = error
        self.inner: list[_Action] = [*inner]


def _refuse(error: str) -> Rewrite:
    def refuse(_data: bytes, _at: int, _out: list[bytes]) -> int:
        raise ResolutionError(error)

    return refuse


class Resolution:
    """What `writer` wrote, as `reader` reads it. Immutable once made, which is always possible: errors come with the data."""

    __slots__ = ("_action", "_reader")

    def __init__(self, writer: Schema, reader: Schema) -> None:
        """Raises `ContractError` for a default of the reader that no value can hold."""
        self._reader = reader
        self._action = _Builder().resolve(with_aliases(writer, reader), reader)

    @property
    def errors(self) -> tuple[str, ...]:
        """What the writer may write and the reader has no value for, each once. Empty: everything can be read."""
        found: dict[str, None] = {}
        seen: set[int] = set()
        todo = [self._action]
        while todo:
            action = todo.pop()
            if id(action) not in seen:
                seen.add(id(action))
                found |= {action.error: None} if action.error else {}
                todo += [] if action.error else reversed(action.inner)
        return tuple(found)

    def rewrite(self, payload: bytes) -> bytes:
        """The payload (Avro binary of the writer's schema, without frame) in the reader's encoding. Raises `ResolutionError`."""
        out: list[bytes] = []
        try:
            end = self._action.rewrite(payload, 0, out)
        except ENDS as error:
            raise ResolutionError(f"the bytes are not of the writer's schema: {broken(error, payload)}") from None
        except RecursionError:
            raise ResolutionError("the value is nested too deeply") from None
        if end != len(payload):
            raise ResolutionError(f"{len(payload) - end} bytes are left behind the value")
        return b"".join(out)

    def read(self, payload: bytes, *, tagged: bool = False) -> Value:
        """The payload's value by the reader's schema, as `values.read_value` gives it. Raises `ResolutionError`."""
        try:
            return read_value(self._reader, self.rewrite(payload), tagged=tagged)
        except (*ENDS, UnicodeDecodeError) as error:
            raise ResolutionError(f"the value cannot be read: {error}") from None


class _Builder:
    """One resolution being made. Pairs of records are kept by identity, so that recursion ends."""

    def __init__(self) -> None:
        self._records: dict[tuple[int, int], _Action] = {}
        self._skippers = Skippers()

    def resolve(self, writer: Schema, reader: Schema) -> _Action:
        match writer, reader:
            case Union(), _:
                return self._writer_union(writer, reader)
            case _, Union():
                return self._reader_union(writer, reader)
            case Array(), Array():
                items = self.resolve(writer.items, reader.items)
                return _Action(_array(items), inner=(items,))
            case Map(), Map():
                values = self.resolve(writer.values, reader.values)
                return _Action(_map(values), inner=(values,))
            case Record(), Record():
                return self.record(writer, reader)
            case Enum(), Enum():
                return _enum(writer, reader)
            case Fixed(), Fixed() if _short(writer) == _short(reader) and writer.size == reader.size:
                return _Action(_copy(self._skippers.of(writer)))
            case Primitive(), Primitive():
                return self._primitive(writer, reader)
            case _:
                return _mismatch(writer, reader)

    def _primitive(self, writer: Primitive, reader: Primitive) -> _Action:
        if writer.name == reader.name or {writer.name, reader.name} == {"bytes", "string"}:
            return _Action(_copy(self._skippers.of(writer)))
        promoted = _PROMOTED.get((writer.name, reader.name))
        return _Action(promoted) if promoted is not None else _mismatch(writer, reader)

    def _writer_union(self, writer: Union, reader: Schema) -> _Action:
        if isinstance(reader, Union) and is_union_equal(writer, reader):
            return _Action(_copy(self._skippers.of(reader)))  # Java reads it as the reader's from here on
        branches = [self.resolve(branch, reader) for branch in writer.branches]

        def rewrite(data: bytes, at: int, out: list[bytes]) -> int:
            index, at = read_long(data, at)
            if not 0 <= index < len(branches):
                raise ResolutionError("the union has no such branch")
            return branches[index].rewrite(data, at, out)

        return _Action(rewrite, inner=tuple(branches))

    def _reader_union(self, writer: Schema, reader: Union) -> _Action:
        index = first_match(writer, reader, self._fits)
        if index is None:
            return _mismatch(writer, reader)
        action = self.resolve(writer, reader.branches[index])
        tag = zigzag(index)

        def rewrite(data: bytes, at: int, out: list[bytes]) -> int:
            out.append(tag)
            return action.rewrite(data, at, out)

        return _Action(rewrite, inner=(action,))

    def _fits(self, writer: Record, reader: Record) -> bool:
        """Whether a record can be read as another one, as far as its own fields tell at this moment (Java's hasMatchError)."""
        action = self.record(writer, reader)
        return not action.error and not any(field.error for field in action.inner)

    def record(self, writer: Record, reader: Record) -> _Action:
        """Names of records are not compared, as Java does not."""
        pair = id(writer), id(reader)
        known = self._records.get(pair)
        if known is not None:
            return known
        action = self._records[pair] = _Action(_refuse("is being made"))
        places = {field.name: place for place, field in enumerate(reader.fields)}
        written = {field.name for field in writer.fields}
        steps: list[tuple[int | None, _Action | Skip]] = []
        for field in writer.fields:
            place = places.get(field.name)
            if place is None:
                steps.append((None, self._skippers.of(field.type)))
                continue
            inner = self.resolve(field.type, reader.fields[place].type)
            action.inner.append(inner)
            steps.append((place, inner))
        defaults: dict[int, bytes] = {}
        for place, field in enumerate(reader.fields):
            if field.name in written:
                continue
            if isinstance(field.default, Missing):
                said = f"Found {writer.name}, expecting {reader.name}, missing required field {field.name}"
                action.error, action.rewrite = said, _refuse(said)
                return action
            defaults[place] = default_bytes(field.type, field.default, f"{field.pointer}/default")
        action.rewrite = _record(len(reader.fields), steps, defaults)
        return action


def _mismatch(writer: Schema, reader: Schema) -> _Action:
    return _Action(error=f"Found {type_name(writer)}, expecting {type_name(reader)}")


def _short(schema: Fixed | Enum) -> str:
    return schema.name.rpartition(".")[2]


def _copy(skip: Skip) -> Rewrite:
    def rewrite(data: bytes, at: int, out: list[bytes]) -> int:
        end = skip(data, at)
        out.append(data[at:end])
        return end

    return rewrite


def _record(size: int, steps: list[tuple[int | None, "_Action | Skip"]], defaults: dict[int, bytes]) -> Rewrite:
    """Fields are read in the writer's order and written in the reader's."""

    def rewrite(data: bytes, at: int, out: list[bytes]) -> int:
        parts: list[list[bytes]] = [[] for _ in range(size)]
        for place, step in steps:
            if place is None:
                at = cast("Skip", step)(data, at)
            else:
                at = cast("_Action", step).rewrite(data, at, parts[place])
        for place, filled in defaults.items():
            parts[place].append(filled)
        for part in parts:
            out += part
        return at

    return rewrite


def _array(items: _Action) -> Rewrite:
    def rewrite(data: bytes, at: int, out: list[bytes]) -> int:
        while True:
            count, at = block(data, at)
            out.append(zigzag(count))
            if not count:
                return at
            for _ in range(count):
                at = items.rewrite(data, at, out)

    return rewrite


def _map(values: _Action) -> Rewrite:
    def entry(data: bytes, at: int, out: list[bytes]) -> int:
        size, begin = read_size(data, at)
        out.append(data[at : begin + size])
        return values.rewrite(data, begin + size, out)

    return _array(_Action(entry))


def _enum(writer: Enum, reader: Enum) -> _Action:
    if _short(writer) != _short(reader):
        return _mismatch(writer, reader)
    places = {symbol: zigzag(index) for index, symbol in enumerate(reader.symbols)}
    otherwise = places.get(reader.default) if reader.default is not None else None
    adjusted = [places.get(symbol, otherwise) for symbol in writer.symbols]

    def rewrite(data: bytes, at: int, out: list[bytes]) -> int:
        index, at = read_long(data, at)
        if not 0 <= index < len(adjusted):
            raise ResolutionError(f"{writer.name} has no symbol {index}")
        symbol = adjusted[index]
        if symbol is None:
            raise ResolutionError(f"No match for {writer.symbols[index]}")
        out.append(symbol)
        return at

    lost = [symbol for symbol, place in zip(writer.symbols, adjusted, strict=True) if place is None]
    return _Action(rewrite, inner=(_Action(error=f"No match for {', '.join(lost)}"),) if lost else ())


def _to_float(number: int) -> bytes:
    """Rounded once, as Java's `(float) long`: through a double it would be rounded twice."""
    excess = number.bit_length() - 48
    if excess > 0:
        cut = abs(number) >> excess
        cut |= bool(abs(number) & ((1 << excess) - 1))  # what is cut off still says on which side of a half it was
        number = (cut << excess) * (1 if number > 0 else -1)
    return struct.pack("<f", float(number))


def _promote(pack: Callable[[int], bytes]) -> Rewrite:
    def rewrite(data: bytes, at: int, out: list[bytes]) -> int:
        number, at = read_long(data, at)
        out.append(pack(number))
        return at

    return rewrite


def _widen(data: bytes, at: int, out: list[bytes]) -> int:
    if len(data) < at + 4:
        raise BrokenBytes("malformed", "ends too early", len(data))
    out.append(struct.pack("<d", *struct.unpack_from("<f", data, at)))
    return at + 4


_PROMOTED: dict[tuple[str, str], Rewrite] = {
    ("int", "long"): _promote(zigzag),
    ("int", "float"): _promote(_to_float),
    ("long", "float"): _promote(_to_float),
    ("int", "double"): _promote(lambda number: struct.pack("<d", number)),
    ("long", "double"): _promote(lambda number: struct.pack("<d", number)),
    ("float", "double"): _widen,
}
