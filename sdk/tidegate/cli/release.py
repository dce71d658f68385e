"""`tidegate release`: what a person or a script sees of a release. Called by `main`; the work is `tidegate.check`'s.

Exit codes: 0 done, 1 refused and nothing was changed, 2 could not run.
"""

import sys
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import msgspec

from tidegate.check.asked import check_asked
from tidegate.check.changelog import changelog_name
from tidegate.check.finding import CannotRun, Finding, from_broken
from tidegate.check.releasing import ReleaseBroken, add_golden, release_checked
from tidegate.check.renumbering import renumber
from tidegate.cli.cannot_run import could_not
from tidegate.repository.release import NothingNew, Released, ReleaseRefused

__all__ = ["run_add_golden", "run_release", "run_renumber"]


def run_release(folder: Path, topic: str, against: str | None, *, as_json: bool) -> int:
    """Releases the topic's working copy and tells."""
    try:
        check_asked(folder, [topic])
        made = release_checked(folder, topic, _today(), against)
    except ReleaseBroken as broken:
        _tell_refused(folder, topic, broken.findings, as_json=as_json)
        return 1
    except ReleaseRefused as refused:
        _tell_refused(folder, topic, _findings(refused), as_json=as_json)
        return 1
    except CannotRun as error:
        return could_not(error)
    except OSError as error:
        sys.stderr.write(f"tidegate: the release could not be written: {error}\n")
        return 2
    _tell_released(folder, made, as_json=as_json)
    return 0


def run_add_golden(folder: Path, topic: str) -> int:
    """Adds the golden records that released versions lack, and names the files."""
    try:
        check_asked(folder, [topic])
        written = add_golden(folder, topic)
    except ReleaseRefused as refused:
        for finding in _findings(refused):
            sys.stderr.write(_line(folder, finding))
        return 1
    except CannotRun as error:
        return could_not(error)
    except OSError as error:
        sys.stderr.write(f"tidegate: golden records could not be written: {error}\n")
        return 2
    for name in written:
        sys.stdout.write(f"added {folder / name}\n")
    if not written:
        sys.stdout.write(f"every version of {topic} has its golden records\n")
    return 0


def run_renumber(folder: Path, against: str) -> int:
    """Puts this branch's releases behind the reference's, and tells what moved."""
    try:
        check_asked(folder)
        moved = renumber(folder, against, _today())
    except ReleaseRefused as refused:
        for finding in _findings(refused):
            sys.stderr.write(_line(folder, finding))
        return 1
    except CannotRun as error:
        return could_not(error)
    except OSError as error:
        sys.stderr.write(f"tidegate: the releases could not be moved: {error}\n")
        sys.stderr.write("    hint: nothing is lost; mend that, and run it again\n")
        return 2
    for one in moved:
        was = f"{one.topic} {one.old_version} (id {one.old_id})"
        if one.version is None:
            sys.stdout.write(
                f"{was}: its files were lost in the merge; `tidegate release {one.topic}` makes it again\n"
            )
        else:
            sys.stdout.write(f"{was} is now {one.topic} {one.version} (id {one.schema_id})\n")
    sys.stdout.write(
        "commit released/ and released.lock together\n"
        if moved
        else f"nothing to move: no release here clashes with {against}\n"
    )
    return 0


def _today() -> date:
    return datetime.now().astimezone().date()


def _findings(refused: ReleaseRefused) -> tuple[Finding, ...]:
    found = map(from_broken, refused.rows)
    return (
        tuple(replace(one, rule="release/nothing-new") for one in found)
        if isinstance(refused, NothingNew)
        else tuple(found)
    )


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
        f"  changes in   {folder / changelog_name(made.topic)}\n"
        "commit released/ and released.lock together\n"
    )


def _tell_refused(folder: Path, topic: str, findings: tuple[Finding, ...], *, as_json: bool) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    if as_json:
        _tell_json(
            {
                "topic": topic,
                "refused": [
                    {
                        "file": str(folder / finding.place.file),
                        "line": finding.place.line,
                        "column": finding.place.column,
                        "rule": finding.rule,
                        "detail": finding.message,
                    }
                    for finding in errors
                ],
            }
        )
    for finding in errors:
        sys.stderr.write(_line(folder, finding))
    sys.stderr.write(f"tidegate: {topic} was not released; nothing was changed\n")


def _line(folder: Path, finding: Finding) -> str:
    place = finding.place
    return f"{folder / place.file}:{place.line}:{place.column}: [{finding.rule}] {finding.message}\n"


def _tell_json(content: dict[str, object]) -> None:
    sys.stdout.write(msgspec.json.encode(content).decode() + "\n")
