"""The walk over a binary event, compiled from the same descriptors as the walk over JSON (`structure`). Used by `codec`.

It is the one judge of the bytes: protobuf-py decodes only what the walk let through. Bytes that are no message raise
`Unreadable`; what a parser would take and lose in silence is a fault: a field or map key twice, two members of one
oneof, a known field of another wire type, a number past its field's width. Depth is counted as the JSON form would
nest, so that both forms of an event get one verdict.
"""

from collections.abc import Callable

from protobuf import DescEnum, DescField, DescFieldValueList, DescFieldValueMap, DescMessage, ScalarType

from tidegate.contracts.jsontext import MAX_DEPTH
from tidegate.contracts.protobuf.expected import element_facts, expected_value, field_kind, field_rules
from tidegate.contracts.protobuf.faults import Report
from tidegate.contracts.protobuf.nesting import MAX_MESSAGES
from tidegate.contracts.protobuf.scalars import map_key_check
from tidegate.contracts.protobuf.schema import is_redacted
from tidegate.contracts.protobuf.wire import (
    END_GROUP,
    FIXED32,
    LENGTH,
    START_GROUP,
    WIRE_NAMES,
    Unreadable,
    length,
    skip,
    tag_at,
)
from tidegate.contracts.protobuf.wire_scalars import Scalar, enum_scalar, scalar
from tidegate.contracts.protobuf.wire_wellknown import INSTANTS, finite_check, instant_check, mask_path_check
from tidegate.contracts.source import UnknownFields

__all__ = ["TOO_DEEP_RULE", "BinaryField", "BinaryMessage", "compile_binary", "key_text"]

TOO_DEEP_RULE = "too deep for readers"
"""The rule of an `Unreadable` for messages inside each other past what Protobuf libraries read; never shown."""

_LEGACY_REQUIRED = 3  # SupportedFieldPresence.LEGACY_REQUIRED, which protobuf-py does not export
_CONTAINERS = ("google.protobuf.Struct", "google.protobuf.ListValue")
_PARTS = ("google.protobuf.Value", "google.protobuf.FieldMask", *INSTANTS)

One = Callable[[bytes, int, int, Report, int, int], int]
"""Judges one value at a place before an end, at a JSON depth and a depth of messages; answers where it ends."""


def _is_transparent(message: DescMessage) -> bool:
    """Whether a message's fields have no names in JSON: Google's types with a JSON of their own."""
    return message.type_name in (*_CONTAINERS, *_PARTS) or message.file.name == "google/protobuf/wrappers.proto"


class BinaryField:
    """One field as the walk sees it.

    `own` is the field's bit among its message's, `mask` adds the bit of its oneof. `name` is JSON's, None where JSON has
    none. `element` reads one value (`scalar`: how, None for messages), whose wire type is `element_wire`. `levels` is what a list or map adds to the depth.
    """

    __slots__ = (
        "desc", "element", "element_wire", "expected", "is_list", "is_map", "key", "levels", "mask", "message", "name", "own", "packs",
        "scalar", "secret", "steps", "wire", "wrong_key",
    )  # fmt: skip

    def __init__(self, desc: DescField, own: int, group: int, *, transparent: bool) -> None:
        value = desc.value
        self.desc = desc
        self.own = own
        self.mask = own | group
        self.name: str | None = None if transparent else desc.json_name
        self.secret = is_redacted(desc)
        self.is_list = isinstance(value, DescFieldValueList)
        self.is_map = isinstance(value, DescFieldValueMap)
        self.levels = 1 if (self.is_list or self.is_map) and not transparent else 0
        self.steps = desc.parent.type_name != "google.protobuf.FieldMask"
        of = field_rules(desc)
        unit = "array" if self.is_list else "map" if self.is_map else ""
        self.expected = expected_value(field_kind(desc), of, unit)
        self.scalar: Scalar | None = None
        self.message: BinaryMessage | None = None
        self.element: One = _undecided
        self.wire = self.element_wire = LENGTH
        self.packs = False
        self.key: Scalar | None = scalar(value.key, "") if isinstance(value, DescFieldValueMap) else None
        self.wrong_key: Callable[[str], str] = (
            map_key_check(value.key) if isinstance(value, DescFieldValueMap) else lambda _key: ""
        )


