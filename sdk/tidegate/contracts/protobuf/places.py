"""Where a protovalidate violation lies in the event as it was sent. Used by `judgement` alone.

protovalidate names fields as the .proto file does; a pointer has to name them as the sender did.
"""

from collections.abc import Sequence

from protovalidate import FieldPathElementPb

from tidegate.contracts.protobuf.phrases import MISSING
from tidegate.contracts.protobuf.structure import FieldCheck, MessageCheck

__all__ = ["Place", "Positions", "locate"]


class Place:
    """A spot in an event: `path` in the sender's names, `anchor` in the docs', `value` what stands there as JSON.

    `field` is the innermost field on the way (None: the event itself), `inside` says whether the path goes on into its
    list or map. `oneof` is the .proto name of a oneof that the violation is about; it has no place of its own in JSON.
    """

    __slots__ = ("anchor", "field", "inside", "message", "oneof", "path", "secret", "value")

    def __init__(self, root: MessageCheck, tree: object) -> None:
        self.path: tuple[str | int, ...] = ()
        self.anchor = ""
        self.value: object = tree
        self.field: FieldCheck | None = None
        self.message: MessageCheck | None = root
        self.inside = False
        self.oneof = ""
        self.secret = False


def locate(elements: Sequence[FieldPathElementPb], root: MessageCheck, tree: object) -> Place:
    """Follows the elements of a `buf.validate.FieldPath` through the decoded event."""
    place = Place(root, tree)
    for element in elements:
        name = element.field_name
        field = place.message.by_proto_name.get(name) if place.message is not None else None
        if field is None:
            if place.message is not None:
                place.oneof = name
            break
        sent = field.desc.name if _has(place.value, field.desc.name) else field.anchor
        _enter(place, sent)
        place.field, place.inside = field, False
        place.anchor = f"{place.anchor}.{field.anchor}" if place.anchor else field.anchor
        place.secret = place.secret or field.secret
        place.message = field.inner
        subscript = element.subscript
        if subscript is not None:
            _enter(place, _step(subscript.value))
            place.inside = True
    return place


def _step(subscript: object) -> str | int:
    """A list's index, or a map's key as JSON writes it."""
    return (
        str(subscript).lower() if isinstance(subscript, bool) else subscript if isinstance(subscript, str | int) else ""
    )


def _has(value: object, name: str) -> bool:
    return isinstance(value, dict) and name in value


def _enter(place: Place, step: str | int) -> None:
    value = place.value
    if isinstance(value, dict):
        step = str(step)
        place.value = value.get(step, MISSING)
    elif isinstance(value, list) and isinstance(step, int) and step < len(value):
        place.value = value[step]
    else:
        place.value = MISSING
    place.path = (*place.path, step)


class Positions:
    """The order of the document: positions compare as the places stand in the text, what is missing after the rest."""

    __slots__ = ("_orders", "_tree")

    def __init__(self, tree: object) -> None:
        self._tree = tree
        self._orders: dict[int, dict[str, int]] = {}

    def of(self, path: tuple[str | int, ...]) -> tuple[int, ...]:
        """The position of a path."""
        position: list[int] = []
        value = self._tree
        for step in path:
            if isinstance(value, dict):
                order = self._orders.get(id(value))
                if order is None:
                    order = self._orders[id(value)] = {name: i for i, name in enumerate(value)}
                position.append(order.get(str(step), len(order)))
                value = value.get(str(step))
            else:
                position.append(step if isinstance(step, int) else 0)
                value = value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None
        return tuple(position)
