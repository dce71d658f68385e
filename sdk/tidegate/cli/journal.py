"""What of an input was stored already, so that a second run skips it. Called by `publish`.

A text file that only grows: a line of what it belongs to, then a line of hex for each row that has its receipt. A last line that a crash cut off is ignored.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

__all__ = ["Journal", "NotThisJournal"]

_HEAD: Final = "tidegate publish journal 1"
_MARK: Final = 32
_EVERY: Final = 500


class NotThisJournal(Exception):
    """The file is another one's, or none; the message is for people."""


class Journal:
    """One topic's journal of one gateway. `stored` may be called on another thread than the rest."""

    def __init__(self, path: Path, url: str, topic: str) -> None:
        """Opens or makes it. Raises `NotThisJournal`, `OSError`."""
        self._head = f"{_HEAD} {topic} {url}"
        self._known: set[bytes] = set()
        self._read(path)
        self._file = path.open("a", encoding="ascii", newline="\n")
        self._unsynced = 0
        if self._file.tell() == 0:
            self._file.write(f"{self._head}\n")
        else:
            self._file.write("\n")  # ends what a crash cut off; empty lines mean nothing

    def _read(self, path: Path) -> None:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                head = file.readline().rstrip("\n")
                if head and head != self._head:
                    raise NotThisJournal(
                        f"{path} is the journal of another gateway or topic ({head.removeprefix(_HEAD).strip()[:100] or 'or no journal'}): give another with --journal"
                    )
                for line in file:
                    if len(line) == _MARK + 1:
                        try:
                            self._known.add(bytes.fromhex(line[:_MARK]))
                        except ValueError:
                            continue
        except FileNotFoundError:
            return

    def __contains__(self, mark: bytes) -> bool:
        return mark in self._known

    def __len__(self) -> int:
        return len(self._known)

    def stored(self, mark: bytes) -> None:
        """The row has its receipt."""
        self._file.write(f"{mark.hex()}\n")
        self._unsynced += 1
        if self._unsynced >= _EVERY:
            self._unsynced = 0
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
