"""What protovalidate says of a message, said as the rest of the verdict is. Used by `codec` alone, on failure.

The rule's name is protovalidate's rule id. Details of the standard rules are worded here; all others are protovalidate's
or the contract author's own words.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from protobuf import DescEnum, DescFieldValueMap, ScalarType
from protovalidate import Violation as Broken
from protovalidate import ViolationPb

from tidegate.contracts.protobuf.expected import expected_value, key_facts, shown_value
from tidegate.contracts.protobuf.phrases import MISSING, Phrase, standard_phrase
from tidegate.contracts.protobuf.places import Place, Positions, locate
from tidegate.contracts.protobuf.secrets import Secrets
from tidegate.contracts.protobuf.structure import FieldCheck, MessageCheck
from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import found

__all__ = ["Judge", "Judged"]

_MOST_PLACED = 1000
_PLAIN = {
    "enum.defined_only": "is none of the enum's values",
    "repeated.unique": "has the same item twice",
    "double.finite": "is not finite",
    "float.finite": "is not finite",
}


class Judged:
    """A violation's place, and what makes the violation: only those that are listed are worded."""

    __slots__ = ("path", "position", "violation")

    def __init__(
        self, path: tuple[str | int, ...], position: tuple[int, ...], violation: Callable[[], Violation]
    ) -> None:
        self.path = path
        self.position = position
        self.violation = violation


class Judge:
    """Words protovalidate's violations for one contract version."""

    __slots__ = ("_phrases", "_root", "_secrets")

    def __init__(self, root: MessageCheck, secrets: Secrets) -> None:
        self._phrases: dict[tuple[FieldCheck, bool, bool, str], Phrase | None] = {}  # as many as the contract has rules
        self._root = root
        self._secrets = secrets

    def places(
        self,
        broken: Sequence[Broken],
        positions: Positions,
        offsets: Mapping[tuple[str | int, ...], int],
        hint: str = "",
    ) -> list[Judged]:
        """The violations of a message that was made of the tree of `positions`, in protovalidate's order; at most 1,000.

        `offsets` are the bytes of a binary event's members by path. `hint` is given to each violation.
        """
        judged = []
        for one in broken[:_MOST_PLACED]:
            proto = one.proto
            place = locate(proto.field.elements if proto.field is not None else (), self._root, positions)
            said = partial(self._violation, one, proto, place, offsets.get(place.path), hint)
            judged.append(Judged(place.path, place.position, said))
        return judged

    def _violation(
        self, broken: Broken, proto: ViolationPb, place: Place, byte_offset: int | None, hint: str
    ) -> Violation:
        secret = place.secret or self._secrets.cover(place.anchor)
        return Violation(
            pointer=self._secrets.pointer(place.path),
            rule=proto.rule_id,
            detail=self._detail(broken, proto, place, secret=secret),
            expected=_expected(place, for_key=proto.for_key),
            found=_found(place, for_key=proto.for_key, secret=secret),
            hint=hint,
            docs=place.anchor,
            byte_offset=byte_offset,
        )

    def _detail(self, broken: Broken, proto: ViolationPb, place: Place, *, secret: bool) -> str:
        rule = proto.rule_id
        if place.oneof:
            return f"needs one of {', '.join(_members(place))}"
        if rule == "required":
            return "is missing" if place.value is MISSING or place.value is None else "is empty"
        if rule.startswith("enum.") and rule not in _PLAIN and isinstance(place.field and place.field.kind, DescEnum):
            means = "is missing, which means" if place.value is MISSING else "is"
            return "is a value that is not allowed" if secret else f"{means} {_symbol(place)}, which is not allowed"
        worded = _PLAIN.get(rule) or self._standard(rule, place, for_key=proto.for_key, secret=secret)
        if worded:
            return worded
        if self._secrets.some and _is_computed(broken, proto):
            return f"does not satisfy the rule {rule}"
        said = proto.message.replace("must be a valid", "is not a valid", 1).removeprefix("value ") or "breaks the rule"
        if place.field is not None and place.value is MISSING:
            return (
                said.replace("is empty", "is missing", 1)
                if said.startswith("is empty")
                else f"is missing, and so {said}"
            )
        return said

    def _standard(self, rule: str, place: Place, *, for_key: bool, secret: bool) -> str:
        """The words for lengths and bounds; empty for every other rule."""
        field = place.field
        if field is None:
            return ""
        known = field, place.inside, for_key, rule
        if known not in self._phrases:
            of = key_facts(field.facts) if for_key else field.element_facts if place.inside else field.facts
            self._phrases[known] = standard_phrase(rule, of, ScalarType.STRING if for_key else field.kind)
        phrase = self._phrases[known]
        return phrase(place.path[-1] if for_key else place.value, secret=secret) if phrase is not None else ""


def _is_computed(broken: Broken, proto: ViolationPb) -> bool:
    """Whether a CEL expression made the text, maybe out of values that are sensitive."""
    rule = proto.rule
    if rule is None or not rule.elements or not rule.elements[0].field_name.startswith("cel"):
        return False
    return not getattr(broken.rule_value, "message", "")


def _members(place: Place) -> list[str]:
    if place.message is None:
        return []
    fields = place.message.by_proto_name.values()
    return [
        field.anchor
        for field in fields
        if (oneof := getattr(field.desc.value, "oneof", None)) is not None and oneof.name == place.oneof
    ]


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


def _found(place: Place, *, for_key: bool, secret: bool) -> str:
    if place.oneof or place.field is None:
        return ""
    if for_key:
        return "key: " + found(place.path[-1], sensitive=secret)
    if place.value is MISSING:
        return "nothing"
    if isinstance(place.field.kind, DescEnum) and not isinstance(place.value, list | dict) and place.value is not None:
        return "enum value" if secret else f"enum {_symbol(place)}"
    return found(place.value, sensitive=secret)
