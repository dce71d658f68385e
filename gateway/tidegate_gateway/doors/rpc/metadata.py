"""A call's metadata read once: token and trace. Its size is bounded by the port. No decision on who that is."""

import re
from collections.abc import Iterable

import msgspec

__all__ = ["MAX_METADATA_BYTES", "Head", "Metadata", "read_head"]

Metadata = tuple[tuple[str, str | bytes], ...]
"""Keys in lower case; bytes are the values of keys that end in `-bin`."""

MAX_METADATA_BYTES = 16_384
"""All of a call's metadata together, as the head of an HTTP request."""
_MAX_AUTHORIZATION_CHARACTERS = 8_192

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch


class Head(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`token`: the bearer token, None where none was sent, empty where it can be none (twice, too long: never good).

    `traceparent` (W3C) is empty unless it is well formed.
    """

    token: str | None = None
    traceparent: str = ""


def read_head(metadata: Iterable[tuple[str, str | bytes]]) -> Head:
    """The head of a call. Keys are in lower case, as HTTP/2 has them."""
    authorization: str | None = None
    trace = ""
    again = False
    for name, value in metadata:
        if name == "authorization":
            again = authorization is not None
            authorization = value if isinstance(value, str) else ""
        elif name == "traceparent":
            trace = value if isinstance(value, str) and _TRACEPARENT(value) else ""
    return Head(token=_token(authorization, again=again), traceparent=trace)


def _token(authorization: str | None, *, again: bool) -> str | None:
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    return "" if again or len(authorization) > _MAX_AUTHORIZATION_CHARACTERS else token.strip()
