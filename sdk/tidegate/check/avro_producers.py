"""Are producers still understood? Fields, types and rules of an Avro contract compared: what was accepted must stay accepted.

Called by `examination`. This is about events as JSON, in which a renamed field is another field and an enum's default helps
nobody; what consumers can read is `avro_consumers`' to say.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tidegate.check.bounds import keywords_in, narrowed
from tidegate.check.parsed import parsed
from tidegate.check.refusal import MAX_REFUSALS, OF_CONTRACT, Refusal
from tidegate.contracts.avro.schema import (
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Missing,
    Primitive,
    Record,
    Schema,
    Union,
    type_name,
)
from tidegate.contracts.source import VersionSource

__all__ = ["avro_refusals"]

_WIDER = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
}


@dataclass(slots=True)
class _Rules:
    """The rules that the contract files add, by dotted path, and what may be unknown."""

    old: Mapping[str, Mapping[str, object]]
    new: Mapping[str, Mapping[str, object]]
    unknown: str
    met: set[tuple[int, int, str]] = field(default_factory=set)

    def knows(self, old: Schema, new: Schema, path: str) -> bool:
        """Whether this pair of types was met before: by place only where the contract files have rules at or below it."""
        inside = any(known.startswith(path) for rules in (self.old, self.new) for known in rules)
        pair = id(old), id(new), path if inside else ""
        known = pair in self.met
        self.met.add(pair)
        return known


def avro_refusals(old: VersionSource, new: VersionSource) -> list[Refusal]:
    """What `new` refuses of the JSON that `old` accepts, as far as fields, types and rules tell; the first 200."""
    rules = _Rules(
        old={row.path: row.keywords for row in old.rules},
        new={row.path: row.keywords for row in new.rules},
        unknown=new.unknown_fields,
    )
    found: list[Refusal] = []
    for one in _types(parsed(old.schema), parsed(new.schema), "", rules):
        if one not in found:
            found.append(one)
        if len(found) == MAX_REFUSALS:
            break
    return found


def _types(old: Schema, new: Schema, path: str, rules: _Rules) -> Iterator[Refusal]:
    if rules.knows(old, new, path):
        return
    match old, new:
        case Union(), _:
            for branch in old.branches:
                yield from _branch(branch, new, path, rules)
        case _, Union():
            yield from _branch(old, new, path, rules)
        case Record(), Record():
            yield from _record(old, new, path, rules)
        case Array(), Array():
            yield from _types(old.items, new.items, path, rules)
            yield from _own_keywords(old.items, new.items, path)
        case Map(), Map():
            yield from _types(old.values, new.values, path, rules)
            yield from _own_keywords(old.values, new.values, path)
        case Enum(), Enum():
            gone = [symbol for symbol in old.symbols if symbol not in new.symbols]
            if gone:
                said = f"{_of(path)} no longer takes {', '.join(gone)}"
                yield Refusal(f"{new.pointer}/symbols", "producer/symbol-removed", said)
        case _:
            if not _takes(old, new):
                yield Refusal(
                    new.pointer, "producer/type-narrowed", f"{_of(path)} was {_shown(old)} and is now {_shown(new)}"
                )


def _branch(old: Schema, new: Schema, path: str, rules: _Rules) -> Iterator[Refusal]:
    """One of the old types: some branch of the new one takes it, or it is refused."""
    if not isinstance(new, Union):
        yield from _types(old, new, path, rules)
        return
    near = [branch for branch in new.branches if _near(old, branch)]
    if not near:
        yield Refusal(new.pointer, "producer/type-narrowed", f"{_of(path)} no longer takes {_shown(old)}")
        return
    tries = [list(_types(old, branch, path, rules)) for branch in near]
    yield from min(tries, key=len)


def _near(old: Schema, new: Schema) -> bool:
    """Whether a branch is what an old type became: then it is compared with it in detail."""
    if isinstance(old, Record) and isinstance(new, Record):
        return old.name.rpartition(".")[2] == new.name.rpartition(".")[2] or old.name in new.aliases
    if isinstance(old, (Enum, Array, Map)):
        return type(old) is type(new)
    return not isinstance(old, Record) and _takes(old, new)


def _takes(old: Schema, new: Schema) -> bool:
    """Whether a scalar's JSON is taken by another type with the same meaning."""
    if isinstance(old, Enum):
        return isinstance(new, Primitive) and new.name == "string" and new.logical is None
    if not isinstance(old, (Primitive, Fixed)) or not isinstance(new, (Primitive, Fixed)):
        return False
    if old.logical is not None and new.logical is not None and old.logical.name == new.logical.name == "decimal":
        whole = old.logical.precision - old.logical.scale <= new.logical.precision - new.logical.scale
        return whole and old.logical.scale <= new.logical.scale
    if old.logical != new.logical:
        return isinstance(new, Primitive) and new.name == "string" and new.logical is None and _is_uuid(old)
    if isinstance(old, Fixed):
        return (isinstance(new, Fixed) and old.size == new.size) or type_name(new) == "bytes"
    return isinstance(new, Primitive) and (old.name == new.name or new.name in _WIDER.get(old.name, ()))


