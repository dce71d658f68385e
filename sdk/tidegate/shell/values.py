"""What an application hands over, as bytes and their media type. Called by `admission` for every event. No library is imported for its types.

dicts, dataclasses and msgspec Structs become JSON by msgspec; pydantic models and Protobuf messages by their own methods; bytes are taken
as they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from math import isfinite
from typing import Any, Final

import msgspec

from tidegate.contracts.media import AVRO, AVRO_FRAMED, JSON, PROTOBUF, PROTOBUF_FRAMED
from tidegate.models import is_model, to_json

__all__ = ["MEDIA_TYPES", "Unencodable", "encoded"]

MEDIA_TYPES: Final = frozenset({JSON, AVRO, AVRO_FRAMED, PROTOBUF, PROTOBUF_FRAMED})
"""What encoded bytes may be."""

_LEAVES: Final = frozenset({str, int, bool, bytes})
_encode = msgspec.json.Encoder().encode


class Unencodable(ValueError):
    """The value has no JSON form: NaN, infinity, an object of an unknown type."""


def encoded(value: object, media_type: str | None) -> tuple[bytes, str]:
    """The value's bytes as sent, and what they are.

    `media_type` is for bytes alone (None: JSON). Raises `TypeError` for what is no event, `Unencodable` for one without a JSON form.
    """
    if type(value) is dict and media_type is None:
        return _json(value), JSON
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value), _known(media_type)
    if media_type is not None:
        raise TypeError("media_type goes with encoded bytes; other values say by their type what they are")
    return _object(value)


def _known(media_type: str | None) -> str:
    if media_type is None:
        return JSON
    if media_type not in MEDIA_TYPES:
        raise ValueError(f"media_type is one of {', '.join(sorted(MEDIA_TYPES))}")
    return media_type


def _object(value: object) -> tuple[bytes, str]:
    for method in ("SerializeToString", "to_binary"):  # google.protobuf; protobuf-py
        serialise = getattr(value, method, None)
        if serialise is not None:
            return bytes(serialise()), PROTOBUF
    if is_model(value):  # generated: its names in events are not always Python's
        return _model(value), JSON
    dump: Callable[..., str] | None = getattr(value, "model_dump_json", None)  # pydantic
    if dump is not None:
        return dump(by_alias=True).encode(), JSON
    if (
        value is None
        or isinstance(value, Mapping | msgspec.Struct)
        or (is_dataclass(value) and not isinstance(value, type))
    ):
        return _json(value if not isinstance(value, Mapping) else dict(value)), JSON
    raise TypeError(
        f"an event is a dict, dataclass, msgspec Struct, pydantic model, Protobuf message or encoded bytes, not {type(value).__name__}"
    )


def _model(value: object) -> bytes:
    try:
        return to_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unencodable(f"the value has no JSON form: {error}") from None


def _json(value: object) -> bytes:
    try:
        body = _encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Unencodable(f"the value has no JSON form: {error}") from None
    nulls = body.count(b"null")
    if nulls and (type(value) is not dict or nulls != list(value.values()).count(None)):
        _refuse_not_finite(value)
    return body


def _refuse_not_finite(value: object) -> None:
    """msgspec writes NaN and infinities as null, which a nullable field would let through.

    A dict whose own nulls account for all that the text holds needs no look (a string that says null only costs one).
    """
    todo: list[Any] = [value]
    while todo:
        tree = todo.pop()
        kind = type(tree)
        if kind is float:
            if not isfinite(tree):
                raise Unencodable("the value has no JSON form: NaN and infinity are no numbers of JSON")
        elif kind is dict:
            todo.extend(tree.values())
        elif kind is list or kind is tuple:
            todo.extend(tree)
        elif tree is not None and kind not in _LEAVES:
            inner = msgspec.to_builtins(tree, str_keys=True)
            if type(inner) is not kind:
                todo.append(inner)
