"""Media types and encodings of a request's body, as this build takes them. Asked by `hot`, before anything is read."""

from tidegate.errors import Code
from tidegate_gateway.intake.faults import Fault

__all__ = ["JSON", "NDJSON", "is_gzip", "media_type_of"]

JSON = "application/json"
NDJSON = "application/x-ndjson"

_ENCODINGS = ("identity", "gzip")
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
_USUAL = {b"application/json": JSON, b"application/json; charset=utf-8": JSON, b"application/x-ndjson": NDJSON}


def media_type_of(content_type: bytes | None, accepted: tuple[str, ...]) -> str:
    """The media type without its parameters. Raises `unsupported_media` where it is none of `accepted`.

    Text is UTF-8 here (RFC 8259, section 8.1): another charset is refused rather than misread.
    """
    if content_type is None:
        raise _unsupported("the request says no Content-Type", accepted)
    found = _USUAL.get(content_type)
    if found is None:
        found, _, parameters = content_type.decode("latin-1").partition(";")
        found = found.strip().lower()
        for parameter in parameters.split(";"):
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in _CHARSETS:
                raise _unsupported("the charset is another than utf-8", accepted)
    if found not in accepted:
        raise _unsupported("the media type is not taken here", accepted)
    return found


def is_gzip(content_encoding: bytes | None) -> bool:
    """Whether the body is compressed. Raises `unsupported_media` for what is neither identity nor gzip."""
    if content_encoding is None:
        return False
    encoding = content_encoding.strip().lower()
    if encoding in {b"gzip", b"x-gzip"}:
        return True
    if encoding in {b"", b"identity"}:
        return False
    raise _unsupported("the Content-Encoding is not taken here", _ENCODINGS)


def _unsupported(what: str, accepted: tuple[str, ...]) -> Fault:
    return Fault(Code.UNSUPPORTED_MEDIA, f"{what}; taken are {', '.join(accepted)}", accepted=accepted)
