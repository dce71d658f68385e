"""Descriptors that a client made, and no compiler: compared without a fault, in a time that grows with their size alone."""

from google.protobuf import descriptor_pb2

from tidegate_gateway.doors.registry.changes import protobuf_changes
from tidegate_gateway.doors.registry.protobuf_schemas import comparable


def test_a_oneof_that_is_not_there() -> None:
    old, new = descriptor_pb2.FileDescriptorProto(), descriptor_pb2.FileDescriptorProto()
    old.message_type.add(name="A").field.add(name="a", number=1, oneof_index=7)
    new.message_type.add(name="A")
    assert list(protobuf_changes(new, old)) == ["A: a (1) is gone from the oneof "]


def test_many_oneofs_and_imports_are_no_squares() -> None:
    """Squared, these would be a thousand million steps each."""
    file = descriptor_pb2.FileDescriptorProto()
    file.dependency.extend([""] * 30_000)
    file.public_dependency.extend(range(30_000))
    message = file.message_type.add(name="A")
    for number in range(30_000):
        message.oneof_decl.add()
        message.field.add(number=number + 1)
    assert list(protobuf_changes(file, file)) == []
    assert comparable(file)
