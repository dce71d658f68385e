"""How violations speak: JSON pointers, "did you mean", the names of what was found. Called on failure only."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from heapq import nlargest
from itertools import pairwise
from types import NoneType
from urllib.parse import quote

from tidegate.contracts.verdict import Violation

__all__ = ["anchor", "did_you_mean", "found", "pointer", "shown", "summary"]

_NAME_CHARACTERS = 64
_SUMMARY_PARTS = 5
_COMPARED = 8
"""So many known names are compared letter by letter with one that is not."""
_SHOWN_BITS = 128
_SHOWN_CHARACTERS = 40
_NAMES = {
    NoneType: "null", bool: "boolean", int: "int", float: "number", Decimal: "number", list: "array", dict: "object",
}  # fmt: skip


def shown(name: str) -> str:
    """A name that a sender chose, fit to be shown: control characters escaped, cut at 64 characters."""
    cut = name if len(name) <= _NAME_CHARACTERS else name[:_NAME_CHARACTERS] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)


def pointer(path: Sequence[str | int]) -> str:
    """The RFC 6901 pointer of a path as a URI fragment: `("items", 1, "a/b")` is `#/items/1/a~1b`."""
    text = "#"
    for step in path:
        if isinstance(step, int):
            text += f"/{step}"
        elif step.isascii() and step.isalnum() and len(step) <= _NAME_CHARACTERS:
            text += f"/{step}"  # nearly every field name: nothing to escape
        else:
            text += "/" + _escaped(step)
    return text


def _escaped(name: str) -> str:
    return quote(shown(name).replace("~", "~0").replace("/", "~1"), safe="!$&'()*+,;=:@~-._")


def anchor(path: Sequence[str | int]) -> str:
    """The docs anchor of a path: names joined by dots, array indexes left out."""
    return ".".join(step for step in path if isinstance(step, str))


def did_you_mean(name: str, known: Iterable[str], *, near: float = 0.6) -> str:
    """`did you mean "boldness"?`, or nothing where no known name is near.

    `near`, of [0, 1], is difflib's ratio: more where names share a beginning that says nothing.
    """
    return _nearest(name[:_NAME_CHARACTERS], tuple(known), near)


@lru_cache(maxsize=1024)  # difflib takes longer than a whole check, and a producer's mistakes repeat
def _nearest(name: str, known: tuple[str, ...], cutoff: float) -> str:
    lower = name.lower()
    near = get_close_matches(name, _likely(lower, known), n=1, cutoff=cutoff) or [
        k for k in known if k.lower() == lower
    ]
    if not near and lower:  # an enum's symbol without the prefix that Protobuf's style asks for
        near = [k for k in known if k.lower().endswith("_" + lower)]
    return f'did you mean "{near[0]}"?' if near else ""


def _likely(lower: str, known: tuple[str, ...]) -> Sequence[str]:
    """The few that share most pairs of letters: difflib takes 25 us for each, so 25 strange names beside 200 fields 0.1 s."""
    if len(known) <= _COMPARED:
        return known
    pairs = _pairs(lower)
    return nlargest(_COMPARED, known, key=lambda one: len(pairs & _known_pairs(one)))


def _pairs(lower: str) -> frozenset[str]:
    return frozenset(map("".join, pairwise(f" {lower} ")))


@lru_cache(maxsize=16_384)
def _known_pairs(name: str) -> frozenset[str]:
    """A contract's own name: there are only so many."""
    return _pairs(name.lower())


def found(value: object, *, sensitive: bool = False) -> str:
    """The JSON type of a value and, where it is a short number or a boolean that is not sensitive, the value itself."""
    kind = type(value)
    if kind is str:
        return "string" if sensitive else f"string of {_count(len(value), 'character')}"  # type: ignore[arg-type]  # a str
    name = _NAMES.get(kind)
    if name is None:
        return kind.__name__
    if sensitive or kind is dict or value is None:
        return name
    if kind is list:
        return f"array of {_count(len(value), 'item')}"  # type: ignore[arg-type]  # a list
    if kind is bool:
        return "boolean true" if value else "boolean false"
    if kind is int and value.bit_length() > _SHOWN_BITS:  # type: ignore[attr-defined]  # an int
        return name
    text = str(value)
    return f"{name} {text}" if len(text) <= _SHOWN_CHARACTERS else name


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def summary(violations: Sequence[Violation], omitted: int) -> str:
    """All violations in one line for a person: `userId is missing; total has 3 decimals, at most 2 are allowed`."""
    parts = []
    for violation in violations[:_SUMMARY_PARTS]:
        name = violation.pointer.removeprefix("#/") if violation.pointer != "#" else "the event"
        parts.append(f"{name} {violation.detail}")
    more = len(violations) + omitted - len(parts)
    return "; ".join(parts) + (f"; and {more} more" if more else "")
