"""`confluent:rules` of an Avro contract: CEL expressions over `this` and `now` (contracts.md, "Rules").

Compiled by `codec` when a contract loads, asked of every event whose structure is sound. All rules of a record are one
list expression, one evaluation a record; only where something is broken are they asked one by one. An extra
(`tidegate[cel]`). A rule that names `now` reads the system's clock, as protovalidate's do; no other does.
Source: github.com/google/cel-spec.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from cel_expr_python import cel

from tidegate.contracts.avro.cel_growth import growth_problem
from tidegate.contracts.avro.cel_types import Types, is_nullable
from tidegate.contracts.avro.cel_values import Asked, Values
from tidegate.contracts.avro.schema import Array, Field, Map, Record, Schema, Union
from tidegate.contracts.codec import ContractError, FieldDoc
from tidegate.contracts.verdict import MAX_VIOLATIONS, Rejected, Violation
from tidegate.contracts.wording import did_you_mean, found, pointer

__all__ = ["CelRules", "compile_cel"]

_ATTRIBUTE = "confluent:rules"
_MEMBERS = ("name", "doc", "expr")
_MAX_EXPRESSION = 4096  # characters
_MAX_RULES = 50  # of one record with its fields
_MAX_NAME = 64
_MAX_MESSAGE = 500
_error = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_undefined = re.compile(r"undefined field '(\w+)' not found in struct '(\w+)'")
_literals = re.compile(r"""'((?:[^'\\])*)'|"((?:[^"\\])*)\"""")
_now = re.compile(r"\bnow\b")
_WHY = (
    ("divide by zero", "a division by zero"),
    ("modulus", "a division by zero"),
    ("Key not found", "a key that is not there"),
    ("Index error", "an index that is not there"),
    ("No matching overload", "an operator that does not fit these values"),
    ("overflow", "a number out of range"),
    ("convert", "a conversion that fails"),
    ("onversion", "a conversion that fails"),
    ("out of range", "a number out of range"),
    ("Iteration budget", "more steps than are allowed"),
)
_environment = cel.NewEnv(variables={"this": cel.Type.Map(cel.Type.STRING, cel.Type.DYN), "now": cel.Type.TIMESTAMP})


class _Rule(NamedTuple):
    """One rule; `field` is the field that it is about, None: the record. `run` is made to be one of a list."""

    name: str
    doc: str
    expr: str
    pointer: str
    field: str | None
    run: str


class _Record:
    """The rules of one record type, compiled: all as one list, and each for itself."""

    __slots__ = ("all", "each", "names_now", "rules")

    def __init__(self, rules: tuple[_Rule, ...]) -> None:
        self.rules = rules
        self.each = tuple(_environment.compile(rule.run) for rule in rules)
        self.names_now = any(_now.search(rule.expr) for rule in rules)
        try:
            self.all = _environment.compile("[" + ", ".join(rule.run for rule in rules) + "]")
        except RuntimeError:  # past what one expression may hold
            self.all = None

    def broken(self, this: Mapping[str, object]) -> Iterator[tuple[_Rule, object]]:
        """The rules that do not pass, each with its answer: False, a message, or the exception's text as an `_Failed`."""
        data = {"this": this, "now": datetime.now(UTC)} if self.names_now else {"this": this}
        if self.all is not None:
            answers = _answer(self.all, data)
            if isinstance(answers, list) and all(one is True or one == "" for one in answers):
                return
        for rule, expression in zip(self.rules, self.each, strict=True):
            answer = _answer(expression, data)
            if answer is not True and answer != "":
                yield rule, answer


class _Failed(NamedTuple):
    """An expression that gave no answer."""

    why: str


def _answer(expression: cel.Expression, data: Mapping[str, object]) -> object:
    try:
        value = expression.eval(data=data)
    except RuntimeError as error:
        return _Failed(str(error))
    plain: object = value.plain_value()
    return _Failed(str(plain)) if value.type() == cel.Type.ERROR else plain