def _undecided(body: bytes, at: int, end: int, report: Report, level: int, below: int) -> int:
    raise AssertionError((body, at, end, report, level, below))


class BinaryMessage:
    """One message type as the walk sees it. Its fields are set after it is made: messages may contain themselves."""

    __slots__ = ("by_number", "by_tag", "desc", "level", "needs_one", "required", "transparent", "unknown_fields")

    def __init__(self, desc: DescMessage, unknown_fields: UnknownFields) -> None:
        self.desc = desc
        self.unknown_fields = unknown_fields
        self.transparent = _is_transparent(desc)
        self.level = 0 if self.transparent and desc.type_name not in _CONTAINERS else 1
        self.needs_one = desc.type_name == "google.protobuf.Value"
        self.by_tag: dict[int, BinaryField] = {}
        self.by_number: dict[int, BinaryField] = {}
        self.required: tuple[BinaryField, ...] = ()

    def fill(self, fields: list[BinaryField]) -> None:
        """Takes the fields, once."""
        self.by_number = {field.desc.number: field for field in fields}
        self.by_tag = {field.desc.number << 3 | field.wire: field for field in fields}
        self.by_tag |= {field.desc.number << 3 | LENGTH: field for field in fields if field.packs}
        self.required = tuple(field for field in fields if field.desc.presence == _LEGACY_REQUIRED)

    def walk(self, body: bytes, at: int, end: int, report: Report, level: int, below: int, group: int = 0) -> int:
        """Judges the message in `body[at:end]`, or the group `group` that begins at `at`; answers where it ends.

        `level` is the depth in JSON and `below` that of messages, both with this one. Raises `Unreadable`.
        """
        if level > MAX_DEPTH:
            raise Unreadable(f"nests more than {MAX_DEPTH} levels deep", at, "depth")
        if below > MAX_MESSAGES:
            raise Unreadable("nests too deep", at, TOO_DEEP_RULE)
        begin = at
        seen = 0
        many: dict[int, _Many] = {}
        unknown: set[int] = set()
        count = report.count
        mark = len(report.faults)
        by_tag = self.by_tag.get
        field: BinaryField | None = None
        try:
            while at < end:
                start = at
                field = None
                tag = body[at]
                if 8 <= tag < 0x80:
                    at += 1
                else:
                    tag, at = tag_at(body, at, end)
                field = by_tag(tag)
                if field is None:
                    if tag & 7 == END_GROUP and group == tag >> 3:
                        break
                    if tag & 7 > FIXED32:
                        tag_at(body, start, end)  # says what is wrong with it
                    at = skip(body, at, end, tag)
                    mark = self._other(tag, start, report, mark, unknown)
                    count = report.count
                    continue
                if field.levels or field.is_list or field.is_map:
                    known = many.get(field.own)
                    if known is None:
                        known = many[field.own] = _Many()
                    at = known.read(field, tag, body, at, end, report, level, below)
                else:
                    if seen & field.mask:
                        self._twice(field, seen, report)
                    at = field.element(body, at, end, report, level, below)
                seen |= field.mask
                if report.count != count:
                    count = report.count
                    mark = _step(report, mark, field, start)
            else:
                _no_end(group, begin)
        except Unreadable as broken:
            if field is not None and field.name is not None:
                broken.path.append(field.name)
            raise
        if unknown and self.unknown_fields == "drop":
            report.dropped += len(unknown)
        if self.needs_one and not seen:
            report.add("type", "is a google.protobuf.Value of no kind", "any JSON", at=begin)
        for field in self.required:
            if not seen & field.own:
                report.add("required", "is missing", field.expected)
                mark = _step(report, mark, field, None)
        return at

    def _other(self, tag: int, start: int, report: Report, mark: int, unknown: set[int]) -> int:
        """A field that the message does not have, or that has another wire type; answers the next mark."""
        number, wire = tag >> 3, tag & 7
        field = self.by_number.get(number)
        if field is not None:
            wanted = WIRE_NAMES[field.wire]
            report.add("type", f"has the wire type {WIRE_NAMES[wire]}, where {wanted} is needed", field.expected)
            return _step(report, mark, field, start)
        if number in unknown:
            return mark
        unknown.add(number)
        if self.unknown_fields == "reject":
            report.add("unknown_field", f"is a field number that {self.desc.name} does not have", self._known())
            return report.step(mark, number, at=start)
        return mark

    def _known(self) -> str:
        numbers = ", ".join(f"{number}" for number in sorted(self.by_number)[:10])
        more = ", …" if len(self.by_number) > 10 else ""
        return f"one of the numbers {numbers}{more}" if numbers else "no fields"

    def _twice(self, field: BinaryField, seen: int, report: Report) -> None:
        if seen & field.own:
            report.add("duplicate_key", "stands twice: a reader would keep one and lose the other")
            return
        oneof = getattr(field.desc.value, "oneof", None)
        names = ", ".join(member.json_name for member in oneof.fields) if oneof is not None else ""
        report.add(
            "union", "is set beside another member of its oneof", expected=f"one of {names}", hint="send one of them"
        )


