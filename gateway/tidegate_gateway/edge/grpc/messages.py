"""gRPC's messages within a stream of bytes: five bytes in front of each, packed or not (gRPC over HTTP/2, "Length-Prefixed-Message"). Pure.

Used by `exchange`.
"""

import zlib
from struct import Struct

from tidegate.errors import Code
from tidegate_gateway.intake.faults import Fault

__all__ = ["ENCODINGS", "Unpacking", "message", "take"]

_PREFIX = Struct(">BL")
_ZLIB_OR_GZIP = 47
"""zlib's own word for either header; `deflate` is zlib's format (RFC 9110, section 8.4.1.2)."""
ENCODINGS = ("identity", "deflate", "gzip")
_FIRST_STEP_BYTES = 16_384
_STEP_BYTES = 262_144
"""So much is unpacked at once, in less than a millisecond: ten kilobytes may hold eight megabytes of nothing."""


def message(body: bytes) -> bytes:
    """A message as sent; never packed."""
    return _PREFIX.pack(0, len(body)) + body


def take(inbox: bytearray, most_bytes: int, encoding: str) -> "tuple[bytes | Unpacking, int] | None":
    """The first message of what has arrived, and how many bytes it took there; None where it is not whole yet. It is taken out.

    One that unpacks to much is unpacked in steps, by who takes it.

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
        unpacking = Unpacking(body, most_bytes)
        plain = unpacking.step(_FIRST_STEP_BYTES)
        return (unpacking if plain is None else plain), end
    return body, end


class Unpacking:
    """A message that is being unpacked, `most_bytes` at the most."""

    __slots__ = ("_inflater", "_left", "_most_bytes", "_plain")

    def __init__(self, body: bytes, most_bytes: int) -> None:
        self._inflater = zlib.decompressobj(_ZLIB_OR_GZIP)
        self._left = body
        self._most_bytes = most_bytes
        self._plain = bytearray()

    def step(self, step_bytes: int = _STEP_BYTES) -> bytes | None:
        """Go on; the message once it is whole. Raises `malformed`, `too_large`."""
        inflater, most_bytes = self._inflater, self._most_bytes
        try:
            piece = inflater.decompress(self._left, min(step_bytes, most_bytes + 1 - len(self._plain)))
        except zlib.error:
            raise Fault(Code.MALFORMED, "a compressed message cannot be unpacked") from None
        self._plain += piece
        self._left = inflater.unconsumed_tail
        if len(self._plain) > most_bytes:
            raise Fault(Code.TOO_LARGE, f"the message unpacks to more than the {most_bytes} bytes that are allowed")
        if inflater.eof:
            if inflater.unused_data:  # a second gzip member, which would be lost without a word
                raise Fault(Code.MALFORMED, "a compressed message goes on behind its end")
            return bytes(self._plain)
        if len(piece) < step_bytes:  # all that there was is unpacked
            raise Fault(Code.MALFORMED, "a compressed message ends too early")
        return None
