"""`tidegate diff`: what changed between two versions of a contract, in words. Called by `main`; the words are `contracts.changes`'s.

Exit codes: 0 done, 1 a version is broken, 2 could not run: no such topic or version.
"""

import sys
from pathlib import Path

from tidegate.check.asked import check_asked
from tidegate.check.finding import CannotRun
from tidegate.cli.cannot_run import could_not
from tidegate.contracts.changes import changes
from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.source import VersionSource
from tidegate.contracts.wording import shown
from tidegate.repository.survey import Subject, survey

__all__ = ["WORKING", "run_diff"]

WORKING = "work"
"""The name of the schema being edited, where a version's number is asked for."""


def run_diff(folder: Path, topic: str, old: str, new: str) -> int:
    """Says what changed from `old` to `new`: 0, 1 or 2."""
    try:
        check_asked(folder, [topic])
        return _told(folder, topic, old, new)
    except CannotRun as error:
        return could_not(error)


def _told(folder: Path, topic: str, old: str, new: str) -> int:
    found = survey(folder, (topic,))
    subject = next((one for one in found.subjects if one.topic == topic), None)
    if subject is None:
        for row in found.broken:
            if row.topic in (topic, None):
                sys.stderr.write(f"{folder / row.file}:{row.line}:{row.column}: {row.detail}\n")
        return 1
    sources = [_source(subject, name) for name in (old, new)]
    try:
        before, after = _compiled(topic, old, sources[0]), _compiled(topic, new, sources[1])
    except ContractError as error:
        sys.stderr.write(f"tidegate: {error}\n")
        return 1
    sys.stdout.write(f"{topic}: from {_title(old)} to {_title(new)}\n")
    for change in changes(before, after, docs=True):
        sys.stdout.write(f"- {change}\n")
    return 0


def _compiled(topic: str, name: str, source: VersionSource) -> CompiledVersion:
    try:
        return compile_version(topic, source)
    except ContractError as error:
        raise ContractError(f"{_title(name)} of {topic} cannot be compiled: {error}") from error


def _title(name: str) -> str:
    return "the schema being edited" if name == WORKING else f"version {name}"


def _source(subject: Subject, name: str) -> VersionSource:
    """Raises `CannotRun` for a version that is not there."""
    if name == WORKING:
        return subject.copy.source
    found = next((version for version in subject.versions if str(version.number) == name), None)
    if found is None:
        known = ", ".join(str(version.number) for version in subject.versions)
        hint = (
            f"there are: {known}, and {WORKING}" if known else f"none is released yet; `{WORKING}` is {_title(WORKING)}"
        )
        raise CannotRun(f"{subject.topic} has no version {shown(name)}", hint)
    return found
