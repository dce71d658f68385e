"""What the rules may still say of an event whose structure is broken. Used by `codec` alone, on failure; pure.

The faulty members are left out and the rest is judged. A rule looks at no more than the place it stands at and what lies
below, so its answer is exact where no member was left out at, above or below that place; all other answers are dropped.
"""

from collections.abc import Iterable

from tidegate.contracts.protobuf.faults import Fault

__all__ = ["Path", "Spoiled", "spoiled_members", "without"]

Path = tuple[str | int, ...]


def spoiled_members(faults: Iterable[Fault], tree: object) -> tuple[frozenset[Path], frozenset[Path]]:
    """The members to leave out, and those of them whose absence changes the message (unknown fields change nothing).

    A faulty list item takes its whole list along, since the items behind it would change their places.
    """
    out: set[Path] = set()
    changing: set[Path] = set()
    for fault in faults:
        member = _member(tuple(reversed(fault.path)), tree)
        out.add(member)
        if fault.rule != "unknown_field":
            changing.add(member)
    return frozenset(out), frozenset(changing)


def _member(path: Path, tree: object) -> Path:
    """The longest start of `path` that ends at a member of an object."""
    length = 0
    value = tree
    for i, step in enumerate(path, 1):
        if isinstance(value, dict):
            length = i
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
    return path[:length]


def without(tree: object, members: frozenset[Path]) -> object:
    """A copy of the tree that lacks the members; `tree` stays as it is. None where nothing of it is left."""
    if not isinstance(tree, dict) or () in members:
        return None
    root: dict[str, object] = dict(tree)
    own: set[Path] = {()}
    for path in sorted(members, key=len):
        node: object = root
        for i, step in enumerate(path[:-1], 1):
            node = _own_child(node, step, is_own=path[:i] in own)
            own.add(path[:i])
        if isinstance(node, dict):
            node.pop(str(path[-1]), None)
    return root


def _own_child(node: object, step: str | int, *, is_own: bool) -> object:
    """The child of `node` at `step`, replaced by a copy unless it is one already."""
    if isinstance(node, dict) and isinstance(step, str):
        child = node.get(step)
        if isinstance(child, dict | list) and not is_own:
            child = node[step] = child.copy()
        return child
    if isinstance(node, list) and isinstance(step, int):
        child = node[step]
        if isinstance(child, dict | list) and not is_own:
            child = node[step] = child.copy()
        return child
    return None


class Spoiled:
    """The places whose judgement says nothing: at, above and below `members`."""

    __slots__ = ("_above", "_members")

    def __init__(self, members: frozenset[Path]) -> None:
        self._members = members
        self._above = {member[:length] for member in members for length in range(len(member))}

    def is_apart(self, path: Path) -> bool:
        """Whether no spoiled member lies at `path`, above it or below it."""
        return path not in self._above and not any(path[:length] in self._members for length in range(len(path) + 1))
