"""Header blocks: HPACK by the `hpack` library, what HTTP/2 wants of a request's fields, and blocks of our own that index nothing.

Used by `connection` (reading) and by `edge.grpc` (writing). A reader belongs to one connection, whose blocks it must all see, in
their order (RFC 7541, section 2.2).
"""

import re
from collections.abc import Iterable

import msgspec
from hpack import Decoder, HPACKError, OversizedHeaderListError

from tidegate_gateway.edge.http2.frames import ErrorCode, Violated

__all__ = ["MAX_BLOCK_BYTES", "TOO_LARGE", "Block", "BlockReader", "block_of", "field"]

MAX_BLOCK_BYTES = 32_768
"""Of one header block as sent, and of its fields as HTTP/2 counts them (RFC 9113, section 6.5.2). Past it the connection ends: what
was left out of the table can never be told again. 90 us of work a KiB, and 900 bytes of indices make 32 KiB."""

TOO_LARGE = "header fields past 32 KiB"

_KNOWN_BLOCKS = 32
"""Blocks that say the same as before are known again; so many of a connection."""
_MOST_KNOWN_BYTES = 65_536
"""And so many bytes together, as sent and as understood: a thousand connections remember for each other's harm, too."""
_MOST_RESIZES = 2
"""Of the table, in front of a block (RFC 7541, section 4.2). They are no fields, so that nothing else bounds them."""
_STATIC = 0x80
_INDEXING = 0x40
_TABLE_SIZE = 0x20
_LENGTH_DIGITS = 18

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+").fullmatch
_BAD_IN_VALUE = re.compile(rb"[\x00\r\n]|^[ \t]|[ \t]$").search
_OF_ONE_CONNECTION = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})
_OF_A_REQUEST = frozenset({b":method", b":scheme", b":path", b":authority"})


class Block(msgspec.Struct, kw_only=True, gc=False):
    """A request's head, or trailers. `fields` are the regular ones in their order; `size_bytes` as HTTP/2 counts.

    `fault` says why it may not be one (RFC 9113, sections 8.2 and 8.3), and is empty where it may. `content_length` None: not given.
    `meaning` is what its reader made of it, so that a block that comes again is not understood again; the rest never changes.
    """

    method: bytes = b""
    path: bytes = b""
    authority: bytes = b""
    fields: tuple[tuple[bytes, bytes], ...] = ()
    size_bytes: int = 0
    content_length: int | None = None
    has_pseudo: bool = False
    fault: str = ""
    meaning: object = None


class BlockReader:
    """Reads the blocks of one connection.

    Clients say mostly the same with every call, in a few bytes of indices: as long as the table does not change, so does not
    what a block means, and it is decoded once.
    """

    __slots__ = ("_decoder", "_known", "_known_bytes")

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=MAX_BLOCK_BYTES)
        self._known: dict[bytes, Block] = {}
        self._known_bytes = 0

    def read(self, data: bytes) -> Block:
        """What a whole block says. Raises Violated for one that ends the connection."""
        known = self._known.get(data)
        if known is not None:
            return known
        if _resizes(data) > _MOST_RESIZES:
            raise Violated(ErrorCode.COMPRESSION_ERROR, "a header block that changes the table's size again and again")
        try:
            fields = self._decoder.decode(data, raw=True)
        except OversizedHeaderListError:
            raise Violated(ErrorCode.ENHANCE_YOUR_CALM, TOO_LARGE) from None
        except HPACKError:
            raise Violated(ErrorCode.COMPRESSION_ERROR, "a header block that cannot be decoded") from None
        block = _block(fields)
        if _changes_table(data):
            self._forget()
        else:
            self._know(data, block)
        return block

    def _know(self, data: bytes, block: Block) -> None:
        size_bytes = len(data) + 2 * block.size_bytes  # as fields, and as what their reader makes of them
        if size_bytes > _MOST_KNOWN_BYTES:
            return
        if len(self._known) >= _KNOWN_BLOCKS or self._known_bytes + size_bytes > _MOST_KNOWN_BYTES:
            self._forget()  # blocks that come once must not keep out those that come again
        self._known[data] = block
        self._known_bytes += size_bytes

    def _forget(self) -> None:
        self._known.clear()
        self._known_bytes = 0


