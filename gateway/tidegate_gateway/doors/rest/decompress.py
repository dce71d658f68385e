"""Content-Encoding: which there are, and the one small interface behind which their readers stand. Used by `body` and `hot`.

Whoever feeds an `Inflater` counts what comes out: no reader knows a limit, and none gives a piece larger than it says.
"""

from collections.abc import Iterator
from typing import Protocol

from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate_gateway.doors.rest.gunzip import MAGIC as GZIP_MAGIC
from tidegate_gateway.doors.rest.gunzip import Gunzip
from tidegate_gateway.doors.rest.gunzip import surely_holds_more as gzip_surely_holds_more
from tidegate_gateway.doors.rest.unzstd import MAGIC as ZSTD_MAGIC
from tidegate_gateway.doors.rest.unzstd import Unzstd
from tidegate_gateway.intake.faults import Fault

__all__ = ["ENCODINGS", "Inflater", "check_declared", "encoding_of", "inflater", "surely_holds_more"]

ENCODINGS = ("identity", "gzip", "zstd")
"""What Content-Encoding may say; one alone, since a list of them only hides how much a body holds."""

_USUAL = {b"": "", b"identity": "", b"gzip": "gzip", b"x-gzip": "gzip", b"zstd": "zstd"}
_MAGIC = {GZIP_MAGIC: "gzip", ZSTD_MAGIC: "zstd"}


class Inflater(Protocol):
    """One body's decompression: fed what arrives, in order, and told when that was all."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that `data` gives, each of a bounded size. Raises `malformed` for what is damaged."""
        ...

    def finish(self) -> None:
        """Raise `malformed` where the body ended too early."""
        ...


def encoding_of(content_encoding: bytes | None) -> str:
    """`gzip`, `zstd`, or nothing for a body as it is. Raises `unsupported_media` for everything else, lists included."""
    if content_encoding is None:
        return ""
    encoding = _USUAL.get(content_encoding)
    if encoding is None:
        encoding = _USUAL.get(content_encoding.strip(b" \t").lower())
    if encoding is None:
        raise Fault(
            Code.UNSUPPORTED_MEDIA,
            f"the Content-Encoding is not taken here; taken is one of {', '.join(ENCODINGS)}",
            accepted=ENCODINGS,
        )
    return encoding


def inflater(encoding: str) -> Inflater:
    """A reader for one body; `encoding` is one that `encoding_of` gave."""
    return Gunzip() if encoding == "gzip" else Unzstd()


def surely_holds_more(body: bytes, encoding: str, limit_bytes: int) -> bool:
    """Whether a whole body shows without being decompressed that it holds more than the limit. False says nothing.

    Of zstd nothing is asked: it decompresses eight megabytes of a bomb in under a millisecond.
    """
    return encoding == "gzip" and gzip_surely_holds_more(body, limit_bytes)


def check_declared(body: bytes) -> None:
    """Raise `malformed` for text that begins as a compressed body does where no Content-Encoding says so."""
    for magic, encoding in _MAGIC.items():
        if body.startswith(magic):
            violation = Violation(
                pointer="#",
                rule="encoding",
                detail=f"is not JSON: it begins like {encoding}",
                expected=f"JSON, or {encoding} with Content-Encoding",
                hint=f"the body is {encoding}: say Content-Encoding: {encoding}",
                byte_offset=0,
            )
            detail = f"the body {violation.detail}; say Content-Encoding: {encoding}"
            raise Fault(Code.MALFORMED, detail, violations=(violation,))
