"""What is wrong with the `headers` of an event in a batch. Pure.

Called by `rest.events`, on failure or where there are headers, and by `rpc.reading`.
`heads` asks it for names that stand twice. Nothing here knows a door.
"""

import msgspec

from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import pointer
from tidegate.wire.event import MAX_HEADERS, check_headers

__all__ = ["named_again", "unreadable_headers", "wrong_headers"]

_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
_KINDS = {b"n": "null", b"t": "boolean", b"f": "boolean", b"[": "array", b"{": "object"}
"""What JSON a first byte begins; a quote is a string, and anything else a number."""


def wrong_headers(headers: list[tuple[str, str]]) -> Violation | None:
    """The first thing wrong with headers whose values are text; names in lower case."""
    again = named_again(headers) if len(headers) <= MAX_HEADERS else None
    if again is not None:
        return Violation(
            pointer=pointer(("headers", again)), rule="duplicate_key", detail="stands twice (in lower case)"
        )
    return check_headers(headers)


def named_again(headers: list[tuple[str, str]]) -> str | None:
    """The first name that stands a second time, or None. Linear: an event of megabytes may hold 100,000 names."""
    seen: set[str] = set()
    for name, _ in headers:
        if name in seen:
            return name
        seen.add(name)
    return None


def unreadable_headers(text: bytes) -> tuple[Violation, ...]:
    """The first value that is no string, and the first thing wrong with the others; nothing where `text` is no object."""
    try:
        members = _decode_members(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    wrong: list[Violation] = []
    texts: list[tuple[str, str]] = []
    for name, raw in members.items():
        value = bytes(raw)
        at = pointer(("headers", name))
        if value.startswith(b'"'):
            try:
                texts.append((name.lower(), _decode_text(value)))
            except (msgspec.DecodeError, UnicodeDecodeError):  # the decoder of members skips values unread
                wrong.append(Violation(pointer=at, rule="encoding", detail="is not UTF-8", expected="string"))
        elif not wrong:
            found = _KINDS.get(value[:1], "number")
            wrong.append(Violation(pointer=at, rule="type", detail="is no string", expected="string", found=found))
    other = wrong_headers(texts)
    return (*wrong, other) if other is not None else tuple(wrong)
