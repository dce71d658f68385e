"""An example event out of a schema and its standard rules, for the topic's page. Used by `codec` at load.

Values come from the rules (`example`, `const`, `in`, bounds, lengths, formats). What an expression or a pattern asks
cannot be solved here: `codec` takes the first of the candidates that satisfies the contract.
"""

import base64
from collections.abc import Iterator, Sequence

import msgspec
from protobuf import DescEnum, DescField, DescFieldValueList, DescFieldValueMap, DescMessage, Oneof, ScalarType
from protovalidate import ViolationPb

from tidegate.contracts.protobuf.expected import (
    Facts,
    Kind,
    element_facts,
    field_kind,
    field_rules,
    key_facts,
    shown_value,
    wrapped,
)
from tidegate.contracts.protobuf.scalars import INTEGER_BOUNDS

__all__ = ["examples"]

_MESSAGE_RULES = next(
    extension.type for extension in ViolationPb.desc().file.extensions if extension.type_name == "buf.validate.message"
)
_FORMATS = {
    "uuid": "0190d0f2-7b1c-7c3a-9a52-5b1f3f2f1a11",
    "tuuid": "0190d0f27b1c7c3a9a525b1f3f2f1a11",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ip": "192.0.2.1",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/a",
    "uri_ref": "/a",
    "address": "example.com",
    "ip_with_prefixlen": "192.0.2.0/24",
    "ipv4_with_prefixlen": "192.0.2.0/24",
    "ipv6_with_prefixlen": "2001:db8::/32",
    "ip_prefix": "192.0.2.0/24",
    "ipv4_prefix": "192.0.2.0/24",
    "ipv6_prefix": "2001:db8::/32",
    "host_and_port": "example.com:443",
    "ulid": "01J1M9E0000000000000000000",
}
_MOST_ITEMS = 100
_INSTANT = "2026-01-31T12:00:00Z"


def examples(message: DescMessage) -> Iterator[bytes]:
    """Candidates, each plain JSON and the same each time: every field, the required ones only, nothing."""
    for required_only in (False, True):
        yield msgspec.json.encode(_object(message, (), required_only=required_only))
    yield b"{}"


def _object(message: DescMessage, above: tuple[str, ...], *, required_only: bool) -> dict[str, object]:
    options = message.proto.options
    rules = options[_MESSAGE_RULES] if options is not None else None
    groups = [set(rule.fields) for rule in rules.oneof] if rules is not None else []
    used: set[str] = set()
    event: dict[str, object] = {}
    for field in message.fields:
        of = field_rules(field)
        oneof = getattr(field.value, "oneof", None)
        if oneof is not None and oneof.name in used:
            continue
        if any(field.name in group and group & used for group in groups):
            continue
        if required_only and oneof is None and not _is_needed(of):
            continue
        kind = wrapped(field_kind(field))
        if isinstance(kind, DescMessage) and kind.type_name in (*above, message.type_name):
            continue
        event[field.json_name] = _field(field, kind, of, (*above, message.type_name), required_only=required_only)
        used |= {field.name} | ({oneof.name} if oneof is not None else set())
    return event


def _is_needed(of: Facts) -> bool:
    """Whether a rule may refuse the default: one that asks for nothing but `example` or `ignore` never does."""
    return bool(of.keys() - {"example", "ignore"})


def _field(field: DescField, kind: Kind, of: Facts, above: tuple[str, ...], *, required_only: bool) -> object:
    inner = element_facts(of)
    if isinstance(field.value, DescFieldValueList):
        size = min(max(_whole(of.get("min_items")), 1), _MOST_ITEMS)
        return [_value(kind, inner, field.json_name, above, i, required_only=required_only) for i in range(size)]
    if isinstance(field.value, DescFieldValueMap):
        size = min(max(_whole(of.get("min_pairs")), 1), _MOST_ITEMS)
        return {
            _map_key(field.value.key, key_facts(of), above, i): _value(
                kind, inner, "value", above, i, required_only=required_only
            )
            for i in range(size)
        }
    return _value(kind, of, field.json_name, above, 0, required_only=required_only)


