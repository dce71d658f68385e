"""What is wrong with a file of the schemas folder, and where. Made by every reader here; read by the gateway and the CLI.

Nothing here opens a file.
"""

from dataclasses import dataclass
from typing import NoReturn

__all__ = ["Broken", "Place", "Problems", "Refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A spot in a file. `file` is relative to the schemas folder, `line` and `column` count from 1."""

    file: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One problem of one file. `topic` is the contract that is not served because of it, None where it is not one's."""

    file: str
    line: int
    column: int
    detail: str
    topic: str | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.detail}"


class Refused(Exception):
    """One file cannot be read further; what is wrong was already noted in its `Problems`."""


class Problems:
    """Collects what is wrong with one contract, so that a person sees everything at once. Used by one reader at a time."""

    __slots__ = ("_rows", "file", "topic")

    def __init__(self, file: str, topic: str | None = None) -> None:
        self.file = file
        self.topic = topic
        self._rows: list[Broken] = []

    def note(self, detail: str, place: Place | None = None) -> None:
        """Adds one problem, at `place` (None: the file's first line)."""
        where = place or Place(file=self.file)
        row = Broken(file=where.file, line=where.line, column=where.column, detail=detail, topic=self.topic)
        if row not in self._rows:
            self._rows.append(row)

    def refuse(self, detail: str, place: Place | None = None) -> NoReturn:
        """Notes a problem after which there is nothing left to read. Raises `Refused`."""
        self.note(detail, place)
        raise Refused(detail)

    @property
    def rows(self) -> tuple[Broken, ...]:
        """Every problem in the order found."""
        return tuple(self._rows)

    def __bool__(self) -> bool:
        return bool(self._rows)
