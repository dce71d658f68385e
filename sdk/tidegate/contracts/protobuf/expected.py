"""What a field's value should be, in words: its type and what the standard protovalidate rules ask of it.

Called while a contract is compiled: the texts are the `expected` of violations and of the topic's page. `facts` is also
what `rules` and `example` read of a field's rules.
"""

from collections.abc import Mapping

from protobuf import DescEnum, DescField, DescFieldValueList, DescFieldValueMap, DescMessage, Message, Oneof, ScalarType
from protovalidate import ViolationPb

__all__ = [
    "Facts",
    "Kind",
    "counted",
    "element_facts",
    "expected_value",
    "facts",
    "field_kind",
    "field_rules",
    "is_wrapper",
    "key_facts",
    "kind_name",
    "shown_value",
    "wrapped",
]

Kind = ScalarType | DescEnum | DescMessage
Facts = Mapping[str, object]
"""The rules that are set on one value, by their names in validate.proto (`gte`, `min_len`, `uuid`, ...)."""

_ENUM_NAMES = 12
_FIELD_RULES = next(
    extension.type for extension in ViolationPb.desc().file.extensions if extension.type_name == "buf.validate.field"
)
_JSON_FORMS = {
    "google.protobuf.Timestamp": "RFC 3339 date-time with offset, like 2026-01-31T12:00:00Z",
    "google.protobuf.Duration": "duration in seconds, like 1.5s",
    "google.protobuf.FieldMask": "field names in lowerCamelCase, joined by commas",
    "google.protobuf.Struct": "object",
    "google.protobuf.ListValue": "array",
    "google.protobuf.Value": "any JSON",
    "google.protobuf.NullValue": "null",
}
_SCALARS = {ScalarType.BOOL: "boolean", ScalarType.BYTES: "base64 string"}
_COUNTED = (
    ("len", "min_len", "max_len", "characters"),
    ("len_bytes", "min_bytes", "max_bytes", "bytes"),
    ("", "min_items", "max_items", "items"),
    ("", "min_pairs", "max_pairs", "entries"),
)
_NAMED = {"pattern": "matching", "prefix": "starting with", "suffix": "ending with", "contains": "containing"}


def field_rules(field: DescField) -> Facts:
    """The rules set on a field."""
    options = field.proto.options
    rules = options[_FIELD_RULES] if options is not None else None
    return facts(rules) if rules is not None else {}  # None: other options only, `deprecated` or `debug_redact`


def facts(rules: Message) -> Facts:
    """The rules set on a value: those of its type, and `required`."""
    flat: dict[str, object] = {}
    for field in rules:
        value = rules[field]
        if isinstance(value, Message) and field.name not in ("items", "keys", "values", "cel"):
            flat.update({inner.name: value[inner] for inner in value} if _is_type(field) else {field.name: value})
        else:
            flat[field.name] = value
    return flat


def _is_type(field: DescField) -> bool:
    return getattr(field.value, "oneof", None) is not None and field.value.oneof.name == "type"  # type: ignore[union-attr] # getattr saw it


def element_facts(of: Facts) -> Facts:
    """The rules of a list's items or of a map's values."""
    inner = of.get("items") or of.get("values")
    return facts(inner) if isinstance(inner, Message) else {}


def key_facts(of: Facts) -> Facts:
    """The rules of a map's keys."""
    inner = of.get("keys")
    return facts(inner) if isinstance(inner, Message) else {}


def field_kind(field: DescField) -> Kind:
    """The type of a field's value, of its items or of its map values."""
    value = field.value
    if isinstance(value, DescFieldValueList):
        return value.element
    if isinstance(value, DescFieldValueMap):
        return value.value
    for name in ("scalar", "enum", "message"):
        kind: Kind | None = getattr(value, name, None)
        if kind is not None:
            return kind
    raise TypeError(f"{field} has a value of a kind that is not known")


def wrapped(kind: Kind) -> Kind:
    """The scalar that a wrapper message holds; every other kind as it is."""
    if isinstance(kind, DescMessage) and is_wrapper(kind):
        return field_kind(kind.fields[0])
    return kind


