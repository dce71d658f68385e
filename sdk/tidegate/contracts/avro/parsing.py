"""An .avsc text to a schema, as strictly as Java Avro 1.12 (Schema.Parser, names and defaults validated).

Called by the codec and by whoever has an .avsc text. What is refused is a `ContractError` with the JSON pointer
of the place. Two choices of our own: names are those of the specification (ASCII; Java's default takes any letter), since
other languages' readers refuse more; and a key that stands twice in one JSON object is refused (Java keeps the last).
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import get_args

from tidegate.contracts.avro.defaults import is_valid_default
from tidegate.contracts.avro.logical import UnsupportedLogicalType, logical_of
from tidegate.contracts.avro.schema import (
    MISSING,
    Array,
    Enum,
    Field,
    Fixed,
    Logical,
    Map,
    Missing,
    Primitive,
    PrimitiveName,
    Record,
    Schema,
    Union,
    type_name,
)
from tidegate.contracts.codec import ContractError
from tidegate.contracts.jsontext import Broken, parse

__all__ = ["parse_schema"]

_MAX_DEPTH = 256
_MAX_FIXED = 2**31 - 1
_name = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII).fullmatch
_PRIMITIVES: tuple[PrimitiveName, ...] = get_args(PrimitiveName)
_ORDERS = ("ascending", "descending", "ignore")
_float_text = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII).fullmatch


def parse_schema(text: str) -> Schema:
    """The schema, of any type. Raises `ContractError`."""
    value = parse(text.encode("utf-8", "surrogatepass"), _MAX_DEPTH)
    if isinstance(value, Broken):
        raise ContractError(_sentence(value), pointer=pointer_of(value.path))
    return _Parser().parse(value)


def pointer_of(path: tuple[str | int, ...]) -> str:
    """The RFC 6901 pointer (not as a fragment) of a path."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _sentence(broken: Broken) -> str:
    if broken.rule == "duplicate_key":
        return f'the key "{broken.path[-1]}" {broken.detail}'
    at = "" if broken.byte_offset is None else f" (byte {broken.byte_offset})"
    return f"the schema {broken.detail}{at}"