def _is_uuid(schema: Primitive | Fixed) -> bool:
    return schema.logical is not None and schema.logical.name == "uuid"


def _record(old: Record, new: Record, path: str, rules: _Rules) -> Iterator[Refusal]:
    taken = {one.name: one for one in new.fields}
    known = {one.name for one in old.fields}
    for one in old.fields:
        inner = f"{path}.{one.name}" if path else one.name
        if one.name in taken:
            yield from _field(one, taken[one.name], inner, rules)
        elif rules.unknown == "reject":
            said = f'the field "{inner}" is gone, and unknown fields are rejected'
            yield Refusal(f"{new.pointer}/fields", "producer/field-removed", said)
    for one in new.fields:
        if one.name not in known and isinstance(one.default, Missing):
            inner = f"{path}.{one.name}" if path else one.name
            yield Refusal(one.pointer, "producer/field-required", f'the new field "{inner}" has no default')
    yield from _expressions(old.attributes, new.attributes, new.pointer, path)


def _field(old: Field, new: Field, path: str, rules: _Rules) -> Iterator[Refusal]:
    if isinstance(new.default, Missing) and not isinstance(old.default, Missing):
        said = f'"{path}" has no default any more, so that it may not be left out'
        yield Refusal(new.pointer, "producer/default-removed", said)
    yield from _types(old.type, new.type, path, rules)
    before = {**_inner_keywords(old.type), **keywords_in(old.attributes), **rules.old.get(path, {})}
    after = {**_inner_keywords(new.type), **keywords_in(new.attributes), **rules.new.get(path, {})}
    for one in _keywords(before, after, new.pointer, path):
        keyword = one.pointer.rpartition("/")[2]
        added = keyword in rules.new.get(path, {})
        yield replace(one, pointer=f"{OF_CONTRACT}{path}") if added else one
    yield from _expressions(old.attributes, new.attributes, new.pointer, path)


def _inner_keywords(schema: Schema) -> dict[str, object]:
    """The keywords of a field's own type, looked at through a nullable one: they may stand there or at the field."""
    if isinstance(schema, Union):
        rest = [branch for branch in schema.branches if type_name(branch) != "null"]
        return _inner_keywords(rest[0]) if len(rest) == 1 else {}
    return {} if isinstance(schema, Record) else keywords_in(schema.attributes)


def _own_keywords(old: Schema, new: Schema, path: str) -> Iterator[Refusal]:
    """Of items and values, which are no fields."""
    yield from _keywords(_inner_keywords(old), _inner_keywords(new), new.pointer, path)


def _keywords(old: Mapping[str, object], new: Mapping[str, object], pointer: str, path: str) -> Iterator[Refusal]:
    for one in narrowed(old, new):
        yield Refusal(f"{pointer}/{one.keyword}", one.rule, f"{_of(path)} {one.said}")


def _expressions(old: Mapping[str, object], new: Mapping[str, object], pointer: str, path: str) -> Iterator[Refusal]:
    before, after = _cel(old), _cel(new)
    for name, expression in after.items():
        if expression in before.values():
            continue
        where = f"{pointer}/confluent:rules"
        if name in before:
            said = f'{_of(path)}: the rule "{name}" has another expression'
            yield Refusal(where, "producer/rule-changed", said)
        else:
            yield Refusal(where, "producer/rule-added", f'{_of(path)} has a new rule, "{name}"')


def _cel(attributes: Mapping[str, object]) -> dict[str, str]:
    rows = attributes.get("confluent:rules")
    return {
        str(row.get("name", "")): str(row.get("expr", ""))
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict)
    }


def _of(path: str) -> str:
    return f'"{path}"' if path else "the event"


def _shown(schema: Schema) -> str:
    if isinstance(schema, (Primitive, Fixed)) and schema.logical is not None:
        extent = f"({schema.logical.precision}, {schema.logical.scale})" if schema.logical.name == "decimal" else ""
        return f"{type_name(schema)} ({schema.logical.name}{extent})"
    return type_name(schema)
