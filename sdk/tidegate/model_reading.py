"""Plain JSON as values of annotations: how generated models are read, and what their members are. Called by `models`."""

import base64
import binascii
import dataclasses
import math
import types
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, NoReturn, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

__all__ = ["Decode", "Member", "ModelError", "Tag", "Unit", "decoder_of", "members_of"]

Decode = Callable[[Any], Any]
"""JSON (numbers with a fraction as Decimal) to a value. Raises `ModelError`."""


class ModelError(ValueError):
    """What was read is no event of the model. The message begins with the place (`items[0].coffee`)."""

    def __init__(self, detail: str, place: str = "") -> None:
        super().__init__(f"{place} {detail}" if place else detail)
        self.detail = detail
        self.place = place

    def within(self, step: str) -> "ModelError":
        """The same, seen from one step further out."""
        joint = "" if not self.place or self.place.startswith("[") else "."
        return ModelError(self.detail, f"{step}{joint}{self.place}")


class Unit(Enum):
    """What an integer counts where a time is one, since 1970 (times of day: since midnight)."""

    MILLIS = "ms"
    MICROS = "us"
    LOCAL_MILLIS = "local ms"
    LOCAL_MICROS = "local us"

    @property
    def micros(self) -> int:
        """Microseconds of one."""
        return 1000 if self in (Unit.MILLIS, Unit.LOCAL_MILLIS) else 1

    @property
    def is_local(self) -> bool:
        """Whether such a time has no offset."""
        return self in (Unit.LOCAL_MILLIS, Unit.LOCAL_MICROS)


@dataclasses.dataclass(frozen=True, slots=True)
class Tag:
    """The name of a union's branch, where several look alike in JSON: such values are written `{"<name>": value}`."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One attribute of a model and its `name` in events. `absent`: None is its default, so that None need not be written."""

    attribute: str
    name: str
    absent: bool


def members_of(kind: type) -> tuple[Member, ...]:
    """The members of a generated model, of any style."""
    if dataclasses.is_dataclass(kind):
        return tuple(
            Member(attribute=f.name, name=f.metadata.get("name", f.name), absent=f.default is None)
            for f in dataclasses.fields(kind)
        )
    if issubclass(kind, msgspec.Struct):
        return tuple(
            Member(attribute=f.name, name=f.encode_name, absent=f.default is None) for f in msgspec.structs.fields(kind)
        )
    fields: Mapping[str, Any] = kind.model_fields  # type: ignore[attr-defined]  # pydantic, which is not imported for this
    return tuple(
        Member(attribute=name, name=f.serialization_alias or name, absent=f.default is None)
        for name, f in fields.items()
    )


def decoder_of(hint: Any) -> Decode:
    """The decoder of an annotation of a generated model."""
    return _Decoders().of(hint)


class _Decoders:
    """One set of decoders. Models may lead back to themselves."""

    def __init__(self) -> None:
        self._models: dict[type, Decode] = {}

    def of(self, hint: Any, unit: Unit | None = None) -> Decode:
        origin = get_origin(hint)
        if origin is Annotated:
            marked = next((mark for mark in hint.__metadata__ if isinstance(mark, Unit)), unit)
            return self.of(hint.__origin__, marked)
        if origin in (Union, types.UnionType):
            return self._union(get_args(hint))
        if origin is list:
            return _list(self.of(get_args(hint)[0]))
        if origin is dict:
            key, value = get_args(hint)
            return _dict(_KEYS[key], self.of(value))
        if unit is not None:
            return _datetime(unit) if hint is datetime else _time(unit)
        if hint in _SCALARS:
            return _SCALARS[hint]
        return _enum(hint) if issubclass(hint, Enum) else self._model(hint)

    def _model(self, kind: type) -> Decode:
        if kind in self._models:
            return self._models[kind]
        inner: list[tuple[str, str, Decode]] = []

        def decode(value: Any) -> Any:
            if not isinstance(value, dict):
                raise ModelError(f"is no object, but {kind.__name__} is")
            found: dict[str, Any] = {}
            for attribute, name, read in inner:
                if name in value:
                    try:
                        found[attribute] = read(value[name])
                    except ModelError as error:
                        raise error.within(name) from None
            try:
                return kind(**found)
            except TypeError:  # a dataclass or a Struct says so by its signature
                missing = [name for attribute, name, _ in inner if attribute not in found]
            except ValueError as error:  # pydantic
                raise ModelError(f"is no {kind.__name__}: {error}") from None
            raise ModelError(f"is no {kind.__name__}: a required member is missing (there is no {', '.join(missing)})")

        self._models[kind] = decode
        hints = get_type_hints(kind, include_extras=True)
        inner += [(one.attribute, one.name, self.of(hints[one.attribute])) for one in members_of(kind)]
        return decode

    def _union(self, hints: tuple[Any, ...]) -> Decode:
        nullable = type(None) in hints
        others = [hint for hint in hints if hint is not type(None)]
        branches = [self.of(hint) for hint in others]
        if len(others) > 1:  # text is a number only where nothing else could be meant
            branches = [_STRICT.get(read, read) for read in branches]
        tags = {
            mark.name: read
            for hint, read in zip(others, branches, strict=True)
            for mark in getattr(hint, "__metadata__", ())
            if isinstance(mark, Tag)
        }
        enums_first = sorted(zip(others, branches, strict=True), key=lambda pair: not _is_enum(pair[0]))
        ordered = [read for _, read in enums_first]

        def decode(value: Any) -> Any:
            if value is None and nullable:
                return None
            if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in tags:
                name, inner = next(iter(value.items()))
                return tags[name](inner)
            failed: ModelError | None = None
            for read in ordered:
                try:
                    return read(value)
                except ModelError as error:
                    failed = failed or error
            if len(branches) == 1 and failed is not None:
                raise failed
            raise ModelError("is of no type of the union")

        return decode


