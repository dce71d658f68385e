"""Which branch of a reader's union takes what a writer wrote, as Java Avro 1.12.1 chooses (Resolver.ReaderUnion). Pure.

Used by `resolution`.
"""

from collections.abc import Callable

from tidegate.contracts.avro.schema import Array, Enum, Fixed, Map, Primitive, Record, Schema, Union

__all__ = ["first_match", "is_union_equal"]

_PROMOTIONS: dict[str, frozenset[str]] = {
    "int": frozenset({"long", "double", "float"}),
    "long": frozenset({"double", "float"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}


def first_match(writer: Schema, reader: Union, fits: Callable[[Record, Record], bool]) -> int | None:
    """The branch's index; None where none takes it. `fits` says whether one record can be read as another.

    The same type comes first, named types by their full name; then a record of the same structure, one with the same short
    name before others; then the first promotion.
    """
    structure: int | None = None
    for index, branch in enumerate(reader.branches):
        if not _same_type(writer, branch):
            continue
        if not isinstance(writer, (Record, Enum, Fixed)) or not isinstance(branch, (Record, Enum, Fixed)):
            return index
        if writer.name == branch.name:
            return index
        if (
            isinstance(writer, Record)
            and isinstance(branch, Record)
            and fits(writer, branch)
            and (structure is None or _short(writer) == _short(branch))
        ):
            structure = index
    if structure is not None:
        return structure
    wider = _PROMOTIONS.get(writer.name, frozenset()) if isinstance(writer, Primitive) else frozenset()
    return next((i for i, one in enumerate(reader.branches) if isinstance(one, Primitive) and one.name in wider), None)


def _same_type(writer: Schema, reader: Schema) -> bool:
    if isinstance(writer, Primitive) and isinstance(reader, Primitive):
        return writer.name == reader.name
    return type(writer) is type(reader)


def _short(schema: Record | Enum | Fixed) -> str:
    return schema.name.rpartition(".")[2]


def is_union_equal(writer: Schema, reader: Schema) -> bool:
    """Whether two unions are so alike that bytes of one are bytes of the other (Java's unionEquiv)."""
    return _is_equal(writer, reader, {})


def _is_equal(writer: Schema, reader: Schema, seen: dict[tuple[int, int], bool]) -> bool:
    match writer, reader:
        case Primitive(), Primitive():
            return writer.name == reader.name
        case Array(), Array():
            return _is_equal(writer.items, reader.items, seen)
        case Map(), Map():
            return _is_equal(writer.values, reader.values, seen)
        case Fixed(), Fixed():
            return _short(writer) == _short(reader) and writer.size == reader.size
        case Enum(), Enum():
            return _short(writer) == _short(reader) and writer.symbols == reader.symbols
        case Union(), Union():
            return len(writer.branches) == len(reader.branches) and all(
                _is_equal(w, r, seen) for w, r in zip(writer.branches, reader.branches, strict=True)
            )
        case Record(), Record():
            return _short(writer) == _short(reader) and _records_equal(writer, reader, seen)
        case _:
            return False


def _records_equal(writer: Record, reader: Record, seen: dict[tuple[int, int], bool]) -> bool:
    pair = id(writer), id(reader)
    if pair not in seen:
        seen[pair] = True  # until proven otherwise, so that recursion ends
        seen[pair] = len(writer.fields) == len(reader.fields) and all(
            w.name == r.name and _is_equal(w.type, r.type, seen)
            for w, r in zip(writer.fields, reader.fields, strict=True)
        )
    return seen[pair]
