"""What no golden record of a version exercises: fields, branches of unions, symbols of enums. Called by `plugin`'s report.

A field is exercised where some record gives it a value that is not null.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from tidegate.contracts.avro.schema import Array, Enum, Map, Record, Schema, Union, type_name
from tidegate.contracts.source import VersionSource
from tidegate.golden.avro_reading import avro_value

__all__ = ["unexercised"]


def unexercised(source: VersionSource, payloads: Iterable[bytes]) -> tuple[str, ...]:
    """Rows like `field note`, `branch payment: coffeeco.common.Card`, `symbol status: PAID`, in the schema's order."""
    if source.format == "protobuf":
        from tidegate.golden.protobuf_coverage import exercised_rows, possible_rows  # an extra

        possible = possible_rows(source)
        seen = {row for payload in payloads for row in exercised_rows(source, payload)}
    else:
        values = [avro_value(source.schema, payload) for payload in payloads]
        schema = values[0][0] if values else avro_value_schema(source)
        possible = tuple(dict.fromkeys(_possible(schema, "", ())))
        seen = {row for _, value in values for row in _seen(schema, value, "")}
    return tuple(row for row in possible if row not in seen)


def avro_value_schema(source: VersionSource) -> Schema:
    """The version's schema, where there is no record to read by it."""
    from tidegate.contracts.avro.parsing import parse_schema

    return parse_schema(source.schema)


def _possible(schema: Schema, path: str, above: tuple[str, ...]) -> Iterator[str]:
    match schema:
        case Record() if schema.name not in above:
            for field in schema.fields:
                inner = f"{path}.{field.name}" if path else field.name
                yield f"field {inner}"
                yield from _possible(field.type, inner, (*above, schema.name))
        case Array():
            yield from _possible(schema.items, path, above)
        case Map():
            yield from _possible(schema.values, path, above)
        case Enum():
            yield from (f"symbol {path}: {symbol}" for symbol in schema.symbols)
        case Union():
            for branch in schema.branches:
                yield f"branch {path}: {type_name(branch)}"
                yield from _possible(branch, path, above)
        case _:
            return


def _seen(schema: Schema, value: Any, path: str) -> Iterator[str]:
    match schema:
        case Record():
            for field in schema.fields:
                inner = f"{path}.{field.name}" if path else field.name
                if value[field.name] is not None:
                    yield f"field {inner}"
                yield from _seen(field.type, value[field.name], inner)
        case Array():
            for item in value:
                yield from _seen(schema.items, item, path)
        case Map():
            for item in value.values():
                yield from _seen(schema.values, item, path)
        case Enum():
            yield f"symbol {path}: {value}"
        case Union():
            name = "null" if value is None else next(iter(value))
            branch = next(one for one in schema.branches if type_name(one) == name)
            yield f"branch {path}: {name}"
            yield from _seen(branch, None if value is None else value[name], path)
        case _:
            return
