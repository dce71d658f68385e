"""Frames out of bytes: the preface, the nine bytes in front of each, header blocks made whole (RFC 9113, sections 3.4, 4.1 and 6.10).

Part of `connection`, which never sees a CONTINUATION, nor SETTINGS, PING or GOAWAY of a shape that they do not have.
"""

from tidegate_gateway.edge.http2.fields import MAX_BLOCK_BYTES, TOO_LARGE
from tidegate_gateway.edge.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEAD_BYTES,
    HEADERS,
    MIN_MAX_FRAME,
    PING,
    PING_BYTES,
    PREFACE,
    PRIORITIZED,
    PRIORITY_BYTES,
    SETTINGS,
    ErrorCode,
    Violated,
    depends_on_itself,
    read_head,
    unpadded,
)

__all__ = ["DEPENDS_ON_ITSELF", "Frame", "FrameReader"]

DEPENDS_ON_ITSELF = 0x100
"""Beside a head's own flags: what its priority says. The block must be read before its stream can be ended for it."""

_MOST_CONTINUATIONS = 32
_GOAWAY_BYTES = 8
_OF_THE_CONNECTION = frozenset({SETTINGS, PING, GOAWAY})

Frame = tuple[int, int, int, bytes]
"""Type, flags, stream and payload; of HEADERS the whole block, without padding and priority."""


class FrameReader:
    """One connection's. `feed`, then `next` until it gives None. `greeted`: the client's SETTINGS have come, as they must first."""

    __slots__ = ("_at", "_block", "_data", "_prefaced", "greeted")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._prefaced = False
        self._block: tuple[int, int, bytearray, int] | None = None
        self.greeted = False

    def feed(self, data: bytes) -> None:
        """Bytes as they have arrived. Raises Violated where the first are no preface."""
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0
        if not self._prefaced:
            if not PREFACE.startswith(self._data[: len(PREFACE)]):
                raise Violated(ErrorCode.PROTOCOL_ERROR, "what came first is no HTTP/2 preface")
            if len(self._data) >= len(PREFACE):
                self._prefaced, self._at = True, len(PREFACE)

    def forget(self) -> None:
        """Nobody will take what has arrived."""
        self._data, self._at, self._block = b"", 0, None

    def next(self) -> Frame | None:
        """The next frame; None where it is not whole yet. Raises Violated, which is the connection's end."""
        while self._prefaced and len(self._data) - self._at >= HEAD_BYTES:
            length, kind, flags, number = read_head(self._data, self._at)
            if length > MIN_MAX_FRAME:
                raise Violated(ErrorCode.FRAME_SIZE_ERROR, "a frame past SETTINGS_MAX_FRAME_SIZE")
            begin = self._at + HEAD_BYTES
            if begin + length > len(self._data):
                return None
            self._at = begin + length
            payload = self._data[begin : self._at]
            if kind == DATA and self._block is None and self.greeted:
                return kind, flags, number, payload
            whole = self._ruled(kind, flags, number, payload)
            if whole is not None:
                return whole
        return None

    def _ruled(self, kind: int, flags: int, number: int, payload: bytes) -> Frame | None:
        """A frame that has its place: None for a block that is not whole yet."""
        if not self.greeted:
            if kind != SETTINGS or flags & ACK:
                raise Violated(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
            self.greeted = True
        if self._block is not None:
            return self._continued(kind, flags, number, payload, self._block)
        if kind == CONTINUATION:
            raise Violated(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        if kind != HEADERS:
            _look_at(kind, number, payload)
            return kind, flags, number, payload
        flags, fragment = _fragment(flags, number, payload)
        if flags & END_HEADERS:
            return kind, flags, number, fragment
        self._block = (number, flags, bytearray(fragment), 0)
        return None

    def _continued(
        self, kind: int, flags: int, number: int, payload: bytes, block: tuple[int, int, bytearray, int]
    ) -> Frame | None:
        began, began_flags, fragments, count = block
        if kind != CONTINUATION or number != began:
            raise Violated(ErrorCode.PROTOCOL_ERROR, "a header block that is broken off")
        fragments += payload
        if len(fragments) > MAX_BLOCK_BYTES:
            raise Violated(ErrorCode.ENHANCE_YOUR_CALM, TOO_LARGE)
        if count >= _MOST_CONTINUATIONS:
            raise Violated(ErrorCode.ENHANCE_YOUR_CALM, "a header block in too many pieces")
        if not flags & END_HEADERS:
            self._block = (began, began_flags, fragments, count + 1)
            return None
        self._block = None
        return HEADERS, began_flags | END_HEADERS, began, bytes(fragments)


def _look_at(kind: int, number: int, payload: bytes) -> None:
    """Raise Violated for a frame of the whole connection that names a stream, or has not the size it must have."""
    if kind not in _OF_THE_CONNECTION:
        return
    if number:
        raise Violated(ErrorCode.PROTOCOL_ERROR, "SETTINGS, PING or GOAWAY on a stream")
    if kind == PING and len(payload) != PING_BYTES:
        raise Violated(ErrorCode.FRAME_SIZE_ERROR, "a PING that is not eight bytes long")
    if kind == GOAWAY and len(payload) < _GOAWAY_BYTES:
        raise Violated(ErrorCode.FRAME_SIZE_ERROR, "a GOAWAY that is not even eight bytes long")


def _fragment(flags: int, number: int, payload: bytes) -> tuple[int, bytes]:
    """The block, or its beginning, that a HEADERS frame holds, and its flags."""
    if not number & 1:
        raise Violated(ErrorCode.PROTOCOL_ERROR, "HEADERS on a stream that no client opens")
    fragment = unpadded(payload, flags)
    if not flags & PRIORITIZED:
        return flags, fragment
    if len(fragment) < PRIORITY_BYTES:
        raise Violated(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for their priority")
    if depends_on_itself(number, fragment):
        flags |= DEPENDS_ON_ITSELF
    return flags, fragment[PRIORITY_BYTES:]
