"""What protovalidate says of a message, said as the rest of the verdict is. Used by `codec` alone, on failure.

The rule's name is protovalidate's rule id. Details of the standard rules are worded here; all others are protovalidate's
or the contract author's own words.
"""

import operator
from collections.abc import Callable, Sequence

from protobuf import DescEnum, DescFieldValueMap, Message
from protovalidate import Violation as Broken

from tidegate.contracts.protobuf.expected import expected_value, is_wrapper, key_facts, shown_value
from tidegate.contracts.protobuf.faults import is_below
from tidegate.contracts.protobuf.places import MISSING, Place, locate
from tidegate.contracts.protobuf.structure import MessageCheck
from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import found, pointer

__all__ = ["Judge", "Judged"]

_MOST_PLACED = 1000
_COUNTS = {
    "string.min_len": ("at least", "characters"), "string.max_len": ("at most", "characters"),
    "string.len": ("exactly", "characters"), "string.min_bytes": ("at least", "bytes"),
    "string.max_bytes": ("at most", "bytes"), "string.len_bytes": ("exactly", "bytes"),
    "bytes.min_len": ("at least", "bytes"), "bytes.max_len": ("at most", "bytes"), "bytes.len": ("exactly", "bytes"),
    "repeated.min_items": ("at least", "items"), "repeated.max_items": ("at most", "items"),
    "map.min_pairs": ("at least", "entries"), "map.max_pairs": ("at most", "entries"),
}  # fmt: skip
_BOUNDS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("gte", "at least {} is required", operator.lt),
    ("gt", "more than {} is required", operator.le),
    ("lte", "at most {} is allowed", operator.gt),
    ("lt", "less than {} is allowed", operator.ge),
)
_PLAIN = {
    "enum.defined_only": "is none of the enum's values",
    "repeated.unique": "has the same item twice",
    "double.finite": "is not finite",
    "float.finite": "is not finite",
}


class Judged:
    """A violation and where it lies, for the order of the document."""

    __slots__ = ("path", "violation")

    def __init__(self, path: tuple[str | int, ...], violation: Violation) -> None:
        self.path = path
        self.violation = violation


class Judge:
    """Words protovalidate's violations for one contract version."""

    __slots__ = ("_root", "_secrets", "_sensitive")

    def __init__(self, root: MessageCheck, sensitive: frozenset[str], *, secrets: bool) -> None:
        self._root = root
        self._sensitive = sensitive
        self._secrets = secrets

    def words(self, broken: Sequence[Broken], tree: object) -> list[Judged]:
        """The violations of a message that was made of `tree`, in protovalidate's order; at most 1,000."""
        return [self._one(one, tree) for one in broken[:_MOST_PLACED]]

    def _one(self, broken: Broken, tree: object) -> Judged:
        proto = broken.proto
        place = locate(list(proto.field.elements) if proto.field is not None else [], self._root, tree)
        secret = place.secret or is_below(place.anchor, self._sensitive)
        return Judged(
            place.path,
            Violation(
                pointer=pointer(place.path),
                rule=proto.rule_id,
                detail=self._detail(broken, place, secret=secret),
                expected=_expected(place, for_key=proto.for_key),
                found=_found(place, secret=secret),
                docs=place.anchor,
            ),
        )

    def _detail(self, broken: Broken, place: Place, *, secret: bool) -> str:
        proto = broken.proto
        rule = proto.rule_id
        if place.oneof:
            return f"needs one of {', '.join(_members(place))}"
        if rule == "required":
            return "is missing" if place.value is MISSING or place.value is None else "is empty"
        if isinstance(place.field and place.field.kind, DescEnum) and rule.startswith("enum.") and rule not in _PLAIN:
            means = "is missing, which means" if place.value is MISSING else "is"
            return "is a value that is not allowed" if secret else f"{means} {_symbol(place)}, which is not allowed"
        worded = (
            _PLAIN.get(rule) or _count(rule, broken, secret=secret) or _bound(rule, broken, place, secret=secret)
        )  # fmt: skip
        if worded:
            return worded
        if self._secrets and _is_computed(broken):
            return f"does not satisfy the rule {rule}"
        return proto.message.replace("must be a valid", "is not a valid", 1).removeprefix("value ") or "breaks the rule"


def _is_computed(broken: Broken) -> bool:
    """Whether a CEL expression made the text, maybe out of values that are sensitive."""
    rule = broken.proto.rule
    if rule is None or not rule.elements or not rule.elements[0].field_name.startswith("cel"):
        return False
    return not getattr(broken.rule_value, "message", "")


def _plain(value: object) -> object:
    """The scalar inside a wrapper message; every other value as it is."""
    if isinstance(value, Message) and is_wrapper(value.desc()):
        return getattr(value, "value", None)
    return value


def _members(place: Place) -> list[str]:
    if place.message is None:
        return []
    fields = place.message.by_proto_name.values()
    return [
        field.anchor
        for field in fields
        if (oneof := getattr(field.desc.value, "oneof", None)) is not None and oneof.name == place.oneof
    ]


def _count(rule: str, broken: Broken, *, secret: bool) -> str:
    if rule not in _COUNTS:
        return ""
    bound, unit = _COUNTS[rule]
    value, limit = _plain(broken.field_value), broken.rule_value
    wanted = f"{bound} {limit} {unit if limit != 1 else _singular(unit)} {'is' if limit == 1 else 'are'} "
    wanted += "allowed" if bound == "at most" else "required"
    if secret or not isinstance(value, str | bytes | list | dict):
        return f"has a wrong length: {wanted}"
    size = len(value.encode()) if isinstance(value, str) and unit == "bytes" else len(value)
    return f"has {size} {unit if size != 1 else _singular(unit)}, {wanted}"


def _singular(unit: str) -> str:
    return "entry" if unit == "entries" else unit[:-1]


def _bound(rule: str, broken: Broken, place: Place, *, secret: bool) -> str:
    number = _plain(broken.field_value)
    parts = rule.partition(".")[2].split("_")
    if place.field is None or not isinstance(number, int | float) or not {"gt", "gte", "lt", "lte"}.issuperset(parts):
        return ""
    of = place.field.element_facts if place.inside else place.field.facts
    for name, words, breaks in _BOUNDS:
        bound = of.get(name)
        if isinstance(bound, int | float) and name in parts and breaks(number, bound):
            wanted = words.format(bound)
            if place.value is MISSING:
                return f"is missing, which means {number}: {wanted}"
            return f"is out of bounds: {wanted}" if secret else f"is {number}, {wanted}"
    return ""


def _symbol(place: Place) -> str:
    kind = place.field.kind if place.field is not None else None
    if not isinstance(kind, DescEnum):
        return ""
    value = kind.values[0].number if place.value is MISSING or place.value is None else place.value
    return next((one.name for one in kind.values if value in (one.name, one.number)), str(shown_value(value)))


def _expected(place: Place, *, for_key: bool) -> str:
    field = place.field
    if field is None or place.oneof:
        return ""
    if for_key and isinstance(field.desc.value, DescFieldValueMap):
        return "keys: " + expected_value(field.desc.value.key, key_facts(field.facts))
    return field.element_expected if place.inside else field.expected


def _found(place: Place, *, secret: bool) -> str:
    if place.oneof or place.field is None or place.value is MISSING:
        return ""
    if isinstance(place.field.kind, DescEnum) and not isinstance(place.value, list | dict) and place.value is not None:
        return "enum value" if secret else f"enum {_symbol(place)}"
    return found(place.value, sensitive=secret)
