"""Frames and settings of HTTP/2 as bytes (RFC 9113, sections 4, 6 and 7). Pure; knows no connection.

Used by `connection`, which holds the rules of what may follow what.
"""

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct

__all__ = [
    "ACK",
    "CONTINUATION",
    "DATA",
    "END_HEADERS",
    "END_STREAM",
    "GOAWAY",
    "HEADERS",
    "HEAD_BYTES",
    "MAX_WINDOW",
    "MIN_MAX_FRAME",
    "NUMBER_BITS",
    "PADDED",
    "PING",
    "PING_BYTES",
    "PREFACE",
    "PRIORITIZED",
    "PRIORITY",
    "PRIORITY_BYTES",
    "PUSH_PROMISE",
    "RST_STREAM",
    "SETTINGS",
    "WINDOW_UPDATE",
    "ErrorCode",
    "Setting",
    "Violated",
    "depends_on_itself",
    "frame",
    "goaway",
    "number_in",
    "read_head",
    "reset",
    "settings",
    "settings_in",
    "unpadded",
    "window_update",
]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (section 3.4)."""
HEAD_BYTES = 9
MIN_MAX_FRAME = 16_384
"""SETTINGS_MAX_FRAME_SIZE as long as nobody says otherwise; ours, always."""
MAX_WINDOW = (1 << 31) - 1
NUMBER_BITS = MAX_WINDOW
"""Of 32 that tell a stream's number or a window; the first means nothing, or something else."""
PING_BYTES = 8
PRIORITY_BYTES = 5

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ACK = END_STREAM = 0x1
END_HEADERS, PADDED, PRIORITIZED = 0x4, 0x8, 0x20

_HEAD = Struct(">BHBBL")
_LONG = Struct(">L")
_SETTING = Struct(">HL")


class ErrorCode(IntEnum):
    """Why a stream or a connection ends (section 7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class Setting(IntEnum):
    """The settings that are known here (section 6.5.2); others are ignored, as they must be."""

    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6


class Violated(Exception):
    """The peer broke a rule of the protocol. `stream`: it is that stream's end; 0: the connection's."""

    def __init__(self, code: ErrorCode, detail: str, stream: int = 0) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.stream = stream


def read_head(data: bytes, at: int) -> tuple[int, int, int, int]:
    """Length of the payload in bytes, type, flags and stream of the frame whose nine bytes stand at `at`."""
    high, low, kind, flags, stream = _HEAD.unpack_from(data, at)
    return high << 16 | low, kind, flags, stream & NUMBER_BITS


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame; who calls keeps the payload within the peer's SETTINGS_MAX_FRAME_SIZE."""
    size = len(payload)
    return _HEAD.pack(size >> 16, size & 0xFFFF, kind, flags, stream) + payload


def settings(values: dict[Setting, int]) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(name, value) for name, value in values.items()))


def settings_in(payload: bytes) -> Iterator[tuple[Setting, int]]:
    """The settings of a payload that are known here, in their order. Raises Violated for a value that may not be."""
    if len(payload) % _SETTING.size:
        raise Violated(ErrorCode.FRAME_SIZE_ERROR, "a SETTINGS frame of a length that settings do not give")
    for number, value in _SETTING.iter_unpack(payload):
        if number == Setting.ENABLE_PUSH and value > 1:
            raise Violated(ErrorCode.PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH is 0 or 1")
        if number == Setting.INITIAL_WINDOW_SIZE and value > MAX_WINDOW:
            raise Violated(ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE is past 2^31-1")
        if number == Setting.MAX_FRAME_SIZE and not MIN_MAX_FRAME <= value < 1 << 24:
            raise Violated(ErrorCode.PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE is not within 2^14 and 2^24-1")
        if Setting.HEADER_TABLE_SIZE <= number <= Setting.MAX_HEADER_LIST_SIZE:
            yield Setting(number), value


def reset(stream: int, code: ErrorCode) -> bytes:
    """A RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream, _LONG.pack(code))


def goaway(last_stream: int, code: ErrorCode, why: bytes = b"") -> bytes:
    """A GOAWAY frame: streams past `last_stream` were not looked at; `why` is for whoever debugs the peer."""
    return frame(GOAWAY, 0, 0, _LONG.pack(last_stream) + _LONG.pack(code) + why)


def window_update(stream: int, more_bytes: int) -> bytes:
    """A WINDOW_UPDATE frame; stream 0 is the connection."""
    return frame(WINDOW_UPDATE, 0, stream, _LONG.pack(more_bytes))


def number_in(payload: bytes) -> int:
    """The one number that a RST_STREAM or WINDOW_UPDATE frame holds, 32 bits. Raises Violated for a payload of another size."""
    if len(payload) != _LONG.size:
        raise Violated(ErrorCode.FRAME_SIZE_ERROR, "a RST_STREAM or WINDOW_UPDATE frame that is not four bytes long")
    number: int = _LONG.unpack(payload)[0]
    return number


def depends_on_itself(stream: int, priority: bytes) -> bool:
    """Whether a priority names its own stream: an error of that stream in RFC 7540, section 5.3.1, and in RFC 9113 nothing's any more.

    Clients that do so are broken all the same, and h2spec asks for it.
    """
    return int.from_bytes(priority[:4], "big") & NUMBER_BITS == stream


def unpadded(payload: bytes, flags: int) -> bytes:
    """What a padded frame holds (sections 6.1 and 6.2). Raises Violated where the padding is longer than the frame."""
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise Violated(ErrorCode.PROTOCOL_ERROR, "padding that is longer than its frame")
    return payload[1 : len(payload) - payload[0]]
