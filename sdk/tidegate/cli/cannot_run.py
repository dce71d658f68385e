"""How every command for contract owners says that it could not run. Called by them; nothing is decided here."""

import sys

from tidegate.check.finding import CannotRun

__all__ = ["could_not"]


def could_not(error: CannotRun) -> int:
    """Says why on stderr, with the hint, and answers the exit code: 2."""
    sys.stderr.write(f"tidegate: {error}\n" + (f"    hint: {error.hint}\n" if error.hint else ""))
    return 2
