"""The .avsc files below avro/ as self-contained schemas: named types of other files put in where they are first used.

Called by `folder`. Whether a schema is sound Avro is `contracts.avro`'s to say; here are only names and places.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.contracts.json_places import JsonError, JsonText, escaped, parse_json
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.repository.broken import Broken, Place, Problems, Refused
from tidegate.repository.files import read_text

__all__ = ["AvroFiles", "AvroSchema", "canonical_text", "read_json"]

_BUILT_IN = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string", "array", "map"})
_NAMED = frozenset({"record", "error", "enum", "fixed"})
_MAX_SCHEMA_BYTES = 1024 * 1024
_MAX_DEPTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AvroSchema:
    """A self-contained schema: its canonical text, and for each JSON pointer into it the place in the file it came from."""

    text: str
    value: Any
    places: dict[str, Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Definition:
    file: str
    pointer: str
    value: dict[str, Any]
    document: JsonText


def canonical_text(value: Any) -> str:
    """A schema as it is frozen: two spaces a level, member order kept, UTF-8, a line end at its end."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(folder: Path, name: str, problems: Problems, *, place: Place | None = None) -> JsonText:
    """A JSON file with its places. Raises `Refused`, with line and column where it is no JSON."""
    text = read_text(folder, name, problems, most=_MAX_SCHEMA_BYTES, place=place)
    try:
        return parse_json(text)
    except JsonError as error:
        prefix = text[: error.offset]
        line, column = prefix.count("\n") + 1, error.offset - (prefix.rfind("\n") + 1) + 1
        problems.refuse(f"is not JSON: {error}", Place(file=name, line=line, column=column))


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _names(value: dict[str, Any], enclosing: str) -> tuple[str, str]:
    """The full name that a definition gives itself, and the namespace that holds inside it (Avro 1.12, Names)."""
    name, namespace = value.get("name"), value.get("namespace", enclosing)
    if not isinstance(name, str) or not isinstance(namespace, str):
        return "", enclosing
    full = _full_name(name, namespace)
    return full, full.rpartition(".")[0]


class AvroFiles:
    """All definitions below avro/, read when a schema first names one that its own file lacks. One value for each reading."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index: dict[str, list[_Definition]] | None = None
        self.unreadable: list[Broken] = []

    def read(self, name: str, place: Place, problems: Problems) -> AvroSchema:
        """The schema in the file `name`, self-contained. `place` is where the contract names it. Raises `Refused`."""
        document = read_json(self._folder, name, problems, place=place)
        joined = _Joined(self, name, problems)
        value = joined.schema(document.value, "", "", _Origin(name, "", document))
        if problems:
            raise Refused(name)
        return AvroSchema(text=canonical_text(value), value=value, places=joined.places)

    def index(self) -> dict[str, list[_Definition]]:
        """Every definition below avro/ by full name (more than one: nobody can say which is meant)."""
        if self._index is None:
            self._index = {}
            for path in sorted((self._folder / "avro").rglob("*.avsc")):
                self._add(path.relative_to(self._folder).as_posix(), self._index)
        return self._index

    def _add(self, name: str, index: dict[str, list[_Definition]]) -> None:
        problems = Problems(name)
        try:
            document = read_json(self._folder, name, problems)
        except Refused:
            self.unreadable += problems.rows  # told of a contract that uses it, or that misses a name
            return
        todo: list[tuple[Any, str, str]] = [(document.value, "", "")]
        while todo:
            value, pointer, namespace = todo.pop()
            if isinstance(value, list):
                todo += [(item, f"{pointer}/{step}", namespace) for step, item in enumerate(value)]
            elif isinstance(value, dict):
                if value.get("type") in _NAMED:
                    full, namespace = _names(value, namespace)
                    found = _Definition(file=name, pointer=pointer, value=value, document=document)
                    index.setdefault(full, []).append(found)
                todo += _inner(value, pointer, namespace)


def _inner(value: dict[str, Any], pointer: str, namespace: str) -> list[tuple[Any, str, str]]:
    """The schemas directly inside one."""
    found = [
        (value[k], f"{pointer}/{k}", namespace)
        for k in ("type", "items", "values")
        if isinstance(value.get(k), dict | list)
    ]
    fields = value.get("fields")
    for step, field in enumerate(fields if isinstance(fields, list) else []):
        if isinstance(field, dict) and "type" in field:
            found.append((field["type"], f"{pointer}/fields/{step}/type", namespace))
    return found


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a part of the joined schema was written: file, pointer there, and the file's document."""

    file: str
    pointer: str
    document: JsonText

    def step(self, name: str | int) -> "_Origin":
        step = str(name) if isinstance(name, int) else escaped(name)
        return _Origin(self.file, f"{self.pointer}/{step}", self.document)

    @property
    def key(self) -> tuple[str, str]:
        return self.file, self.pointer

    @property
    def place(self) -> Place:
        line, column = self.document.line_column(self.document.offsets[self.pointer])
        return Place(file=self.file, line=line, column=column)


