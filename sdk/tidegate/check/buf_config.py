"""The user's buf.yaml: which lint rules the project chose. Called by `examination`; the nearest file above the folder counts.

Read for its `lint` section only: what is broken is decided by each contract's own compatibility.
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from tidegate.check.finding import CannotRun

__all__ = ["lint_section"]

_LEVELS_UP = 3
_PATHS = ("ignore", "ignore_only")


def lint_section(folder: Path) -> Mapping[str, object]:
    """The `lint` section of the buf.yaml in `folder` or up to three folders above; buf's STANDARD rules without one.

    Raises `CannotRun` where the file is no YAML mapping.
    """
    folder = folder.resolve()
    for above in (folder, *folder.parents)[: _LEVELS_UP + 1]:
        path = above / "buf.yaml"
        if path.is_file():
            return _read(path, folder)
    return {"use": ["STANDARD"]}


def _read(path: Path, folder: Path) -> Mapping[str, object]:
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: no UTF-8, no such date
        raise CannotRun(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise CannotRun(f"{path} is no buf.yaml: not a mapping")
    section = document.get("lint")
    if not isinstance(section, dict):
        return {"use": ["STANDARD"]}
    prefix = f"{(folder / 'proto').relative_to(path.parent.resolve()).as_posix()}/"
    kept = {str(name): value for name, value in section.items() if name not in _PATHS}
    if isinstance(section.get("ignore"), list):
        kept["ignore"] = [str(one).removeprefix(prefix) for one in section["ignore"]]
    if isinstance(section.get("ignore_only"), dict):
        kept["ignore_only"] = {
            str(rule): [str(one).removeprefix(prefix) for one in paths]
            for rule, paths in section["ignore_only"].items()
            if isinstance(paths, list)
        }
    return kept