def field(name: bytes, value: bytes) -> bytes:
    """One field that nobody puts into a table, without Huffman's coding (RFC 7541, section 6.2.2). The name is in lower case."""
    return b"\x00" + _string(name) + _string(value)


def block_of(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A block of such fields."""
    return b"".join([field(name, value) for name, value in fields])


def _string(text: bytes) -> bytes:
    size = len(text)
    if size < 0x7F:
        return bytes((size,)) + text
    head, size = bytearray((0x7F,)), size - 0x7F
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + text


def _block(fields: Iterable[tuple[bytes, bytes]]) -> Block:
    pseudo: dict[bytes, bytes] = {}
    regular: list[tuple[bytes, bytes]] = []
    size_bytes, fault, length = 0, "", None
    for name, value in fields:
        size_bytes += len(name) + len(value) + 32
        if name[:1] == b":":
            fault = fault or _pseudo_fault(name, pseudo, after=bool(regular))
            pseudo[name] = value
        else:
            fault = fault or _fault(name, value)
            regular.append((name, value))
            if name == b"content-length":
                fault = fault or _length_fault(value, length)
                length = int(value) if not fault else None
        fault = fault or ("a value with control characters" if _BAD_IN_VALUE(value) else "")
    return Block(
        method=pseudo.get(b":method", b""),
        path=pseudo.get(b":path", b""),
        authority=pseudo.get(b":authority", b""),
        fields=tuple(regular),
        size_bytes=size_bytes,
        content_length=length,
        has_pseudo=bool(pseudo),
        fault=fault or _missing(pseudo),
    )


def _pseudo_fault(name: bytes, before: dict[bytes, bytes], *, after: bool) -> str:
    if after:
        return "a pseudo-header field after a regular one"
    if name in before:
        return "a pseudo-header field twice"
    return "" if name in _OF_A_REQUEST else "a pseudo-header field that requests do not have"


def _fault(name: bytes, value: bytes) -> str:
    if not _NAME(name):
        return "a field name that is none, or not in lower case"
    if name in _OF_ONE_CONNECTION:
        return "a field of one connection, which HTTP/2 does not have"
    return "te is not trailers" if name == b"te" and value.lower() != b"trailers" else ""


def _length_fault(value: bytes, before: int | None) -> str:
    if not value.isdigit() or len(value) > _LENGTH_DIGITS:
        return "content-length is no number"
    return "content-length says two things" if before is not None and before != int(value) else ""


def _missing(pseudo: dict[bytes, bytes]) -> str:
    """Trailers have no pseudo-header field at all: that a head needs them is said of a head alone."""
    if not pseudo:
        return ""
    if pseudo.get(b":method") == b"CONNECT":  # section 8.5: nobody here connects, and its answer says so
        right = pseudo.get(b":authority") and b":scheme" not in pseudo and b":path" not in pseudo
        return "" if right else "CONNECT has an authority, and neither scheme nor path"
    missing = [name for name in (b":method", b":scheme", b":path") if not pseudo.get(name)]
    return f"without {missing[0].decode()}" if missing else ""


def _resizes(data: bytes) -> int:
    """How many changes of the table's size stand in front, three at the most; each takes three bytes at the most."""
    count = at = 0
    while count <= _MOST_RESIZES and data[at : at + 1] and data[at] & 0xE0 == _TABLE_SIZE:
        count += 1
        at += 1
        if data[at - 1] & 0x1F == 0x1F:
            while data[at : at + 1] and data[at] & 0x80:
                at += 1
            at += 1
    return count


def _changes_table(data: bytes) -> bool:
    """Whether a block (one that could be decoded) adds to the table or changes its size (RFC 7541, section 6)."""
    at, size = 0, len(data)
    while at < size:
        first = data[at]
        if first & _STATIC:
            at = _past_number(data, at, 0x7F)[1]
        elif first & (_INDEXING | _TABLE_SIZE):
            return True
        else:
            name, at = _past_number(data, at, 0x0F)
            for _ in range(1 if name else 2):
                length, at = _past_number(data, at, 0x7F)
                at += length
    return False


def _past_number(data: bytes, at: int, mask: int) -> tuple[int, int]:
    """The integer at a place, and the place behind it (RFC 7541, section 5.1)."""
    value = data[at] & mask
    at += 1
    if value < mask:
        return value, at
    shift = 0
    while True:
        byte = data[at]
        at += 1
        value += (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
