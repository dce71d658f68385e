"""Where a protovalidate violation lies in the event as it was sent. Used by `judgement` alone.

protovalidate names fields as the .proto file does; a pointer has to name them as the sender did.
"""

from collections.abc import Sequence

from protovalidate import FieldPathElementPb

from tidegate.contracts.protobuf.phrases import MISSING
from tidegate.contracts.protobuf.structure import FieldCheck, MessageCheck

__all__ = ["Place", "Positions", "locate"]

_FEW = 12  # members, which are found faster one by one


class Place:
    """A spot in an event: `path` in the sender's names, `anchor` in the docs', `value` what stands there as JSON.

    `position` compares as `Positions` do. `field` is the innermost field on the way (None: the event itself), `inside` says
    whether the path goes on into its list or map. `oneof` is the .proto name of a oneof that the violation is about; it has
    no place of its own in JSON.
    """

    __slots__ = ("anchor", "field", "inside", "message", "oneof", "path", "position", "secret", "value")

    def __init__(self, root: MessageCheck, tree: object) -> None:
        self.path: tuple[str | int, ...] = ()
        self.position: tuple[int, ...] = ()
        self.anchor = ""
        self.value: object = tree
        self.field: FieldCheck | None = None
        self.message: MessageCheck | None = root
        self.inside = False
        self.oneof = ""
        self.secret = False


class Positions:
    """The order of the document: positions compare as the places stand in the text, what is missing after the rest."""

    __slots__ = ("_orders", "tree")

    def __init__(self, tree: object) -> None:
        self.tree = tree
        self._orders: dict[int, dict[str, int]] = {}

    def step(self, value: object, step: str | int) -> int:
        """The position of a member or item in its container."""
        if type(value) is not dict:
            return step if type(step) is int else 0
        order = self._orders.get(id(value))
        if order is None:
            if len(value) <= _FEW:
                return [*value, step].index(step)
            order = self._orders[id(value)] = {name: i for i, name in enumerate(value)}
        return order.get(step, len(order))  # type: ignore[arg-type]  # no key of JSON is an int

    def of(self, path: tuple[str | int, ...]) -> tuple[int, ...]:
        """The position of a path."""
        position: list[int] = []
        value = self.tree
        for step in path:
            position.append(self.step(value, step))
            value = _child(value, step)
        return tuple(position)


def locate(elements: Sequence[FieldPathElementPb], root: MessageCheck, positions: Positions) -> Place:
    """Follows the elements of a `buf.validate.FieldPath` through the decoded event."""
    value = positions.tree
    place = Place(root, value)
    path: list[str | int] = []
    position: list[int] = []
    for element in elements:
        name = element.field_name
        message = place.message
        field = message.by_proto_name.get(name) if message is not None else None
        if field is None:
            if message is not None:
                place.oneof = name
            break
        anchor = field.anchor
        sent = name if name != anchor and type(value) is dict and name in value else anchor
        path.append(sent)
        position.append(positions.step(value, sent))
        value = _child(value, sent)
        place.field, place.inside, place.message = field, False, field.inner
        place.anchor = f"{place.anchor}.{anchor}" if place.anchor else anchor
        place.secret = place.secret or field.secret
        subscript = element.subscript
        if subscript is not None:
            step = _step(subscript.value, value)
            path.append(step)
            position.append(positions.step(value, step))
            value = _child(value, step)
            place.inside = True
    place.value, place.path, place.position = value, tuple(path), tuple(position)
    return place


def _step(subscript: object, container: object) -> str | int:
    """A list's index, or a map's key as JSON writes it."""
    if type(subscript) is bool:
        return str(subscript).lower()
    if type(container) is dict:
        return str(subscript)
    return subscript if isinstance(subscript, str | int) else ""


def _child(value: object, step: str | int) -> object:
    if type(value) is dict:
        return value.get(step, MISSING)
    if type(value) is list and type(step) is int and step < len(value):
        return value[step]
    return MISSING
