"""Sees that files changed, by looking at them again and again: `look` is one look, `Changes` says what it means.

Used by `app`. Polled and not told by the kernel, on purpose: a ConfigMap is swapped by a symbolic link outside of the
files, network file systems tell nothing, and a queue of the kernel's overflows. A look at the files of 1,000 contracts
takes some hundredths of a second. Nothing here knows what the files mean.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final

__all__ = ["MOST_UNSETTLED", "Changes", "look"]

MOST_UNSETTLED: Final = 20
"""After so many looks that all differ, what is there is taken: somebody writes without end."""

_MAX_DEPTH = 16
_MAX_FILES = 200_000


class Changes:
    """Whether to read anew: when files differ from those that were read, and two looks in a row saw the same.

    So a checkout of a hundred files causes one reload, after its end.
    """

    __slots__ = ("_last", "_read", "_unsettled")

    def __init__(self, read: bytes) -> None:
        """`read` is the look that was taken before the files were read."""
        self._read = self._last = read
        self._unsettled = 0

    @property
    def settling(self) -> bool:
        """Whether a change was seen whose end was not: look again soon."""
        return self._last != self._read

    def were_read(self, seen: bytes) -> None:
        """The files are being read, `seen` right before."""
        self._read = self._last = seen
        self._unsettled = 0

    def due(self, seen: bytes) -> bool:
        """Whether to read now, after this look."""
        same = seen == self._last
        self._last = seen
        if seen == self._read:
            self._unsettled = 0
            return False
        self._unsettled += 1
        return same or self._unsettled >= MOST_UNSETTLED


def look(paths: Iterable[Path]) -> bytes:
    """A digest of every file at and below the paths, through symbolic links: names, times, sizes, inodes. Raises nothing.

    Hidden files do not count. Where a path is away, that is what was seen.
    """
    digest = blake2b(digest_size=16)
    for row in _rows(paths):
        digest.update(row.encode("utf-8", "surrogateescape"))
    return digest.digest()


def _rows(paths: Iterable[Path]) -> Iterator[str]:
    left = _MAX_FILES
    for path in paths:
        for row in _below(str(path), _MAX_DEPTH):
            yield row
            left -= 1
            if left <= 0:
                return


def _below(path: str, depth: int) -> Iterator[str]:
    try:
        found = os.stat(path)  # noqa: PTH116 -- of thousands of files: Path objects cost as much as the system's calls
    except OSError as error:
        yield f"{path}\0{error.errno}\n"
        return
    if not stat.S_ISDIR(found.st_mode):
        yield f"{path}\0{found.st_mtime_ns}\0{found.st_ctime_ns}\0{found.st_size}\0{found.st_ino}\n"
        return
    yield f"{path}/\n"
    if depth > 0:
        for name in _names(path):
            yield from _below(f"{path}/{name}", depth - 1)


def _names(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208 -- as above
    except OSError:
        return []
