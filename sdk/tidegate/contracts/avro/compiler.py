"""A parsed schema to one writer: every place of it with its rules, its words, its docs row and its example.

Called by `codec` once for each version. Types are compiled anew at every place where they stand, since anchors, rules and
sensitivity belong to the place; a type inside itself leads back to the writer that is being made.
"""

from collections.abc import Callable, Mapping

import msgspec

from tidegate.contracts.avro.arrays import accepts, array_node
from tidegate.contracts.avro.attributes import check_attributes, check_field_attributes
from tidegate.contracts.avro.container_readers import (
    MemberRead,
    counted,
    map_reader,
    optional_reader,
    record_reader,
    union_reader,
)
from tidegate.contracts.avro.containers import Member, map_writer, record_writer
from tidegate.contracts.avro.defaults import default_bytes, plain_default
from tidegate.contracts.avro.examples import NO_EXAMPLE, NoExample, given_examples
from tidegate.contracts.avro.faults import Fault, Faults, Place, Write, add, pointer_step
from tidegate.contracts.avro.keywords import ITEMS, Rule, rules_in
from tidegate.contracts.avro.nodes import OBJECT, STRING, Node, Spot, fitting, keywords_of, scalar_node, thunk
from tidegate.contracts.avro.numbers import holds_exactly
from tidegate.contracts.avro.reading import Read
from tidegate.contracts.avro.records import CompiledField, OpenRecord
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
from tidegate.contracts.avro.sensitivity import is_marked, is_tagged
from tidegate.contracts.avro.sizes import LeastBytes, nests_deeply
from tidegate.contracts.avro.tagged import tagged_union_writer
from tidegate.contracts.avro.text import enum_writer
from tidegate.contracts.avro.text_readers import enum_reader
from tidegate.contracts.avro.unions import Branch, Shape, optional_writer, union_writer
from tidegate.contracts.codec import ContractError, FieldDoc
from tidegate.contracts.wording import did_you_mean

__all__ = ["Compiler"]

_MAX_PLACES = 20_000
_SHOWN_SYMBOLS = 10
_default_text = msgspec.json.Encoder(decimal_format="number")


