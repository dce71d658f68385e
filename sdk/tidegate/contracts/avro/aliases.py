"""A writer's schema under the names that a reader's aliases give it (Avro specification, "Aliases"; Java's Schema.applyAliases).

Used by `resolution`. Nothing is judged here.
"""

from dataclasses import replace

from tidegate.contracts.avro.canonical import canonical_form
from tidegate.contracts.avro.schema import Array, Enum, Fixed, Map, Primitive, Record, Schema, Union

__all__ = ["with_aliases"]


def with_aliases(writer: Schema, reader: Schema) -> Schema:
    """The writer's schema, named types and fields renamed as the reader says. The writer itself where nothing is renamed."""
    names: dict[str, str] = {}
    fields: dict[str, dict[str, str]] = {}
    _collect(reader, set(), names, fields)
    if (not names and not fields) or canonical_form(writer) == canonical_form(reader):
        return writer
    return _Renaming(names, fields).of(writer)


def _collect(schema: Schema, seen: set[int], names: dict[str, str], fields: dict[str, dict[str, str]]) -> None:
    todo: list[Schema] = [schema]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, Primitive):
            continue
        seen.add(id(one))
        match one:
            case Array():
                todo.append(one.items)
            case Map():
                todo.append(one.values)
            case Union():
                todo += one.branches
            case _:
                own = _full_aliases(one)
                names |= dict.fromkeys(own, one.name)
                if isinstance(one, Record):
                    renamed = {alias: field.name for field in one.fields for alias in field.aliases}
                    if renamed:
                        fields |= dict.fromkeys((one.name, *own), renamed)
                    todo += [field.type for field in one.fields]


def _full_aliases(schema: Record | Enum | Fixed) -> list[str]:
    space = schema.name.rpartition(".")[0]
    return [alias if "." in alias or not space else f"{space}.{alias}" for alias in schema.aliases]


class _Renaming:
    def __init__(self, names: dict[str, str], fields: dict[str, dict[str, str]]) -> None:
        self._names = names
        self._fields = fields
        self._made: dict[int, Schema] = {}

    def of(self, schema: Schema) -> Schema:
        if id(schema) in self._made:
            return self._made[id(schema)]
        match schema:
            case Primitive():
                return schema
            case Array():
                return replace(schema, items=self.of(schema.items))
            case Map():
                return replace(schema, values=self.of(schema.values))
            case Union():
                return replace(schema, branches=tuple(self.of(branch) for branch in schema.branches))
            case Record():
                made = replace(schema, name=self._names.get(schema.name, schema.name), fields=())
                self._made[id(schema)] = made
                renamed = self._fields.get(made.name, {})
                made.fields = tuple(
                    replace(field, name=renamed.get(field.name, field.name), type=self.of(field.type))
                    for field in schema.fields
                )
                return made
            case _:
                self._made[id(schema)] = other = replace(schema, name=self._names.get(schema.name, schema.name))
                return other
