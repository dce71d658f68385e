"""What consumers are given of a Protobuf file: no custom options and no import of theirs, as text and as a descriptor alike.

`buf.validate` and `tidegate` options are between producers and the gate: a consumer that compiles the schema would need their
files. Called by `snapshot` for what is served, and by `lookup` for what a client sends.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from google.protobuf import descriptor_pb2
from google.protobuf.message import Message

from tidegate_gateway.doors.registry.proto_text import proto_text

__all__ = ["ProtoFile", "clean_files", "comparable", "served_proto", "subject_of_import"]

_PRIVATE = ("buf/validate/", "tidegate/")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtoFile:
    """One cleaned file: its path (`coffeeco/customer/v1/order.proto`), what it imports, its two forms, what it is compared by.

    `serialized` is base64 of a FileDescriptorProto without source info.
    """

    name: str
    imports: tuple[str, ...]
    text: str
    serialized: str
    compared: bytes


def clean_files(descriptors: bytes) -> tuple[ProtoFile, ...]:
    """The files of a serialised FileDescriptorSet, imports first, those that only carry options left out."""
    files = [_cleaned(file) for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors).file]
    kept = _needed(files)
    symbols = frozenset(_symbols(kept.values()))
    return tuple(_proto_file(file, symbols) for file in files if file.name in kept)


def served_proto(descriptors: bytes) -> tuple[str, tuple[str, ...]]:
    """The text that consumers get of a serialised FileDescriptorSet's last file, and what it imports."""
    own = clean_files(descriptors)[-1]
    return own.text, own.imports


def comparable(file: descriptor_pb2.FileDescriptorProto) -> bytes:
    """What two files that mean the same agree in: no name of the file, JSON names, comments or custom options."""
    copy = _cleaned(file)
    for name in ("name", "source_code_info"):
        copy.ClearField(name)
    if copy.syntax == "proto2":
        copy.ClearField("syntax")
    waiting = list(copy.message_type)
    while waiting:
        message = waiting.pop()
        waiting += message.nested_type
        for field in (*message.field, *message.extension):
            field.ClearField("json_name")
    for extension in copy.extension:
        extension.ClearField("json_name")
    return copy.SerializeToString(deterministic=True)


def subject_of_import(name: str) -> str:
    """The subject that an imported file is found under: dots for slashes, so that it is one segment of a path."""
    return name.replace("/", ".")


def _needed(files: Iterable[descriptor_pb2.FileDescriptorProto]) -> Mapping[str, descriptor_pb2.FileDescriptorProto]:
    """The last file of a set and what it imports, however far."""
    by_name = {file.name: file for file in files}
    waiting, kept = list(by_name)[-1:], {}
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in kept:
            kept[name] = by_name[name]
            waiting += by_name[name].dependency
    return kept


def _cleaned(file: descriptor_pb2.FileDescriptorProto) -> descriptor_pb2.FileDescriptorProto:
    copy = descriptor_pb2.FileDescriptorProto()
    copy.CopyFrom(file)
    copy.DiscardUnknownFields()
    _drop_custom_options(copy)
    public, weak = set(file.public_dependency), set(file.weak_dependency)
    kept = [place for place, name in enumerate(file.dependency) if not name.startswith(_PRIVATE)]
    for field in ("dependency", "public_dependency", "weak_dependency"):
        copy.ClearField(field)
    copy.dependency.extend(file.dependency[place] for place in kept)
    copy.public_dependency.extend(new for new, old in enumerate(kept) if old in public)
    copy.weak_dependency.extend(new for new, old in enumerate(kept) if old in weak)
    return copy


def _drop_custom_options(message: Message) -> None:
    """Extensions are custom options wherever they stand; those that this process does not know are gone already."""
    for field, value in message.ListFields():
        if field.is_extension:
            message.ClearExtension(field)  # type: ignore[arg-type]  # the stubs know extensions by their generated type alone
        elif field.message_type is not None:
            for inner in value if field.is_repeated else (value,):
                _drop_custom_options(inner)
            if field.name == "options" and not field.is_repeated and not value.ListFields():
                message.ClearField("options")


def _symbols(files: Iterable[descriptor_pb2.FileDescriptorProto]) -> set[str]:
    """Full names of packages (and their parents), messages and enums."""
    out: set[str] = set()

    def walk(scope: str, messages: Iterable[descriptor_pb2.DescriptorProto]) -> None:
        for message in messages:
            name = f"{scope}.{message.name}" if scope else message.name
            out.add(name)
            out.update(f"{name}.{enum.name}" for enum in message.enum_type)
            walk(name, message.nested_type)

    for file in files:
        parts = file.package.split(".") if file.package else []
        out.update(".".join(parts[: end + 1]) for end in range(len(parts)))
        out.update(f"{file.package}.{enum.name}" if file.package else enum.name for enum in file.enum_type)
        walk(file.package, file.message_type)
    return out


def _proto_file(file: descriptor_pb2.FileDescriptorProto, symbols: frozenset[str]) -> ProtoFile:
    bare = descriptor_pb2.FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    return ProtoFile(
        name=file.name,
        imports=tuple(file.dependency),
        text=proto_text(file, symbols),
        serialized=b64encode(bare.SerializeToString()).decode("ascii"),
        compared=comparable(bare),
    )
