"""A line of progress on a terminal, and nothing where stderr is none. Called by the commands that take long."""

import sys
import time
from types import TracebackType
from typing import Final, Self

__all__ = ["ProgressLine"]

_WIDTH: Final = 30
_EVERY_S: Final = 0.1


class ProgressLine:
    """Rewrites one line of stderr, at most ten times a second; `total` None: unknown, a count is shown. A context manager: the line ends with it."""

    def __init__(self, what: str, total: float | None = None, *, shown: bool | None = None) -> None:
        self._what = what
        self._total = total
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._told_at = 0.0
        self._wrote = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._wrote:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def at(self, done: float, note: str = "") -> None:
        """So much is done."""
        now = time.monotonic()
        if not self._shown or now - self._told_at < _EVERY_S:
            return
        self._told_at = now
        self._wrote = True
        sys.stderr.write(f"\r\x1b[K{line_of(self._what, done, self._total, note)}")
        sys.stderr.flush()


def line_of(what: str, done: float, total: float | None, note: str) -> str:
    """The line: a bar where the total is known, a count where it is not."""
    if not total:
        return f"{what} {done:,.0f} {note}".rstrip()
    part = min(1.0, done / total)
    full = int(part * _WIDTH)
    return f"{what} [{'#' * full}{'.' * (_WIDTH - full)}] {part:4.0%} {note}".rstrip()