def _step(report: Report, mark: int, field: BinaryField, at: int | None) -> int:
    if field.name is None:
        return report.locate(mark, at)
    return report.step(mark, field.name, field.name, secret=field.secret, at=at)


def _no_end(group: int, begin: int) -> None:
    if group:
        raise Unreadable("is truncated: a group has no end", begin)


class _Many:
    """What a message's walk remembers of one list or map: how many items there were, which keys."""

    __slots__ = ("keys", "size")

    def __init__(self) -> None:
        self.size = 0
        self.keys: set[str] = set()

    def read(
        self, field: BinaryField, tag: int, body: bytes, at: int, end: int, report: Report, level: int, below: int
    ) -> int:
        """One item, a packed run of them, or one entry."""
        level += field.levels
        if below >= MAX_MESSAGES and field.is_map:
            raise Unreadable("nests too deep", at, TOO_DEEP_RULE)
        if level > MAX_DEPTH:
            raise Unreadable(f"nests more than {MAX_DEPTH} levels deep", at, "depth")
        if field.is_map:
            return self._entry(field, body, at, end, report, level, below + 1)
        if tag & 7 != LENGTH or not field.packs:
            return self._item(field, body, at, end, report, level, below)
        at, stop = length(body, at, end)
        while at < stop:
            at = self._item(field, body, at, stop, report, level, below)
        return at

    def _item(self, field: BinaryField, body: bytes, at: int, end: int, report: Report, level: int, below: int) -> int:
        count, mark, start = report.count, len(report.faults), at
        try:
            at = field.element(body, at, end, report, level, below)
        except Unreadable as broken:
            if field.steps:
                broken.path.append(self.size)
            raise
        if report.count != count and field.steps:
            report.step(mark, self.size, at=start)
        self.size += 1
        report.values += 1
        return at

    def _entry(self, field: BinaryField, body: bytes, at: int, end: int, report: Report, level: int, below: int) -> int:
        """A map's entry: a message of key (1) and value (2), either of which may be left out."""
        start = at
        at, stop = length(body, at, end)
        count, mark = report.count, len(report.faults)
        assert field.key is not None  # noqa: S101 -- it is a map
        key = field.key.zero
        key_tag, value_tag = 8 | field.key.wire, 16 | field.element_wire
        parts = 0
        while at < stop:
            tag, at = tag_at(body, at, stop)
            part = 1 if tag == key_tag else 2 if tag == value_tag else 0
            if not part or parts & part:
                at = skip(body, at, stop, tag)
                what = "a key or value twice" if part else f"the field number {tag >> 3} in a form that no entry has"
                report.add("duplicate_key" if part else "type", f"has an entry with {what}", field.expected, at=start)
            elif part == 1:
                key, at = field.key.get(body, at, stop)
            else:
                try:
                    at = field.element(body, at, stop, report, level, below)
                except Unreadable as broken:
                    broken.path.append(key_text(field, key))
                    raise
            parts |= part
        text = key_text(field, key)
        if wrong := field.wrong_key(text):
            report.add("type", wrong, field.expected)
        elif text in self.keys:
            report.add("duplicate_key", "is a key that stands twice: a reader would keep one and lose the other")
        self.keys.add(text)
        report.values += 1
        if report.count != count:
            report.step(mark, text, at=start)
        return at


