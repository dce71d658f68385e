"""Encoded answers of typed methods, read back by google.protobuf with the types that their .proto would declare."""

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from tidegate.contracts.services import EMPTY, EVENT_RECEIPT, Part, ReplyField, ReplySource, Wire
from tidegate.ingest.v1 import ingest_pb2
from tidegate.wire.receipt import Stored
from tidegate_gateway.doors.rpc.typed_replies import compile_reply

LINE = Stored(id="e-1", partition=3, offset=2**40, version=2, schema_id=7, dropped=1)
TYPES: dict[str, Wire] = {
    "INT32": "varint", "INT64": "varint", "UINT32": "varint", "UINT64": "varint", "SINT32": "zigzag", "SINT64": "zigzag",
    "FIXED32": "fixed32", "SFIXED32": "fixed32", "FIXED64": "fixed64", "SFIXED64": "fixed64",
}  # fmt: skip


def read_back(encoded: bytes, **fields: tuple[int, str]) -> Message:
    """`fields`: a number and a type of descriptor.proto by name."""
    file = descriptor_pb2.FileDescriptorProto(name="reply.proto", syntax="proto3")
    message = file.message_type.add(name="Reply")
    for name, (number, kind) in fields.items():
        kind_number = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind}")
        message.field.add(name=name, number=number, type=kind_number, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Reply")).FromString(encoded)


def own(*fields: tuple[int, Part, Wire]) -> ReplySource:
    rows = tuple(ReplyField(number=number, part=part, wire=wire) for number, part, wire in fields)
    return ReplySource(message="a.Reply", form="own", fields=rows)


def test_the_seeds_response() -> None:
    encode = compile_reply(own((1, "status", "varint"), (2, "message", "text")))
    reply = read_back(encode(LINE, "t", 1), status_code=(1, "INT32"), message=(2, "STRING"))
    assert (reply.status_code, reply.message) == (200, "stored")


def test_every_part_and_numbers_above_15() -> None:
    encode = compile_reply(
        own((1, "id", "text"), (16, "topic", "text"), (2047, "partition", "varint"), (536_870_911, "offset", "varint"))
    )
    fields = {
        "id": (1, "STRING"),
        "topic": (16, "STRING"),
        "partition": (2047, "INT32"),
        "offset": (536_870_911, "INT64"),
    }
    reply = read_back(encode(LINE, "käse", 1), **fields)
    assert (reply.id, reply.topic, reply.partition, reply.offset) == ("e-1", "käse", 3, 2**40)


@pytest.mark.parametrize(("kind", "wire"), TYPES.items())
def test_status_and_partition_in_every_integer(kind: str, wire: Wire) -> None:
    encode = compile_reply(own((1, "status", wire), (2, "partition", wire)))
    reply = read_back(encode(LINE, "t", 1), status=(1, kind), partition=(2, kind))
    assert (reply.status, reply.partition) == (200, 3)


@pytest.mark.parametrize("kind", ["INT64", "SINT64", "SFIXED64"])
@pytest.mark.parametrize("offset", [0, 1, -1, 2**31, 2**63 - 1])
def test_offsets_that_are_large_or_unknown(kind: str, offset: int) -> None:
    line = Stored(id="e-1", partition=0, offset=offset, version=1, schema_id=7)
    assert read_back(compile_reply(own((1, "offset", TYPES[kind])))(line, "t", 1), offset=(1, kind)).offset == offset


def test_zero_is_written_for_fields_with_presence() -> None:
    line = Stored(id="e-1", partition=0, offset=0, version=1, schema_id=7)
    assert compile_reply(own((1, "partition", "varint"), (2, "offset", "varint")))(line, "t", 1) == b"\x08\x00\x10\x00"


def test_a_stream_counts() -> None:
    encode = compile_reply(own((2, "message", "text")))
    assert read_back(encode(LINE, "t", 12), message=(2, "STRING")).message == "12 events stored"


def test_empty_and_our_receipt() -> None:
    assert compile_reply(ReplySource(message=EMPTY, form="empty"))(LINE, "t", 1) == b""
    receipt = compile_reply(ReplySource(message=EVENT_RECEIPT, form="receipt"))(LINE, "t", 1)
    assert ingest_pb2.EventReceipt.FromString(receipt) == ingest_pb2.EventReceipt(
        id="e-1",
        status=ingest_pb2.STATUS_STORED,
        topic="t",
        partition=3,
        offset=2**40,
        version=2,
        schema_id=7,
        dropped=1,
    )
