"""The standard protovalidate rules in the verdict's words, to go on after a field's name. Used by `judgement`; pure.

Values are as the event has them in JSON and have passed the structure's walk.
"""

import operator
from collections.abc import Callable

from protobuf import ScalarType

from tidegate.contracts.protobuf.expected import Facts, Kind, counted

__all__ = ["MISSING", "bound_phrase", "count_phrase"]

MISSING = object()
"""The value of a place where the event has nothing."""

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


def count_phrase(rule: str, of: Facts, value: object, kind: Kind, *, secret: bool) -> str:
    """For a length or a number of items: `has 0 items, at least 1 item is needed`. Empty for other rules."""
    if rule not in _COUNTS:
        return ""
    bound, unit = _COUNTS[rule]
    limit = of.get(rule.partition(".")[2])
    wanted = f"{bound} {limit} {counted(limit, unit)} {'is' if limit == 1 else 'are'} "
    wanted += "allowed" if bound == "at most" else "needed"
    if value is MISSING:
        return f"is missing: {wanted}"
    if secret:
        return f"has a wrong length: {wanted}"
    size = _size(value, kind, unit)
    return f"has {size} {counted(size, unit)}, {wanted}"


def _size(value: object, kind: Kind, unit: str) -> int:
    if isinstance(value, str):
        if kind is ScalarType.BYTES:
            return len(value.rstrip("=")) * 3 // 4
        return len(value.encode()) if unit == "bytes" else len(value)
    return len(value) if isinstance(value, list | dict) else 0


def bound_phrase(rule: str, of: Facts, value: object, *, secret: bool) -> str:
    """For a number out of bounds: `is 11, at most 10 is allowed`. Empty for other rules, times and NaN."""
    names = rule.partition(".")[2].split("_")
    if not _BOUND_NAMES.issuperset(names):
        return ""
    missing = value is MISSING or value is None
    number = 0 if missing else _number(value)
    for name, words, breaks in _BOUNDS:
        bound = of.get(name)
        if name in names and isinstance(bound, int | float) and number is not None and breaks(number, bound):
            wanted = words.format(bound)
            if missing:
                return f"is missing, which means {number}: {wanted}"
            return f"is out of bounds: {wanted}" if secret else f"is {number}, {wanted}"
    return ""


def _number(value: object) -> float | None:
    if isinstance(value, str):
        return int(value) if value.lstrip("-").isdigit() else float(value)
    return value if isinstance(value, int | float) else None
