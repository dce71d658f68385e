"""`tidegate release --renumber`: after a rebase or merge, releases made here come after those that the reference made meanwhile.

Two branches that release at once give one id, or one version, twice; git then stops at released.lock. The reference's lock
is kept as it is, each release of this branch gets the next version and id behind it, and changelogs tell so. Called by `tidegate release`.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tidegate.check.changelog import changelog_name, tell_again
from tidegate.check.finding import CannotRun
from tidegate.repository.broken import Problems, Refused
from tidegate.repository.folder import contract_name
from tidegate.repository.git import Reference, open_reference
from tidegate.repository.git_revision import GitFailure
from tidegate.repository.lock import HEADER, LOCK, Lock, LockLine, parse_lock, sound_lines
from tidegate.repository.release import alone, write_synced
from tidegate.repository.released import RELEASED, read_released, version_folder

__all__ = ["Renumbered", "renumber"]

_MARKERS = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")


@dataclass(frozen=True, slots=True, kw_only=True)
class Renumbered:
    """One release that was moved. `version` is None where its files were lost in the merge: release it again."""

    topic: str
    old_version: int
    old_id: int
    version: int | None
    schema_id: int | None


def renumber(folder: Path, against: str, today: date) -> tuple[Renumbered, ...]:
    """Puts this branch's releases behind those of `against`; its lock and its released files are taken over as they are.

    Raises `CannotRun` where git cannot answer, and OSError where files cannot be written: another call then goes on from there.
    """
    try:
        reference = open_reference(folder, against)
        with alone(folder, LOCK):
            return _renumbered(folder, reference, today)
    except GitFailure as failure:
        raise CannotRun(str(failure), failure.hint) from None


def _renumbered(folder: Path, reference: Reference, today: date) -> tuple[Renumbered, ...]:
    theirs = parse_lock(reference.tip_lock)
    if theirs.broken:
        raise CannotRun(f"{LOCK} of {reference.name} is broken: {theirs.broken[0].detail}", "mend it there first")
    ours = _own_lines(folder, theirs)
    aside = {line: _set_aside(folder, line) for line in ours}
    _restore(folder, reference, ours)
    text = reference.tip_lock or HEADER
    done: list[Renumbered] = []
    placed: dict[str, list[LockLine]] = {line.topic: [] for line in ours}
    for line in ours:
        lock = parse_lock(text)
        kept = aside[line]
        if kept is None:
            done.append(_moved(line, None))
            continue
        version = len(lock.of(line.topic)) + 1
        moved = LockLine(
            schema_id=lock.id_of(line.schema_hash),
            topic=line.topic,
            version=version,
            schema_hash=line.schema_hash,
            fingerprint=line.fingerprint,
            line=0,
        )
        kept.rename(folder / version_folder(line.topic, version))
        text += str(moved)
        done.append(_moved(line, moved))
        placed[line.topic].append(moved)
    passing = folder / f".{LOCK}.new"
    write_synced(passing, text.encode())
    passing.replace(folder / LOCK)
    _tell_again(folder, reference, placed, today)
    return tuple(one for one in done if (one.version, one.schema_id) != (one.old_version, one.old_id))


def _tell_again(folder: Path, reference: Reference, placed: Mapping[str, Sequence[LockLine]], today: date) -> None:
    """A changelog that git stopped at is the reference's with our releases on top; so is one that tells old numbers."""
    known = reference.read_tip([name for name in map(changelog_name, placed) if name in reference.tip_files])
    for topic, lines in placed.items():
        theirs = known.get(changelog_name(topic))
        tell_again(folder, topic, lines, theirs.decode(errors="replace") if theirs is not None else None, today)


def _moved(line: LockLine, to: LockLine | None) -> Renumbered:
    return Renumbered(
        topic=line.topic,
        old_version=line.version,
        old_id=line.schema_id,
        version=to.version if to is not None else None,
        schema_id=to.schema_id if to is not None else None,
    )


def _own_lines(folder: Path, theirs: Lock) -> list[LockLine]:
    """The lines of the working tree's lock that the reference does not have, conflict markers looked through."""
    text = (folder / LOCK).read_text("utf-8", errors="replace") if (folder / LOCK).exists() else ""
    rows = [row for row in text.split("\n") if not row.startswith(_MARKERS)]
    known = {(line.topic, line.schema_hash, line.fingerprint) for line in theirs.lines}
    found = [line for line in sound_lines(rows) if (line.topic, line.schema_hash, line.fingerprint) not in known]
    return list({str(line): line for line in found}.values())


def _set_aside(folder: Path, line: LockLine) -> Path | None:
    """The release's folder under a passing name; None where it no longer holds what was released here.

    An earlier call that was interrupted may have set it aside already.
    """
    passing = folder / RELEASED / f".tidegate-{line.topic}-{line.version}"
    problems = Problems(contract_name(line.topic), line.topic)
    try:
        read_released(folder, line, problems)
    except Refused:
        return passing if _is_aside(passing, line) else None
    here = folder / version_folder(line.topic, line.version)
    shutil.rmtree(passing, ignore_errors=True)
    here.rename(passing)
    return passing


def _is_aside(passing: Path, line: LockLine) -> bool:
    try:
        return line.fingerprint.encode() in (passing / "version.json").read_bytes()
    except OSError:
        return False


def _restore(folder: Path, reference: Reference, ours: Iterable[LockLine]) -> None:
    """Where a version of ours took the place of one of theirs, theirs comes back."""
    bases = tuple(f"{version_folder(line.topic, line.version)}/" for line in ours)
    names = [name for name in reference.tip_files if name.startswith(bases)] if bases else []
    for base in {name.rsplit("/", 1)[0] for name in names}:
        (folder / base).mkdir(parents=True, exist_ok=True)
    for name, content in reference.read_tip(names).items():
        write_synced(folder / name, content)