def _map_key(kind: ScalarType, of: Facts, above: tuple[str, ...], number: int) -> str:
    value = _value(kind, of, "key", above, number, required_only=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _value(kind: Kind, of: Facts, name: str, above: tuple[str, ...], number: int, *, required_only: bool) -> object:
    """One value; `number` tells the items of a list apart."""
    given = _given(of, number)
    if isinstance(kind, DescEnum):
        return _symbol(kind, of, given)
    if given is not None:
        return base64.b64encode(given).decode() if isinstance(given, bytes) else given
    if isinstance(kind, ScalarType):
        return _scalar(kind, of, name, number)
    match kind.type_name:
        case "google.protobuf.Timestamp":
            return _bound(of) or _INSTANT
        case "google.protobuf.Duration":
            return _bound(of) or "1.5s"
        case "google.protobuf.FieldMask":
            return ""
        case "google.protobuf.Struct":
            return {}
        case "google.protobuf.ListValue":
            return []
        case "google.protobuf.Value":
            return name
    return _object(kind, above, required_only=required_only)


def _given(of: Facts, number: int) -> object:
    """A value that the rules name themselves."""
    for name in ("const", "example", "in"):
        value = of.get(name)
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            value = value[number % len(value)] if value else None
        if value is not None:
            return shown_value(value)
    return None


def _bound(of: Facts) -> object:
    value = of.get("gte") or of.get("lte")
    value = value.value if isinstance(value, Oneof) else value
    return shown_value(value) if value is not None else None


def _symbol(kind: DescEnum, of: Facts, given: object) -> object:
    if kind.type_name == "google.protobuf.NullValue":
        return None
    barred = of.get("not_in")
    fit = [v for v in kind.values if not (isinstance(barred, list) and v.number in barred)] or list(kind.values)
    if given is not None:
        return next((v.name for v in kind.values if v.number == given), given)
    return next((v.name for v in fit if v.number != 0), fit[0].name)


def _scalar(kind: ScalarType, of: Facts, name: str, number: int) -> object:
    if kind is ScalarType.BOOL:
        return True
    if kind in (ScalarType.STRING, ScalarType.BYTES):
        return _text(kind, of, name, number)
    low, high = of.get("gte", of.get("gt")), of.get("lte", of.get("lt"))
    step = 1 if kind in INTEGER_BOUNDS else 0.5
    start: float = 1 if kind in INTEGER_BOUNDS else 1.5
    if isinstance(low, int | float):
        start = max(start, low if "gte" in of else low + step)
    if isinstance(high, int | float) and start > (high if "lte" in of else high - step):
        start = high if "lte" in of else high - step
    barred = of.get("not_in")
    value = start + number
    while isinstance(barred, list) and value in barred:
        value += 1
    return value


def _text(kind: ScalarType, of: Facts, name: str, number: int) -> str:
    for format_name, sample in _FORMATS.items():
        if of.get(format_name) is True:
            return sample
    text = f"{name}{number + 1}" if number else name
    prefix, inside, suffix = (of.get(part) for part in ("prefix", "contains", "suffix"))
    parts = [part if isinstance(part, str) else "" for part in (prefix, inside, suffix)]
    exact = of.get("len") or of.get("len_bytes")
    least = _whole(exact or of.get("min_len") or of.get("min_bytes"))
    most = _whole(exact or of.get("max_len") or of.get("max_bytes")) or max(len(text), least)
    room = max(most - sum(map(len, parts)), 0)
    filler = text[:room] + "x" * (min(least, room + sum(map(len, parts))) - min(len(text), room) - sum(map(len, parts)))
    made = parts[0] + filler + parts[1] + parts[2]
    return base64.b64encode(made.encode()).decode() if kind is ScalarType.BYTES else made
