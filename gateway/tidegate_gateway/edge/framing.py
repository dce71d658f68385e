"""What a request's line and headers must be before anything reads them: one way to frame a message, one host, one path.

Pure; called by `protocol` for every request. The parser (llhttp, strict) refuses what cannot be split into lines and
headers; here is what it lets pass and a proxy in front might read otherwise (request smuggling: RFC 9112, section 11.2).
"""

import re
from collections.abc import Sequence

from tidegate.errors import Code
from tidegate_gateway.doors.heads import MAX_HEAD_BYTES
from tidegate_gateway.intake.faults import Fault

__all__ = ["WATCHED", "check_head", "head_bytes", "head_too_large", "unreadable"]

WATCHED = frozenset({b"host", b"transfer-encoding"})
"""The headers that `check_head` looks at, names in lower case."""

_LINE_OVERHEAD_BYTES = 4
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._~%!$&'()*+;=-]*)(?::[0-9]{0,5})?").fullmatch
_SAID = {"Pause on PRI/Upgrade": "HTTP/2 is not spoken on this port; HTTP/1.1 is"}
"""What the parser says so that only its author understands it."""
_VERSIONS = frozenset({"1.0", "1.1"})


def check_head(target: bytes, version: str, watched: Sequence[tuple[bytes, bytes]]) -> Fault | None:
    """What is wrong with a head, or None. `watched` are its headers of `WATCHED`, in their order."""
    if version not in _VERSIONS:
        return unreadable("HTTP/1.1 is spoken here, and HTTP/1.0")
    if not target.startswith(b"/"):
        return unreadable("the request's target must be a path: this is no proxy")
    if b"#" in target:
        return unreadable("the request's target must not hold a fragment")
    hosts = [value for name, value in watched if name == b"host"]
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        return unreadable("exactly one Host header is needed")  # RFC 9112, section 3.2
    if hosts and not _HOST(hosts[0]):
        return unreadable("the Host header is no host with an optional port")
    codings = [value for name, value in watched if name == b"transfer-encoding"]
    if codings and (version == "1.0" or len(codings) > 1 or codings[0].lower() != b"chunked"):
        return unreadable("Transfer-Encoding may be chunked, once, in HTTP/1.1")  # RFC 9112, section 6.1
    return None


def head_bytes(target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    """What a head took on the wire, within a few bytes."""
    return len(target) + sum(len(name) + len(value) + _LINE_OVERHEAD_BYTES for name, value in headers)


def head_too_large(what: str = "the request line and headers take") -> Fault:
    """431: `what` takes more than a head may."""
    return Fault(Code.TOO_LARGE, f"{what} more than {MAX_HEAD_BYTES} bytes in all", status=431)


def unreadable(detail: str) -> Fault:
    """400: what was sent is not HTTP as this gateway speaks it. `detail` may be the parser's."""
    return Fault(Code.MALFORMED, f"the request cannot be read as HTTP: {_SAID.get(detail, detail)}")
