"""A Protobuf contract's JSON as a JSON Schema (draft 2020-12): what people and generators read, for docs only.

Called by `described_value`; verdicts never come from here. Rules without a word in JSON Schema (CEL, `lt_now`) stand in
the field's description.
"""

from collections.abc import Mapping

from protobuf import DescEnum, DescField, DescFieldValueList, DescFieldValueMap, DescMessage, ScalarType

from tidegate.contracts.codec import FieldDoc
from tidegate.contracts.json_schema import BASE64, Json, JsonSchema, date_time, ecma_pattern
from tidegate.contracts.protobuf.expected import Facts, Kind, element_facts, field_kind, field_rules, wrapped
from tidegate.contracts.protobuf.scalars import INTEGER_BOUNDS
from tidegate.contracts.protobuf.schema import load_message
from tidegate.contracts.source import VersionSource

__all__ = ["describe_protobuf"]

_BOUNDS = {"gte": "minimum", "gt": "exclusiveMinimum", "lte": "maximum", "lt": "exclusiveMaximum"}
_LENGTHS = {"min_len": "minLength", "max_len": "maxLength"}
_FORMATS = ("email", "hostname", "ipv4", "ipv6", "uri", "uuid")
_COUNTS = {"min_items": "minItems", "max_items": "maxItems", "min_pairs": "minProperties", "max_pairs": "maxProperties"}
_SPECIAL_NUMBERS = ("NaN", "Infinity", "-Infinity")
_FREE: Mapping[str, JsonSchema] = {
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Value": {},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$", "examples": ["1.5s"]},
    "google.protobuf.FieldMask": {"type": "string", "examples": ["status,courier.phone"]},
    "google.protobuf.Timestamp": date_time(9, "2026-01-31T12:00:00Z"),
}


def describe_protobuf(
    source: VersionSource, fields: Mapping[str, FieldDoc], name: str
) -> tuple[JsonSchema, dict[str, Json]]:
    """The schema of a value, and definitions that it refers to: messages within themselves, by `name` and their own."""
    drawing = _Drawing(fields, name, open_objects=source.unknown_fields == "drop")
    return drawing.message(load_message(source)[0], ""), drawing.definitions


class _Drawing:
    """One schema being drawn."""

    def __init__(self, fields: Mapping[str, FieldDoc], name: str, *, open_objects: bool) -> None:
        self.definitions: dict[str, Json] = {}
        self._fields = fields
        self._name = name
        self._open_objects = open_objects
        self._within: list[str] = []

    def message(self, message: DescMessage, prefix: str) -> JsonSchema:
        if message.type_name in self._within:
            name = f"{self._name}.{message.type_name}"
            if name not in self.definitions:
                self.definitions[name] = {}
                outer, self._within = self._within, []
                self.definitions[name] = self.message(message, prefix)
                self._within = outer
            return {"$ref": f"#/components/schemas/{name}"}
        self._within.append(message.type_name)
        members: dict[str, Json] = {}
        required: list[Json] = []
        for field in message.fields:
            row = self._fields.get(prefix + field.json_name)
            needed = row is not None and row.required
            members[field.json_name] = self._field(field, prefix + field.json_name, row, needed=needed)
            if needed:
                required.append(field.json_name)
        self._within.pop()
        drawn: JsonSchema = {"type": "object", "title": message.name, "properties": members}
        if required:
            drawn["required"] = required
        if not self._open_objects:
            drawn["additionalProperties"] = False
        return drawn | _one_of_each_group(message)

    def _field(self, field: DescField, path: str, row: FieldDoc | None, *, needed: bool) -> JsonSchema:
        of = field_rules(field)
        kind = wrapped(field_kind(field))
        drawn: JsonSchema
        if isinstance(field.value, DescFieldValueList):
            drawn = {"type": "array", "items": self._value(kind, element_facts(of), path), **_renamed(of, _COUNTS)}
            if of.get("unique") is True:
                drawn["uniqueItems"] = True
        elif isinstance(field.value, DescFieldValueMap):
            inner = self._value(kind, element_facts(of), path)
            drawn = {"type": "object", "additionalProperties": inner, **_renamed(of, _COUNTS)}
        else:
            drawn = self._value(kind, of, path)
        text = row.doc if row is not None else ""
        if row is not None and row.sensitive:
            text = f"{text} Sensitive: answers never show it.".strip()
        if not needed:
            drawn = {"oneOf": [drawn, {"type": "null"}]} if drawn else {}
        return {**drawn, "description": text} if text else drawn

    def _value(self, kind: Kind, of: Facts, path: str) -> JsonSchema:
        if isinstance(kind, DescEnum):
            return _enum(kind, of)
        if isinstance(kind, ScalarType):
            return _scalar(kind, of)
        free = _FREE.get(kind.type_name)
        return dict(free) if free is not None else self.message(kind, path + ".")


