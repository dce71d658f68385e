"""`released/<topic>/CHANGELOG.md`: what each release changed, in words. Written by `releasing`, mended by `renumbering`.

The words are `contracts.changes`'s. What people write there is kept, but for releases of a branch that `--renumber` moves: those are
told anew, since they now follow others.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

from tidegate.contracts.changes import changes
from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import compile_version
from tidegate.repository.broken import Problems, Refused
from tidegate.repository.folder import contract_name, read_versions
from tidegate.repository.lock import LockLine, read_lock
from tidegate.repository.release import write_synced
from tidegate.repository.released import RELEASED

__all__ = ["CHANGELOG", "changelog_name", "tell", "tell_again"]

CHANGELOG = "CHANGELOG.md"
_CONFLICT = "\n<<<<<<< "
_HEADER = "# Changes of {}\n\nWritten by `tidegate release`, newest first.\n"


def changelog_name(topic: str) -> str:
    """The contract's changelog, relative to the schemas folder."""
    return f"{RELEASED}/{topic}/{CHANGELOG}"


def tell(folder: Path, topic: str, version: int, schema_id: int, today: date) -> None:
    """A version at the changelog's top. Raises OSError and UnicodeDecodeError where that cannot be written, or is no text."""
    path = folder / changelog_name(topic)
    before = path.read_text("utf-8") if path.exists() else _HEADER.format(topic)
    _write(path, _with(before, _section(folder, topic, version, schema_id, today)))


def tell_again(folder: Path, topic: str, lines: Sequence[LockLine], theirs: str | None, today: date) -> None:
    """A topic's changelog as `theirs` (None: there is none) with the releases of `lines`, oldest first, on top.

    Nothing is written where the file tells those already and git did not stop in it, or where a version cannot be read, which
    check tells. Raises OSError where it cannot be written.
    """
    path = folder / changelog_name(topic)
    text = path.read_text("utf-8", errors="replace") if path.exists() else ""
    known = all(f"## Version {one.version}, " in text and f"Schema id {one.schema_id}." in text for one in lines)
    if known and _CONFLICT not in text:
        return
    made = theirs if theirs is not None else _HEADER.format(topic)
    with suppress(Refused, ContractError):
        for one in lines:
            made = _with(made, _section(folder, topic, one.version, one.schema_id, today))
        _write(path, made)


def _section(folder: Path, topic: str, version: int, schema_id: int, today: date) -> str:
    versions = read_versions(folder, read_lock(folder), topic, Problems(contract_name(topic), topic))
    new = compile_version(topic, versions[version - 1])
    old = compile_version(topic, versions[version - 2]) if version > 1 else None
    told = changes(old, new, docs=True) if old is not None else ("The first version.",)
    rows = "".join(f"- {change}\n" for change in told)
    return f"## Version {version}, {today.isoformat()}\n\nSchema id {schema_id}.\n\n{rows}"


def _with(before: str, section: str) -> str:
    top = before.find("\n## ")
    head = before[: top + 1] if top >= 0 else f"{before.rstrip()}\n\n"
    return f"{head}{section}" + (f"\n{before[top + 1 :]}" if top >= 0 else "")


def _write(path: Path, text: str) -> None:
    passing = path.with_name(f".{CHANGELOG}.new")
    write_synced(passing, text.encode())
    passing.replace(path)
