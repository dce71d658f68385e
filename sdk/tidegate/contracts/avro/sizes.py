"""What a schema alone says of its values: the fewest bytes that one takes, and whether containers may nest too deeply.

Called by the compiler, for the readers of binary: both bound their work before they do it.
"""

from typing import Final

from tidegate.contracts.avro.schema import Array, Enum, Fixed, Map, Primitive, Record, Schema, Union
from tidegate.contracts.jsontext import MAX_DEPTH

__all__ = ["ENDLESS", "LeastBytes", "nests_deeply"]

ENDLESS: Final = 1 << 62
"""The size of a value that needs itself: there is none."""

_FIXED_BYTES = {"null": 0, "float": 4, "double": 8}


class LeastBytes:
    """The fewest bytes that values take in Avro binary, of every type in one schema."""

    def __init__(self, schema: Schema) -> None:
        records = _records(schema, {})
        self._known = dict.fromkeys(records, ENDLESS)
        before: dict[str, int] = {}
        while before != self._known:  # a record inside itself: from above, until nothing gets smaller
            before = dict(self._known)
            for name, record in records.items():
                self._known[name] = min(sum(self.of(field.type) for field in record.fields), ENDLESS)

    def of(self, schema: Schema) -> int:
        """Of one type: 0 for null, a record without fields and a fixed of size 0."""
        match schema:
            case Primitive():
                return _FIXED_BYTES.get(schema.name, 1)
            case Fixed():
                return schema.size
            case Enum() | Array() | Map():
                return 1
            case Union():
                return 1 + min((self.of(branch) for branch in schema.branches), default=ENDLESS)
            case Record():
                return self._known[schema.name]


def _records(schema: Schema, found: dict[str, Record]) -> dict[str, Record]:
    match schema:
        case Array():
            _records(schema.items, found)
        case Map():
            _records(schema.values, found)
        case Union():
            for branch in schema.branches:
                _records(branch, found)
        case Record() if schema.name not in found:
            found[schema.name] = schema
            for field in schema.fields:
                _records(field.type, found)
        case _:
            pass
    return found


def nests_deeply(schema: Schema) -> bool:
    """Whether values of this type may have more than 64 containers inside each other: recursive ones, and tall ones."""
    return _depth(schema, {}) > MAX_DEPTH


def _depth(schema: Schema, known: dict[str, int]) -> int:
    match schema:
        case Array():
            return 1 + _depth(schema.items, known)
        case Map():
            return 1 + _depth(schema.values, known)
        case Union():
            return max((_depth(branch, known) for branch in schema.branches), default=0)
        case Record():
            if schema.name not in known:
                known[schema.name] = ENDLESS  # inside itself it is as deep as the sender likes
                known[schema.name] = 1 + max((_depth(field.type, known) for field in schema.fields), default=0)
            return known[schema.name]
        case _:
            return 0
