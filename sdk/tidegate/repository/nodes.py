"""YAML as nodes with places: what a contract file is read through. Called by `contract_file` and `properties`.

Values are judged here one at a time (is it text, one of a list, a number in bounds?); what they mean is decided there.
"""

import math
from collections.abc import Collection, Iterator
from typing import Any, cast

import yaml

from tidegate.contracts.wording import did_you_mean, shown
from tidegate.repository.broken import Place, Problems

__all__ = ["MAX_DOCUMENT_BYTES", "Document", "Node"]

MAX_DOCUMENT_BYTES = 256 * 1024
"""No contract a person keeps is larger; a larger file is refused unread."""
_MAX_DEPTH = 40
_MAX_NODES = 20_000
_TAG = "tag:yaml.org,2002:"
_KINDS = {"str": "text", "int": "a number", "float": "a number", "bool": "true or false", "null": "empty"}

_Loader: type[Any] = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # libyaml parses ten times faster, where it is built in

Node = yaml.Node


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


class Document:
    """One YAML file's nodes. Every method notes what is wrong and answers None (or nothing) for it, and never raises."""

    __slots__ = ("_problems",)

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def compose(self, text: str) -> yaml.MappingNode:
        """The document's mapping. Raises `Refused` where the text is no YAML mapping within bounds.

        Bounds: `MAX_DOCUMENT_BYTES`, depth 40, 20,000 nodes with every alias counted as often as it is used.
        """
        try:
            self._bound_events(text)
            node = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._problems.refuse(f"is not YAML: {error.problem or error.context}", self._mark(mark))
        except (yaml.YAMLError, ValueError) as error:  # a character that YAML forbids, in either loader's words
            self._problems.refuse(f"is not YAML: {' '.join(str(error).split())}")
        if not isinstance(node, yaml.MappingNode):
            self._problems.refuse("is no contract: the document is not a mapping")
        self._bound_nodes(node)
        return node

    def _bound_events(self, text: str) -> None:
        """Depth before composing: the composer recurses on the C stack."""
        depth = documents = 0
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _MAX_DEPTH:
                    self._problems.refuse(f"is nested deeper than {_MAX_DEPTH}", self._mark(event.start_mark))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._problems.refuse("holds a second document", self._mark(event.start_mark))

    def _bound_nodes(self, root: Node) -> None:
        """Aliases make a small text a large or an endless tree: walk it as its readers would, and stop early."""
        seen = 0
        todo: list[tuple[Node, int]] = [(root, 1)]
        while todo:
            node, depth = todo.pop()
            seen += 1
            if seen > _MAX_NODES or depth > _MAX_DEPTH:
                self._problems.refuse("is too large or too deep once its aliases are followed", self.place(node))
            if isinstance(node, yaml.MappingNode):
                todo.extend((part, depth + 1) for pair in node.value for part in pair)
            elif isinstance(node, yaml.SequenceNode):
                todo.extend((part, depth + 1) for part in node.value)

    def _mark(self, mark: Any) -> Place:
        if mark is None:
            return Place(file=self._problems.file)
        return Place(file=self._problems.file, line=mark.line + 1, column=mark.column + 1)

    def place(self, node: Node) -> Place:
        """Where a node begins."""
        return self._mark(node.start_mark)

    def note(self, node: Node, detail: str) -> None:
        """Notes a problem at a node."""
        self._problems.note(detail, self.place(node))

    def note_at(self, place: Place, detail: str) -> None:
        """Notes a problem at a place kept from a node."""
        self._problems.note(detail, place)

    @property
    def noted(self) -> bool:
        """Whether any problem was noted so far."""
        return bool(self._problems)

    def members(self, node: Node | None, what: str, known: Collection[str] | None) -> dict[str, Node]:
        """A mapping's values by key. Keys outside `known` (None: any) and duplicates are noted and left out."""
        found: dict[str, Node] = {}
        meant: dict[str, Node] = {}
        for name, key, value in self._pairs(node, what):
            if known is not None and name not in known:
                hint = did_you_mean(name, known)
                self.note(key, f'{what} has no "{shown(name)}"; {hint or "known here: " + _listed(known)}')
                if hint:  # read on as what was meant, so that it is not called missing too
                    meant.setdefault(hint.split('"')[1], value)
            elif name in found:
                self.note(key, f'"{shown(name)}" is given twice')
            else:
                found[name] = value
        return meant | found

    def _pairs(self, node: Node | None, what: str) -> Iterator[tuple[str, Node, Node]]:
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self.note(node, f"{what} is not a mapping")
            return
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.note(key, f"{what} has a key that is not text")
            elif key.tag == _TAG + "merge":
                self.note(key, "merge keys (<<) are not read here: write the members out")
            else:
                yield key.value, key, value

    def rows(self, node: Node | None, what: str) -> list[Node]:
        """A list's entries."""
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.note(node, f"{what} is not a list")
            return []
        return list(node.value)

    def text(self, node: Node | None, what: str, *, empty: bool = False) -> str | None:
        """A scalar that YAML reads as text (2.0 is a number: quote it)."""
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode):
            self.note(node, f"{what} is not text")
            return None
        if node.tag != _TAG + "str":
            kind = _KINDS.get(node.tag.removeprefix(_TAG), "not text")
            self.note(node, f"{what} is {kind} to YAML, and must be text: put it in quotes")
            return None
        if not node.value and not empty:
            self.note(node, f"{what} is empty")
            return None
        return str(node.value)

    def one_of(self, node: Node | None, what: str, choices: Collection[str]) -> str | None:
        """A text out of a closed list."""
        value = self.text(node, what)
        if node is None or value is None or value in choices:
            return value
        hint = did_you_mean(value, choices)
        self.note(node, f'{what} is "{shown(value)}"; {hint + " " if hint else ""}one of {_listed(choices)}')
        return None

    def whole(self, node: Node | None, what: str, *, least: int, most: int) -> int | None:
        """An integer from `least` to `most`."""
        if node is None:
            return None
        value = self.number(node, what)
        if value is None or (isinstance(value, int) and least <= value <= most):
            return value
        self.note(node, f"{what} is not an integer from {least} to {most}")
        return None

    def positive(self, node: Node | None, what: str) -> float | None:
        """A number above 0 and below 1e12."""
        if node is None:
            return None
        value = self.number(node, what)
        if value is not None and not 0 < value < 1e12:
            self.note(node, f"{what} is not above 0 and below 1e12")
            return None
        return None if value is None else float(value)

    def number(self, node: Node, what: str) -> int | float | None:
        """A finite number."""
        value = self.plain(node, what)
        if type(value) in (int, float):
            return cast("int | float", value)
        if value is not None or self.is_null(node):
            self.note(node, f"{what} is not a number")
        return None

    def truth(self, node: Node, what: str) -> bool | None:
        """true or false."""
        value = self.plain(node, what)
        if isinstance(value, bool):
            return value
        if value is not None or self.is_null(node):
            self.note(node, f"{what} is not true or false")
        return None

    def is_null(self, node: Node) -> bool:
        """Whether a value is left empty, or null."""
        return bool(node.tag == _TAG + "null")

    def plain(self, node: Node, what: str) -> Any:
        """A scalar as YAML 1.1 reads it (str, int, float, bool, None); None and a note for anything else."""
        if not isinstance(node, yaml.ScalarNode):
            self.note(node, f"{what} is not a single value")
            return None
        tag = node.tag.removeprefix(_TAG)
        constructor = yaml.constructor.SafeConstructor()
        try:
            match tag:
                case "str" | "timestamp":
                    return node.value
                case "int":
                    return constructor.construct_yaml_int(node)
                case "float":
                    number = constructor.construct_yaml_float(node)
                    if math.isfinite(number):
                        return number
                case "bool":
                    return constructor.construct_yaml_bool(node)
                case "null":
                    return None
        except (ValueError, OverflowError, KeyError, IndexError):
            pass  # an explicit tag on a text that is none: `!!int x`
        self.note(node, f"{what} is a value that contracts do not hold ({shown(node.tag.removeprefix(_TAG))})")
        return None
