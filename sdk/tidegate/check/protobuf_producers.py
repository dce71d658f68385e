"""Are producers still understood? Fields, enums and rules of a Protobuf contract compared: what was accepted must stay accepted.

Called by `examination`. Numbers, names and types are buf's to judge (`protobuf_consumers`); here is what it does not know: that
unknown fields are refused, and what protovalidate's rules ask. Needs the extra [protobuf].
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from protobuf import DescEnum, DescField, DescMessage, DescOneof, Message
from protovalidate import ViolationPb

from tidegate.check.bounds import narrowed
from tidegate.check.refusal import MAX_REFUSALS, Refusal
from tidegate.contracts.codec import ContractError
from tidegate.contracts.protobuf.expected import Facts, element_facts, field_kind, field_rules, key_facts
from tidegate.contracts.protobuf.linking import linked
from tidegate.contracts.protobuf.schema import field_path
from tidegate.contracts.source import VersionSource

__all__ = ["field_numbers", "protobuf_refusals"]

_EXTENSIONS = {one.type_name: one.type for one in ViolationPb.desc().file.extensions}
_MESSAGE_RULES = _EXTENSIONS["buf.validate.message"]
_ONEOF_RULES = _EXTENSIONS["buf.validate.oneof"]
_KEYWORDS = {
    "gte": "minimum",
    "gt": "exclusiveMinimum",
    "lte": "maximum",
    "lt": "exclusiveMaximum",
    "min_len": "minLength",
    "max_len": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "pattern": "pattern",
}
_LEAST = ("min_bytes", "min_pairs")
_MOST = ("max_bytes", "max_pairs")
_ELSEWHERE = ("example", "cel", "cel_expression", "items", "keys", "values", "ignore")
_IGNORE_ALWAYS = 3
_IGNORE_IF_ZERO = 1


def protobuf_refusals(old: VersionSource, new: VersionSource) -> list[Refusal]:
    """What `new` refuses of the JSON that `old` accepts, as far as fields and rules tell; the first 200."""
    before, old_pool = linked(old.descriptors, old.message)
    after, new_pool = linked(new.descriptors, new.message)
    if before is None or after is None:
        return []
    comparison = _Comparison(unknown=new.unknown_fields)
    found: list[Refusal] = []
    for one in comparison.messages(before, after):
        if one not in found:
            found.append(one)
        if len(found) == MAX_REFUSALS:
            break
    del old_pool, new_pool  # held until here: a message alone does not keep what it was linked with
    return found


def field_numbers(source: VersionSource, path: str) -> tuple[int, ...] | None:
    """The numbers along a dotted path, by which a field is known under either of its names; None where there is no such field."""
    message, pool = linked(source.descriptors, source.message)
    try:
        fields = field_path(message, path, "field") if message is not None else ()
    except ContractError:
        return None
    del pool  # held until here
    return tuple(one.number for one in fields) or None


@dataclass(slots=True)
class _Comparison:
    """One walk over both messages; each pair of types once."""

    unknown: str
    met: set[tuple[str, str]] = field(default_factory=set)

    def messages(self, old: DescMessage, new: DescMessage) -> Iterator[Refusal]:
        pair = old.type_name, new.type_name
        if pair in self.met or new.type_name.startswith("google.protobuf."):
            return
        self.met.add(pair)
        numbers = {one.number: one for one in new.fields}
        for one in old.fields:
            if one.number in numbers:
                yield from self._field(one, numbers[one.number])
            elif self.unknown == "reject":
                said = f'the field "{one.name}" of {old.type_name} is gone, and unknown fields are rejected'
                yield Refusal(new.type_name, "producer/field-removed", said)
        known = {one.number for one in old.fields}
        for one in new.fields:
            if one.number not in known and field_rules(one).get("required") is True:
                said = f'the new field "{one.name}" is required'
                yield Refusal(_name(one, new), "producer/field-required", said)
        yield from _expressions(_message_rules(old), _message_rules(new), new.type_name, new.type_name)
        yield from _oneofs(old, new)

    def _field(self, old: DescField, new: DescField) -> Iterator[Refusal]:
        name = f"{new.parent.type_name}.{new.name}"
        before, after = field_kind(old), field_kind(new)
        if isinstance(before, DescEnum) and isinstance(after, DescEnum):
            gone = {value.name for value in before.values} - {value.name for value in after.values}
            if gone:
                said = f'"{new.name}" no longer takes {", ".join(sorted(gone))}'
                yield Refusal(after.type_name, "producer/symbol-removed", said)
        elif isinstance(before, DescMessage) and isinstance(after, DescMessage):
            yield from self.messages(before, after)
        yield from _rules(field_rules(old), field_rules(new), name, f'"{new.name}"')


def _name(one: DescField, message: DescMessage) -> str:
    return f"{message.type_name}.{one.name}"


def _message_rules(message: DescMessage) -> Facts:
    options = message.proto.options
    rules = options[_MESSAGE_RULES] if options is not None else None
    return {inner.name: rules[inner] for inner in rules} if isinstance(rules, Message) else {}


def _oneofs(old: DescMessage, new: DescMessage) -> Iterator[Refusal]:
    """What a message asks of several fields at once: oneofs that must be given, and protovalidate's own `oneof`."""
    before = {one.name for one in old.oneofs if _is_required(one)}
    for one in new.oneofs:
        if _is_required(one) and one.name not in before:
            said = f'one member of the oneof "{one.name}" of {new.type_name} is now required'
            yield Refusal(new.type_name, "producer/rule-added", said)
    known = list(_one_of(old))
    for fields, required in _one_of(new):
        if not any(fields <= other and (not required or (must and fields == other)) for other, must in known):
            how = "exactly" if required else "at most"
            said = f"{new.type_name} now takes {how} one of {', '.join(sorted(fields))}"
            yield Refusal(new.type_name, "producer/rule-added", said)


