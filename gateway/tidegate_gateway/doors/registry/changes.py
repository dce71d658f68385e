"""Whether a schema could be a next version: the registry's compatibility endpoint. Called by `endpoints`.

Avro by the verdict of Java's SchemaCompatibility. Protobuf by what an old and a new reader make of each other's bytes, the
rules of Confluent's registry: what `tidegate check` says of JSON's names and of validation rules is stricter.
"""

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf import descriptor_pb2

from tidegate.contracts import compatible_schemas

__all__ = ["against", "avro_changes", "protobuf_changes"]

_Field = descriptor_pb2.FieldDescriptorProto
_KINDS = (
    "varint: int32 int64 uint32 uint64 bool enum",
    "zigzag: sint32 sint64",
    "bytes: string bytes",
    "fixed32: fixed32 sfixed32",
    "fixed64: fixed64 sfixed64",
)
_KIND = {
    getattr(_Field, f"TYPE_{name.upper()}"): kind
    for kind, _, names in (row.partition(": ") for row in _KINDS)
    for name in names.split()
}
"""Types of one kind are the same bytes; what is in none of them is its own."""


def against(level: str, versions: int) -> tuple[int, bool, bool]:
    """What a level compares with: how many of so many versions, from the newest; whether new reads old; whether old reads new."""
    base = level.removesuffix("_TRANSITIVE")
    count = versions if base != level else min(versions, 1)
    return count if level != "NONE" else 0, base in {"BACKWARD", "FULL"}, base in {"FORWARD", "FULL"}


def avro_changes(new: str, old: str, *, backward: bool, forward: bool) -> Iterator[str]:
    """Sentences; none where they are compatible. Raises SchemaError where one is no schema."""
    pairs = [(new, old, "the new schema reading the old")] if backward else []
    pairs += [(old, new, "the old schema reading the new")] if forward else []
    for reader, writer, what in pairs:
        for found in compatible_schemas.compatibility(reader, writer):
            yield f"{what}: {found.type} at {found.location}: {found.message}"


def protobuf_changes(new: descriptor_pb2.FileDescriptorProto, old: descriptor_pb2.FileDescriptorProto) -> Iterator[str]:
    """Sentences; none where each reads the other's bytes."""
    if new.package != old.package:
        yield f"the package {old.package} became {new.package}"
    news = dict(_messages(new))
    for name, message in _messages(old):
        if name not in news:
            yield f"the message {name} is gone"
        else:
            yield from _message_changes(name, news[name], message)


def _messages(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[str, descriptor_pb2.DescriptorProto]]:
    def walk(
        scope: str, messages: Iterable[descriptor_pb2.DescriptorProto]
    ) -> Iterator[tuple[str, descriptor_pb2.DescriptorProto]]:
        for message in messages:
            name = f"{scope}.{message.name}" if scope else message.name
            yield name, message
            yield from walk(name, message.nested_type)

    return walk("", file.message_type)


def _message_changes(
    name: str, new: descriptor_pb2.DescriptorProto, old: descriptor_pb2.DescriptorProto
) -> Iterator[str]:
    news = {field.number: field for field in new.field}
    olds = {field.number: field for field in old.field}
    for number, field in olds.items():
        known = news.get(number)
        if known is None:
            if field.label == _Field.LABEL_REQUIRED:
                yield f"{name}: the required field {field.name} ({number}) is gone"
        elif _changed(known, field):
            yield f"{name}: the field {field.name} ({number}) has another type, or is a list where it was none"
    for number, field in news.items():
        if number not in olds and field.label == _Field.LABEL_REQUIRED:
            yield f"{name}: the field {field.name} ({number}) is new and required"
    yield from _oneof_changes(name, new, news, old, olds)


def _changed(new: descriptor_pb2.FieldDescriptorProto, old: descriptor_pb2.FieldDescriptorProto) -> bool:
    kinds = _KIND.get(new.type, new.type), _KIND.get(old.type, old.type)
    repeated = (field.label == _Field.LABEL_REPEATED for field in (new, old))
    return kinds[0] != kinds[1] or new.type_name != old.type_name or len(set(repeated)) > 1


def _oneof_changes(
    name: str,
    new: descriptor_pb2.DescriptorProto,
    news: Mapping[int, descriptor_pb2.FieldDescriptorProto],
    old: descriptor_pb2.DescriptorProto,
    olds: Mapping[int, descriptor_pb2.FieldDescriptorProto],
) -> Iterator[str]:
    """Fields that were free of each other and are a oneof's now, and members of a oneof that are gone."""
    members_of: dict[int, list[int]] = {}
    for number, field in news.items():
        if _in_oneof(field):
            members_of.setdefault(field.oneof_index, []).append(number)
    for index, members in members_of.items():
        joined = [number for number in members if number in olds and not _in_oneof(olds[number])]
        if len(joined) > 1 or (joined and any(number in olds for number in members if number not in joined)):
            yield f"{name}: fields that could stand together are members of the oneof {_oneof_name(new, index)} now"
    for number, field in olds.items():
        if _in_oneof(field) and number not in news:
            yield f"{name}: {field.name} ({number}) is gone from the oneof {_oneof_name(old, field.oneof_index)}"


def _oneof_name(message: descriptor_pb2.DescriptorProto, index: int) -> str:
    """A descriptor that a client made may name a oneof that it does not have."""
    return message.oneof_decl[index].name if 0 <= index < len(message.oneof_decl) else ""


def _in_oneof(field: descriptor_pb2.FieldDescriptorProto) -> bool:
    return field.HasField("oneof_index") and not field.proto3_optional
