"""What models are made of, before they are text: the same for Avro and Protobuf. Made by `avro_shapes` and `protobuf_shapes`, written by `writing`."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "NONE",
    "Choice",
    "ClassModel",
    "DefaultValue",
    "DictOf",
    "EnumModel",
    "ListOf",
    "Member",
    "Module",
    "Reference",
    "Scalar",
    "Shape",
]

ScalarKind = Literal[
    "None",
    "bool",
    "int",
    "float",
    "str",
    "bytes",
    "object",
    "Decimal",
    "UUID",
    "date",
    "timedelta",
    "TimestampMillis",
    "TimestampMicros",
    "LocalTimestampMillis",
    "LocalTimestampMicros",
    "TimeMillis",
    "TimeMicros",
]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without parts."""

    kind: ScalarKind


@dataclass(frozen=True, slots=True)
class ListOf:
    """An array."""

    items: "Shape"


@dataclass(frozen=True, slots=True)
class DictOf:
    """A map; keys are `str`, `int` or `bool`."""

    keys: Literal["str", "int", "bool"]
    values: "Shape"


@dataclass(frozen=True, slots=True)
class Reference:
    """A class of the module by the full name that it has in the schema."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several shapes; null is `NONE` among them. `tags` names each where they look alike in JSON, else empty."""

    branches: "tuple[Shape, ...]"
    tags: tuple[str, ...] = ()


Shape: TypeAlias = Scalar | ListOf | DictOf | Reference | Choice

NONE = Scalar("None")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One field. `name` is its name in events, `attribute` in Python. `default` None: it must be given.

    `expected` is what a violation there would say is expected.
    """

    name: str
    attribute: str
    shape: Shape
    default: "DefaultValue | None" = None
    doc: str = ""
    expected: str = ""
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class DefaultValue:
    """A default: `kind` says what `value` is. Lists and dicts hold further ones; a record's are its members by attribute."""

    kind: Literal["text", "symbol", "list", "dict", "record"]
    text: str = ""
    of: str = ""
    items: "tuple[tuple[str, DefaultValue], ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassModel:
    """A record or message. `full_name` is the schema's, `notes` are sentences of its docstring beside `doc`."""

    full_name: str
    doc: str
    members: tuple[Member, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumModel:
    """An enum: symbols with their descriptions."""

    full_name: str
    doc: str
    symbols: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """The models of one topic's version. `top` is the event's class. Classes stand in document order."""

    topic: str
    version: int
    top: str
    enums: tuple[EnumModel, ...] = ()
    classes: tuple[ClassModel, ...] = ()
