r"""The rule keyword `pattern`: RE2, so that no contract can make a verdict slow (linear time).

Compiled when contracts load; `Matcher` runs for each value. A search, as in JSON Schema; without `(?m)` RE2's `$` is the
very end of the text (Python's would also stand before a last newline). No lookaround, no backreferences.
"""

import re
from collections.abc import Callable

import re2

__all__ = ["Matcher", "matcher"]

Matcher = Callable[[bytes], bool]
"""Takes UTF-8; whether the pattern occurs in it."""

_UNANCHORED = re2._Anchor.UNANCHORED  # noqa: SLF001 -- re2's own search() costs 4.9 us a call, this one 0.7
_NONE = (-1, -1)
_asks_more = re.compile(r"\(\?<?[=!<]|\\[1-9k]").search
"""Finds lookaround or a backreference in what RE2 quotes of a pattern."""


def matcher(pattern: str) -> Matcher:
    """The search. Raises ValueError with RE2's reason for what is no pattern."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        if _asks_more(text) or "(?P=" in pattern:
            text += " (RE2 has no lookaround and no backreferences)"
        raise ValueError(text) from None
    match = compiled._regexp.Match  # noqa: SLF001 -- as above

    def occurs(text: bytes) -> bool:
        return bool(match(_UNANCHORED, text, 0, len(text))[0] != _NONE)

    return occurs