def _enum(kind: DescEnum, of: Facts) -> JsonSchema:
    if kind.type_name == "google.protobuf.NullValue":
        return {"type": "null"}
    barred, only = of.get("not_in"), of.get("in")
    values = [
        value
        for value in kind.values
        if not (isinstance(barred, list) and value.number in barred)
        and not (isinstance(only, list) and only and value.number not in only)
    ]
    numbers: list[Json] = [value.number for value in values]
    names: list[Json] = [value.name for value in values]
    return {"anyOf": [{"type": "string", "enum": names}, {"type": "integer", "enum": numbers}]}


def _scalar(kind: ScalarType, of: Facts) -> JsonSchema:
    if kind is ScalarType.BOOL:
        return {"type": "boolean"}
    if kind is ScalarType.BYTES:
        return dict(BASE64)
    if kind is ScalarType.STRING:
        return _text(of)
    bounds = _renamed(of, _BOUNDS)
    allowed: JsonSchema = {"enum": list(one)} if isinstance(one := of.get("in"), list) and one else {}
    if kind in INTEGER_BOUNDS:
        low, high = INTEGER_BOUNDS[kind]
        number: JsonSchema = {"type": "integer", "minimum": low, "maximum": high, **bounds, **allowed}
        return {"anyOf": [number, {"type": "string", "pattern": "^-?(0|[1-9][0-9]*)$"}]}
    number = {"type": "number", **bounds, **allowed}
    return {"anyOf": [number, {"type": "string", "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"}, {"enum": list(_SPECIAL_NUMBERS)}]}  # fmt: skip


def _text(of: Facts) -> JsonSchema:
    drawn: JsonSchema = {"type": "string", **_renamed(of, _LENGTHS)}
    if isinstance(of.get("len"), int):
        drawn |= {"minLength": _whole(of["len"]), "maxLength": _whole(of["len"])}
    if isinstance(pattern := of.get("pattern"), str):
        drawn |= ecma_pattern(pattern)
    for name in _FORMATS:
        if of.get(name) is True:
            drawn["format"] = name
    if isinstance(one := of.get("const"), str):
        drawn["const"] = one
    if isinstance(some := of.get("in"), list) and some:
        drawn["enum"] = list(some)
    return drawn


def _renamed(of: Facts, names: Mapping[str, str]) -> JsonSchema:
    return {word: value for rule, word in names.items() if isinstance(value := of.get(rule), int | float)}


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _one_of_each_group(message: DescMessage) -> JsonSchema:
    """At most one member of each oneof."""
    groups: dict[str, list[str]] = {}
    for field in message.fields:
        oneof = getattr(field.value, "oneof", None)
        if oneof is not None and len(oneof.fields) > 1:
            groups.setdefault(oneof.name, []).append(field.json_name)
    pairs: list[Json] = [
        {"not": {"required": [one, other], "properties": {one: _PRESENT, other: _PRESENT}}}
        for names in groups.values()
        for place, one in enumerate(names)
        for other in names[place + 1 :]
    ]
    return {"allOf": pairs} if pairs else {}


_PRESENT: JsonSchema = {"not": {"type": "null"}}
