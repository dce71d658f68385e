"""An Avro schema as a tree of values, as `parsing` leaves it: every name resolved, every default valid.

Read by the compiler, the canonical form and, later, compatibility. Holds no rule of the specification itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "MISSING",
    "Array",
    "Enum",
    "Field",
    "Fixed",
    "Logical",
    "Map",
    "Missing",
    "Primitive",
    "PrimitiveName",
    "Record",
    "Schema",
    "Union",
    "type_name",
]

PrimitiveName = Literal["null", "boolean", "int", "long", "float", "double", "bytes", "string"]


class Missing:
    """The type of `MISSING`: no default, which is not the default null."""

    __slots__ = ()


MISSING = Missing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Logical:
    """A valid logical type; `precision` and `scale` are of decimals only."""

    name: str
    precision: int = 0
    scale: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Primitive:
    """A primitive type. `attributes` is its JSON object (empty where only its name stands), `pointer` its place."""

    name: PrimitiveName
    pointer: str
    logical: Logical | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Fixed:
    """`name` is the full name, `size` in bytes."""

    name: str
    size: int
    pointer: str
    aliases: tuple[str, ...] = ()
    logical: Logical | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Enum:
    """`name` is the full name; `default` is for readers only."""

    name: str
    symbols: tuple[str, ...]
    pointer: str
    aliases: tuple[str, ...] = ()
    default: str | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Array:
    """An array of `items`."""

    items: "Schema"
    pointer: str
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Map:
    """A map from strings to `values`."""

    values: "Schema"
    pointer: str
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Union:
    """The branches in their order."""

    branches: "tuple[Schema, ...]"
    pointer: str


@dataclass(slots=True, kw_only=True, eq=False)
class Field:
    """One field of a record. `default` is Avro's JSON for a default (`MISSING`: none)."""

    name: str
    type: "Schema"
    pointer: str
    default: object = MISSING
    aliases: tuple[str, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Record:
    """`name` is the full name. `fields` may lead back to this record."""

    name: str
    pointer: str
    fields: tuple[Field, ...] = ()
    aliases: tuple[str, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)


Schema = Primitive | Fixed | Enum | Record | Array | Map | Union


def type_name(schema: Schema) -> str:
    """The name that tells a schema's type in a union: the full name of named types, else the type's."""
    match schema:
        case Array():
            return "array"
        case Map():
            return "map"
        case Union():
            return "union"
        case _:
            return schema.name