class Compiler:
    """One compilation. `rules` and `sensitive` are keyed by dotted path; a rule for no field is refused."""

    def __init__(self, *, rules: Mapping[str, tuple[Rule, ...]], sensitive: frozenset[str], drop: bool) -> None:
        self.docs: list[FieldDoc] = []
        self.recursive = False
        self.decimals = False
        self.has_cel = False
        self._rules = rules
        self._sensitive = sensitive
        self._drop = drop
        self._places = 0
        self._paths: set[str] = set()
        self._open: dict[str, OpenRecord] = {}
        self._later: list[Callable[[], None]] = []
        self._least: LeastBytes | None = None
        self._contained: Callable[[Read], Read] = lambda read: read
        self._members: dict[str, tuple[MemberRead, ...]] = {}

    def record(self, schema: Record) -> Node:
        """The top level. Raises `ContractError`."""
        check_attributes(schema.attributes, schema.pointer)
        self._least = LeastBytes(schema)
        if nests_deeply(schema):
            self._contained = counted
        node = self._record(schema, Spot(path="", sensitive=is_tagged(schema.attributes)))
        for path, rules in self._rules.items():
            if path not in self._paths:
                hint = did_you_mean(path, self._paths)
                raise ContractError(
                    f'a rule names the field "{path}", which is not in the schema{"; " + hint if hint else ""}',
                    pointer=rules[0].pointer if rules else "",
                )
        for check in self._later:
            check()
        return node

    def noting(self, notes: Mapping[str, Callable[[Read], Read]], path: str = "") -> Read:
        """The top level's reader once more, with the readers of some fields (dotted paths through records) wrapped."""
        members = []
        for member in self._members[path]:
            at = f"{path}.{member.name}" if path else member.name
            read = member.read
            if any(noted.startswith(at + ".") for noted in notes):
                read = self.noting(notes, at)
            if at in notes:
                read = notes[at](read)
            members.append(msgspec.structs.replace(member, read=read))
        return self._contained(record_reader(tuple(members)))

    def _node(self, schema: Schema, spot: Spot) -> Node:
        self._places += 1
        if self._places > _MAX_PLACES:
            raise ContractError(f"the schema has more than {_MAX_PLACES} places once its types are written out")
        if isinstance(schema, Union):
            return self._union(schema, spot)
        check_attributes(schema.attributes, schema.pointer)
        if not isinstance(schema, Record):
            _refuse_cel(schema.attributes, schema.pointer)
        if is_tagged(schema.attributes):
            spot = msgspec.structs.replace(spot, sensitive=True)
        if isinstance(schema, Record):
            fitting(spot.rules, frozenset(), "a record")
            return self._record(schema, spot)
        rules = spot.rules + rules_in(schema.attributes, schema.pointer)
        match schema:
            case Array():
                return self._array(schema, spot, fitting(rules, ITEMS, "an array"))
            case Map():
                fitting(rules, frozenset(), "a map")
                return self._map(schema, spot)
            case Enum():
                fitting(rules, frozenset(), "an enum")
                names = ", ".join(schema.symbols[:_SHOWN_SYMBOLS]) + (
                    ", …" if len(schema.symbols) > _SHOWN_SYMBOLS else ""
                )
                place = spot.place(f"one of {names}")
                write = enum_writer(place, schema.symbols)
                return Node(
                    write=write,
                    read=enum_reader(place, schema.symbols),
                    tagged=write,
                    takes=STRING,
                    expected=place.expected,
                    type=f"enum {_short(schema.name)}",
                    example=thunk(schema.symbols[0] if schema.symbols else NO_EXAMPLE),
                )
            case _:
                return self._scalar(schema, spot, rules)

    def _scalar(self, schema: Primitive | Fixed, spot: Spot, rules: tuple[Rule, ...]) -> Node:
        logical = schema.logical
        if logical is not None and logical.name == "decimal":
            self.decimals = True
        return scalar_node(schema, spot, rules)

    def _array(self, schema: Array, spot: Spot, rules: tuple[Rule, ...]) -> Node:
        least = self._least.of(schema.items) if self._least is not None else 0
        item = self._node(schema.items, spot.inside())
        node = array_node(schema, spot, rules, item, least)
        return msgspec.structs.replace(node, read=self._contained(node.read))

    def _map(self, schema: Map, spot: Spot) -> Node:
        value = self._node(schema.values, spot.inside())
        kind = f"map of {value.type}"
        place = spot.place(kind)

        def example() -> object:
            one = value.example()
            return {} if isinstance(one, NoExample) else {"key": one}

        return Node(
            write=map_writer(place, value.write),
            read=self._contained(map_reader(place, value.read)),
            tagged=map_writer(place, value.tagged),
            takes=OBJECT,
            expected=place.expected,
            type=kind,
            example=example,
        )

    def _union(self, schema: Union, spot: Spot) -> Node:
        if not schema.branches:
            raise ContractError("a union without branches has no values", pointer=schema.pointer)
        others = [branch for branch in schema.branches if not _is_null(branch)]
        for rule in spot.rules:
            if not any(rule.keyword in keywords_of(branch) for branch in others):
                raise ContractError(f"{rule.keyword} fits no branch of the union", pointer=rule.pointer)
        optional = len(schema.branches) == 2 and len(others) == 1
        nodes = []
        for branch in schema.branches:
            rules = tuple(rule for rule in spot.rules if rule.keyword in keywords_of(branch))
            inner = spot.inside(prefix="null or " if optional else "", rules=rules)
            nodes.append(self._node(branch, inner))
        kinds = " or ".join(sorted((node.type for node in nodes), key=lambda kind: kind != "null"))
        texts = " or ".join(node.expected.removeprefix("null or ") for node in nodes)
        place = spot.place(texts if not optional else next(n.expected for n in nodes if n.type != "null"))
        branches = tuple(
            Branch(
                name=type_name(branch),
                same=branch.name if isinstance(branch, Record) and not self._rules else object(),
                write=node.write,
                takes=node.takes,
                exact=_exactly(branch),
                is_enum=isinstance(branch, Enum),
                shape=self._shape(branch),
            )
            for branch, node in zip(schema.branches, nodes, strict=True)
        )

        def example() -> object:
            tries = (node.example() for node in sorted(nodes, key=lambda node: node.type == "null"))
            return next((one for one in tries if not isinstance(one, NoExample)), NO_EXAMPLE)

        reads = tuple(node.read for node in nodes)
        null_first = _is_null(schema.branches[0])
        return Node(
            write=optional_writer((branches[0], branches[1])) if optional else union_writer(place, branches),
            read=optional_reader(place, reads[null_first], null_first=null_first)
            if optional
            else union_reader(place, reads),
            tagged=tagged_union_writer(
                place, tuple((branch.name, node.tagged) for branch, node in zip(branches, nodes, strict=True))
            ),
            takes=frozenset(kind for node in nodes for kind in node.takes),
            expected=place.expected,
            type=kinds,
            example=example,
        )

    def _shape(self, schema: Schema) -> Shape | None:
        if not isinstance(schema, Record):
            return None
        return Shape(
            names=frozenset(field.name for field in schema.fields),
            required=frozenset(field.name for field in schema.fields if isinstance(field.default, Missing)),
            open=self._drop,
        )

    def _record(self, schema: Record, spot: Spot) -> Node:
        self.has_cel = self.has_cel or "confluent:rules" in schema.attributes
        name = _short(schema.name)
        place = spot.place(f"object {name}")
        outer = self._open.get(schema.name)
        if outer is not None and outer.sensitive == spot.sensitive:
            self.recursive = True
            return Node(
                write=outer.write,
                read=outer.read,
                tagged=outer.tagged,
                takes=OBJECT,
                expected=place.expected,
                type=name,
                example=thunk(NO_EXAMPLE),
            )
        opened = self._open[schema.name] = OpenRecord(sensitive=spot.sensitive)
        compiled = tuple(self._field(field, spot) for field in schema.fields)
        if outer is None:
            del self._open[schema.name]
        else:
            self._open[schema.name] = outer
        members = tuple(field.member for field in compiled)
        reads = self._members[spot.path] = tuple(field.read for field in compiled)
        opened.target = record_writer(place, name, members, drop=self._drop)
        opened.reads = self._contained(record_reader(reads))
        opened.tags = record_writer(place, name, tuple(field.tagged for field in compiled), drop=self._drop)

        def example() -> object:
            values = {field.member.name: field.example() for field in compiled}
            lacking = [m.name for m in members if m.default is None and isinstance(values[m.name], NoExample)]
            return NO_EXAMPLE if lacking else {k: v for k, v in values.items() if not isinstance(v, NoExample)}

        return Node(
            write=opened.target,
            read=opened.reads,
            tagged=opened.tags,
            takes=OBJECT,
            expected=place.expected,
            type=name,
            example=example,
        )

    def _field(self, field: Field, spot: Spot) -> CompiledField:
        check_field_attributes(field.attributes, field.pointer)
        self.has_cel = self.has_cel or "confluent:rules" in field.attributes
        path = f"{spot.path}.{field.name}" if spot.path else field.name
        sensitive = spot.sensitive or is_marked(field) or path in self._sensitive
        row = len(self.docs)
        listed = path not in self._paths
        self._paths.add(path)
        if listed:
            self.docs.append(FieldDoc(path=path, type="", expected=""))
        rules = rules_in(field.attributes, field.pointer) + self._rules.get(path, ())
        node = self._node(field.type, Spot(path=path, sensitive=sensitive, rules=rules))
        required = isinstance(field.default, Missing)
        if listed:
            doc = field.attributes.get("doc")
            self.docs[row] = FieldDoc(
                path=path,
                type=node.type,
                expected=node.expected,
                doc=doc if isinstance(doc, str) else "",
                required=required,
                default="" if required else _default_text.encode(field.default).decode(),
                sensitive=sensitive,
            )
        tries = given_examples(field.attributes)
        default: bytes | None = None
        if not required:
            default = default_bytes(field.type, field.default, f"{field.pointer}/default")
            plain = plain_default(field.type, field.default)
            tries.append(plain)
            self._later.append(lambda: _check_default(field, node.write, plain))

        def example() -> object:
            for one in tries:
                if accepts(node.write, one):
                    return one
            return node.example()

        place = Place(expected=node.expected, docs=path, sensitive=sensitive)
        return CompiledField(
            member=Member(name=field.name, write=node.write, place=place, default=default),
            tagged=Member(name=field.name, write=node.tagged, place=place, default=None),
            read=MemberRead(name=field.name, step=pointer_step(field.name), docs=path, read=node.read),
            example=example,
        )


def _check_default(field: Field, write: Write, plain: object) -> None:
    answer = write(plain, [])
    if isinstance(answer, Fault):
        faults = Faults()
        add(faults, answer, None)
        answer = faults
    if isinstance(answer, Faults):
        wrong = answer.violations()[0]
        raise ContractError(f'the default of "{field.name}" {wrong.detail}', pointer=f"{field.pointer}/default")


def _is_null(schema: Schema) -> bool:
    return isinstance(schema, Primitive) and schema.name == "null"


def _exactly(schema: Schema) -> Callable[[object], bool] | None:
    return holds_exactly(schema.name) if isinstance(schema, Primitive) and schema.name in ("float", "double") else None


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _refuse_cel(attributes: Mapping[str, object], pointer: str) -> None:
    if attributes.get("confluent:rules"):
        raise ContractError(
            "confluent:rules stand on a field or on a record, not on another type", pointer=f"{pointer}/confluent:rules"
        )
