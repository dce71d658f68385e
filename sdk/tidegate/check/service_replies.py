"""A service's own response message compared by field numbers: what producers read in an answer. Called by `service_changes`.

Types are those that protobuf.dev calls compatible on the wire ("Updating a message type"): an answer is binary, always.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tidegate.contracts.services import ReplySource, ServiceSource

if TYPE_CHECKING:
    from protobuf import DescField

__all__ = ["replies_changed"]

_SAME_WIRE = {
    "INT64": "INT32", "UINT32": "INT32", "UINT64": "INT32", "BOOL": "INT32", "ENUM": "INT32", "SINT64": "SINT32",
    "SFIXED32": "FIXED32", "SFIXED64": "FIXED64", "BYTES": "STRING",
}  # fmt: skip


def replies_changed(
    old: tuple[ServiceSource, ReplySource], new: tuple[ServiceSource, ReplySource], label: str
) -> Iterator[tuple[int, str]]:
    """What of a response is read otherwise than before: the field's number now (0: there is none), and the words.

    Both are of one message. A field that nothing filled was read as unset: it is told where another type is written under its number.
    """
    before, after = _fields(*old), _fields(*new)
    short = new[1].message.rpartition(".")[2]
    filled = {field.number: field.part for field in new[1].fields}
    parts = {field.number: field.part for field in old[1].fields}
    for number, part in parts.items():
        was, now = before[number], after.get(number)
        called = f"{short}.{was.name}"
        if now is None:
            moved = next((one.number for one in after.values() if one.name == was.name), 0)
            how = f"has {moved} now" if moved else "is gone"
            yield moved, f"{called} had the number {number} in {label}, and {how}"
        elif _wire(was) == _wire(now) and filled.get(number) != part:
            told = f"tells the {filled[number]} now" if number in filled else "nothing fills it now"
            yield number, f"{called} (field {number}) told the {part} in {label}, and {told}"
    for number, was in before.items():
        now = after.get(number)
        if now is not None and (number in parts or number in filled) and _wire(was) != _wire(now):
            said = f"{short}.{was.name} (field {number}) was {_type(was)} in {label}, and is {_type(now)} now"
            yield number, said


def _fields(service: ServiceSource, reply: ReplySource) -> "dict[int, DescField]":
    from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorSet  # an extra, and few folders need it

    message = FileDescriptorSet.from_binary(service.descriptors).to_registry().message(reply.message)
    return {field.number: field for field in message.fields} if message is not None else {}


def _type(field: "DescField") -> str:
    """As a .proto file writes it."""
    return field.proto.type_name.removeprefix(".") or field.proto.type.name.lower()


def _wire(field: "DescField") -> str:
    """One name for all types that read each other's bytes; a message is itself only."""
    kind = field.proto.type.name
    return field.proto.type_name if kind in {"MESSAGE", "GROUP"} else _SAME_WIRE.get(kind, kind)
