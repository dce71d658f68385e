"""The standard protovalidate rules in the verdict's words, to go on after a field's name. Used by `judgement`; pure.

Values are as the event has them in JSON and have passed the structure's walk.
"""

import operator
from collections.abc import Callable
from typing import Protocol

from protobuf import ScalarType

from tidegate.contracts.protobuf.expected import Facts, Kind, counted

__all__ = ["MISSING", "Phrase", "standard_phrase"]

MISSING = object()
"""The value of a place where the event has nothing."""


class Phrase(Protocol):
    """Words one rule's violation by a value; `secret`: without the value. Nothing where it has no words of its own."""

    def __call__(self, value: object, *, secret: bool) -> str: ...


_COUNTS = {
    "string.min_len": ("at least", "characters"), "string.max_len": ("at most", "characters"),
    "string.len": ("exactly", "characters"), "string.min_bytes": ("at least", "bytes"),
    "string.max_bytes": ("at most", "bytes"), "string.len_bytes": ("exactly", "bytes"),
    "bytes.min_len": ("at least", "bytes"), "bytes.max_len": ("at most", "bytes"), "bytes.len": ("exactly", "bytes"),
    "repeated.min_items": ("at least", "items"), "repeated.max_items": ("at most", "items"),
    "map.min_pairs": ("at least", "entries"), "map.max_pairs": ("at most", "entries"),
}  # fmt: skip
_BOUNDS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("gte", "at least {} is needed", operator.lt),
    ("gt", "more than {} is needed", operator.le),
    ("lte", "at most {} is allowed", operator.gt),
    ("lt", "only less than {} is allowed", operator.ge),
)
_BOUND_NAMES = {"gt", "gte", "lt", "lte"}


def standard_phrase(rule: str, of: Facts, kind: Kind) -> Phrase | None:
    """What words a standard rule of lengths, numbers of items or bounds; None for every other."""
    return _count_phrase(rule, of, kind) if rule in _COUNTS else _bound_phrase(rule, of)


def _count_phrase(rule: str, of: Facts, kind: Kind) -> Phrase:
    """`has 0 items, at least 1 item is needed`."""
    bound, unit = _COUNTS[rule]
    limit = of.get(rule.partition(".")[2])
    wanted = f"{bound} {limit} {counted(limit, unit)} {'is' if limit == 1 else 'are'} "
    wanted += "allowed" if bound == "at most" else "needed"

    def phrase(value: object, *, secret: bool) -> str:
        if value is MISSING:
            return f"is missing: {wanted}"
        if secret:
            return f"has a wrong length: {wanted}"
        size = _size(value, kind, unit)
        return f"has {size} {counted(size, unit)}, {wanted}"

    return phrase


def _size(value: object, kind: Kind, unit: str) -> int:
    if isinstance(value, str):
        if kind is ScalarType.BYTES:
            return len(value.rstrip("=")) * 3 // 4
        return len(value.encode()) if unit == "bytes" else len(value)
    return len(value) if isinstance(value, list | dict) else 0


def _bound_phrase(rule: str, of: Facts) -> Phrase | None:
    """`is 11, at most 10 is allowed`. None, or no words, for other rules, times and NaN."""
    names = rule.partition(".")[2].split("_")
    if not _BOUND_NAMES.issuperset(names):
        return None
    bounds = [
        (bound, words.format(bound), breaks)
        for name, words, breaks in _BOUNDS
        if name in names and isinstance(bound := of.get(name), int | float)
    ]

    def phrase(value: object, *, secret: bool) -> str:
        missing = value is MISSING or value is None
        number = 0 if missing else _number(value)
        for bound, wanted, breaks in bounds:
            if number is not None and breaks(number, bound):
                if missing:
                    return f"is missing, which means {number}: {wanted}"
                return f"is out of bounds: {wanted}" if secret else f"is {number}, {wanted}"
        return ""

    return phrase


def _number(value: object) -> float | None:
    if type(value) is int or type(value) is float:
        return value
    if type(value) is str:
        return int(value) if value.lstrip("-").isdigit() else float(value)
    return None
