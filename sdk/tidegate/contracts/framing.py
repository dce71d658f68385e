"""The Confluent wire format: what stands before a value in Kafka.

    00 | schema id, int32 big-endian | Avro binary
    00 | schema id, int32 big-endian | message index path | Protobuf binary

Source: Confluent Schema Registry, "Wire format"; the index path's varints are zigzag-encoded.
"""

from collections.abc import Sequence

__all__ = ["FRAME_BYTES", "avro_frame", "framed_id", "message_index_path", "protobuf_frame"]

FRAME_BYTES = 5
"""The magic byte and the schema id."""


def _zigzag(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append((number & 0x7F) | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def message_index_path(index: Sequence[int]) -> bytes:
    """The path of a message in its file: `[0]` is the single byte 0, `[1]` is `02 02`, `[1, 0]` is `04 02 00`."""
    if list(index) == [0]:
        return b"\0"
    return _zigzag(len(index)) + b"".join(_zigzag(step) for step in index)


def avro_frame(schema_id: int) -> bytes:
    """The five bytes before an Avro payload."""
    return b"\0" + schema_id.to_bytes(4, "big")


def protobuf_frame(schema_id: int, index: Sequence[int]) -> bytes:
    """The bytes before a Protobuf payload."""
    return avro_frame(schema_id) + message_index_path(index)


def framed_id(body: bytes) -> int | None:
    """The schema id in a body's frame; None where it does not begin with a frame."""
    if len(body) < FRAME_BYTES or body[0] != 0:
        return None
    return int.from_bytes(body[1:FRAME_BYTES], "big", signed=True)