class _Parser:
    """One parse: the names defined so far, and what is judged when all are known (Java 1.12 takes forward references)."""

    def __init__(self) -> None:
        self._named: dict[str, Fixed | Enum | Record] = {}
        self._forward: list[Callable[[], None]] = []
        self._unions: list[Union] = []
        self._fields: list[Field] = []

    def parse(self, value: object) -> Schema:
        top: list[Schema] = []
        self._schema(value, "", "", top.append)
        for resolve in self._forward:
            resolve()
        for union in self._unions:
            _check_union(union)
        for field in self._fields:
            _check_default(field)
        return top[0]

    def _schema(self, value: object, namespace: str, pointer: str, put: Callable[[Schema], None]) -> None:
        """Hands `put` the schema: now, or at the end where it is a name that is defined further down."""
        if isinstance(value, str):
            self._reference(value, namespace, pointer, put)
        elif isinstance(value, list):
            put(self._union(value, namespace, pointer))
        elif isinstance(value, dict):
            self._object(value, namespace, pointer, put)
        else:
            raise ContractError("a schema is a name, an object or an array (a union)", pointer=pointer)

    def _reference(self, name: str, namespace: str, pointer: str, put: Callable[[Schema], None]) -> None:
        for primitive in _PRIMITIVES:
            if name == primitive:
                return put(Primitive(name=primitive, pointer=pointer))
        full = name if "." in name or not namespace else f"{namespace}.{name}"
        known = self._named.get(full) or self._named.get(name)
        if known is not None:
            return put(known)

        def resolve() -> None:
            later = self._named.get(full) or self._named.get(name)
            if later is None:
                raise ContractError(f'the type "{name}" is not defined', pointer=pointer)
            put(later)

        return self._forward.append(resolve)

    def _union(self, branches: list[object], namespace: str, pointer: str) -> Union:
        slots: list[Schema | None] = [None] * len(branches)
        union = Union(branches=(), pointer=pointer)

        def putter(index: int) -> Callable[[Schema], None]:
            def put(branch: Schema) -> None:
                slots[index] = branch
                union.branches = tuple(slot for slot in slots if slot is not None)

            return put

        for index, branch in enumerate(branches):
            self._schema(branch, namespace, f"{pointer}/{index}", putter(index))
        self._unions.append(union)
        return union

    def _object(self, node: dict[str, object], namespace: str, pointer: str, put: Callable[[Schema], None]) -> None:
        kind = _text(node, "type", pointer, "a schema's object needs a type")
        match kind:
            case "record" | "error":
                put(self._record(node, namespace, pointer))
            case "enum":
                put(self._enum(node, namespace, pointer))
            case "fixed":
                put(self._fixed(node, namespace, pointer))
            case "array":
                array = Array(items=Primitive(name="null", pointer=pointer), pointer=pointer, attributes=node)
                self._schema(_needed(node, "items", pointer), namespace, f"{pointer}/items", _put(array, "items"))
                put(array)
            case "map":
                mapping = Map(values=Primitive(name="null", pointer=pointer), pointer=pointer, attributes=node)
                self._schema(_needed(node, "values", pointer), namespace, f"{pointer}/values", _put(mapping, "values"))
                put(mapping)
            case "null" | "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string":
                put(Primitive(name=kind, pointer=pointer, logical=_logical(kind, None, node, pointer), attributes=node))
            case _:
                self._reference(kind, namespace, f"{pointer}/type", put)

    def _define(self, schema: Fixed | Enum | Record) -> None:
        if schema.name in _PRIMITIVES:
            raise ContractError(f'no type may be named "{schema.name}", like a primitive', pointer=schema.pointer)
        if schema.name in self._named:
            raise ContractError(f'the type "{schema.name}" is defined twice', pointer=schema.pointer)
        self._named[schema.name] = schema

    def _record(self, node: dict[str, object], namespace: str, pointer: str) -> Record:
        name = _full_name(node, namespace, pointer)
        record = Record(name=name, pointer=pointer, aliases=_aliases(node, pointer), attributes=node)
        self._define(record)
        members = node.get("fields")
        if not isinstance(members, list):
            raise ContractError(f"the record {name} needs an array of fields", pointer=pointer)
        inner = name.rpartition(".")[0]
        fields: dict[str, Field] = {}
        for index, member in enumerate(members):
            field = self._field(member, inner, f"{pointer}/fields/{index}")
            if field.name in fields:
                raise ContractError(f'the field "{field.name}" stands twice in {name}', pointer=field.pointer)
            fields[field.name] = field
        record.fields = tuple(fields.values())
        return record

    def _field(self, node: object, namespace: str, pointer: str) -> Field:
        if not isinstance(node, dict):
            raise ContractError("a field is an object with name and type", pointer=pointer)
        name = _text(node, "name", pointer, "a field needs a name")
        _check_name(name, f"{pointer}/name")
        order = node.get("order")
        if order is not None and (not isinstance(order, str) or order.lower() not in _ORDERS):
            raise ContractError(f"order is one of {', '.join(_ORDERS)}", pointer=f"{pointer}/order")
        field = Field(
            name=name,
            type=Primitive(name="null", pointer=pointer),
            pointer=pointer,
            default=node.get("default", MISSING),
            aliases=_aliases(node, pointer),
            attributes=node,
        )
        self._schema(_needed(node, "type", pointer), namespace, f"{pointer}/type", _put(field, "type"))
        self._fields.append(field)
        return field

    def _enum(self, node: dict[str, object], namespace: str, pointer: str) -> Enum:
        name = _full_name(node, namespace, pointer)
        symbols = node.get("symbols")
        if not isinstance(symbols, list):
            raise ContractError(f"the enum {name} needs an array of symbols", pointer=pointer)
        names: dict[str, None] = {}
        for index, symbol in enumerate(symbols):
            at = f"{pointer}/symbols/{index}"
            if not isinstance(symbol, str):
                raise ContractError("a symbol is a string", pointer=at)
            _check_name(symbol, at)
            if symbol in names:
                raise ContractError(f'the symbol "{symbol}" stands twice in {name}', pointer=at)
            names[symbol] = None
        default = node.get("default")
        if default is not None and default not in names:
            raise ContractError(f"the enum's default is no symbol of {name}", pointer=f"{pointer}/default")
        enum = Enum(
            name=name,
            symbols=tuple(names),
            pointer=pointer,
            aliases=_aliases(node, pointer),
            default=default if isinstance(default, str) else None,
            attributes=node,
        )
        self._define(enum)
        return enum

    def _fixed(self, node: dict[str, object], namespace: str, pointer: str) -> Fixed:
        name, size = _full_name(node, namespace, pointer), node.get("size")
        if type(size) is not int or not 0 <= size <= _MAX_FIXED:
            raise ContractError(f"the fixed {name} needs a size, 0 to 2147483647", pointer=pointer)
        logical = _logical("fixed", size, node, pointer)
        fixed = Fixed(
            name=name, size=size, pointer=pointer, aliases=_aliases(node, pointer), logical=logical, attributes=node
        )
        self._define(fixed)
        return fixed


