"""How deep an event's messages nest in binary. Used by `codec`, for contracts with free-form JSON only; pure.

An object in a `google.protobuf.Struct` is three messages deep in binary (entry, Value, Struct), so that text of a harmless
depth can become a record that stock consumers refuse to read. protobuf-py does not count map entries; C++ and Java do.
"""

from collections.abc import Iterable

from protobuf import DescFieldValueList, DescFieldValueMap, DescMessage

from tidegate.contracts.protobuf.expected import field_kind
from tidegate.contracts.protobuf.structure import FieldCheck, MessageCheck

__all__ = ["CONTAINERS_PER_LIMIT", "MAX_MESSAGES", "messages_below"]

MAX_MESSAGES = 100
"""The messages that may lie inside each other below the outermost one: what Protobuf libraries read by default."""

CONTAINERS_PER_LIMIT = MAX_MESSAGES // 3
"""An event with no more JSON containers than this cannot nest too deep."""


def messages_below(root: MessageCheck, tree: object) -> int:
    """The depth of the messages below the outermost. `tree` satisfies the walk `root`."""
    if not isinstance(tree, dict):
        return 0
    depths = (_field(field, value) for name, value in tree.items() if (field := root.by_name.get(name)) is not None)
    return max(depths, default=0)


def _field(field: FieldCheck, value: object) -> int:
    if isinstance(field.desc.value, DescFieldValueMap) and isinstance(value, dict):
        return max((1 + _one(field, item) for item in value.values()), default=0)
    if isinstance(field.desc.value, DescFieldValueList) and isinstance(value, list):
        return max((_one(field, item) for item in value), default=0)
    return _one(field, value)


def _one(field: FieldCheck, value: object) -> int:
    if field.inner is not None:
        return 1 + messages_below(field.inner, value)
    kind = field_kind(field.desc)
    if not isinstance(kind, DescMessage):
        return 0
    if kind.type_name == "google.protobuf.Struct" and isinstance(value, dict):
        return 1 + _members(value.values())
    if kind.type_name == "google.protobuf.ListValue" and isinstance(value, list):
        return 1 + _items(value)
    return 1 + (_free(value) if kind.type_name == "google.protobuf.Value" else 0)


def _free(value: object) -> int:
    """The depth below a google.protobuf.Value."""
    if isinstance(value, dict):
        return 1 + _members(value.values())
    return 1 + _items(value) if isinstance(value, list) else 0


def _members(values: Iterable[object]) -> int:
    return max((2 + _free(value) for value in values), default=0)


def _items(values: Iterable[object]) -> int:
    return max((1 + _free(value) for value in values), default=0)