def _list(items: Decode) -> Decode:
    def decode(value: Any) -> Any:
        if not isinstance(value, list):
            raise ModelError("is no array")
        found: list[Any] = []
        for index, item in enumerate(value):
            try:
                found.append(items(item))
            except ModelError as error:
                raise error.within(f"[{index}]") from None
        return found

    return decode


def _dict(read_key: Callable[[str], Any], values: Decode) -> Decode:
    def decode(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ModelError("is no object")
        found: dict[Any, Any] = {}
        for key, inner in value.items():
            try:
                found[read_key(key)] = values(inner)
            except ModelError as error:
                raise error.within(f"[{key!r}]") from None
            except ValueError:
                raise ModelError(f"has a key that is none: {key!r}") from None
        return found

    return decode


def _is_enum(hint: Any) -> bool:
    kind = getattr(hint, "__origin__", hint)
    return isinstance(kind, type) and issubclass(kind, Enum)


def _enum(kind: type[Enum]) -> Decode:
    symbols = {member.value: member for member in kind}

    def decode(value: Any) -> Any:
        found = symbols.get(value) if isinstance(value, str) else None
        if found is None:
            raise ModelError(f"is no {kind.__name__}: {value!r}")
        return found

    return decode


def _bool_key(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


_KEYS: Final[Mapping[type, Callable[[str], Any]]] = {str: str, int: int, bool: _bool_key}


def _exactly(kind: type, name: str) -> Decode:
    def decode(value: Any) -> Any:
        if type(value) is not kind:
            raise ModelError(f"is no {name}")
        return value

    return decode


def _int(value: Any) -> int:
    """ProtoJSON writes 64 bits as a string."""
    if type(value) is int:
        return value
    try:
        return int(value) if isinstance(value, str) else _not("integer")
    except ValueError:
        return _not("integer")


def _float(value: Any) -> float:
    if type(value) is int or isinstance(value, Decimal):
        return float(value)
    special = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    return special[value] if isinstance(value, str) and value in special else _not("number")


def _number(value: Any) -> float:
    return _not("number") if isinstance(value, str) else _float(value)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str):
        return _not("base64")
    text = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return _not("base64")


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) or type(value) is int:
        try:
            return Decimal(value)
        except ArithmeticError:
            pass
    return _not("decimal")


def _uuid(value: Any) -> UUID:
    try:
        return UUID(value) if isinstance(value, str) and len(value) == 36 else _not("uuid")
    except ValueError:
        return _not("uuid")


def _date(value: Any) -> date:
    try:
        if type(value) is int:
            return date(1970, 1, 1) + timedelta(days=value)
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else _not("date")
    except (ValueError, OverflowError):
        return _not("date")


def _datetime(unit: Unit) -> Decode:
    epoch = datetime(1970, 1, 1, tzinfo=None if unit.is_local else UTC)

    def decode(value: Any) -> datetime:
        try:
            if type(value) is int:
                return epoch + timedelta(microseconds=value * unit.micros)
            if isinstance(value, str) and len(value) > 10:
                found = datetime.fromisoformat(_whole_micros(value))
                if (found.tzinfo is None) is unit.is_local:
                    return found
        except ModelError:
            raise
        except (ValueError, OverflowError):
            pass
        return _not("local date-time" if unit.is_local else "date-time with offset")

    return decode


def _time(unit: Unit) -> Decode:
    def decode(value: Any) -> time:
        try:
            if type(value) is int and 0 <= value * unit.micros < 86_400_000_000:
                return (datetime(1970, 1, 1) + timedelta(microseconds=value * unit.micros)).time()  # noqa: DTZ001 -- a time of day
            if isinstance(value, str) and ":" in value and "T" not in value:
                return time.fromisoformat(_whole_micros(value))
        except ModelError:
            raise
        except ValueError:
            pass
        return _not("time of day")

    return decode


def _whole_micros(text: str) -> str:
    """Raises for digits that a Python time has no room for: they are never lost in silence."""
    head, point, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    if len(digits) > 6 and digits[6:].strip("0"):
        raise ModelError("is finer than a microsecond, which Python's times do not hold")
    return f"{head}{point}{digits[:6]}{rest[len(digits) :]}"


def _duration(value: Any) -> timedelta:
    try:
        if isinstance(value, str) and value.endswith("s"):
            micros = Decimal(value[:-1]).scaleb(6)
            if micros == int(micros):
                return timedelta(microseconds=int(micros))
    except (ArithmeticError, OverflowError):
        pass
    return _not("duration of whole microseconds, like 1.5s")


def _anything(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _anything(inner) for key, inner in value.items()}
    return [_anything(item) for item in value] if isinstance(value, list) else value


def _not(what: str) -> NoReturn:
    raise ModelError(f"is no {what}")


_SCALARS: Final[Mapping[Any, Decode]] = {
    str: _exactly(str, "string"),
    bool: _exactly(bool, "boolean"),
    type(None): _exactly(type(None), "null"),
    int: _int,
    float: _float,
    bytes: _bytes,
    Decimal: _decimal,
    UUID: _uuid,
    date: _date,
    timedelta: _duration,
    object: _anything,
}

_STRICT: Final[Mapping[Decode, Decode]] = {_int: _exactly(int, "integer"), _float: _number}
