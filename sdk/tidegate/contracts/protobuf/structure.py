"""The walk over a decoded event, compiled from the message's descriptor: every structural violation, in one pass.

It is the one judge of structure; protobuf-py only encodes what the walk let through. That library takes the last of two
members of a oneof and of two names of one field, and more such: each is a violation here. The walk answers in booleans;
paths are put together only behind a fault (`faults`).
"""

from collections.abc import Callable

from protobuf import DescEnum, DescField, DescFieldValueList, DescFieldValueMap, DescMessage, ScalarType

from tidegate.contracts.jsontext import count_keys
from tidegate.contracts.protobuf.expected import Kind, element_facts, expected_value, field_kind, field_rules, wrapped
from tidegate.contracts.protobuf.faults import Report
from tidegate.contracts.protobuf.scalars import Check, enum_check, map_key_check, null_value_check, scalar_check
from tidegate.contracts.protobuf.schema import is_redacted
from tidegate.contracts.protobuf.wellknown import (
    WELL_KNOWN,
    duration_check,
    field_mask_check,
    timestamp_check,
    value_check,
)
from tidegate.contracts.wording import shown

__all__ = ["FieldCheck", "MessageCheck", "compile_structure"]

_NULLABLE = ("google.protobuf.Value", "google.protobuf.NullValue")
_LISTED_NAMES = 10
_LEGACY_REQUIRED = 3  # SupportedFieldPresence.LEGACY_REQUIRED, which protobuf-py does not export
_PLAIN: dict[ScalarType, type] = {ScalarType.STRING: str, ScalarType.BOOL: bool}


class FieldCheck:
    """One field as the walk sees it.

    `own` is the field's bit among its message's; `mask` adds the bit of its oneof. `plain` is the Python type that needs
    no further look. `expected` and `element_expected` are texts, the latter of a list's items or a map's values. `inner`
    is the walk of the message that the field, its items or its map's values hold.
    """

    __slots__ = (
        "anchor", "check", "desc", "element_expected", "element_facts", "expected", "facts", "inner", "kind", "mask", "null_is_absent",
        "own", "plain", "secret",
    )  # fmt: skip

    def __init__(self, desc: DescField, own: int, group: int) -> None:
        self.desc = desc
        self.own = own
        self.mask = own | group
        self.anchor = desc.json_name
        self.secret = is_redacted(desc)
        self.kind = kind = wrapped(field_kind(desc))
        self.facts = of = field_rules(desc)
        unit = {DescFieldValueList: "array", DescFieldValueMap: "map"}.get(type(desc.value), "")
        self.expected = expected_value(kind, of, unit)
        self.element_facts = element_facts(of) if unit else of
        self.element_expected = expected_value(kind, self.element_facts) if unit else ""
        self.null_is_absent = bool(unit) or isinstance(kind, ScalarType) or kind.type_name not in _NULLABLE
        self.plain: type | None = _PLAIN.get(kind) if isinstance(kind, ScalarType) and not unit else None
        self.inner: MessageCheck | None = None
        self.check: Check = _undecided


def _undecided(value: object, report: Report) -> bool:
    raise AssertionError((value, report))


class MessageCheck:
    """One message type as the walk sees it. Its fields are set after it is made: messages may contain themselves."""

    __slots__ = ("by_name", "by_proto_name", "desc", "drops", "listed", "names", "required", "unknown")

    def __init__(self, desc: DescMessage, *, drops: bool) -> None:
        self.desc = desc
        self.drops = drops
        self.by_name: dict[str, FieldCheck] = {}
        self.by_proto_name: dict[str, FieldCheck] = {}
        self.unknown = f"is no field of {desc.name}"
        self.names: tuple[str, ...] = ()
        self.listed = ""
        self.required: tuple[FieldCheck, ...] = ()

    def fill(self, fields: list[FieldCheck]) -> None:
        """Takes the fields, once."""
        self.by_proto_name = {field.desc.name: field for field in fields}
        self.by_name = self.by_proto_name | {field.desc.json_name: field for field in fields}
        self.names = tuple(field.desc.json_name for field in fields)
        more = ", …" if len(self.names) > _LISTED_NAMES else ""
        self.listed = f"one of {', '.join(self.names[:_LISTED_NAMES])}{more}" if fields else "no fields"
        self.required = tuple(field for field in fields if field.desc.presence == _LEGACY_REQUIRED)

    def check(self, value: object, report: Report) -> bool:
        """Judges one object."""
        if type(value) is not dict:
            return report.add("type", "is not an object", "object", value)
        report.keys += len(value)
        bad = False
        seen = 0
        mark = len(report.faults)
        unknown: list[str] = []
        by_name = self.by_name
        for name, item in value.items():
            field = by_name.get(name)
            if field is None:
                if self.drops:
                    unknown.append(name)
                    continue
                bad = report.add("unknown_field", self.unknown, self.listed, item, known=self.names)
                mark = report.step(mark, name)
                continue
            mask = field.mask
            if item is None and field.null_is_absent:
                mask = field.own
                if not seen & mask:
                    seen |= mask
                    continue
            if seen & mask:
                bad = self._twice(field, name, value, report)
            elif type(item) is not field.plain and field.check(item, report):
                bad = True
            else:
                seen |= mask
                continue
            seen |= mask
            mark = report.step(mark, name, field.anchor, secret=field.secret)
        if unknown:
            report.dropped += len(unknown)
            for name in unknown:
                report.keys += count_keys(value.pop(name))
        for field in self.required:
            if not seen & field.own:
                bad = report.add("required", "is missing", field.expected)
                mark = report.step(mark, field.anchor, field.anchor)
        return bad

    def _twice(self, field: FieldCheck, name: str, value: dict[str, object], report: Report) -> bool:
        first = next((other for other in value if other != name and self.by_name.get(other) is field), None)
        if first is not None:
            return report.add(
                "duplicate_key", f"is the same field as {shown(first)}, which is there too", hint="send one of the two"
            )
        oneof = getattr(field.desc.value, "oneof", None)
        names = ", ".join(member.json_name for member in oneof.fields) if oneof is not None else ""
        return report.add(
            "union", "is set beside another member of its oneof", expected=f"one of {names}", hint="send one of them"
        )