def key_text(field: BinaryField, key: object) -> str:
    """A map's key as JSON writes it."""
    value = field.desc.value
    if isinstance(value, DescFieldValueMap) and value.key is ScalarType.BOOL:
        return "true" if key == 1 else "false" if key == 0 else str(key)
    return str(key)


def compile_binary(message: DescMessage, unknown_fields: UnknownFields) -> BinaryMessage:
    """The walk over a message type's binary form."""
    return _Compiler(unknown_fields).message(message)


class _Compiler:
    def __init__(self, unknown_fields: UnknownFields) -> None:
        self._unknown_fields: UnknownFields = unknown_fields
        self._messages: dict[str, BinaryMessage] = {}

    def message(self, desc: DescMessage) -> BinaryMessage:
        known = self._messages.get(desc.type_name)
        if known is not None:
            return known
        made = self._messages[desc.type_name] = BinaryMessage(desc, self._unknown_fields)
        groups = {oneof.name: 1 << (len(desc.fields) + i) for i, oneof in enumerate(desc.oneofs)}
        fields = []
        for i, one in enumerate(desc.fields):
            oneof = getattr(one.value, "oneof", None)
            group = groups[oneof.name] if oneof is not None else 0
            field = BinaryField(one, 1 << i, group, transparent=made.transparent)
            self._fill(field)
            fields.append(field)
        made.fill(fields)
        return made

    def _fill(self, field: BinaryField) -> None:
        kind = field_kind(field.desc)
        expected = field.expected
        if field.is_list or field.is_map:
            expected = expected_value(kind, element_facts(field_rules(field.desc)))
        if isinstance(kind, DescMessage):
            field.message = inner = self.message(kind)
            if getattr(field.desc.value, "delimited_encoding", False):
                field.wire = START_GROUP
                field.element = _group(inner, field.desc.number)
            else:
                field.element = _instant(inner, expected) if kind.type_name in INSTANTS else _message(inner)
            return
        one = enum_scalar(kind, expected) if isinstance(kind, DescEnum) else scalar(kind, expected)
        if field.desc.parent.type_name == "google.protobuf.Value" and kind is ScalarType.DOUBLE:
            one.check = finite_check
        if field.desc.parent.type_name == "google.protobuf.FieldMask":
            one.check = mask_path_check
        field.scalar = one
        field.element_wire = one.wire
        field.wire = LENGTH if field.is_map else one.wire
        field.packs = field.is_list and one.wire != LENGTH
        field.element = _single(one)


def _single(one: Scalar) -> One:
    get, check = one.get, one.check
    if check is None:
        return lambda body, at, end, _report, _level, _below: get(body, at, end)[1]

    def read(body: bytes, at: int, end: int, report: Report, _level: int, _below: int) -> int:
        value, at = get(body, at, end)
        check(value, report)
        return at

    return read


def _message(inner: BinaryMessage) -> One:
    def read(body: bytes, at: int, end: int, report: Report, level: int, below: int) -> int:
        at, stop = length(body, at, end)
        return inner.walk(body, at, stop, report, level + inner.level, below + 1)

    return read


def _group(inner: BinaryMessage, number: int) -> One:
    def read(body: bytes, at: int, end: int, report: Report, level: int, below: int) -> int:
        return inner.walk(body, at, end, report, level + inner.level, below + 1, number)

    return read


def _instant(inner: BinaryMessage, expected: str) -> One:
    check = instant_check(inner.desc.type_name, expected)

    def read(body: bytes, at: int, end: int, report: Report, level: int, below: int) -> int:
        start, stop = length(body, at, end)
        count = report.count
        inner.walk(body, start, stop, report, level, below + 1)
        if report.count == count:
            check(body, start, stop, report)
        return stop

    return read
