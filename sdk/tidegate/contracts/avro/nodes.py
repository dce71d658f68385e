"""One place of a schema, compiled: what the compiler hands up; and the places that hold a single value.

Used by `compiler` only.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from types import NoneType

import msgspec

from tidegate.contracts.avro.binary import (
    CODE_POINTS,
    bytes_writer,
    decimal_bytes_writer,
    decimal_writer,
    fixed_uuid_writer,
    fixed_writer,
)
from tidegate.contracts.avro.examples import LONGEST_EXAMPLE, NO_EXAMPLE, numbers_for, texts_for
from tidegate.contracts.avro.faults import Fault, Faults, Place, Write
from tidegate.contracts.avro.keywords import ITEMS, LENGTHS, NUMBERS, TEXT, Rule, bounds_text
from tidegate.contracts.avro.numbers import boolean_writer, float_writer, int_writer, null_writer
from tidegate.contracts.avro.reading import Read
from tidegate.contracts.avro.scalar_readers import (
    boolean_reader,
    float_reader,
    int_reader,
    null_reader,
    temporal_reader,
)
from tidegate.contracts.avro.schema import Array, Fixed, Logical, Primitive, Schema
from tidegate.contracts.avro.temporal import LIKE, temporal_number_writer, temporal_writer
from tidegate.contracts.avro.text import string_writer, uuid_writer
from tidegate.contracts.avro.text_readers import (
    bytes_reader,
    decimal_reader,
    fixed_reader,
    string_reader,
    uuid_reader,
)
from tidegate.contracts.codec import ContractError

__all__ = ["OBJECT", "STRING", "Node", "Spot", "fitting", "keywords_of", "scalar_node", "thunk"]

STRING: frozenset[type] = frozenset({str})
OBJECT: frozenset[type] = frozenset({dict})
_NULL: frozenset[type] = frozenset({NoneType})
_BOOLEAN: frozenset[type] = frozenset({bool})
_INT: frozenset[type] = frozenset({int})
_NUMBER: frozenset[type] = frozenset({int, float})
_TIME: frozenset[type] = frozenset({int, str})
_DECIMAL: frozenset[type] = frozenset({int, float, str})

_UUID = "01920000-0000-7000-8000-000000000000"


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A place compiled.

    `write` takes plain JSON, `tagged` the specification's JSON, `read` Avro binary.
    `takes` are the decoded JSON types that may fit (a number with fraction: float), `expected` what violations expect,
    `type` the short name, `example` makes a valid value or `NO_EXAMPLE` (only to be called when all is compiled).
    """

    write: Write
    read: Read
    tagged: Write
    takes: frozenset[type]
    expected: str
    type: str
    example: Callable[[], object]


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """Where the compiler stands.

    `path` is dotted; `rules` come from outside the type (the field, the contract); `prefix` goes before what is expected.
    """

    path: str
    sensitive: bool
    rules: tuple[Rule, ...] = ()
    prefix: str = ""

    def place(self, expected: str) -> Place:
        """How violations here speak."""
        return Place(expected=self.prefix + expected, docs=self.path, sensitive=self.sensitive)

    def inside(self, *, prefix: str = "", rules: tuple[Rule, ...] = ()) -> "Spot":
        """The items, values or branches at the same path."""
        return Spot(path=self.path, sensitive=self.sensitive, rules=rules, prefix=prefix)


def thunk(value: object) -> Callable[[], object]:
    """A function that answers `value`."""
    return lambda: value


def keywords_of(schema: Schema) -> frozenset[str]:
    """The rule keywords that make sense for a type."""
    match schema:
        case Array():
            return ITEMS
        case Primitive() | Fixed() if schema.logical is not None:
            if schema.logical.name == "uuid":
                return TEXT
            return frozenset() if schema.logical.name == "duration" else NUMBERS
        case Primitive(name="int" | "long" | "float" | "double"):
            return NUMBERS
        case Primitive(name="string"):
            return TEXT
        case Primitive(name="bytes"):
            return LENGTHS
        case _:
            return frozenset()


def fitting(rules: tuple[Rule, ...], keywords: frozenset[str], kind: str) -> tuple[Rule, ...]:
    """The rules, if all make sense for `kind`. Raises `ContractError` at the first that does not."""
    for rule in rules:
        if rule.keyword not in keywords:
            raise ContractError(f"{rule.keyword} does not fit {kind}", pointer=rule.pointer)
    return rules