def is_wrapper(message: DescMessage) -> bool:
    """Whether a message is one of google/protobuf/wrappers.proto."""
    return message.file.name == "google/protobuf/wrappers.proto"


def kind_name(kind: Kind) -> str:
    """A type in a word: `int32`, `Status`, `Item`, `Timestamp`."""
    return kind.name.lower() if isinstance(kind, ScalarType) else kind.name


def expected_value(kind: Kind, of: Facts, unit: str = "") -> str:
    """One value's type and rules: `int32, 1 to 10`. `unit` is `array` or `map` where `of` are the rules of one."""
    kind = wrapped(kind)
    if unit:
        base = f"{'array' if unit == 'array' else 'object'} of {expected_value(kind, element_facts(of))}"
    elif isinstance(kind, ScalarType):
        base = _SCALARS.get(kind, kind.name.lower())
    elif isinstance(kind, DescEnum) and kind.type_name not in _JSON_FORMS:
        base = _enum(kind, of)
        of = {}
    else:
        base = _JSON_FORMS.get(kind.type_name, "object")
    return ", ".join([base, *_phrases(of, kind)])


def _enum(kind: DescEnum, of: Facts) -> str:
    barred, only = of.get("not_in") or (), of.get("in") or ()
    names = [
        value.name
        for value in kind.values
        if value.number not in barred and (not only or value.number in only)  # type: ignore[operator] # lists of int32
    ]
    more = f", … ({len(names)} in all)" if len(names) > _ENUM_NAMES else ""
    return "one of " + ", ".join(names[:_ENUM_NAMES]) + more


def _phrases(of: Facts, kind: Kind) -> list[str]:
    phrases = [phrase for phrase in [_bounds(of)] if phrase]
    for exact, least, most, unit in _COUNTED:
        if kind is ScalarType.BYTES and unit == "characters":
            unit = "bytes"
        phrases += _count(of.get(exact), of.get(least), of.get(most), unit)
    phrases += [f"{words} {of[name]}" for name, words in _NAMED.items() if isinstance(of.get(name), str)]
    if "const" in of:
        phrases.append(f"only {shown_value(of['const'])}")
    for name, words in (("in", "one of"), ("not_in", "none of")):
        values = of.get(name)
        if isinstance(values, list) and values:
            phrases.append(f"{words} " + ", ".join(str(shown_value(value)) for value in values[:_ENUM_NAMES]))
    if "within" in of:
        phrases.append(f"within {shown_value(of['within'])} of now")
    phrases += [
        _FLAGS.get(name) or name.replace("_", " ")
        for name, value in of.items()
        if value is True and name not in _SILENT
    ]
    return phrases


_FLAGS = {"lt_now": "in the past", "gt_now": "in the future"}
_SILENT = {"required", "strict", "defined_only", "const"}


def _bounds(of: Facts) -> str:
    low, high = of.get("gte"), of.get("lte")
    if low is not None and high is not None:
        return f"{shown_value(low)} to {shown_value(high)}"
    words = (("gte", "at least"), ("gt", "more than"), ("lte", "at most"), ("lt", "less than"))
    return " and ".join(f"{word} {shown_value(of[name])}" for name, word in words if of.get(name) is not None)


def _count(exact: object, least: object, most: object, unit: str) -> list[str]:
    if exact is not None:
        return [f"{exact} {counted(exact, unit)}"]
    if least is not None and most is not None:
        return [f"{least} to {most} {unit}"]
    return [f"{word} {n} {counted(n, unit)}" for word, n in (("at least", least), ("at most", most)) if n is not None]


def counted(count: object, unit: str) -> str:
    """`1 item`, `2 items`."""
    return unit if count != 1 else "entry" if unit == "entries" else unit[:-1]


def shown_value(value: object) -> object:
    """A rule's value for people: durations and timestamps as their JSON."""
    if isinstance(value, Oneof):
        return value.value
    return value.to_json().strip('"') if isinstance(value, Message) else value
