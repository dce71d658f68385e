"""`tidegate release <topic>`: what a person or a script sees of a release. Called by `main`; the work is `repository.release`'s."""

import sys
from pathlib import Path

import msgspec

from tidegate.repository.broken import Broken
from tidegate.repository.folder import CONTRACTS
from tidegate.repository.release import Released, ReleaseRefused, release

__all__ = ["run_release"]


def run_release(folder: Path, topic: str, *, as_json: bool) -> int:
    """Releases the topic's working copy and tells: 0 released, 1 refused, 2 could not run."""
    if not (folder / CONTRACTS).is_dir():
        sys.stderr.write(f"tidegate: {folder} holds no {CONTRACTS}/; --contracts names the schemas folder\n")
        return 2
    try:
        made = release(folder, topic)
    except ReleaseRefused as refused:
        _tell_refused(folder, topic, refused.rows, as_json=as_json)
        return 1
    except OSError as error:
        sys.stderr.write(f"tidegate: the release could not be written: {error}\n")
        return 2
    _tell_released(folder, made, as_json=as_json)
    return 0


def _tell_released(folder: Path, made: Released, *, as_json: bool) -> None:
    for warning in made.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    if as_json:
        _tell_json(
            {
                "topic": made.topic,
                "version": made.version,
                "schemaId": made.schema_id,
                "newId": made.new_id,
                "fingerprint": made.fingerprint,
                "folder": str(folder / made.folder),
                "warnings": made.warnings,
            }
        )
        return
    known = "new" if made.new_id else "the schema already had it"
    sys.stdout.write(
        f"released {made.topic} version {made.version}\n"
        f"  schema id    {made.schema_id} ({known})\n"
        f"  fingerprint  {made.fingerprint}\n"
        f"  frozen in    {folder / made.folder}\n"
        "commit that folder and released.lock together\n"
    )


def _tell_refused(folder: Path, topic: str, rows: tuple[Broken, ...], *, as_json: bool) -> None:
    if as_json:
        _tell_json(
            {
                "topic": topic,
                "refused": [
                    {"file": str(folder / row.file), "line": row.line, "column": row.column, "detail": row.detail}
                    for row in rows
                ],
            }
        )
    for row in rows:
        sys.stderr.write(f"{folder / row.file}:{row.line}:{row.column}: {row.detail}\n")
    sys.stderr.write(f"tidegate: {topic} was not released; nothing was changed\n")


def _tell_json(content: dict[str, object]) -> None:
    sys.stdout.write(msgspec.json.encode(content).decode() + "\n")
