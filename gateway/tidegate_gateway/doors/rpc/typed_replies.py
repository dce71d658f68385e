"""What a typed method answers once its event is stored, as bytes: encoders made once for each method. Called by `typed`.

A service's own response message is known by field numbers and wire types alone (protobuf.dev, "Encoding"), so that no message
class of a contract's owner is ever made here. Every mapped field is written, zero or not: some have presence.
"""

from collections.abc import Callable, Mapping
from struct import Struct

from tidegate.contracts.services import Part, ReplyField, ReplySource, Wire
from tidegate.ingest.v1 import ingest_pb2
from tidegate.wire.receipt import Stored

__all__ = ["Reply", "compile_reply"]

Reply = Callable[[Stored, str, int], bytes]
"""The encoded answer to a stored event: its line, its topic, and how many events of the call are stored with it."""

_WIRE_TYPES: Mapping[Wire, int] = {"varint": 0, "zigzag": 0, "fixed64": 1, "text": 2, "fixed32": 5}
_STATUS = 200
_64_BITS = (1 << 64) - 1


def compile_reply(reply: ReplySource) -> Reply:
    """The encoder of a method's response."""
    if reply.form == "empty":
        return lambda _line, _topic, _count: b""
    if reply.form == "receipt":
        return _event_receipt
    writers = [_writer(field) for field in reply.fields]
    return lambda line, topic, count: b"".join([write(line, topic, count) for write in writers])


def _event_receipt(line: Stored, topic: str, _count: int) -> bytes:
    return ingest_pb2.EventReceipt(
        id=line.id,
        status=ingest_pb2.STATUS_STORED,
        topic=topic,
        partition=line.partition,
        offset=line.offset,
        version=line.version,
        schema_id=line.schema_id,
        dropped=line.dropped,
    ).SerializeToString()


def _writer(field: ReplyField) -> Reply:
    tag = _varint(field.number << 3 | _WIRE_TYPES[field.wire])
    if field.part == "status":
        constant = tag + _NUMBERS[field.wire](_STATUS)
        return lambda _line, _topic, _count: constant
    if field.part == "message" or field.part == "id" or field.part == "topic":
        text = _TEXT_PARTS[field.part]
        return lambda line, topic, count: tag + _text(text(line, topic, count))
    number, encode = _NUMBER_PARTS[field.part], _NUMBERS[field.wire]
    return lambda line, _topic, _count: tag + encode(number(line))


def _message(_line: Stored, _topic: str, count: int) -> str:
    return "stored" if count == 1 else f"{count} events stored"


_TEXT_PARTS: Mapping[Part, Callable[[Stored, str, int], str]] = {
    "message": _message,
    "id": lambda line, _topic, _count: line.id,
    "topic": lambda _line, topic, _count: topic,
}
_NUMBER_PARTS: Mapping[Part, Callable[[Stored], int]] = {
    "partition": lambda line: line.partition,
    "offset": lambda line: line.offset,
}


def _text(value: str) -> bytes:
    data = value.encode("utf-8")
    return _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Base 128, the least significant group first; a negative number as its two's complement of 64 bits."""
    value &= _64_BITS
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_NUMBERS: Mapping[Wire, Callable[[int], bytes]] = {
    "varint": _varint,
    "zigzag": lambda value: _varint(value << 1 ^ value >> 63),
    "fixed32": Struct("<i").pack,
    "fixed64": Struct("<q").pack,
}