def _put(target: Array | Map | Field, attribute: str) -> Callable[[Schema], None]:
    return lambda schema: setattr(target, attribute, schema)


def _needed(node: Mapping[str, object], key: str, pointer: str) -> object:
    if key not in node:
        raise ContractError(f'"{key}" is missing', pointer=pointer)
    return node[key]


def _text(node: Mapping[str, object], key: str, pointer: str, what: str) -> str:
    value = node.get(key)
    if not isinstance(value, str):
        raise ContractError(what, pointer=pointer)
    return value


def _check_name(name: str, pointer: str) -> None:
    if _name(name) is None:
        raise ContractError(f'"{name}" is no Avro name: letters, digits and _, no digit first', pointer=pointer)


def _full_name(node: Mapping[str, object], namespace: str, pointer: str) -> str:
    name = _text(node, "name", pointer, f"the {node.get('type')} needs a name")
    if "." not in name:
        given = node.get("namespace")
        space = given if isinstance(given, str) else namespace
        name = f"{space}.{name}" if space else name
    name = name.removeprefix(".")
    for part in name.split("."):
        _check_name(part, f"{pointer}/name")
    return name


def _aliases(node: Mapping[str, object], pointer: str) -> tuple[str, ...]:
    aliases = node.get("aliases", [])
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise ContractError("aliases are an array of strings", pointer=f"{pointer}/aliases")
    return tuple(aliases)


def _logical(kind: str, size: int | None, node: Mapping[str, object], pointer: str) -> Logical | None:
    try:
        return logical_of(kind, size, node)
    except UnsupportedLogicalType as error:
        raise ContractError(str(error), pointer=pointer) from None


def _check_union(union: Union) -> None:
    seen: set[str] = set()
    for index, branch in enumerate(union.branches):
        if isinstance(branch, Union):
            raise ContractError("a union stands directly in a union", pointer=f"{union.pointer}/{index}")
        name = type_name(branch)
        if name in seen:
            raise ContractError(f'the union has "{name}" twice', pointer=f"{union.pointer}/{index}")
        seen.add(name)


def _check_default(field: Field) -> None:
    if isinstance(field.default, Missing):
        return
    if isinstance(field.type, Primitive) and field.type.name in ("float", "double") and isinstance(field.default, str):
        field.default = _number(field.default)  # Java reads a float's default from text
    try:
        valid = is_valid_default(field.type, field.default)
    except RecursionError:
        valid = False
    if not valid:
        raise ContractError(
            f'the default of "{field.name}" is not valid for its type {type_name(field.type)}',
            pointer=f"{field.pointer}/default",
        )


def _number(text: str) -> object:
    text = text.strip().removesuffix("f").removesuffix("d").removesuffix("F").removesuffix("D")
    if text in ("NaN", "Infinity", "+Infinity", "-Infinity"):
        return float(text)
    try:
        return Decimal(text) if _float_text(text) else None
    except InvalidOperation:
        return None