class CelRules:
    """The rules of one contract version, ready to judge. Immutable; shared by every request."""

    __slots__ = ("_docs", "_hidden", "_read", "_records", "_shown")

    def __init__(
        self,
        schema: Record,
        records: Mapping[str, _Record],
        docs: tuple[FieldDoc, ...],
        shown: Callable[[tuple[str | int, ...]], tuple[str | int, ...]],
    ) -> None:
        self._records = tuple(records.values())
        self._read = Values({name: index for index, name in enumerate(records)}).of(schema)
        self._docs = {row.path: row for row in docs}
        self._hidden = tuple(row.path for row in docs if row.sensitive)
        self._shown = shown

    def judge(self, value: bytes, at: int) -> Rejected | None:
        """What the rules say of the sound Avro value that begins at `at`; None: all pass."""
        asked: list[Asked] = []
        self._read(value, at, asked)
        violations: list[Violation] = []
        omitted = 0
        for one in asked:
            for rule, answer in self._records[one.record].broken(one.this):
                if len(violations) < MAX_VIOLATIONS:
                    violations.append(self._violation(one, rule, answer))
                else:
                    omitted += 1
        return Rejected(violations=tuple(violations), omitted=omitted) if violations else None

    def _violation(self, one: Asked, rule: _Rule, answer: object) -> Violation:
        path = (*reversed(one.path), *(() if rule.field is None else (rule.field,)))
        anchor = ".".join(step for step in path if isinstance(step, str))
        while anchor and anchor not in self._docs:  # a map's key, a type inside itself
            anchor = anchor.rpartition(".")[0]
        row = self._docs.get(anchor)
        sensitive = bool(self._hidden) and (
            (row is not None and row.sensitive) or any(_is_at(hidden, anchor) for hidden in self._hidden)
        )
        value = one.this if rule.field is None else one.this[rule.field]
        return Violation(
            pointer=pointer(self._shown(path)),
            rule=rule.name,
            detail=_detail(rule, answer, sensitive=sensitive),
            expected=row.expected if row is not None and rule.field is not None else "",
            found=_found(value, sensitive=sensitive),
            docs=anchor,
        )


def _is_at(path: str, anchor: str) -> bool:
    """Whether `path` is the place at `anchor` or lies below it."""
    return not anchor or path == anchor or path.startswith(anchor + ".")


def _found(value: object, *, sensitive: bool) -> str:
    if isinstance(value, (dict, list, str, int, float)) or value is None:
        return found(value, sensitive=sensitive)
    return "bytes" if isinstance(value, bytes) else type(value).__name__.lower()


def _detail(rule: _Rule, answer: object, *, sensitive: bool) -> str:
    """A computed message may repeat values: where something sensitive is in sight, only the rule's own words are shown."""
    own = rule.doc or f"breaks the rule {rule.name}"
    if isinstance(answer, _Failed):
        why = next((words for known, words in _WHY if known in answer.why), "an expression that fails for these values")
        return f"cannot be judged by the rule {rule.name}: it comes to {why}"
    if answer is False:
        return own
    if not isinstance(answer, str):
        return f"cannot be judged by the rule {rule.name}: it gives neither true, false nor a message"
    is_literal = any(answer in pair for pair in _literals.findall(rule.expr))
    return own if sensitive and not is_literal else answer[:_MAX_MESSAGE]


def _records(schema: Schema, seen: set[str]) -> Iterator[Record]:
    match schema:
        case Record() if schema.name not in seen:
            seen.add(schema.name)
            yield schema
            for field in schema.fields:
                yield from _records(field.type, seen)
        case Array():
            yield from _records(schema.items, seen)
        case Map():
            yield from _records(schema.values, seen)
        case Union():
            for branch in schema.branches:
                yield from _records(branch, seen)
        case _:
            pass


def _rules_of(record: Record) -> tuple[_Rule, ...]:
    rules = [*_written(record.attributes, record.pointer, None)]
    for field in record.fields:
        rules += _written(field.attributes, field.pointer, field)
    if len(rules) > _MAX_RULES:
        raise ContractError(
            f"a record with its fields may have {_MAX_RULES} rules, not {len(rules)}", pointer=record.pointer
        )
    return tuple(rules)


