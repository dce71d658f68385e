"""A refused binary event as the JSON that it would be, with the byte of every place: what violations are explained by.

Used by `codec` alone, on failure. The bytes have passed `binary`'s walk as far as their form goes; unknown fields and
known ones of a wrong wire type are left out.
"""

from typing import TypeVar

from protobuf import Message, message_to_json_value

from tidegate.contracts.protobuf.binary import BinaryField, BinaryMessage, key_text
from tidegate.contracts.protobuf.partial import Path
from tidegate.contracts.protobuf.wire import END_GROUP, LENGTH, START_GROUP, length, skip, tag_at

__all__ = ["tree_of"]

T = TypeVar("T", dict[str, object], list[object])


def tree_of(root: BinaryMessage, body: bytes, at: int) -> tuple[dict[str, object], dict[Path, int]]:
    """The message from `at` to the end of `body` as ProtoJSON in JSON's names, and the byte where each member begins."""
    reader = _Reader(body)
    tree, _ = reader.message(root, at, len(body), (), 0)
    return tree, reader.places


class _Reader:
    __slots__ = ("_body", "places")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.places: dict[Path, int] = {}

    def message(
        self, message: BinaryMessage, at: int, end: int, path: Path, group: int
    ) -> tuple[dict[str, object], int]:
        """A message, or the group of that number, as an object; and where it ends."""
        tree: dict[str, object] = {}
        while at < end:
            start = at
            tag, at = tag_at(self._body, at, end)
            field = message.by_tag.get(tag)
            if field is None or field.name is None:
                if tag & 7 == END_GROUP and tag >> 3 == group:
                    break
                at = skip(self._body, at, end, tag)
                continue
            here = (*path, field.name)
            self.places.setdefault(here, start)
            if field.is_map:
                at = self._entry(field, _child(tree, field.name, {}), at, end, here)
            elif field.is_list:
                at = self._items(field, tag, _child(tree, field.name, []), at, end, here)
            else:
                tree[field.name], at = self._value(field, at, end, here)
        return tree, at

    def _items(self, field: BinaryField, tag: int, items: list[object], at: int, end: int, path: Path) -> int:
        if tag & 7 != LENGTH or not field.packs:
            here = (*path, len(items))
            self.places[here] = at
            value, at = self._value(field, at, end, here)
            items.append(value)
            return at
        at, stop = length(self._body, at, end)
        while at < stop:
            here = (*path, len(items))
            self.places[here] = at
            value, at = self._value(field, at, stop, here)
            items.append(value)
        return at

    def _entry(self, field: BinaryField, entries: dict[str, object], at: int, end: int, path: Path) -> int:
        assert field.key is not None  # noqa: S101 -- it is a map
        start = at
        at, stop = length(self._body, at, end)
        key: object = None
        value_at: int | None = None
        while at < stop:  # the first key and the first value: of others nobody read what they hold
            tag, at = tag_at(self._body, at, stop)
            if tag == 8 | field.key.wire and key is None:
                key, at = field.key.get(self._body, at, stop)
                continue
            if tag == 16 | field.element_wire and value_at is None:
                value_at = at
            at = skip(self._body, at, stop, tag)
        name = key_text(field, field.key.zero if key is None else key)
        here = (*path, name)
        self.places.setdefault(here, start)
        if value_at is not None:
            entries[name], _ = self._value(field, value_at, stop, here)
        elif field.message is not None:
            entries[name] = _json(field.message, b"") if field.message.transparent else {}
        elif field.scalar is not None:
            entries[name] = field.scalar.json(field.scalar.zero)
        return stop

    def _value(self, field: BinaryField, at: int, end: int, path: Path) -> tuple[object, int]:
        if field.scalar is not None:
            value, at = field.scalar.get(self._body, at, end)
            return field.scalar.json(value), at
        assert field.message is not None  # noqa: S101 -- a field is one or the other
        if field.wire == START_GROUP:
            return self.message(field.message, at, end, path, field.desc.number)
        start, stop = length(self._body, at, end)
        if field.message.transparent:
            return _json(field.message, self._body[start:stop]), stop
        return self.message(field.message, start, stop, path, 0)


def _child(tree: dict[str, object], name: str, new: T) -> T:
    return tree.setdefault(name, new)  # type: ignore[return-value]  # a field is a list, or a map, or neither, always


def _json(message: BinaryMessage, data: bytes) -> object:
    """One of Google's types as its JSON; None where it has none (a fault is noted there)."""
    kind: type[Message] = message.desc.type
    try:
        return message_to_json_value(kind.from_binary(data))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
