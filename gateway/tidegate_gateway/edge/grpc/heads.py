"""What stands in front of a gRPC call and behind its answer, as header fields (gRPC over HTTP/2, "Requests" and "Responses"). Pure.

Used by `exchange` and `rpc_server`.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error
from urllib.parse import quote_from_bytes

import msgspec

from tidegate_gateway.doors.rpc.metadata import Metadata
from tidegate_gateway.edge.grpc.messages import ENCODINGS
from tidegate_gateway.edge.http2.fields import Block, block_of, field

__all__ = ["ANSWER_HEAD", "END_OK", "CallHead", "call_head", "ending", "http_status", "refusal"]

_UNITS_S = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_TIMEOUT = re.compile(r"([0-9]{1,8})([HMSmun])").fullmatch
_OF_THE_PROTOCOL = frozenset({"te", "content-type", "content-length", "user-agent", "grpc-timeout", "grpc-encoding"})
"""Fields of the protocol; what else starts with `grpc-` is its own, too."""
_MOST_JOINED = 64
"""Binary values that one field may hold: thirty thousand commas would cost the loop 20 ms."""
_UNESCAPED = "".join(chr(byte) for byte in range(0x20, 0x7F) if byte != 0x25)

_STATUS_200 = b"\x88"  # RFC 7541, appendix A
ANSWER_HEAD = (
    _STATUS_200
    + field(b"content-type", b"application/grpc")
    + field(b"grpc-accept-encoding", ",".join(ENCODINGS).encode())
)
END_OK = field(b"grpc-status", b"0")


class CallHead(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A call before its first message. `timeout_s` None: the client waits for ever.

    `http_status` is not 200 where this is no gRPC call at all; `fault` says what is wrong with one that is, `unknown_encoding` which
    grpc-encoding nobody here unpacks.
    """

    path: str = ""
    metadata: Metadata = ()
    timeout_s: float | None = None
    encoding: str = "identity"
    http_status: int = 200
    fault: str = ""
    unknown_encoding: str = ""


def call_head(block: Block) -> CallHead:
    """The head of a call; made once of each block that a connection repeats."""
    if not isinstance(block.meaning, CallHead):
        block.meaning = _call_head(block)
    return block.meaning


def ending(status: int, message: str, trailing: Metadata) -> bytes:
    """Trailers that say how the call ended."""
    fields = [(b"grpc-status", b"%d" % status)]
    if message:
        fields.append((b"grpc-message", _escaped(message)))
    fields += [(name.encode("ascii"), _sent(value)) for name, value in trailing]
    return block_of(fields)


def refusal(status: int, message: str, trailing: Metadata) -> bytes:
    """A whole answer without a message ("Trailers-Only"), which clients may retry."""
    return _STATUS_200 + field(b"content-type", b"application/grpc") + ending(status, message, trailing)


def http_status(status: int) -> bytes:
    """A whole answer to what is no gRPC call."""
    allow = field(b"allow", b"POST") if status == 405 else b""  # RFC 9110, section 15.5.6
    return field(b":status", b"%d" % status) + allow


def _call_head(block: Block) -> CallHead:
    values: dict[str, str] = {}
    metadata: list[tuple[str, str | bytes]] = []
    fault = ""
    for raw, value in block.fields:
        name = raw.decode("ascii")
        if name in _OF_THE_PROTOCOL:
            values[name] = value.decode("latin-1")
        elif name.endswith("-bin"):
            if value.count(b",") >= _MOST_JOINED:
                fault = fault or f"the metadata {name} holds more than {_MOST_JOINED} values"
                continue
            try:
                metadata += [(name, _bytes_of(part)) for part in value.split(b",")]
            except (Error, ValueError):
                fault = fault or f"the metadata {name} is not base64"
        elif not name.startswith("grpc-"):
            metadata.append((name, value.decode("utf-8", "surrogateescape")))
    timeout_s, encoding = None, values.get("grpc-encoding", "identity")
    if (text := values.get("grpc-timeout")) is not None:
        match = _TIMEOUT(text)
        if match is None:
            fault = fault or "grpc-timeout is none"
        else:
            timeout_s = int(match[1]) * _UNITS_S[match[2]]
    return CallHead(
        path=block.path.decode("utf-8", "replace"),
        metadata=tuple(metadata),
        timeout_s=timeout_s,
        encoding=encoding,
        http_status=_http_status(block, values.get("content-type", "")),
        fault=fault,
        unknown_encoding="" if encoding in ENCODINGS else encoding,
    )


def _http_status(block: Block, content_type: str) -> int:
    if block.method != b"POST":
        return 405
    kind = content_type.partition(";")[0].strip().lower()
    return 200 if kind == "application/grpc" or kind.startswith("application/grpc+") else 415


def _bytes_of(text: bytes) -> bytes:
    """Base64, padded or not ("Custom-Metadata")."""
    text = text.strip(b" ")
    return b64decode(text + b"=" * (-len(text) % 4), validate=True)


def _escaped(message: str) -> bytes:
    """Percent-encoded ("Status-Message"); a blank at either end, too, which no field's value may have."""
    quoted = quote_from_bytes(message.encode("utf-8", "replace"), _UNESCAPED).encode()
    blank = len(quoted) - len(quoted.lstrip(b" "))
    quoted = b"%20" * blank + quoted[blank:]
    text = quoted.rstrip(b" ")
    return text + b"%20" * (len(quoted) - len(text))


def _sent(value: str | bytes) -> bytes:
    return b64encode(value).rstrip(b"=") if isinstance(value, bytes) else value.encode("ascii", "replace")
