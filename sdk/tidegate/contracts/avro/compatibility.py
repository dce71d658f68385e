"""Whether a reader's schema reads what a writer's schema wrote: Java Avro 1.12.1's `SchemaCompatibility`, step by step.

Called by `contracts.compatible_schemas` with texts and by `tidegate.check` with parsed trees. Types, locations, messages and
their order are Java's, oddities too, since the Confluent registry answers with them: a location starts anew inside a
union's branch, and a pair of types that was compared before is told with the location where it was met first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tidegate.contracts.avro.schema import Array, Enum, Field, Fixed, Map, Missing, Primitive, Record, Schema, Union
from tidegate.contracts.codec import ContractError

__all__ = ["MAX_INCOMPATIBILITIES", "Incompatibility", "IncompatibilityType", "incompatibilities"]

MAX_INCOMPATIBILITIES = 1000
"""How many are told. Java tells those of a type as often as it is used, which may double with every level."""

IncompatibilityType = Literal[
    "NAME_MISMATCH",
    "FIXED_SIZE_MISMATCH",
    "MISSING_ENUM_SYMBOLS",
    "READER_FIELD_MISSING_DEFAULT_VALUE",
    "TYPE_MISMATCH",
    "MISSING_UNION_BRANCH",
]

_PROMOTED = {
    "long": {"int"},
    "float": {"int", "long"},
    "double": {"int", "long", "float"},
    "bytes": {"string"},
    "string": {"bytes"},
}


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """One reason why a reader cannot read what a writer wrote.

    `type`, `location` and `message` are Java's. `location` leads through the reader's schema as it was walked, which is no
    place in a text where a named type stands elsewhere. `reader_pointer` and `writer_pointer` are such places (RFC 6901).
    """

    type: IncompatibilityType
    location: str
    message: str
    reader_pointer: str = ""
    writer_pointer: str = ""


def incompatibilities(reader: Schema, writer: Schema) -> list[Incompatibility]:
    """Every incompatibility in Java's order, the first `MAX_INCOMPATIBILITIES`. Empty: compatible.

    Raises `ContractError` where a reader's field matches several of the writer's, through its aliases, and where types
    are nested in each other so deeply that the walk cannot be finished.
    """
    try:
        return list(_Comparison().compare(reader, writer, ("",)))
    except RecursionError:
        raise ContractError("the types are nested too deeply to be compared", pointer=reader.pointer) from None


_Found = tuple[Incompatibility, ...]
_Path = tuple[str, ...]


class _Comparison:
    """One comparison: the pairs of types that were met, by identity, as Java keeps them. None: still being compared."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], _Found | None] = {}

    def compare(self, reader: Schema, writer: Schema, path: _Path) -> _Found:
        pair = id(reader), id(writer)
        if pair in self._known:
            return self._known[pair] or ()  # compatible unless proven otherwise, so that recursion ends
        self._known[pair] = None
        found: list[Incompatibility] = []
        for one in self._judged(reader, writer, path):
            found.append(one)
            if len(found) == MAX_INCOMPATIBILITIES:
                break
        self._known[pair] = result = tuple(found)
        return result

    def _judged(self, reader: Schema, writer: Schema, path: _Path) -> Iterator[Incompatibility]:
        match reader, writer:
            case Union(), Union():
                yield from self._unions(reader, writer, path)
            case _, Union():
                for index, branch in enumerate(writer.branches):
                    yield from self.compare(reader, branch, (*path, str(index)))
            case Union(), _:
                if all(self.compare(branch, writer, ("",)) for branch in reader.branches):
                    yield _lacking(reader, writer, writer, path)
            case Array(), Array():
                yield from self.compare(reader.items, writer.items, (*path, "items"))
            case Map(), Map():
                yield from self.compare(reader.values, writer.values, (*path, "values"))
            case Fixed(), Fixed():
                yield from _names(reader, writer, path)
                yield from _sizes(reader, writer, path)
            case Enum(), Enum():
                yield from _names(reader, writer, path)
                yield from _symbols(reader, writer, path)
            case Record(), Record():
                yield from _names(reader, writer, path)
                yield from self._fields(reader, writer, (*path, "fields"))
            case Primitive(), Primitive() if reader.name == writer.name or writer.name in _PROMOTED.get(
                reader.name, ()
            ):
                return
            case _:
                said = f"reader type: {kind_of(reader)} not compatible with writer type: {kind_of(writer)}"
                yield _found("TYPE_MISMATCH", path, said, reader, writer)

    def _unions(self, reader: Union, writer: Union, path: _Path) -> Iterator[Incompatibility]:
        for index, branch in enumerate(writer.branches):
            if self.compare(reader, branch, ("",)):
                yield _lacking(reader, writer, branch, (*path, str(index)))

    def _fields(self, reader: Record, writer: Record, path: _Path) -> Iterator[Incompatibility]:
        written = {field.name: field for field in writer.fields}
        for index, field in enumerate(reader.fields):
            here = (*path, str(index))
            source = _source_of(field, written)
            if source is not None:
                yield from self.compare(field.type, source.type, (*here, "type"))
            elif not isinstance(field.default, Missing):
                continue
            elif isinstance(field.type, Enum) and field.type.default is not None:
                yield from self.compare(field.type, writer, (*here, "type"))  # Java compares the enum with the record
            else:
                location = _location(here)
                yield Incompatibility(
                    "READER_FIELD_MISSING_DEFAULT_VALUE", location, field.name, field.pointer, writer.pointer
                )


