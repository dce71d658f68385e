"""Generated models at run time: a model as the plain JSON of its contract, and back. Called by code that `tidegate codegen` wrote, and by the client.

A model is a class with `__tidegate_name__`: a dataclass, a msgspec Struct or a pydantic model. How its values stand in JSON
follows from its annotations (contracts.md, "Plain JSON to Avro"; ProtoJSON for Protobuf). Nothing is judged here: the contract is
the client's and the gateway's to hold.
"""

import base64
import math
from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from tidegate.model_reading import Decode, ModelError, Tag, Unit, decoder_of, members_of

__all__ = [
    "LocalTimestampMicros",
    "LocalTimestampMillis",
    "ModelError",
    "Tag",
    "TimeMicros",
    "TimeMillis",
    "TimestampMicros",
    "TimestampMillis",
    "from_json",
    "is_model",
    "to_json",
    "to_plain",
]

TimestampMillis = Annotated[datetime, Unit.MILLIS]
"""With an offset; in milliseconds: finer digits are refused."""
TimestampMicros = Annotated[datetime, Unit.MICROS]
"""With an offset; in microseconds."""
LocalTimestampMillis = Annotated[datetime, Unit.LOCAL_MILLIS]
"""Without an offset; in milliseconds."""
LocalTimestampMicros = Annotated[datetime, Unit.LOCAL_MICROS]
"""Without an offset; in microseconds."""
TimeMillis = Annotated[time, Unit.MILLIS]
"""Of day; in milliseconds."""
TimeMicros = Annotated[time, Unit.MICROS]
"""Of day; in microseconds."""

M = TypeVar("M")
_MARK: Final = "__tidegate_name__"
_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode
_PLAIN: Final = frozenset({str, int, bool, type(None)})


def is_model(value: object) -> bool:
    """Whether a value is an instance of a generated model."""
    return hasattr(type(value), _MARK)


def to_json(model: object) -> bytes:
    """The model's event as plain JSON. Raises `TypeError` for a value that no annotation of a model can have."""
    return msgspec.json.encode(to_plain(model))


def from_json(kind: type[M], text: bytes | str) -> M:
    """The model of an event in plain JSON.

    Members that the model does not know are ignored: the event may be of a newer version. Raises `ModelError`, which names the
    place, for what is no such event.
    """
    try:
        value = _decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ModelError(f"is no JSON: {error}") from None
    model: M = _decoder(cast("Hashable", kind))(value)
    return model


@lru_cache(maxsize=4096)
def _decoder(kind: Hashable) -> Decode:
    return decoder_of(kind)


def to_plain(value: object) -> Any:
    """A model, or a value of one, as what JSON is made of."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    encode = _ENCODERS.get(kind)
    if encode is not None:
        return encode(value)
    if isinstance(value, Enum):
        return value.value
    if hasattr(kind, _MARK):
        return _model(value)
    if isinstance(value, Mapping):
        return {_key(key): to_plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    for base, encode in _ENCODERS.items():
        if isinstance(value, base):
            return encode(value)
    raise TypeError(f"{kind.__name__} has no form in an event")


def _model(model: object) -> dict[str, Any]:
    """What is absent by default and not given stays out: for Protobuf absence is the only word for it."""
    found: dict[str, Any] = {}
    for attribute, name, absent, tagged in _writing(cast("Hashable", type(model))):
        value = getattr(model, attribute)
        if value is None and absent:
            continue
        found[name] = to_plain(value) if tagged is None else tagged(value)
    return found


_Row = tuple[str, str, bool, Callable[[object], Any] | None]


@lru_cache(maxsize=4096)
def _writing(kind: Hashable) -> tuple[_Row, ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        (one.attribute, one.name, one.absent, _tagger(hints[one.attribute])) for one in members_of(cast("type", kind))
    )


def _tagger(hint: Any) -> Callable[[object], Any] | None:
    """How a value is written where a union's branches look alike in JSON; None where nothing of the sort is inside."""
    tags = _tags_in(hint)
    if tags:

        def tagged(value: object) -> Any:
            name = next((tag for kind, tag in tags if _is_of(value, kind)), None)
            return to_plain(value) if value is None or name is None else {name: to_plain(value)}

        return tagged
    origin, arguments = get_origin(hint), get_args(hint)
    inner = _tagger(arguments[-1]) if origin in (list, dict) else None
    if inner is None:
        return None
    if origin is list:
        return lambda value: [inner(item) for item in value] if isinstance(value, list) else to_plain(value)
    return lambda value: {_key(k): inner(v) for k, v in value.items()} if isinstance(value, dict) else to_plain(value)


def _tags_in(hint: Any) -> list[tuple[type, str]]:
    branches = getattr(hint, "__args__", ()) if getattr(hint, "__metadata__", None) is None else ()
    if getattr(hint, "__origin__", None) in (list, dict):
        return []
    found: list[tuple[type, str]] = []
    for branch in branches:
        for mark in getattr(branch, "__metadata__", ()):
            if isinstance(mark, Tag):
                kind = branch.__origin__
                found.append((getattr(kind, "__origin__", kind), mark.name))
    return found


def _is_of(value: object, kind: type) -> bool:
    return type(value) is kind if kind in (int, date) else isinstance(value, kind)  # bool is an int, datetime a date


def _key(key: object) -> str:
    return ("true" if key else "false") if isinstance(key, bool) else str(key)


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _datetime(value: datetime) -> str:
    return value.isoformat(
        timespec="microseconds" if value.microsecond % 1000 else "milliseconds" if value.microsecond else "seconds"
    )


def _time(value: time) -> str:
    return value.isoformat(
        timespec="microseconds" if value.microsecond % 1000 else "milliseconds" if value.microsecond else "seconds"
    )


def _duration(value: timedelta) -> str:
    micros = value // timedelta(microseconds=1)
    seconds, rest = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}{seconds}{f'.{rest:06d}'.rstrip('0') if rest else ''}s"


_ENCODERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    float: _float,
    bytes: lambda value: base64.b64encode(value).decode(),
    Decimal: lambda value: f"{value:f}",
    datetime: _datetime,
    date: date.isoformat,
    time: _time,
    timedelta: _duration,
    UUID: str,
}
