"""Whether an event of a batch names a member twice. Decoders take the last one silently; the door must not.

Used by `events`. The event's value is not looked into: its contract's codec does.
"""

import json

from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import pointer

__all__ = ["duplicate_member", "members_at_most"]

Pairs = list[tuple[str, object]]


def members_at_most(text: bytes, value: bytes, present: int) -> bool:
    """Whether the event `text`, its `value` left out (empty: it has none), holds at most `present` members: then none of them stands twice.

    Each member has a colon after a quote or white space. Colons are counted in the bytes, so strings that hold some
    make the count too high, never too low: True is proof, False asks for `duplicate_member`.
    """
    if text.count(b":") - value.count(b":") == present:
        return True
    before, _, after = text.partition(value) if value else (text, b"", b"")
    # The quote keeps a colon that follows a chance occurrence of the value's bytes counted.
    rest = before + b'"' + after
    ends = rest.count(b'":') + rest.count(b" :") + rest.count(b"\t:") + rest.count(b"\n:") + rest.count(b"\r:")
    return ends <= present


def duplicate_member(text: bytes) -> Violation | None:
    """The first member of an event, or of its headers, that stands twice; None where all stand once.

    `text` was decoded before, so that it is known to be JSON (RFC 8259, section 4: names should be unique).
    """
    try:
        top: Pairs = json.loads(text, object_pairs_hook=list, parse_int=str, parse_float=str)
    except RecursionError:
        return Violation(pointer="#", rule="depth", detail="is nested too deeply to be read")
    except ValueError:  # only inside of the value, which the decoder skipped unread: its codec refuses it
        return None
    again = _first_again(top)
    if again is not None:
        return _twice((again,))
    for name, members in top:
        if name == "headers" and isinstance(members, list):
            again = _first_again(members)
            return _twice(("headers", again)) if again is not None else None
    return None


def _first_again(pairs: Pairs) -> str | None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return None


def _twice(path: tuple[str, ...]) -> Violation:
    return Violation(pointer=pointer(path), rule="duplicate_key", detail="stands twice in one object")