def _source_of(field: Field, written: dict[str, Field]) -> Field | None:
    """The writer's field that fills a reader's, by name or alias."""
    found = [written[name] for name in (field.name, *field.aliases) if name in written]
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise ContractError(
            f'the field "{field.name}" matches several fields of the writer, by its aliases: {names}',
            pointer=field.pointer,
        )
    return found[0] if found else None


def kind_of(schema: Schema) -> str:
    """The schema's type as Java's enumeration spells it."""
    return schema.name.upper() if isinstance(schema, Primitive) else type(schema).__name__.upper()


def _location(path: _Path) -> str:
    return "/".join(path) or "/"


def _found(kind: IncompatibilityType, path: _Path, message: str, reader: Schema, writer: Schema) -> Incompatibility:
    return Incompatibility(kind, _location(path), message, reader.pointer, writer.pointer)


def _lacking(reader: Union, writer: Schema, branch: Schema, path: _Path) -> Incompatibility:
    said = f"reader union lacking writer type: {kind_of(branch)}"
    return Incompatibility(
        "MISSING_UNION_BRANCH", _location(path), said, reader.pointer, branch.pointer or writer.pointer
    )


def _names(reader: Fixed | Enum | Record, writer: Fixed | Enum | Record, path: _Path) -> Iterator[Incompatibility]:
    """Java compares the names without namespaces, and the reader's aliases with the full one."""
    space, _, name = reader.name.rpartition(".")
    aliases = (alias if "." in alias or not space else f"{space}.{alias}" for alias in reader.aliases)
    if name != writer.name.rpartition(".")[2] and writer.name not in aliases:
        yield _found("NAME_MISMATCH", (*path, "name"), f"expected: {writer.name}", reader, writer)


def _sizes(reader: Fixed, writer: Fixed, path: _Path) -> Iterator[Incompatibility]:
    if reader.size != writer.size:
        said = f"expected: {writer.size}, found: {reader.size}"
        yield _found("FIXED_SIZE_MISMATCH", (*path, "size"), said, reader, writer)


def _symbols(reader: Enum, writer: Enum, path: _Path) -> Iterator[Incompatibility]:
    unknown = sorted(set(writer.symbols) - set(reader.symbols))
    if unknown and reader.default is None:
        yield _found("MISSING_ENUM_SYMBOLS", (*path, "symbols"), f"[{', '.join(unknown)}]", reader, writer)
