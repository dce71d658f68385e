"""What Java's verdict calls compatible and still bites: bytes and strings that change places, units, namespaces inside unions, decoders.

Called by `avro_consumers` where the verdict is good. Warnings only: the verdict is followed (contracts.md, Compatibility).
"""

from collections.abc import Iterator

from tidegate.check.refusal import Refusal
from tidegate.contracts.avro.resolution import Resolution
from tidegate.contracts.avro.schema import Array, Enum, Fixed, Map, Primitive, Record, Schema, Union, type_name
from tidegate.contracts.codec import ContractError

__all__ = ["decoder_errors", "quirks"]


def decoder_errors(writer: Schema, reader: Schema) -> tuple[str, ...]:
    """What Java's decoder would refuse though the verdict is good."""
    try:
        return Resolution(writer, reader).errors
    except (ContractError, RecursionError) as error:
        return (str(error),)


def quirks(old: Schema, new: Schema) -> Iterator[Refusal]:
    """The places of `new` that mean trouble for those who have code of `old`."""
    yield from _pair(old, new, "", set())


def _pair(old: Schema, new: Schema, path: str, met: set[tuple[int, int]]) -> Iterator[Refusal]:
    if (id(old), id(new)) in met:
        return
    met.add((id(old), id(new)))
    match old, new:
        case Primitive(), Primitive() if {old.name, new.name} == {"bytes", "string"}:
            said = f'"{path}" was {old.name} and is {new.name}'
            yield Refusal(new.pointer, "compatibility/bytes-string", said)
        case ((Primitive() | Fixed()), (Primitive() | Fixed())) if _meaning(old) != _meaning(new) and "" not in (
            _meaning(old),
            _meaning(new),
        ):
            said = f'"{path}" was {_meaning(old)} and is {_meaning(new)}: what one wrote is another value to the other'
            yield Refusal(new.pointer, "compatibility/logical", said)
        case Array(), Array():
            yield from _pair(old.items, new.items, path, met)
        case Map(), Map():
            yield from _pair(old.values, new.values, path, met)
        case Record(), Record():
            before = {field.name: field for field in old.fields}
            for field in new.fields:
                source = next((before[name] for name in (field.name, *field.aliases) if name in before), None)
                if source is not None:
                    inner = f"{path}.{field.name}" if path else field.name
                    yield from _pair(source.type, field.type, inner, met)
        case Union(), Union():
            for one in old.branches:
                for other in new.branches:
                    yield from _branches(one, other, path, met)


def _branches(old: Schema, new: Schema, path: str, met: set[tuple[int, int]]) -> Iterator[Refusal]:
    if isinstance(old, (Record, Enum, Fixed)) and isinstance(new, (Record, Enum, Fixed)):
        if type(old) is not type(new) or _short(old) != _short(new):
            return
        if old.name != new.name and old.name not in new.aliases:
            said = f'the branch {old.name} of "{path}" is now {new.name}'
            yield Refusal(new.pointer, "compatibility/namespace", said)
        yield from _pair(old, new, path, met)
    elif type(old) is type(new) and (not isinstance(old, Primitive) or type_name(old) == type_name(new)):
        yield from _pair(old, new, path, met)


def _meaning(schema: Primitive | Fixed) -> str:
    """What makes one number stand for another value: the scale of a decimal, the unit of a time. Empty without a logical type."""
    if schema.logical is None:
        return ""
    name = schema.logical.name
    return f"{name} of scale {schema.logical.scale}" if name == "decimal" else name


def _short(schema: Record | Enum | Fixed) -> str:
    return schema.name.rpartition(".")[2]
