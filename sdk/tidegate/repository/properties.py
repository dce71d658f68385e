"""`schema[0].properties` of a contract file: constraints, classification and descriptions of fields in ODCS form.

Called by `contract_file`. Whether the fields exist is asked by `folder`, which has the schema.
"""

from dataclasses import dataclass
from typing import Any

import tidegate.repository.vocabulary as names
from tidegate.contracts.rules import KEYWORDS
from tidegate.contracts.wording import shown
from tidegate.repository.broken import Place
from tidegate.repository.nodes import Document, Node

__all__ = ["Property", "read_properties"]

_LENGTHS = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
_TEXTS = frozenset({"pattern", "format"})
_MAX_LENGTH = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """What the contract file says of one field. `path` is dotted, the items of an array under the array's own name.

    `keywords` are JSON Schema keywords. `options_place` is where they stand, None where there are none.
    """

    path: str
    place: Place
    keywords: dict[str, Any]
    options_place: Place | None
    sensitive: bool
    description: str


def read_properties(document: Document, node: Node | None) -> tuple[Property, ...]:
    """Every property that says something about a field, outer ones first; problems are noted in the document."""
    found: list[Property] = []
    _read_rows(document, node, "", found)
    return tuple(found)


def _read_rows(document: Document, node: Node | None, parent: str, found: list[Property]) -> None:
    seen: set[str] = set()
    for row in document.rows(node, "properties"):
        members = document.members(row, "a property", names.PROPERTY)
        name = document.text(members.get("name"), "name")
        if "name" not in members:
            document.note(row, "a property has a name: the field's")
        elif name is not None:
            if name in seen:
                document.note(members["name"], f'a second property "{shown(name)}"')
            seen.add(name)
            path = f"{parent}.{name}" if parent else name
            _read_row(document, members, path, document.place(members["name"]), found)


def _read_row(document: Document, members: dict[str, Node], path: str, place: Place, found: list[Property]) -> None:
    document.one_of(members.get("logicalType"), "logicalType", names.LOGICAL_TYPES)
    classification = document.text(members.get("classification"), "classification")
    options = members.get("logicalTypeOptions")
    found.append(
        Property(
            path=path,
            place=place,
            keywords=_keywords(document, options),
            options_place=document.place(options) if options is not None else None,
            sensitive=classification is not None and classification.lower() not in names.NOT_SENSITIVE,
            description=document.text(members.get("description"), "description", empty=True) or "",
        )
    )
    _read_rows(document, members.get("properties"), path, found)
    if "items" in members:
        _read_inner(document, members["items"], "items", path, found)
    if "map" in members:
        sides = document.members(members["map"], "map", {"key", "value"})
        document.members(sides.get("key"), "a map's key", names.PROPERTY)
        if "value" in sides:
            _read_inner(document, sides["value"], "a map's value", path, found)


def _read_inner(document: Document, node: Node, what: str, path: str, found: list[Property]) -> None:
    """Items and map values have no name of their own: fields below them are the outer field's, by path."""
    members = document.members(node, what, names.PROPERTY)
    for refused in ("logicalTypeOptions", "classification"):
        if refused in members:
            detail = f"{what} cannot carry {refused}: write it on the field itself, or into the schema file"
            document.note(members[refused], detail)
    document.one_of(members.get("logicalType"), "logicalType", names.LOGICAL_TYPES)
    _read_rows(document, members.get("properties"), path, found)
    if "items" in members:
        _read_inner(document, members["items"], "items", path, found)


def _keywords(document: Document, node: Node | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value_node in document.members(node, "logicalTypeOptions", KEYWORDS).items():
        value = _keyword(document, name, value_node)
        if value is not None:
            found[name] = value
    return found


def _keyword(document: Document, name: str, node: Node) -> Any:
    if name == "format":
        return document.one_of(node, name, names.FORMATS)
    if name in _TEXTS:
        return document.text(node, name)
    if name in _LENGTHS:
        return document.whole(node, name, least=0, most=_MAX_LENGTH)
    if name == "uniqueItems":
        return document.truth(node, name)
    value = document.number(node, name)
    if name == "multipleOf" and value is not None and value <= 0:
        document.note(node, f"{name} is not above 0")
        return None
    return value
