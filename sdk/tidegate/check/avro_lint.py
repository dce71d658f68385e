"""What bites later in an Avro contract though it is no breach: names, docs, defaults, examples, what stock clients cannot hold.

Called by `examination` for contracts that are edited. All are warnings but examples that the field's own rules refuse.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from tidegate.check.bounds import keywords_in
from tidegate.check.finding import Finding
from tidegate.check.older import Candidate
from tidegate.check.parsed import parsed
from tidegate.contracts.avro.defaults import is_valid_default
from tidegate.contracts.avro.examples import given_examples
from tidegate.contracts.avro.schema import Array, Enum, Field, Fixed, Map, Missing, Primitive, Record, Schema, Union
from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.verdict import Rejected

__all__ = ["avro_lint"]

_SAFE = 2**53 - 1
_is_field = re.compile(r"[a-z][A-Za-z0-9]*|[a-z][a-z0-9_]*", re.ASCII).fullmatch
_is_type = re.compile(r"[A-Z][A-Za-z0-9]*", re.ASCII).fullmatch
_is_symbol = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII).fullmatch
_encode = msgspec.json.Encoder(enc_hook=float, decimal_format="number").encode


def avro_lint(candidate: Candidate, compiled: CompiledVersion) -> Iterator[Finding]:
    """The warnings of a candidate's schema, and examples that are none."""
    descriptions = candidate.subject.contract.live.descriptions
    root = parsed(candidate.source.schema)
    for field, path in _fields(root, "", set()):
        if not field.attributes.get("doc") and path not in descriptions:
            yield _warn(candidate, field.pointer, "lint/doc", f'"{path}" has no doc')
        if _is_field(field.name) is None:
            said = f'"{path}" is neither camelCase nor snake_case'
            yield _warn(candidate, f"{field.pointer}/name", "lint/name", said)
        yield from _default(candidate, field, path)
        yield from _examples(candidate, compiled, field, path)
        yield from _numbers(candidate, field, path)
    for named in _named(root, {}).values():
        if _is_type(named.name.rpartition(".")[2]) is None:
            yield _warn(candidate, f"{named.pointer}/name", "lint/name", f'the type "{named.name}" is not CamelCase')
        if isinstance(named, Enum):
            for step, symbol in enumerate(named.symbols):
                if _is_symbol(symbol) is None:
                    said = f'the symbol "{symbol}" is not UPPER_CASE'
                    yield _warn(candidate, f"{named.pointer}/symbols/{step}", "lint/name", said)


def _warn(candidate: Candidate, pointer: str, rule: str, said: str) -> Finding:
    return Finding(place=candidate.place(pointer), rule=rule, message=said, severity="warning", topic=candidate.topic)


def _fields(schema: Schema, path: str, above: set[str]) -> Iterator[tuple[Field, str]]:
    """Every field with its dotted path; a type inside itself once."""
    match schema:
        case Record() if schema.name not in above:
            for field in schema.fields:
                inner = f"{path}.{field.name}" if path else field.name
                yield field, inner
                yield from _fields(field.type, inner, {*above, schema.name})
        case Array():
            yield from _fields(schema.items, path, above)
        case Map():
            yield from _fields(schema.values, path, above)
        case Union():
            for branch in schema.branches:
                yield from _fields(branch, path, above)


def _named(schema: Schema, found: dict[str, Record | Enum | Fixed]) -> dict[str, Record | Enum | Fixed]:
    todo = [schema]
    while todo:
        one = todo.pop()
        if isinstance(one, (Record, Enum, Fixed)) and one.name not in found:
            found[one.name] = one
            todo += [field.type for field in one.fields] if isinstance(one, Record) else []
        elif isinstance(one, Array):
            todo.append(one.items)
        elif isinstance(one, Map):
            todo.append(one.values)
        elif isinstance(one, Union):
            todo += one.branches
    return found


def _default(candidate: Candidate, field: Field, path: str) -> Iterator[Finding]:
    if isinstance(field.type, Union) and not isinstance(field.default, Missing):
        first = field.type.branches[0] if field.type.branches else None
        if first is not None and not is_valid_default(first, field.default):
            said = f'the default of "{path}" is not of the union\'s first branch'
            yield _warn(candidate, f"{field.pointer}/default", "lint/default", said)


def _numbers(candidate: Candidate, field: Field, path: str) -> Iterator[Finding]:
    for schema in _leaves(field.type):
        rules = {**keywords_in(schema.attributes), **keywords_in(field.attributes)}
        if schema.logical is None and schema.name == "long" and not _is_bounded(rules):
            said = f'"{path}" is a long that may go past 2^53 - 1, which Node\'s numbers do not hold'
            yield _warn(candidate, field.pointer, "registry/long", said)
        elif schema.logical is not None and schema.logical.name.endswith("timestamp-nanos"):
            yield _warn(candidate, field.pointer, "registry/nanos", f'"{path}" counts nanoseconds in a long')


def _leaves(schema: Schema) -> list[Primitive]:
    match schema:
        case Primitive():
            return [schema]
        case Array():
            return _leaves(schema.items)
        case Map():
            return _leaves(schema.values)
        case Union():
            return [leaf for branch in schema.branches for leaf in _leaves(branch)]
        case _:
            return []


def _is_bounded(rules: Mapping[str, object]) -> bool:
    upper = [rules[name] for name in ("maximum", "exclusiveMaximum") if name in rules]
    lower = [rules[name] for name in ("minimum", "exclusiveMinimum") if name in rules]
    return any(_number(one) <= _SAFE + 1 for one in upper) and any(_number(one) >= -_SAFE - 1 for one in lower)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float, Decimal)) else float("nan")


def _examples(candidate: Candidate, compiled: CompiledVersion, field: Field, path: str) -> Iterator[Finding]:
    """Each example that the schema gives, put into an example event at its field: does the event still pass there?"""
    given = [*given_examples(field.attributes)]
    if not given:
        return
    event = msgspec.json.decode(compiled.codec.example())
    spot = _spot(event, path.split("."))
    if spot is None:
        return
    holder, name = spot
    for example in given:
        holder[name] = example
        verdict = compiled.check(_encode(event))
        if isinstance(verdict, Rejected):
            wrong = [one for one in verdict.violations if one.docs == path or one.docs.startswith(f"{path}.")]
            if wrong:
                where = f"{field.pointer}/{'example' if 'example' in field.attributes else 'examples'}"
                said = f'the example of "{path}" is refused: {wrong[0].detail}'
                yield Finding(place=candidate.place(where), rule="lint/example", message=said, topic=candidate.topic)


def _spot(value: object, path: list[str]) -> tuple[dict[str, object], str] | None:
    """The object that holds the last name of a path, through first items of arrays and first values of maps."""
    for name in path[:-1]:
        value = _object(value)
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    value = _object(value)
    return (value, path[-1]) if isinstance(value, dict) and path[-1] in value else None


def _object(value: object) -> object:
    while isinstance(value, list) and value:
        value = value[0]
    return value
