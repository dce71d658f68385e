"""zstd, bounded: block by block, every frame, and nothing after the last. An `Inflater`, chosen by `decompress`.

zstandard gives all that an input holds at once, and its limits on output are ignored where a frame declares its size. So the
blocks' ends are found here (RFC 8878, section 3.1.1) and each is handed to the decoder alone: it gives 128 KiB at most,
whatever the frame says of itself. What the blocks hold is the decoder's to judge.
"""

from collections.abc import Iterator
from typing import Final

import zstandard

from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate_gateway.intake.faults import Fault

__all__ = ["MAGIC", "MAX_WINDOW_BYTES", "Unzstd"]

MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""How every zstd frame with content begins; no JSON text does."""
MAX_WINDOW_BYTES: Final = 8_388_608
"""The largest window that a decoder of this Content-Encoding must have (RFC 9659)."""

_SKIPPABLE = b"\x2a\x4d\x18"
_LEAST_HEAD_BYTES = 5
_SKIPPABLE_HEAD_BYTES = 8
_BLOCK_HEAD_BYTES = 3
_MAX_BLOCK_BYTES = 131_072
_RLE = 1
_DICTIONARY_ID_BYTES = (0, 1, 2, 4)
_CONTENT_SIZE_BYTES = (0, 2, 4, 8)
_MAX_FRAMES = 256
_MAX_BLOCKS = 16_384
"""Eight megabytes are 64 blocks. Who flushes after each event writes one for each; ever so many empty ones say nothing."""


class Unzstd:
    """One body's decompression (RFC 8878). Feed it what arrives; what comes out is the caller's to count."""

    __slots__ = ("_blocks", "_checksum_bytes", "_frames", "_held", "_maker", "_reader", "_skip_bytes")

    def __init__(self) -> None:
        self._maker = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._reader: zstandard.ZstdDecompressionObj | None = None
        self._held = bytearray()
        self._checksum_bytes = 0
        self._skip_bytes = 0
        self._frames = 0
        self._blocks = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that `data` gives, 128 KiB each at most. Raises `malformed`, or `too_large` for the window asked for."""
        held = self._held
        held += data
        at = 0
        while at < len(held):
            taken, piece = self._step(held, at)
            if not taken:
                break
            at += taken
            if piece:
                yield piece
        del held[:at]

    def finish(self) -> None:
        """Raise `malformed` where the last frame is not whole."""
        if self._reader is not None or self._held or self._skip_bytes or not self._frames:
            raise _damaged("ends before its zstd does")

    def _step(self, held: bytearray, at: int) -> tuple[int, bytes]:
        """What stands at `at`: how many bytes it takes (0: more must come), and what they give."""
        if self._skip_bytes:
            skipped = min(self._skip_bytes, len(held) - at)
            self._skip_bytes -= skipped
            return skipped, b""
        if self._reader is None:
            return self._begin_frame(held, at), b""
        return self._block(self._reader, held, at)

    def _begin_frame(self, held: bytearray, at: int) -> int:
        """Read a frame's head (RFC 8878, sections 3.1.1.1 and 3.1.2)."""
        magic = bytes(held[at : at + len(MAGIC)])
        skippable = 0x50 <= magic[0] <= 0x5F and _SKIPPABLE.startswith(magic[1:])
        if not skippable and not MAGIC.startswith(magic):
            raise _damaged("is not zstd, or damaged" if not self._frames else "has bytes behind its zstd that are none")
        size = _SKIPPABLE_HEAD_BYTES if skippable else _head_bytes(held, at)
        if len(held) - at < size:
            return 0
        self._frames += 1
        if self._frames > _MAX_FRAMES:
            raise _damaged(f"has more than {_MAX_FRAMES} zstd frames")
        head = bytes(held[at : at + size])
        if skippable:
            self._skip_bytes = int.from_bytes(head[len(MAGIC) :], "little")
            return size
        window_bytes = _window_bytes(head)
        if window_bytes > MAX_WINDOW_BYTES:
            detail = f"the body's zstd needs a window of {window_bytes} bytes, at most {MAX_WINDOW_BYTES} are allowed"
            raise Fault(Code.TOO_LARGE, detail)
        self._checksum_bytes = 4 if head[4] & 0x04 else 0
        self._reader = self._maker.decompressobj()
        _decoded(self._reader, head)
        return size

    def _block(self, reader: "zstandard.ZstdDecompressionObj", held: bytearray, at: int) -> tuple[int, bytes]:
        """Decode one block (RFC 8878, section 3.1.1.2), the frame's checksum with its last."""
        if len(held) - at < _BLOCK_HEAD_BYTES:
            return 0, b""
        head = int.from_bytes(held[at : at + _BLOCK_HEAD_BYTES], "little")
        last, kind, size = head & 1, head >> 1 & 3, head >> 3
        if size > _MAX_BLOCK_BYTES:
            raise _damaged("is not zstd, or damaged")
        whole = _BLOCK_HEAD_BYTES + (1 if kind == _RLE else size) + (self._checksum_bytes if last else 0)
        if len(held) - at < whole:
            return 0, b""
        self._blocks += 1
        if self._blocks > _MAX_BLOCKS:
            raise _damaged(f"has more than {_MAX_BLOCKS} zstd blocks")
        piece = _decoded(reader, bytes(held[at : at + whole]))
        if reader.eof != bool(last):
            raise _damaged("is not zstd, or damaged")
        if last:
            self._reader = None
        return whole, piece


def _head_bytes(held: bytearray, at: int) -> int:
    """How many bytes the frame's head takes; the fewest that it can where its descriptor has not come yet."""
    if len(held) - at < _LEAST_HEAD_BYTES:
        return _LEAST_HEAD_BYTES + 1
    descriptor = held[at + len(MAGIC)]
    single_segment = descriptor >> 5 & 1
    content_size_bytes = _CONTENT_SIZE_BYTES[descriptor >> 6] or single_segment
    return _LEAST_HEAD_BYTES + (1 - single_segment) + _DICTIONARY_ID_BYTES[descriptor & 3] + content_size_bytes


def _window_bytes(head: bytes) -> int:
    """The window that a frame asks for: its content's size where it is one segment, else as its descriptor says."""
    descriptor = head[len(MAGIC)]
    if descriptor >> 5 & 1:
        size_bytes = _CONTENT_SIZE_BYTES[descriptor >> 6] or 1
        return int.from_bytes(head[-size_bytes:], "little") + (256 if size_bytes == 2 else 0)
    exponent, mantissa = divmod(head[_LEAST_HEAD_BYTES], 8)
    base = 1 << (10 + exponent)
    return base + base // 8 * mantissa


def _decoded(reader: "zstandard.ZstdDecompressionObj", data: bytes) -> bytes:
    try:
        return reader.decompress(data)
    except zstandard.ZstdError:
        raise _damaged("is not zstd, or damaged") from None


def _damaged(detail: str) -> Fault:
    violation = Violation(pointer="#", rule="encoding", detail=detail, expected="zstd (RFC 8878)")
    return Fault(Code.MALFORMED, f"the body {detail}", violations=(violation,))
