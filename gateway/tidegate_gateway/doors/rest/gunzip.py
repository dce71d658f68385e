"""gzip, bounded: pieces of known size, every member, and nothing after the last. An `Inflater`, chosen by `decompress`."""

import zlib
from collections.abc import Iterator

from tidegate.contracts.inflation import MAX_RATIO, is_bomb
from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate_gateway.intake.faults import Fault

__all__ = ["MAGIC", "PIECE_BYTES", "Gunzip", "surely_holds_more"]

PIECE_BYTES = 65_536
"""The most that one piece holds."""

MAGIC = b"\x1f\x8b"
"""How every gzip begins (RFC 1952, section 2.3.1); no JSON text does."""

_GZIP_WINDOW = 31
_LEAST_BYTES = 18
_MAX_MEMBERS = 256
"""bgzip and pigz write a member for each 64 to 128 KiB; a body of ever so many empty ones costs time and says nothing."""
_BOMB = f"the body's gzip holds more than {MAX_RATIO} times its own size; if it is meant so, send it without gzip, or as zstd"


class Gunzip:
    """One body's decompression (RFC 1952). Feed it what arrives; what comes out is the caller's to count."""

    __slots__ = ("_given_bytes", "_member", "_members", "_taken_bytes")

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._members = 0
        self._taken_bytes = 0
        self._given_bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that `data` gives, each at most `PIECE_BYTES`. Raises `malformed` for what is not gzip, `too_large` for a bomb."""
        more = True
        while more:
            if self._member.eof:
                if not data:
                    return
                self._next_member()
            try:
                piece = self._member.decompress(data, PIECE_BYTES)
            except zlib.error:
                raise _damaged("is not gzip, or damaged") from None
            rest = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            self._taken_bytes += len(data) - len(rest)
            self._given_bytes += len(piece)
            if is_bomb(self._taken_bytes, self._given_bytes):
                raise Fault(Code.TOO_LARGE, _BOMB)
            data = rest
            more = bool(data) or len(piece) == PIECE_BYTES
            if piece:
                yield piece

    def finish(self) -> None:
        """Raise `malformed` where the last member is not whole."""
        if not self._member.eof:
            raise _damaged("ends before its gzip does")

    def _next_member(self) -> None:
        self._members += 1
        if self._members >= _MAX_MEMBERS:
            raise _damaged(f"has more than {_MAX_MEMBERS} gzip members")
        self._member = zlib.decompressobj(_GZIP_WINDOW)


def surely_holds_more(body: bytes, limit_bytes: int) -> bool:
    """Whether a whole gzip says at its end that it holds more than the limit (RFC 1952, ISIZE), and begins as if it did.

    True is a refusal a thousand times cheaper than decompressing up to the limit; False says nothing. Where the end says
    so, the body is too large or damaged, so nothing good is refused; the beginning keeps a cut one from being called large.
    """
    if len(body) < _LEAST_BYTES or int.from_bytes(body[-4:], "little") <= limit_bytes:
        return False
    reader = zlib.decompressobj(_GZIP_WINDOW)
    try:
        piece = reader.decompress(body, PIECE_BYTES)
    except zlib.error:
        return False
    read_bytes = len(body) - len(reader.unconsumed_tail)
    return not reader.eof and len(piece) * len(body) > limit_bytes * read_bytes


def _damaged(detail: str) -> Fault:
    violation = Violation(pointer="#", rule="encoding", detail=detail, expected="gzip (RFC 1952)")
    return Fault(Code.MALFORMED, f"the body {detail}", violations=(violation,))
