"""`tidegate init`: a new repository of contracts. Called by `main`; the texts are `starter`'s.

Exit codes: 0 done, 1 the folder is not empty (nothing was written), 2 could not run.
"""

import sys
from pathlib import Path

from tidegate.cli.starter import FILES

__all__ = ["run_init"]


def run_init(folder: Path) -> int:
    """Writes the files into `folder`, which is empty, a fresh git repository, or not there yet: 0, 1 or 2."""
    try:
        there = sorted(path.name for path in folder.iterdir() if path.name != ".git") if folder.exists() else []
        if there:
            sys.stderr.write(f"tidegate: {folder} is not empty ({there[0]}); nothing was written\n")
            return 1
        for name, text in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        sys.stderr.write(f"tidegate: {folder} could not be written: {error}\n")
        return 2
    sys.stdout.write("".join(f"wrote {folder / name}\n" for name in FILES))
    sys.stdout.write(f"next: cd {folder}, git init, tidegate check, tidegate release shop.orders\n")
    return 0
