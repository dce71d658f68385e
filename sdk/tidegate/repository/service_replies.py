"""A method's response: an EventReceipt, Empty, or a message whose fields the option `receipt` maps. Called by `service_rules`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from tidegate.contracts.services import EMPTY, EVENT_RECEIPT, Part, ReplyField, ReplySource, Wire
from tidegate.repository.broken import Place, Problems
from tidegate.repository.service_places import Declared, message_declared

if TYPE_CHECKING:
    from protobuf import DescField, DescMessage, Registry

__all__ = ["read_reply"]

_RECEIPT = "tidegate.options.v1.receipt"
_FIELD, _TYPE = 2, 5  # DescriptorProto.field, FieldDescriptorProto.type
_PARTS: Mapping[int, Part] = {1: "status", 2: "message", 3: "id", 4: "topic", 5: "partition", 6: "offset"}
_TEXTS = frozenset({"message", "id", "topic"})
_WIRES: Mapping[str, Wire] = {
    "INT32": "varint", "INT64": "varint", "UINT32": "varint", "UINT64": "varint", "SINT32": "zigzag", "SINT64": "zigzag",
    "FIXED32": "fixed32", "SFIXED32": "fixed32", "FIXED64": "fixed64", "SFIXED64": "fixed64", "STRING": "text",
}  # fmt: skip
_SIGNED_64 = frozenset({"INT64", "SINT64", "SFIXED64"})  # an offset may be -1, and passes 2^31
_REQUIRED = 3  # SupportedFieldPresence.LEGACY_REQUIRED


def read_reply(
    message: "DescMessage", called: str, asked: Place, problems: Problems, registry: "Registry"
) -> ReplySource | None:
    """What a method answers, or None where that cannot be served, which is noted. `asked` is where the method names it."""
    name = message.type_name
    if name == EVENT_RECEIPT:
        return ReplySource(message=name, form="receipt")
    if name == EMPTY:
        return ReplySource(message=name, form="empty")
    at = message_declared(message)
    fields = [
        _field(field, part, at.below(_FIELD, index), problems)
        for index, field in enumerate(message.fields)
        if (part := _part(field, registry)) is not None
    ]
    if not fields:
        problems.note(
            f"{called} answers {name}, and no field of it has the option (tidegate.options.v1.receipt): answer {EVENT_RECEIPT}, "
            f"{EMPTY}, or a message that has one",
            asked,
        )
    for index, field in enumerate(message.fields):
        if field.presence == _REQUIRED and _part(field, registry) is None:
            problems.note(f"{field.name} is required and nothing fills it", at.below(_FIELD, index).place())
    mapped = sorted((field for field in fields if field is not None), key=lambda field: field.number)
    return ReplySource(message=name, form="own", fields=tuple(mapped)) if mapped else None


def _part(field: "DescField", registry: "Registry") -> Part | None:
    """What the option says that fills a field; None where it has none, or one that means nothing."""
    options: Any = field.proto.options
    extension = registry.extension(_RECEIPT)
    if options is None or extension is None or extension.type not in options:
        return None
    value = options[extension.type]
    return _PARTS.get(int(value)) if isinstance(value, int) else None


def _field(field: "DescField", part: Part, at: Declared, problems: Problems) -> ReplyField | None:
    from protobuf import DescFieldValueScalar

    value = field.value
    kind = value.scalar.name if isinstance(value, DescFieldValueScalar) else ""
    wire = _WIRES.get(kind)
    wanted = ""
    if part in _TEXTS and wire != "text":
        wanted = "a string"
    elif part == "offset" and kind not in _SIGNED_64:
        wanted = "an int64, sint64 or sfixed64: offsets pass 2^31 and may be -1"
    elif part in {"status", "partition"} and wire in {None, "text"}:
        wanted = "an integer"
    if wanted:
        detail = f"{field.name} has the option RECEIPT_{part.upper()}, so it must be {wanted}"
        problems.note(detail, at.place(_TYPE))
        return None
    if isinstance(value, DescFieldValueScalar) and value.oneof is not None:
        problems.note(f"{field.name} stands in a oneof, and only one of its members can be set", at.place())
        return None
    return ReplyField(number=field.number, part=part, wire=cast("Wire", wire))