def _is_required(oneof: DescOneof) -> bool:
    options = oneof.proto.options
    rules = options[_ONEOF_RULES] if options is not None else None
    return rules is not None and bool(rules.required)


def _one_of(message: DescMessage) -> Iterator[tuple[frozenset[str], bool]]:
    """The fields of which one is asked for, and whether it must be there."""
    for rule in _listed(_message_rules(message).get("oneof", ())):
        if isinstance(rule, Message):
            values = {inner.name: rule[inner] for inner in rule}
            yield frozenset(map(str, _listed(values.get("fields", ())))), values.get("required") is True


def _ignored(facts: Facts) -> int:
    value = facts.get("ignore")
    return value if isinstance(value, int) else 0


def _rules(old: Facts, new: Facts, name: str, of: str) -> Iterator[Refusal]:
    if _ignored(new) == _IGNORE_ALWAYS:
        return
    if _ignored(old) == _IGNORE_ALWAYS:
        old = {}
    elif _ignored(old) == _IGNORE_IF_ZERO and not _ignored(new) and new.keys() - {"example"}:
        yield Refusal(name, "producer/rule-tightened", f"{of} now has its rules asked of zero values too")
    keywords = _as_keywords(old), _as_keywords(new)
    for one in narrowed(*keywords):
        yield Refusal(name, one.rule, f"{of} {one.said}")
    yield from _counts(old, new, name, of)
    for rule, value in new.items():
        if rule in _KEYWORDS or rule in _LEAST or rule in _MOST or rule in _ELSEWHERE:
            if rule in _KEYWORDS and isinstance(value, Message) and old.get(rule) != value:
                kind = "producer/rule-changed" if rule in old else "producer/rule-added"
                yield Refusal(name, kind, f"{of} has another bound, {rule}")
        elif value not in (False, None) and value != old.get(rule):
            yield from _other(rule, old.get(rule), value, name, of)
    yield from _expressions(old, new, name, of)
    for inner in (element_facts, key_facts):
        if inner(new):
            yield from _rules(inner(old), inner(new), name, f"{of} (inside)")


def _as_keywords(facts: Facts) -> dict[str, object]:
    return {
        keyword: facts[rule]
        for rule, keyword in _KEYWORDS.items()
        if rule in facts and not isinstance(facts[rule], Message)
    }


def _counts(old: Facts, new: Facts, name: str, of: str) -> Iterator[Refusal]:
    for rules, sign in ((_LEAST, 1), (_MOST, -1)):
        for rule in rules:
            before, after = old.get(rule), new.get(rule)
            if not isinstance(after, int) or (sign == 1 and after == 0):
                continue
            if before is None:
                yield Refusal(name, "producer/rule-added", f"{of} has a new rule, {rule} {after}")
            elif isinstance(before, int) and after * sign > before * sign:
                yield Refusal(name, "producer/rule-tightened", f"{of} has {rule} {after}, and had {before}")


def _other(rule: str, old: object, new: object, name: str, of: str) -> Iterator[Refusal]:
    """Rules that are lists or that are on or off."""
    if old is None or old is False:
        yield Refusal(name, "producer/rule-added", f"{of} has a new rule, {rule}")
    elif rule in ("in", "not_in"):
        before, after = set(map(str, _listed(old))), set(map(str, _listed(new)))
        lost = before - after if rule == "in" else after - before
        if lost:
            said = f"{of} no longer takes {', '.join(sorted(lost))}"
            yield Refusal(name, "producer/rule-tightened", said)
    else:
        yield Refusal(name, "producer/rule-tightened", f"{of} has {rule} {new}, and had {old}")


def _listed(value: object) -> list[object]:
    try:
        return list(value)  # type: ignore[call-overload, no-any-return]  # a repeated field, or one value
    except TypeError:
        return [value]


def _expressions(old: Mapping[str, object], new: Mapping[str, object], name: str, of: str) -> Iterator[Refusal]:
    before, after = _cel(old), _cel(new)
    for rule, expression in after.items():
        if expression in before.values():
            continue
        if rule in before:
            yield Refusal(name, "producer/rule-changed", f'{of}: the rule "{rule}" has another expression')
        else:
            yield Refusal(name, "producer/rule-added", f'{of} has a new rule, "{rule}"')


def _cel(facts: Mapping[str, object]) -> dict[str, str]:
    found: dict[str, str] = {}
    for rule in _listed(facts.get("cel", ())):
        if isinstance(rule, Message):
            values = {inner.name: rule[inner] for inner in rule}
            found[str(values.get("id", ""))] = str(values.get("expression", ""))
    for text in _listed(facts.get("cel_expression", ())):
        found[str(text)] = str(text)
    return found
