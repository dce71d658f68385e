"""The record's key and the event's time, taken from fields of a message. Used by `codec` alone."""

from collections.abc import Callable
from operator import attrgetter
from typing import cast

from protobuf import DescEnum, DescField, DescFieldValueMessage, DescMessage, Message, ScalarType

from tidegate.contracts.codec import ContractError
from tidegate.contracts.protobuf.expected import expected_value, field_kind, field_rules
from tidegate.contracts.protobuf.scalars import INTEGER_BOUNDS
from tidegate.contracts.protobuf.schema import field_path
from tidegate.contracts.record_keys import integer_key, text_key

__all__ = ["KeyPart", "TimePart", "compile_key", "compile_time"]

_IMPLICIT = 2  # SupportedFieldPresence.IMPLICIT, which protobuf-py does not export


def _reader(fields: tuple[DescField, ...]) -> Callable[[Message], object]:
    """Reads the value at the end of a path of singular fields; None where it, or a message on the way, is absent."""
    steps = [_step(field) for field in fields]
    if len(steps) == 1:
        return steps[0]

    def read(message: Message) -> object:
        value: object = message
        for step in steps:
            if value is None:
                return None
            value = step(cast("Message", value))
        return value

    return read


def _step(field: DescField) -> Callable[[Message], object]:
    """Reads one field; None where it is absent and that can be told from its default."""
    if isinstance(field.value, DescFieldValueMessage) and field.value.oneof is None:
        return attrgetter(field.local_name)  # None where absent
    if field.presence == _IMPLICIT:
        return attrgetter(field.local_name)

    def read(message: Message) -> object:
        if field not in message:
            return None
        value: object = message[field]
        return value

    return read


class KeyPart:
    """The contract's key field: `of` reads the record key out of a message.

    `check` raises ValueError for an explicit key that the field could never give.
    """

    __slots__ = ("_encode", "_read", "check", "expected", "path")

    def __init__(
        self, fields: tuple[DescField, ...], encode: Callable[[object], bytes], check: Callable[[bytes], object]
    ) -> None:
        self.check = check
        self.expected = expected_value(field_kind(fields[-1]), field_rules(fields[-1]))
        self.path: tuple[str, ...] = tuple(field.json_name for field in fields)
        self._read = _reader(fields)
        self._encode = encode

    def of(self, message: Message) -> bytes | None:
        """The key's bytes; None where the field is absent (an empty string or zero is a value)."""
        value = self._read(message)
        return None if value is None else self._encode(value)


def _text(value: object) -> bytes:
    return str(value).encode()


def _raw(value: object) -> bytes:
    return bytes(cast("bytes", value))


def _decimal(value: object) -> bytes:
    return b"%d" % cast("int", value)


class _Symbol:
    """An enum value's name as a key; a number that the (open) enum does not name is its decimal text."""

    def __init__(self, kind: DescEnum) -> None:
        self._names = {value.number: value.name.encode() for value in reversed(kind.values)}
        self._open = kind.open

    def __call__(self, value: object) -> bytes:
        number = int(cast("int", value))
        return self._names.get(number) or _decimal(number)

    def check(self, data: bytes) -> None:
        """Raises ValueError for what is no name of the enum, and no number that it does not name."""
        if data in self._names.values():
            return
        try:
            integer_key(data, "int32", *INTEGER_BOUNDS[ScalarType.INT32])
        except ValueError:
            raise ValueError("is no name of the enum") from None
        if not self._open or int(data) in self._names:
            raise ValueError("is no name of the enum")


def compile_key(message: DescMessage, path: str) -> KeyPart:
    """The key part of a contract. Raises `ContractError` for a field that cannot be a key (contracts.md, wire format)."""
    fields = field_path(message, path, "key")
    last = fields[-1]
    kind = field_kind(last)
    single = hasattr(last.value, "oneof")
    if single and kind is ScalarType.STRING:
        return KeyPart(fields, _text, text_key)
    if single and kind is ScalarType.BYTES:
        return KeyPart(fields, _raw, lambda _: None)
    if single and isinstance(kind, ScalarType) and kind in INTEGER_BOUNDS:
        low, high = INTEGER_BOUNDS[kind]
        name = kind.name.lower()
        return KeyPart(fields, _decimal, lambda data: integer_key(data, name, low, high))
    if single and isinstance(kind, DescEnum):
        symbol = _Symbol(kind)
        return KeyPart(fields, symbol, symbol.check)
    raise ContractError(
        f"key {path}: only a singular string, bytes, integer or enum field can be the key", pointer=str(last)
    )


class TimePart:
    """The contract's event time: a google.protobuf.Timestamp field."""

    __slots__ = ("_read", "path")

    def __init__(self, fields: tuple[DescField, ...]) -> None:
        self.path: tuple[str, ...] = tuple(field.json_name for field in fields)
        self._read = _reader(fields)

    def of(self, message: Message) -> int | None:
        """Milliseconds since 1970 UTC, finer digits cut; None where the field is absent."""
        stamp = self._read(message)
        if stamp is None:
            return None
        return stamp.seconds * 1000 + stamp.nanos // 1_000_000  # type: ignore[attr-defined, no-any-return] # a Timestamp


def compile_time(message: DescMessage, path: str) -> TimePart:
    """The time part of a contract. Raises `ContractError` for a field of another type."""
    fields = field_path(message, path, "eventTime")
    kind = field_kind(fields[-1])
    single = hasattr(fields[-1].value, "oneof")
    if not (single and isinstance(kind, DescMessage) and kind.type_name == "google.protobuf.Timestamp"):
        raise ContractError(
            f"eventTime {path}: only a singular google.protobuf.Timestamp can be the event's time",
            pointer=str(fields[-1]),
        )
    return TimePart(fields)
