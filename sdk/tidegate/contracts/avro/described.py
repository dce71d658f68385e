"""An Avro contract's plain JSON as a JSON Schema (draft 2020-12): what people and generators read, for docs only.

Called by `described_value`; verdicts never come from here. A value that satisfies the schema is what the contract asks
for, but where JSON Schema has no words (exact decimals, the sizes of bytes): there the description says it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from tidegate.contracts.avro.defaults import plain_default
from tidegate.contracts.avro.keywords import Rule, integer_range, rules_in
from tidegate.contracts.avro.nodes import keywords_of
from tidegate.contracts.avro.numbers import INTEGERS
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.avro.schema import (
    Array,
    Enum,
    Field,
    Fixed,
    Logical,
    Map,
    Missing,
    Primitive,
    Record,
    Schema,
    Union,
)
from tidegate.contracts.avro.temporal import LIKE
from tidegate.contracts.codec import FieldDoc
from tidegate.contracts.json_schema import BASE64, Json, JsonSchema, date_time, ecma_pattern, local_time
from tidegate.contracts.source import VersionSource

__all__ = ["describe_avro"]

_FLOAT_MAX = 3.4028234663852886e38
_DIGITS = {"millis": 3, "micros": 6, "nanos": 9}
_LAST = {"time-millis": 86_399_999, "time-micros": 86_399_999_999}
"""The end of a day in the unit of each time of day."""
_UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def describe_avro(
    source: VersionSource, fields: Mapping[str, FieldDoc], name: str
) -> tuple[JsonSchema, dict[str, Json]]:
    """The schema of a value, and definitions that it refers to: records within themselves, by `name` and their own.

    `fields` are the version's docs by path: their texts and marks go beside the fields.
    """
    top = parse_schema(source.schema)
    if not isinstance(top, Record):
        raise TypeError(source.schema)
    rules: dict[str, tuple[Rule, ...]] = {}
    for given in source.rules:
        rules[given.path] = tuple(Rule(keyword, value, "") for keyword, value in given.keywords.items())
    drawing = _Drawing(rules, fields, name, open_objects=source.unknown_fields == "drop")
    return drawing.record(top, ""), drawing.definitions


class _Drawing:
    """One schema being drawn."""

    def __init__(
        self, rules: dict[str, tuple[Rule, ...]], fields: Mapping[str, FieldDoc], name: str, *, open_objects: bool
    ) -> None:
        self.definitions: dict[str, Json] = {}
        self._rules = rules
        self._fields = fields
        self._name = name
        self._open_objects = open_objects
        self._within: list[str] = []

    def record(self, schema: Record, path: str) -> JsonSchema:
        if schema.name in self._within:
            name = f"{self._name}.{schema.name}"
            if name not in self.definitions:
                self.definitions[name] = {}
                outer, self._within = self._within, []
                self.definitions[name] = self.record(schema, path)
                self._within = outer
            return {"$ref": f"#/components/schemas/{name}"}
        self._within.append(schema.name)
        members: dict[str, Json] = {field.name: self._field(field, path) for field in schema.fields}
        self._within.pop()
        required: list[Json] = [field.name for field in schema.fields if isinstance(field.default, Missing)]
        drawn: JsonSchema = {"type": "object", "title": schema.name.rpartition(".")[2], **_doc(schema.attributes)}
        drawn["properties"] = members
        if required:
            drawn["required"] = required
        if not self._open_objects:
            drawn["additionalProperties"] = False
        return drawn

    def _field(self, field: Field, path: str) -> JsonSchema:
        path = f"{path}.{field.name}" if path else field.name
        rules = rules_in(field.attributes, field.pointer) + self._rules.get(path, ())
        drawn = self._drawn(field.type, path, rules)
        row = self._fields.get(path)
        text = row.doc if row is not None else ""
        if row is not None and row.sensitive:
            text = f"{text} Sensitive: answers never show it.".strip()
        if text:
            drawn = {**drawn, "description": text}
        if not isinstance(field.default, Missing):
            plain = plain_default(field.type, field.default)
            drawn = {**drawn, "default": _json(plain)}
        return drawn

    def _drawn(self, schema: Schema, path: str, rules: tuple[Rule, ...]) -> JsonSchema:
        if isinstance(schema, Union):
            return self._union(schema, path, rules)
        if isinstance(schema, Record):
            return self.record(schema, path)
        rules += rules_in(schema.attributes, schema.pointer)
        match schema:
            case Array():
                return {"type": "array", "items": self._drawn(schema.items, path, ()), **_plain(rules)}
            case Map():
                return {"type": "object", "additionalProperties": self._drawn(schema.values, path, ())}
            case Enum():
                return {"type": "string", "enum": list(schema.symbols)}
            case _:
                return _scalar(schema, rules)

    def _union(self, schema: Union, path: str, rules: tuple[Rule, ...]) -> JsonSchema:
        branches = [
            self._drawn(branch, path, tuple(rule for rule in rules if rule.keyword in keywords_of(branch)))
            for branch in schema.branches
        ]
        if len(branches) == 1:
            return branches[0]
        kinds = [kind for branch in branches for kind in _kinds(branch)]
        apart = len(kinds) == len(set(kinds)) or all(isinstance(b, Record) for b in schema.branches)
        return {"oneOf" if apart else "anyOf": list(branches)}


def _kinds(drawn: JsonSchema) -> list[str]:
    """The JSON types of a branch; integers are numbers."""
    if "anyOf" in drawn or "oneOf" in drawn or "$ref" in drawn:
        return ["object"] if "$ref" in drawn else ["number", "string"]
    return ["number" if drawn["type"] == "integer" else str(drawn["type"])]


def _scalar(schema: Primitive | Fixed, rules: tuple[Rule, ...]) -> JsonSchema:
    logical = schema.logical
    if logical is not None:
        return _logical(schema, logical, rules)
    if isinstance(schema, Fixed):
        return {**BASE64, "description": f"{schema.size} bytes in base64."}
    match schema.name:
        case "null" | "boolean":
            return {"type": schema.name}
        case "int" | "long":
            return _integer(rules, *INTEGERS[schema.name])
        case "float":
            return {"type": "number", "minimum": -_FLOAT_MAX, "maximum": _FLOAT_MAX, **_plain(rules)}
        case "double":
            return {"type": "number", **_plain(rules)}
        case "bytes":
            return {**BASE64, "description": _sizes(rules)}
        case _:
            return {"type": "string", **_plain(rules)}


def _logical(schema: Primitive | Fixed, logical: Logical, rules: tuple[Rule, ...]) -> JsonSchema:
    kind = schema.name
    if logical.name == "decimal":
        return _decimal(logical, rules)
    if logical.name == "uuid":
        return {"type": "string", "format": "uuid", "pattern": _UUID, **_plain(rules)}
    if logical.name == "duration":
        return {**BASE64, "description": "Months, days and milliseconds: 12 bytes in base64."}
    low, high = (0, _LAST[logical.name]) if logical.name in _LAST else INTEGERS[kind]
    number = _integer(rules, low, high)
    number["description"] = f"In the schema's unit ({logical.name})."
    return {"anyOf": [_temporal_text(logical.name), number]}


def _temporal_text(logical: str) -> JsonSchema:
    if logical == "date":
        return {"type": "string", "format": "date", "examples": [LIKE[logical]]}
    digits = _DIGITS[logical.rpartition("-")[2]]
    if logical.startswith("timestamp"):
        return date_time(digits, LIKE[logical])
    return local_time(digits, LIKE[logical], with_date=logical.startswith("local"))


def _integer(rules: Iterable[Rule], low: int, high: int) -> JsonSchema:
    kept = tuple(rule for rule in rules if rule.keyword == "multipleOf")
    low, high = integer_range(rules, low, high)
    return {"type": "integer", "minimum": low, "maximum": high, **_plain(kept)}


def _decimal(logical: Logical, rules: tuple[Rule, ...]) -> JsonSchema:
    """A number or its digits in a string; bounds hold for both, and are told of the number."""
    given = _plain(rules)
    lowest = min((Decimal(str(v)) for k, v in given.items() if k in {"minimum", "exclusiveMinimum"}), default=None)
    sign = "" if lowest is not None and lowest >= 0 else "-?"
    whole = logical.precision - logical.scale
    digits = f"(0|[1-9][0-9]{{0,{whole - 1}}})" if whole > 0 else "0"
    fraction = rf"(\.[0-9]{{1,{logical.scale}}})?" if logical.scale else ""
    most = 10.0**whole
    number: JsonSchema = {"type": "number", "exclusiveMinimum": -most, "exclusiveMaximum": most, **given}
    text: JsonSchema = {"type": "string", "pattern": f"^{sign}{digits}{fraction}$"}
    about = f"Exact: at most {logical.precision} digits, {logical.scale} of them after the point. Bounds hold for both forms."
    return {"anyOf": [text, number], "description": about}


def _plain(rules: Iterable[Rule]) -> JsonSchema:
    """Keywords as JSON Schema has them; a pattern that only RE2 reads is said in words."""
    drawn: JsonSchema = {}
    for rule in rules:
        if rule.keyword == "pattern":
            drawn |= ecma_pattern(rule.text())
        else:
            drawn[rule.keyword] = _json(rule.value)
    return drawn


def _sizes(rules: Iterable[Rule]) -> str:
    bounds = {rule.keyword: rule.size() for rule in rules if rule.keyword in {"minLength", "maxLength"}}
    words = {"minLength": "at least", "maxLength": "at most"}
    return "In base64" + "".join(f", {words[name]} {size} bytes" for name, size in bounds.items()) + "."


def _doc(attributes: Mapping[str, object]) -> JsonSchema:
    doc = attributes.get("doc")
    return {"description": doc} if isinstance(doc, str) and doc else {}


def _json(value: object) -> Json:
    """A value of the schema's JSON, its decimals as floats."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {str(name): _json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(value)