class _Joined:
    """One schema on its way to being self-contained: the names defined so far, and the place of each part."""

    def __init__(self, files: AvroFiles, root: str, problems: Problems) -> None:
        self._files = files
        self._root = root
        self._problems = problems
        self._defined: dict[str, tuple[str, str]] = {}
        self._done: set[str] = set()
        self.places: dict[str, Place] = {}

    def schema(self, value: Any, namespace: str, pointer: str, origin: _Origin) -> Any:
        """A schema as it stands in the joined text. `namespace` is the enclosing one there and in its file alike."""
        self.places[pointer] = origin.place
        if pointer.count("/") > _MAX_DEPTH:
            self._problems.refuse(f"is nested deeper than {_MAX_DEPTH}, its named types put in", origin.place)
        if isinstance(value, str):
            return self._reference(value, namespace, pointer, origin)
        if isinstance(value, list):
            return [self.schema(v, namespace, f"{pointer}/{i}", origin.step(i)) for i, v in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if value.get("type") in _NAMED:
            full, namespace = _names(value, namespace)
            if self._defined.setdefault(full, origin.key) == origin.key and full in self._done:
                return full  # this very definition was put in before, where a reference met it first
            self._done.add(full)
        return self._members(value, namespace, pointer, origin)

    def _members(self, value: dict[str, Any], namespace: str, pointer: str, origin: _Origin) -> dict[str, Any]:
        named = value.get("type") in _NAMED
        joined: dict[str, Any] = {}
        for name, member in value.items():
            at, source = f"{pointer}/{escaped(name)}", origin.step(name)
            if name in {"type", "items", "values"} and not (named and name == "type"):
                joined[name] = self.schema(member, namespace, at, source)
            elif name == "fields" and isinstance(member, list):
                self.places[at] = source.place
                joined[name] = [self._field(f, namespace, f"{at}/{i}", source.step(i)) for i, f in enumerate(member)]
            else:
                joined[name] = member
                self._keep(member, at, source)
        return joined

    def _field(self, value: Any, namespace: str, pointer: str, origin: _Origin) -> Any:
        self.places[pointer] = origin.place
        if not isinstance(value, dict):
            return value
        joined: dict[str, Any] = {}
        for name, member in value.items():
            at, source = f"{pointer}/{escaped(name)}", origin.step(name)
            if name == "type":
                joined[name] = self.schema(member, namespace, at, source)
            else:
                joined[name] = member
                self._keep(member, at, source)
        return joined

    def _keep(self, value: Any, pointer: str, origin: _Origin) -> None:
        self.places[pointer] = origin.place
        if isinstance(value, dict):
            for name, member in value.items():
                self._keep(member, f"{pointer}/{escaped(name)}", origin.step(name))
        elif isinstance(value, list):
            for step, member in enumerate(value):
                self._keep(member, f"{pointer}/{step}", origin.step(step))

    def _reference(self, name: str, namespace: str, pointer: str, origin: _Origin) -> Any:
        full = _full_name(name, namespace)
        if name in _BUILT_IN or full in self._defined:
            return name
        found = self._files.index().get(full, [])
        if len(found) == 1 and found[0].file != self._root:
            return self._inlined(full, found[0], namespace, pointer)
        if len(found) > 1:
            files = ", ".join(definition.file for definition in found)
            self._problems.note(f'"{full}" is defined more than once: {files}', origin.place)
        elif not found:
            unreadable = ", ".join(row.file for row in self._files.unreadable)
            hint = did_you_mean(name, _BUILT_IN)
            hint = hint or (f"it may be in what cannot be read there: {unreadable}" if unreadable else "")
            hint = hint or did_you_mean(full, self._files.index())
            self._problems.note(
                f'"{shown(full)}" is defined nowhere below avro/' + (f"; {hint}" if hint else ""), origin.place
            )
            for row in self._files.unreadable:
                self._problems.note(row.detail, Place(file=row.file, line=row.line, column=row.column))
        return name  # defined further down in the same file: the parser refuses that by itself

    def _inlined(self, full: str, definition: _Definition, namespace: str, pointer: str) -> Any:
        """The definition, with its namespace written out where that of the place it comes to would give another name."""
        value, origin = definition.value, _Origin(definition.file, definition.pointer, definition.document)
        self._defined[full] = origin.key
        self._done.add(full)
        own = full.rpartition(".")[0]
        self.places[pointer] = origin.place
        joined = self._members(value, own, pointer, origin)
        if _names(value, namespace)[0] != full:
            joined = {"type": joined.pop("type"), "name": joined.pop("name"), "namespace": own, **joined}
        return joined
