"""A place that holds an array, compiled. Used by `compiler` only; depth is counted there."""

from tidegate.contracts.avro.container_readers import array_reader, unique_reader
from tidegate.contracts.avro.containers import array_writer, unique_writer
from tidegate.contracts.avro.examples import NO_EXAMPLE, NoExample
from tidegate.contracts.avro.faults import Fault, Faults, Write
from tidegate.contracts.avro.keywords import Rule, bounds_text
from tidegate.contracts.avro.meanings import meaning_of
from tidegate.contracts.avro.nodes import Node, Spot
from tidegate.contracts.avro.schema import Array, Map, Record, Schema, Union
from tidegate.contracts.codec import ContractError

__all__ = ["accepts", "array_node"]


def array_node(schema: Array, spot: Spot, rules: tuple[Rule, ...], item: Node, least: int) -> Node:
    """An array of compiled items, each of at least `least` bytes in binary. Raises `ContractError`."""
    kind = f"array of {item.type}"
    place = spot.place(kind + bounds_text(rules, "items"))
    counts = tuple(r for r in rules if r.keyword != "uniqueItems")
    write = array_writer(place, item.write, counts)
    tagged = array_writer(place, item.tagged, counts)
    read = array_reader(place, item.read, least, counts)
    for rule in rules:
        if rule.keyword == "uniqueItems":
            if not isinstance(rule.value, bool):
                raise ContractError("uniqueItems must be true or false", pointer=rule.pointer)
            if rule.value:
                by_bytes = not _holds_map(schema.items, set())
                write = unique_writer(place, write, by_bytes=by_bytes, write_item=item.write)
                tagged = unique_writer(place, tagged, by_bytes=by_bytes, write_item=item.tagged)
                read = unique_reader(place, read, meaning_of(schema.items, item.read), least)
    fewest = max((rule.size() for rule in rules if rule.keyword == "minItems"), default=0)
    most = min((rule.size() for rule in rules if rule.keyword == "maxItems"), default=1)

    def example() -> object:
        one = item.example()
        if isinstance(one, NoExample):
            return [] if fewest == 0 else NO_EXAMPLE
        many = [one] * max(fewest, min(1, most))
        return many if accepts(write, many) else ([] if fewest == 0 else _distinct(write, many))

    return Node(
        write=write,
        read=read,
        tagged=tagged,
        takes=frozenset({list}),
        expected=place.expected,
        type=kind,
        example=example,
    )


def accepts(write: Write, value: object) -> bool:
    """Whether a writer takes a value."""
    return not isinstance(write(value, []), (Fault, Faults))


def _distinct(write: Write, items: list[object]) -> object:
    """An array with different items, where equal ones are refused: integers and strings can be counted up."""
    counted = [
        item + index if type(item) is int else f"{item}{index}" if isinstance(item, str) else item
        for index, item in enumerate(items)
    ]
    return counted if accepts(write, counted) else NO_EXAMPLE


def _holds_map(schema: Schema, seen: set[str]) -> bool:
    match schema:
        case Map():
            return True
        case Array():
            return _holds_map(schema.items, seen)
        case Union():
            return any(_holds_map(branch, seen) for branch in schema.branches)
        case Record() if schema.name not in seen:
            seen.add(schema.name)
            return any(_holds_map(field.type, seen) for field in schema.fields)
        case _:
            return False