def scalar_node(schema: Primitive | Fixed, spot: Spot, rules: tuple[Rule, ...]) -> Node:
    """A primitive or fixed type with its logical type. Raises `ContractError`."""
    name = schema.name if isinstance(schema, Primitive) else "fixed"
    kind = schema.logical.name if schema.logical is not None else name
    fitting(rules, keywords_of(schema), f"{'an' if kind[0] in 'aeio' else 'a'} {kind}")
    if schema.logical is not None:
        return _logical_node(schema, schema.logical, spot, rules)
    if isinstance(schema, Fixed):
        place = spot.place(f"{schema.size} bytes in base64")
        tagged = fixed_writer(spot.place(f"{schema.size} bytes, one character each"), schema.size, CODE_POINTS)
        return _node(
            fixed_writer(place, schema.size),
            fixed_reader(schema.size),
            STRING,
            place,
            f"fixed of {schema.size} bytes",
            _zeros(schema.size),
            tagged,
        )
    match schema.name:
        case "null":
            place = spot.place("null")
            return _node(null_writer(place), null_reader(), _NULL, place, "null", [None])
        case "boolean":
            place = spot.place("boolean")
            return _node(boolean_writer(place), boolean_reader(place), _BOOLEAN, place, "boolean", [True])
        case "int" | "long":
            place = spot.place(name + bounds_text(rules))
            write, read = int_writer(place, name, rules), int_reader(place, name, rules)
            return _node(write, read, _INT, place, name, numbers_for(rules, 1))
        case "float" | "double":
            place = spot.place(name + bounds_text(rules))
            tries = [1.5, *numbers_for(rules, 1)]
            write, read = float_writer(place, name, rules), float_reader(place, name, rules)
            return _node(write, read, _NUMBER, place, name, tries)
        case "string":
            place = spot.place(name + bounds_text(rules, "characters"))
            tries = texts_for(rules, spot.path.rpartition(".")[2] or "text")
            return _node(string_writer(place, rules), string_reader(place, rules), STRING, place, name, tries)
        case _:
            place = spot.place("bytes in base64" + bounds_text(rules, "bytes"))
            tagged = bytes_writer(
                spot.place("bytes, one character each" + bounds_text(rules, "bytes")), rules, CODE_POINTS
            )
            least = max((rule.size() for rule in rules if rule.keyword == "minLength"), default=0)
            write, read = bytes_writer(place, rules), bytes_reader(place, rules)
            return _node(write, read, STRING, place, name, [*_zeros(3), *_zeros(least)], tagged)


def _logical_node(schema: Primitive | Fixed, logical: Logical, spot: Spot, rules: tuple[Rule, ...]) -> Node:
    size = schema.size if isinstance(schema, Fixed) else None
    match logical.name:
        case "decimal":
            text = f"decimal, at most {logical.precision - logical.scale} digits before and {logical.scale} after the point"
            place = spot.place(text + bounds_text(rules))
            tries = [str(Decimal(str(number))) for number in (*numbers_for(rules, 1), "0.1", "0.01")]
            kind = f"decimal({logical.precision}, {logical.scale})"
            return _node(
                decimal_writer(place, logical, size, rules),
                decimal_reader(place, logical, size, rules),
                _DECIMAL,
                place,
                kind,
                tries,
                decimal_bytes_writer(place, logical, size, rules),
            )
        case "uuid":
            place = spot.place("uuid" + bounds_text(rules, "characters"))
            fixed = size is not None
            texts: list[object] = [_UUID, *texts_for(rules, "")]
            return _node(
                uuid_writer(place, rules, fixed=fixed),
                uuid_reader(place, rules, fixed=fixed),
                STRING,
                place,
                "uuid",
                texts,
                fixed_uuid_writer(place, rules) if fixed else None,
            )
        case "duration":
            place = spot.place("duration, 12 bytes in base64")
            tagged = fixed_writer(spot.place("duration, 12 bytes, one character each"), 12, CODE_POINTS)
            return _node(fixed_writer(place, 12), fixed_reader(12), STRING, place, "duration", _zeros(12), tagged)
        case _:
            place = spot.place(f"{logical.name} like {LIKE[logical.name]}" + bounds_text(rules))
            write = temporal_writer(place, logical.name, schema.name, rules)
            read = temporal_reader(place, logical.name, schema.name, rules)
            tagged = temporal_number_writer(place, logical.name, schema.name, rules)
            texts = [LIKE[logical.name], *numbers_for(rules, 1)]
            return _node(write, read, _TIME, place, logical.name, texts, tagged)


def _zeros(size: int) -> list[object]:
    """The base64 of so many bytes, as an example; none where that is longer than anyone would read."""
    if size > LONGEST_EXAMPLE:
        return []
    whole, rest = divmod(size, 3)
    return ["AAAA" * whole + ("", "AA==", "AAA=")[rest]]


def _node(
    write: Write,
    read: Read,
    takes: frozenset[type],
    place: Place,
    kind: str,
    tries: Iterable[object],
    tagged: Write | None = None,
) -> Node:
    candidates = tuple(tries)

    def example() -> object:
        fits = (one for one in candidates if not isinstance(write(one, []), (Fault, Faults)))
        return next(fits, NO_EXAMPLE)

    return Node(
        write=write, read=read, tagged=tagged or write, takes=takes, expected=place.expected, type=kind, example=example
    )