def compile_structure(message: DescMessage, *, drops: bool) -> MessageCheck:
    """The walk of a message type. `drops`: unknown fields are taken out of the tree and counted, not refused."""
    return _Compiler(drops=drops).message(message)


class _Compiler:
    def __init__(self, *, drops: bool) -> None:
        self._drops = drops
        self._messages: dict[str, MessageCheck] = {}

    def message(self, desc: DescMessage) -> MessageCheck:
        known = self._messages.get(desc.type_name)
        if known is not None:
            return known
        made = self._messages[desc.type_name] = MessageCheck(desc, drops=self._drops)
        groups = {oneof.name: 1 << (len(desc.fields) + i) for i, oneof in enumerate(desc.oneofs)}
        fields = []
        for i, field in enumerate(desc.fields):
            oneof = getattr(field.value, "oneof", None)
            one = FieldCheck(field, 1 << i, groups[oneof.name] if oneof is not None else 0)
            one.check = self._field(one)
            if isinstance(one.kind, DescMessage) and one.kind.type_name not in WELL_KNOWN:
                one.inner = self.message(one.kind)
            fields.append(one)
        made.fill(fields)
        return made

    def _field(self, field: FieldCheck) -> Check:
        kind = field.kind
        value = field.desc.value
        if isinstance(value, DescFieldValueList):
            return _list_check(self._value(kind, field.element_expected), field.expected)
        if isinstance(value, DescFieldValueMap):
            return _map_check(map_key_check(value.key), self._value(kind, field.element_expected), field.expected)
        return self._value(kind, field.expected)

    def _value(self, kind: Kind, expected: str) -> Check:
        if isinstance(kind, ScalarType):
            return scalar_check(kind, expected)
        if isinstance(kind, DescEnum):
            if kind.type_name == "google.protobuf.NullValue":
                return null_value_check(expected)
            return enum_check(_enum_names(kind), expected, is_open=kind.open)
        match kind.type_name:
            case "google.protobuf.Timestamp":
                return timestamp_check(expected)
            case "google.protobuf.Duration":
                return duration_check(expected)
            case "google.protobuf.FieldMask":
                return field_mask_check(expected)
            case "google.protobuf.Struct":
                return value_check(expected, dict)
            case "google.protobuf.ListValue":
                return value_check(expected, list)
            case "google.protobuf.Value":
                return value_check(expected)
        return self.message(kind).check


def _enum_names(kind: DescEnum) -> dict[str, int]:
    """The names that JSON may use for an enum's values: those of the .proto file, and custom ones where there are any."""
    names = {value.name: value.number for value in kind.values}
    return names | {value.json_name: value.number for value in kind.values if value.json_name}


def _list_check(element: Check, expected: str) -> Check:
    def check(value: object, report: Report) -> bool:
        if type(value) is not list:
            return report.add("type", "is not an array", expected, value)
        bad = False
        mark = len(report.faults)
        for index, item in enumerate(value):
            if element(item, report):
                bad = True
                mark = report.step(mark, index)
        return bad

    return check


def _map_check(wrong_key: Callable[[str], str], element: Check, expected: str) -> Check:
    def check(value: object, report: Report) -> bool:
        if type(value) is not dict:
            return report.add("type", "is not an object", expected, value)
        report.keys += len(value)
        bad = False
        mark = len(report.faults)
        for key, item in value.items():
            if wrong := wrong_key(key):
                report.add("type", wrong, expected)
            elif not element(item, report):
                continue
            bad = True
            mark = report.step(mark, key)
        return bad

    return check
