"""JSON text as values with the place of each: what .avsc files are read through.

Called by the repository's readers and by whoever names a place in a schema text. Judges no event: `jsontext` reads those.

Strict (RFC 8259): no duplicate members, no NaN, no control characters. Bounded depth. Nothing Avro here.
"""

import json
import re
from typing import Any

__all__ = ["JsonError", "JsonText", "escaped", "line_column", "parse_json"]

_MAX_DEPTH = 200
_decode = json.JSONDecoder().raw_decode
_space = re.compile(r"[ \t\n\r]*").match
_number = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII).match
_WORDS = {"true": True, "false": False, "null": None}


class JsonError(ValueError):
    """The text is no JSON. `offset` counts characters from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class JsonText:
    """A JSON document. `value` is made of dict, list, str, int, float, bool, None; `offsets` maps JSON pointers to characters."""

    __slots__ = ("offsets", "text", "value")

    def __init__(self, text: str, value: Any, offsets: dict[str, int]) -> None:
        self.text = text
        self.value = value
        self.offsets = offsets

    def line_column(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character."""
        return line_column(self.text, offset)


def line_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of a character of `text`."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def escaped(name: str) -> str:
    """A member's name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def parse_json(text: str) -> JsonText:
    """The document with the place of every value. Raises `JsonError` where it is none."""
    scanner = _Scanner(text)
    value, end = scanner.value(scanner.skip(0), "", 0)
    end = scanner.skip(end)
    if end != len(text):
        raise JsonError("more text after the JSON value", end)
    return JsonText(text, value, scanner.offsets)


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self.offsets: dict[str, int] = {}

    def skip(self, at: int) -> int:
        match = _space(self._text, at)
        return match.end() if match else at

    def value(self, at: int, pointer: str, depth: int) -> tuple[Any, int]:
        if depth > _MAX_DEPTH:
            raise JsonError(f"nested deeper than {_MAX_DEPTH}", at)
        self.offsets[pointer] = at
        match self._text[at : at + 1]:
            case "{":
                return self._object(at + 1, pointer, depth)
            case "[":
                return self._array(at + 1, pointer, depth)
            case '"':
                return self._string(at)
            case "":
                raise JsonError("the text ends where a value is due", at)
        for word, value in _WORDS.items():
            if self._text.startswith(word, at):
                return value, at + len(word)
        return self._number(at)

    def _string(self, at: int) -> tuple[str, int]:
        try:
            text, end = _decode(self._text, at)  # at a quotation mark: a string
            text.encode()  # half a surrogate pair is no text
        except json.JSONDecodeError as error:
            raise JsonError(error.msg, error.pos) from None
        except UnicodeEncodeError:
            raise JsonError("half of a surrogate pair", at) from None
        return text, end

    def _number(self, at: int) -> tuple[int | float, int]:
        match = _number(self._text, at)
        if match is None:
            raise JsonError("no JSON value", at)
        if match[1] is None and match[2] is None:
            if match.end() - at > 400:
                raise JsonError("a number of more than 400 digits", at)
            return int(match[0]), match.end()
        number = float(match[0])
        if number in (float("inf"), float("-inf")):
            raise JsonError("a number too large", at)
        return number, match.end()

    def _object(self, at: int, pointer: str, depth: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        at = self.skip(at)
        if self._text.startswith("}", at):
            return found, at + 1
        while True:
            if not self._text.startswith('"', at):
                raise JsonError("a member's name is due", at)
            name_at = at
            name, at = self._string(at)
            if name in found:
                raise JsonError(f'"{name}" is given twice', name_at)
            at = self._due(self.skip(at), ":")
            found[name], at = self.value(self.skip(at), f"{pointer}/{escaped(name)}", depth + 1)
            at = self.skip(at)
            if self._text.startswith("}", at):
                return found, at + 1
            at = self.skip(self._due(at, ","))

    def _array(self, at: int, pointer: str, depth: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        at = self.skip(at)
        if self._text.startswith("]", at):
            return found, at + 1
        while True:
            item, at = self.value(at, f"{pointer}/{len(found)}", depth + 1)
            found.append(item)
            at = self.skip(at)
            if self._text.startswith("]", at):
                return found, at + 1
            at = self.skip(self._due(at, ","))

    def _due(self, at: int, sign: str) -> int:
        if not self._text.startswith(sign, at):
            raise JsonError(f'"{sign}" is due', at)
        return at + 1
