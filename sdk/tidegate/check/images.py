"""buf images made of our own descriptors: imports marked, and many versions of one package side by side in one image.

Called by `protobuf_consumers`. An image is a FileDescriptorSet whose files may carry an extension (buf/alpha/image/v1/image.proto,
`ImageFile.buf_extension`, number 8042; its field 1 says that the file is an import, and not judged). No file is opened here.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tidegate.contracts.fingerprint import descriptor_files, is_bundled

if TYPE_CHECKING:
    from protobuf.wkt.google.protobuf.descriptor_pb import DescriptorProto, FileDescriptorProto

__all__ = ["image_of", "is_judged", "moved_files", "moved_name"]

_EXTENSION = 8042
_IS_IMPORT = b"\x08\x01"


def is_judged(name: str) -> bool:
    """Whether a .proto path is the project's own: neither bundled with a package nor Tidegate's."""
    return not is_bundled(name) and not name.startswith("tidegate/")


def image_of(files: Iterable[tuple[str, bytes]]) -> bytes:
    """An image of files by name (serialised FileDescriptorProtos); those that are not judged are imports. Each name once."""
    out = bytearray()
    seen: set[str] = set()
    for name, content in files:
        if name in seen:
            continue
        seen.add(name)
        mark = b"" if is_judged(name) else _field(_EXTENSION, _IS_IMPORT)
        out += _field(1, content + mark)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def moved_name(number: int) -> str:
    """The package, and folder, under which the pair `number` stands in an image."""
    return f"tidegatepair{number}"


def moved_files(descriptors: bytes, number: int) -> list[tuple[str, bytes]]:
    """The files of a FileDescriptorSet, the project's own moved below `moved_name(number)`: paths, packages and names.

    buf compares by full names, so that one call judges every pair of versions. Extensions are left out: they would stand
    several times under one number.
    """
    from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorProto

    files = descriptor_files(descriptors)
    own = [FileDescriptorProto.from_binary(file.whole) for file in files if is_judged(file.name)]
    names = {name for file in own for name in _declared(file)}
    found = [(file.name, file.bare) for file in files if not is_judged(file.name)]
    for file in own:
        _move(file, moved_name(number), names)
        found.append((file.name, file.to_binary()))
    return found


def _declared(file: "FileDescriptorProto") -> Iterable[str]:
    prefix = f".{file.package}" if file.package else ""
    yield from (f"{prefix}.{enum.name}" for enum in file.enum_type)
    todo = [(message, prefix) for message in file.message_type]
    while todo:
        message, outer = todo.pop()
        name = f"{outer}.{message.name}"
        yield name
        yield from (f"{name}.{enum.name}" for enum in message.enum_type)
        todo += [(nested, name) for nested in message.nested_type]


def _move(file: "FileDescriptorProto", prefix: str, names: set[str]) -> None:
    def moved(name: str) -> str:
        return f".{prefix}{name}" if name in names else name

    def message(described: "DescriptorProto") -> None:
        for field in described.field:
            field.type_name = moved(field.type_name) if field.type_name else field.type_name
        described.extension.clear()
        for nested in described.nested_type:
            message(nested)

    file.name = f"{prefix}/{file.name}"
    file.package = f"{prefix}.{file.package}" if file.package else prefix
    file.dependency[:] = [f"{prefix}/{name}" if is_judged(name) else name for name in file.dependency]
    file.extension.clear()
    for described in file.message_type:
        message(described)
    for service in file.service:
        for method in service.method:
            method.input_type, method.output_type = moved(method.input_type), moved(method.output_type)
