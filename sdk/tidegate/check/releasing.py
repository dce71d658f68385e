"""A release, whole: judged, frozen with its golden records, and told in the contract's changelog. Called by `tidegate release`.

What `tidegate check` calls broken is not released. The freezing itself is `repository.release`'s.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from tidegate.check.changelog import changelog_name, tell
from tidegate.check.examination import examine
from tidegate.check.finding import Finding
from tidegate.contracts.codec import ContractError
from tidegate.contracts.source import VersionSource
from tidegate.repository.broken import Problems, Refused
from tidegate.repository.folder import contract_name, read_versions
from tidegate.repository.golden import GOLDEN
from tidegate.repository.golden_making import golden_files
from tidegate.repository.lock import read_lock
from tidegate.repository.release import Released, ReleaseRefused, alone, release, sync_folder, write_synced
from tidegate.repository.released import version_folder

__all__ = ["ReleaseBroken", "add_golden", "release_checked"]


_ABOUT_OTHERS = ("producer/", "compatibility/")


class ReleaseBroken(Exception):
    """The contract is not released: `findings` are what `tidegate check` says, the errors among them are why."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = findings


def release_checked(folder: Path, topic: str, today: date, against: str | None = None) -> Released:
    """Releases the topic's working copy.

    A release stands without its changelog: where that cannot be written, a warning says so. Raises `ReleaseBroken` where check finds an error, `ReleaseRefused` where there is nothing to release or no golden record
    can be made, `CannotRun` where check cannot run, and OSError where files cannot be written.
    """
    warnings = _judge(folder, topic, against) if (folder / contract_name(topic)).is_file() else ()
    made = release(folder, topic, lambda version: _golden(topic, version))
    made = replace(made, warnings=(*warnings, *made.warnings))
    try:
        tell(folder, topic, made.version, made.schema_id, today)
    except (OSError, UnicodeDecodeError) as error:
        said = f"version {made.version} is released, but {changelog_name(topic)} could not be written: {error}"
        return replace(made, warnings=(*made.warnings, said))
    return made


def _judge(folder: Path, topic: str, against: str | None) -> tuple[str, ...]:
    """The warnings about producers and consumers, which a release makes true. Raises `ReleaseBroken`.

    What was interrupted is taken up: a folder that the lock does not name yet is no reason to refuse.
    """
    following = len(read_lock(folder).of(topic)) + 1
    passing = version_folder(topic, following)
    findings = examine(folder, [topic], against).findings
    wrong = [one for one in findings if one.severity == "error" and one.place.file != passing]
    if any(one.topic == topic or one.rule.startswith("lock/") for one in wrong):
        raise ReleaseBroken(tuple(one for one in findings if one.severity == "warning" or one in wrong))
    told = (one for one in findings if one.severity == "warning" and one.rule.startswith(_ABOUT_OTHERS))
    return tuple(f"[{one.rule}] {one.message}" for one in told)


def _golden(topic: str, version: VersionSource) -> Mapping[str, bytes]:
    problems = Problems(contract_name(topic), topic)
    try:
        return {f"{GOLDEN}/{name}": content for name, content in golden_files(topic, version).items()}
    except ContractError as error:
        problems.note(f"no golden records can be made: {error}")
        raise ReleaseRefused(problems.rows) from None


def add_golden(folder: Path, topic: str) -> tuple[str, ...]:
    """Adds the golden records that released versions of a topic lack; nothing that is there is touched.

    Answers the files written, relative to the schemas folder. Raises `ReleaseRefused` where a version is broken or no record
    can be made, and OSError where files cannot be written.
    """
    with alone(folder, topic):
        problems = Problems(contract_name(topic), topic)
        lock = read_lock(folder)
        if not lock.of(topic):
            problems.note("there is no released version")
            raise ReleaseRefused(problems.rows)
        try:
            versions = read_versions(folder, lock, topic, problems)
        except Refused:
            raise ReleaseRefused(problems.rows) from None
        written: list[str] = []
        for version in versions:
            written += _add(folder, topic, version)
        return tuple(written)


def _add(folder: Path, topic: str, version: VersionSource) -> list[str]:
    """A record is added whole: its JSON and its bytes, where neither is there."""
    target = folder / version_folder(topic, version.number)
    files = _golden(topic, version)
    taken = {Path(name).stem for name in files if (target / name).exists()}
    missing = {name: content for name, content in files.items() if Path(name).stem not in taken}
    for name, content in missing.items():
        (target / name).parent.mkdir(exist_ok=True)
        write_synced(target / name, content)
    if missing:
        sync_folder(target / GOLDEN)
    return [f"{version_folder(topic, version.number)}/{name}" for name in missing]
