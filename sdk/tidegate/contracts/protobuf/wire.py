"""Protobuf's wire format, read to the last byte: numbers, lengths, tags, and how to step over a value. Pure.

Used by the walk over binary events (`binary`) and by the tree that explains a refused one (`wire_tree`). Stricter than
parsers are where these would lose something in silence; knows no message.
Source: protobuf.dev, "Encoding".
"""

from struct import Struct
from typing import Final, NoReturn

from tidegate.contracts.jsontext import MAX_DEPTH

__all__ = [
    "END_GROUP",
    "FIXED32",
    "FIXED64",
    "LENGTH",
    "START_GROUP",
    "VARINT",
    "WIRE_NAMES",
    "Unreadable",
    "double",
    "float_",
    "length",
    "skip",
    "tag_at",
    "uint32",
    "uint64",
    "varint",
]

VARINT, FIXED64, LENGTH, START_GROUP, END_GROUP, FIXED32 = range(6)
WIRE_NAMES: Final = ("varint", "64-bit", "length-delimited", "group", "group end", "32-bit")
"""What the wire types are called, by their numbers."""

_MAX_TAG = 2**32
_MAX_LENGTH = 2**31
_float = Struct("<f").unpack_from
_double = Struct("<d").unpack_from
_uint32 = Struct("<I").unpack_from
_uint64 = Struct("<Q").unpack_from


class Unreadable(Exception):
    """The bytes are no Protobuf message: `rule` and `detail` say why, `at` is the byte.

    `path` is innermost first: put together while the walk gives up.
    """

    def __init__(self, detail: str, at: int, rule: str = "malformed") -> None:
        super().__init__(detail)
        self.detail = detail
        self.at = at
        self.rule = rule
        self.path: list[str | int] = []


def _ends(at: int) -> NoReturn:
    raise Unreadable("is truncated: it ends inside a value", at)


def varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned number of at most 64 bits, and where it ends. Written in the fewest bytes, as every encoder does."""
    start = at
    value = shift = 0
    while True:
        if at >= end:
            _ends(end)
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 63:
            raise Unreadable("holds a varint of more than ten bytes", start)
    if value >> 64:
        raise Unreadable("holds a varint of more than 64 bits", start)
    if shift and not byte:
        raise Unreadable("holds a varint that is longer than its number needs", start)
    return value, at


def tag_at(body: bytes, at: int, end: int) -> tuple[int, int]:
    """A field's number and wire type as they stand (`number << 3 | type`), and where the value begins."""
    tag, after = varint(body, at, end)
    if tag >= _MAX_TAG or tag < 8:
        what = "number 0" if tag < 8 else "a number past 2^29 - 1"
        raise Unreadable(f"holds a field of {what}", at)
    if tag & 7 > FIXED32:
        raise Unreadable(f"holds a field of the wire type {tag & 7}, which does not exist", at)
    return tag, after


def length(body: bytes, at: int, end: int) -> tuple[int, int]:
    """Where a length-delimited value begins and where it ends."""
    if at < end and body[at] < 0x80:
        size, after = body[at], at + 1
    else:
        size, after = varint(body, at, end)
    if after + size > end or size >= _MAX_LENGTH:
        raise Unreadable("is truncated: a length leads past the end", at)
    return after, after + size


def uint32(body: bytes, at: int, end: int) -> tuple[int, int]:
    """Four bytes, unsigned."""
    if at + 4 > end:
        _ends(end)
    return int(_uint32(body, at)[0]), at + 4


def uint64(body: bytes, at: int, end: int) -> tuple[int, int]:
    """Eight bytes, unsigned."""
    if at + 8 > end:
        _ends(end)
    return int(_uint64(body, at)[0]), at + 8


def float_(body: bytes, at: int, end: int) -> tuple[float, int]:
    """Four bytes of IEEE 754."""
    if at + 4 > end:
        _ends(end)
    return float(_float(body, at)[0]), at + 4


def double(body: bytes, at: int, end: int) -> tuple[float, int]:
    """Eight bytes of IEEE 754."""
    if at + 8 > end:
        _ends(end)
    return float(_double(body, at)[0]), at + 8


def skip(body: bytes, at: int, end: int, tag: int) -> int:
    """Steps over the value behind `tag`, groups with all that they hold; answers where it ends."""
    open_groups: list[int] = []
    start = at
    while True:
        match tag & 7:
            case 0:
                _, at = varint(body, at, end)
            case 1:
                _, at = uint64(body, at, end)
            case 2:
                _, at = length(body, at, end)
            case 3:
                open_groups.append(tag >> 3)
                if len(open_groups) > MAX_DEPTH:
                    raise Unreadable(f"nests more than {MAX_DEPTH} levels deep", start, "depth")
            case 4:
                if not open_groups or open_groups.pop() != tag >> 3:
                    raise Unreadable("holds the end of a group that did not begin", at)
            case _:
                _, at = uint32(body, at, end)
        if not open_groups:
            return at
        if at >= end:
            raise Unreadable("is truncated: a group has no end", start)
        tag, at = tag_at(body, at, end)
