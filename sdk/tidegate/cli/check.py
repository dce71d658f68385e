"""`tidegate check`: what a person or a CI job sees of a check. Called by `main`; the work is `tidegate.check`'s.

Exit codes: 0 nothing is wrong (there may be warnings), 1 something is, 2 the check could not run, with the reason on stderr.
"""

import sys
from pathlib import Path

from tidegate.check.examination import examine
from tidegate.check.finding import CannotRun
from tidegate.cli.cannot_run import could_not
from tidegate.cli.check_formats import FORMATS

__all__ = ["run_check"]


def run_check(folder: Path, topics: list[str], against: str | None, output: str) -> int:
    """Checks the folder and tells: 0, 1 or 2."""
    try:
        examined = examine(folder, topics, against)
    except CannotRun as error:
        return could_not(error)
    sys.stdout.write(FORMATS[output](folder, examined))
    return 1 if examined.broken else 0
