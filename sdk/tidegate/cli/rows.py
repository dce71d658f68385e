"""The events of a file or of stdin, one by one: NDJSON, a JSON array, or CSV with a header. Called by `publish` and `validate`.

A row that cannot be read is a row with a reason, never the end of the others. Memory holds one row (a JSON array: all of it).
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final
from uuid import UUID

import msgspec

if TYPE_CHECKING:
    from _csv import Reader

__all__ = ["FORMATS", "Facts", "Row", "Unreadable", "form_of", "rows_of", "typed_cells"]

FORMATS: Final = ("ndjson", "json", "csv")


class Unreadable(Exception):
    """The file as a whole cannot be read; the message is for people."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is a whole Event (`--events`): http.md's members, the value as JSON."""

    value: msgspec.Raw
    id: str | None = None
    key: str | None = None
    headers: dict[str, str] | None = None
    time: str | None = None
    version: int | None = None


_Read = tuple[int, bytes, bytes | dict[str, str], str]
"""Line, content, value, what is wrong."""
_decode_facts = msgspec.json.Decoder(Facts).decode
_is_json = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event of the input. `line` counts from 1. `value` is JSON bytes, or a CSV row's cells by column; `wrong` says why there is none.

    `mark` tells the row apart by its content and by how many like it came before: the same in every run, wherever in the file it stands.
    """

    line: int
    mark: bytes
    value: bytes | dict[str, str]
    facts: Facts | None = None
    wrong: str = ""

    def event_id(self, topic: str) -> str:
        """The event's own id, or one that every run gives this row: a UUID (version 8) of topic and content."""
        if self.facts is not None and self.facts.id is not None:
            return self.facts.id
        digest = bytearray(sha256(topic.encode() + b"\0" + self.mark).digest()[:16])
        digest[6] = digest[6] & 0x0F | 0x80
        digest[8] = digest[8] & 0x3F | 0x80
        return str(UUID(bytes=bytes(digest)))


def form_of(path: Path | None, asked: str | None) -> str:
    """The format: as asked for, or by the file's name; NDJSON otherwise."""
    suffix = path.suffix.lower().removeprefix(".") if path is not None else ""
    return asked or (suffix if suffix in ("csv", "json") else "ndjson")


def rows_of(source: BinaryIO, form: str, *, events: bool) -> Iterator[Row]:
    """The rows. Raises `Unreadable`."""
    marks: dict[bytes, int] = {}
    pairs: Iterator[_Read]
    match form:
        case "csv":
            pairs = _csv(source)
        case "json":
            pairs = ((number, text, text, "") for number, text in _array(source.read()))
        case _:
            pairs = ((number, text, text, "") for number, text in _lines(source))
    for number, text, value, wrong in pairs:
        digest = sha256(text).digest()[:16]
        seen = marks[digest] = marks.get(digest, -1) + 1
        mark = digest if not seen else sha256(digest + str(seen).encode()).digest()[:16]
        yield _row(number, mark, value, wrong, events=events)


def _row(number: int, mark: bytes, value: bytes | dict[str, str], wrong: str, *, events: bool) -> Row:
    if wrong or isinstance(value, dict):
        return Row(line=number, mark=mark, value=value, wrong=wrong)
    try:
        if events:
            facts = _decode_facts(value)
            return Row(line=number, mark=mark, value=bytes(facts.value), facts=facts)
        _is_json(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Row(line=number, mark=mark, value=b"", wrong=f"is no {'Event' if events else 'JSON'}: {error}")
    return Row(line=number, mark=mark, value=value)


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(source, 1):
        text = line.strip()
        if text:
            yield number, text


def _array(text: bytes) -> Iterator[tuple[int, bytes]]:
    try:
        values = msgspec.json.decode(text, type=list[msgspec.Raw] | dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unreadable(f"it is no JSON array or object: {error}") from error
    if isinstance(values, dict):
        yield 1, text.strip()
        return
    for number, value in enumerate(values, 1):
        yield number, bytes(value)


def _csv(source: BinaryIO) -> Iterator[_Read]:
    text = io.TextIOWrapper(source, "utf-8-sig", newline="")
    try:
        yield from _csv_rows(csv.reader(text, strict=True))
    finally:
        text.detach()  # the file is its opener's to close


def _csv_rows(reader: "Reader") -> Iterator[_Read]:
    try:
        header = next(reader, None)
        if not header or not all(header):
            raise Unreadable("a CSV file begins with a line of column names")
        if len(set(header)) < len(header):
            raise Unreadable("a column name stands twice in the CSV file's first line")
        for cells in reader:
            if not cells:
                continue
            text = "\x1f".join(cells).encode("utf-8", "surrogatepass")
            wrong = "" if len(cells) == len(header) else f"has {len(cells)} cells, the header has {len(header)}"
            yield reader.line_num, text, dict(zip(header, cells, strict=False)), wrong
    except (csv.Error, UnicodeDecodeError) as error:
        raise Unreadable(f"line {reader.line_num + 1} is no CSV: {error}") from error


def typed_cells(cells: dict[str, str], typed: Iterable[str]) -> dict[str, object]:
    """A CSV row as a value: empty cells are left out, `a.b` nests, the columns in `typed` hold JSON and the others text."""
    typed = set(typed)
    value: dict[str, object] = {}
    for column, cell in cells.items():
        if cell == "":
            continue
        place = value
        *outer, last = column.split(".")
        for name in outer:
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                break
            place = inner
        place[last] = _json_or_text(cell) if column in typed else cell
    return value


def _json_or_text(cell: str) -> object:
    try:
        found: object = msgspec.json.decode(cell)
    except msgspec.MsgspecError:
        lowered = cell.strip().lower()
        return lowered == "true" if lowered in ("true", "false") else cell
    return found