def _written(attributes: Mapping[str, object], at: str, field: Field | None) -> Iterator[_Rule]:
    """The rules in the attributes of a record, or of the field `field`. Raises `ContractError` for what is none."""
    given = attributes.get(_ATTRIBUTE)
    if given is None:
        return
    place = f"{at}/{_ATTRIBUTE}"
    if not isinstance(given, list):
        raise ContractError(f"{_ATTRIBUTE} must be a list of rules, each with name, doc and expr", pointer=place)
    names: set[str] = set()
    for index, rule in enumerate(given):
        here = f"{place}/{index}"
        if not isinstance(rule, dict):
            raise ContractError("a rule is an object with name, doc and expr", pointer=here)
        for member in rule:
            if member not in _MEMBERS:
                hint = did_you_mean(str(member), _MEMBERS)
                raise ContractError(
                    f'a rule has no member "{member}"{"; " + hint if hint else ""}', pointer=f"{here}/{member}"
                )
        name, doc, expr = (rule.get(member, "") for member in _MEMBERS)
        if not isinstance(name, str) or not name or len(name) > _MAX_NAME or not name.isprintable():
            raise ContractError(f"a rule needs a name of 1 to {_MAX_NAME} characters", pointer=here)
        if name in names:
            raise ContractError(f'two rules have the name "{name}"', pointer=f"{here}/name")
        names.add(name)
        if not isinstance(doc, str):
            raise ContractError("a rule's doc must be a string", pointer=f"{here}/doc")
        if not isinstance(expr, str) or not expr.strip():
            raise ContractError(f'the rule "{name}" needs an expr, a CEL expression', pointer=here)
        if len(expr) > _MAX_EXPRESSION:
            raise ContractError(f'the rule "{name}" has more than {_MAX_EXPRESSION} characters', pointer=f"{here}/expr")
        yield _Rule(name, doc, expr, f"{here}/expr", field.name if field is not None else None, _run(expr, field))


def _run(expr: str, field: Field | None) -> str:
    """The expression as one of a list. The line break ends a comment."""
    if field is None:
        return f"dyn({expr}\n)"
    value = f'this["{field.name}"]'
    bound = f"dyn([{value}].map(this, {expr}\n)[0])"
    return f"({value} == null ? dyn(true) : {bound})" if is_nullable(field.type) else bound


def _check(rule: _Rule, this: cel.Type, types: Types, names: Mapping[str, Record]) -> None:
    """Compiles with the types of the schema. Raises `ContractError` with the place in the expression."""
    environment = cel.NewEnv(types.pool, variables={"this": this, "now": cel.Type.TIMESTAMP})
    try:
        checked = environment.compile(rule.expr)
        _environment.compile(rule.run)
    except RuntimeError as error:
        text = str(error)
        match = _error.search(text)
        what = match[3] if match is not None else text.splitlines()[0]
        where = f" (line {match[1]}, column {match[2]})" if match is not None and int(match[2]) > 0 else ""
        hint = ""
        if (missing := _undefined.search(what)) is not None and missing[2] in names:
            hint = did_you_mean(missing[1], [field.name for field in names[missing[2]].fields])
        raise ContractError(
            f'the rule "{rule.name}" is not valid{where}: {what}{"; " + hint if hint else ""}', pointer=rule.pointer
        ) from None
    if problem := growth_problem(checked.serialize()):
        raise ContractError(f'the rule "{rule.name}" {problem}', pointer=rule.pointer)
    kind = checked.return_type()
    if not any(word in kind.name() for word in ("BOOL", "STRING", "DYN")):
        raise ContractError(
            f'the rule "{rule.name}" gives {kind.name().lower()}, and a rule gives true, false or a message',
            pointer=rule.pointer,
        )


def compile_cel(
    schema: Record,
    docs: tuple[FieldDoc, ...],
    shown: Callable[[tuple[str | int, ...]], tuple[str | int, ...]],
) -> CelRules | None:
    """The rules of a schema; None where it has none. `shown` hides the names inside sensitive fields in a path.

    Raises `ContractError` for an expression that cannot be, with its column.
    """
    records = {record.name: record for record in _records(schema, set())}
    rules = {name: own for name, record in records.items() if (own := _rules_of(record))}
    if not rules:
        return None
    types = Types(records.values())
    by_type = {types.record(record).name(): record for record in records.values()}
    compiled: dict[str, _Record] = {}
    for name, of_record in rules.items():
        fields = {field.name: field for field in records[name].fields}
        for rule in of_record:
            this = types.record(records[name]) if rule.field is None else types.field(fields[rule.field])
            _check(rule, this, types, by_type)
        compiled[name] = _Record(of_record)
    return CelRules(schema, compiled, docs, shown)
