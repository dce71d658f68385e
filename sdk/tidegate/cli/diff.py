"""`tidegate diff`: what changed between two versions of a contract, in words. Called by `main`; the words are `contracts.changes`'s.

Exit codes: 0 done, 1 a version is not there or broken, 2 could not run.
"""

import sys
from pathlib import Path

from tidegate.contracts.changes import changes
from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.source import VersionSource
from tidegate.repository.folder import CONTRACTS, contract_name
from tidegate.repository.survey import Subject, survey

__all__ = ["WORKING", "run_diff"]

WORKING = "work"
"""The name of the schema being edited, where a version's number is asked for."""


def run_diff(folder: Path, topic: str, old: str, new: str) -> int:
    """Says what changed from `old` to `new`: 0, 1 or 2."""
    if not (folder / CONTRACTS).is_dir():
        sys.stderr.write(f"tidegate: {folder} holds no {CONTRACTS}/; --contracts names the schemas folder\n")
        return 2
    found = survey(folder, (topic,))
    subject = next((one for one in found.subjects if one.topic == topic), None)
    if subject is None:
        for row in found.broken:
            if row.topic in (topic, None):
                sys.stderr.write(f"{folder / row.file}:{row.line}:{row.column}: {row.detail}\n")
        sys.stderr.write(f"tidegate: {folder / contract_name(topic)} is not there, or broken\n")
        return 1
    versions = [_version(subject, name) for name in (old, new)]
    if None in versions:
        return 1
    before, after = (one for one in versions if one is not None)
    sys.stdout.write(f"{topic}: from {_title(old)} to {_title(new)}\n")
    for change in changes(before, after, docs=True):
        sys.stdout.write(f"- {change}\n")
    return 0


def _title(name: str) -> str:
    return "the schema being edited" if name == WORKING else f"version {name}"


def _version(subject: Subject, name: str) -> CompiledVersion | None:
    """A version, compiled; None where there is none, which is told."""
    source = _source(subject, name)
    if source is None:
        known = ", ".join(str(version.number) for version in subject.versions)
        sys.stderr.write(
            f"tidegate: {subject.topic} has no version {name}; there are: {known or 'none'}, and {WORKING}\n"
        )
        return None
    try:
        return compile_version(subject.topic, source)
    except ContractError as error:
        sys.stderr.write(f"tidegate: {_title(name)} of {subject.topic} cannot be compiled: {error}\n")
        return None


def _source(subject: Subject, name: str) -> VersionSource | None:
    if name == WORKING:
        return subject.copy.source
    return next((version for version in subject.versions if str(version.number) == name), None)
