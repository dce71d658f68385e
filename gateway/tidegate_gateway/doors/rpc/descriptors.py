"""The .proto files of a service as values, dependencies first: what reflection tells. Pure; called where services are made."""

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

__all__ = ["files_of"]


def files_of(*descriptors: FileDescriptor) -> tuple[FileDescriptorProto, ...]:
    """The files and all that they import, each once."""
    found: dict[str, FileDescriptorProto] = {}

    def visit(file: FileDescriptor) -> None:
        if file.name in found:
            return
        for dependency in file.dependencies:
            visit(dependency)
        copy = FileDescriptorProto()
        file.CopyToProto(copy)
        found[file.name] = copy

    for descriptor in descriptors:
        visit(descriptor)
    return tuple(found.values())
