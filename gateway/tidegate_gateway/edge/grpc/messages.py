"""gRPC's messages within a stream of bytes: five bytes in front of each, packed or not (gRPC over HTTP/2, "Length-Prefixed-Message"). Pure.

Used by `exchange`.
"""

import zlib
from struct import Struct

from tidegate.errors import Code
from tidegate_gateway.intake.faults import Fault

__all__ = ["ENCODINGS", "message", "take"]

_PREFIX = Struct(">BL")
_ZLIB_OR_GZIP = 47
"""zlib's own word for either header; `deflate` is zlib's format (RFC 9110, section 8.4.1.2)."""
ENCODINGS = ("identity", "deflate", "gzip")


def message(body: bytes) -> bytes:
    """A message as sent; never packed."""
    return _PREFIX.pack(0, len(body)) + body


def take(inbox: bytearray, most_bytes: int, encoding: str) -> tuple[bytes, int] | None:
    """The first message of what has arrived, and how many bytes it took there; None where it is not whole yet. It is taken out.

    Raises `too_large` for one past `most_bytes`, packed or not, as soon as its length is known, and `malformed`.
    """
    if len(inbox) < _PREFIX.size:
        return None
    packed, size = _PREFIX.unpack_from(inbox)
    if size > most_bytes:
        raise Fault(Code.TOO_LARGE, f"the message takes {size} bytes, at most {most_bytes} are allowed")
    end = _PREFIX.size + size
    if len(inbox) < end:
        return None
    body = bytes(inbox[_PREFIX.size : end])
    del inbox[:end]
    if packed:
        if packed != 1 or encoding == "identity":
            raise Fault(Code.MALFORMED, "a message is marked as compressed, and grpc-encoding names no compression")
        body = _unpacked(body, most_bytes)
    return body, end


def _unpacked(body: bytes, most_bytes: int) -> bytes:
    unpacking = zlib.decompressobj(_ZLIB_OR_GZIP)
    try:
        plain = unpacking.decompress(body, most_bytes + 1)
    except zlib.error:
        raise Fault(Code.MALFORMED, "a compressed message cannot be unpacked") from None
    if len(plain) > most_bytes:
        raise Fault(Code.TOO_LARGE, f"the message unpacks to more than the {most_bytes} bytes that are allowed")
    if not unpacking.eof:
        raise Fault(Code.MALFORMED, "a compressed message ends too early")
    if unpacking.unused_data:  # a second gzip member, which would be lost without a word
        raise Fault(Code.MALFORMED, "a compressed message goes on behind its end")
    return plain
