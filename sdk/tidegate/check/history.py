"""What git remembers: released files never change, the lock only grows, and a contract that was released stays and is served.

Called by `examination` with the git reference. Nothing is judged here that needs a schema.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.check.finding import Finding
from tidegate.repository.broken import Place, Problems, Refused
from tidegate.repository.contract_file import read_contract
from tidegate.repository.folder import contract_name
from tidegate.repository.git import Reference
from tidegate.repository.golden import GOLDEN
from tidegate.repository.lock import LOCK, Lock, LockLine, parse_lock
from tidegate.repository.released import RELEASED, version_folder

__all__ = ["Now", "history_broken", "without_git"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The folder as it is: its lock, the topics of its contract files, and where drafts say that they are."""

    lock: Lock
    topics: frozenset[str]
    drafts: Mapping[str, Place]


def history_broken(folder: Path, reference: Reference, now: Now) -> Iterator[Finding]:
    """What the folder undoes of what the reference holds."""
    before = parse_lock(reference.read([LOCK])[LOCK].decode(errors="replace") if LOCK in reference.files else "")
    yield from _files(folder, reference)
    yield from _lines(reference, before, now.lock)
    yield from _conflicts(reference, before, now.lock)
    released = {line.topic for line in before.lines}
    for topic in sorted(released - now.topics):
        if contract_name(topic) in reference.files:
            yield _removed(reference, topic)
    for topic in sorted(released & now.drafts.keys()):
        was = _status(reference, topic)
        if was not in (None, "draft"):
            said = f"is a draft now, was {was} in {reference.name} and has released versions: {_UNSERVED}"
            yield Finding(place=now.drafts[topic], rule="contract/draft", message=said, topic=topic)


def without_git(now: Now) -> Iterator[Finding]:
    """Released topics that are not served: what can be said of a lost or withdrawn contract without a reference."""
    released = {line.topic for line in now.lock.lines}
    for topic in sorted(released - now.topics):
        said = f"{topic} has released versions, and {contract_name(topic)} is gone: it is not served"
        place = now.lock.of(topic)[-1].place
        yield Finding(place=place, rule="contract/removed", message=said, severity="warning", topic=topic)
    for topic in sorted(released & now.drafts.keys()):
        said = f"is a draft, and has released versions: {_UNSERVED}"
        yield Finding(place=now.drafts[topic], rule="contract/draft", message=said, severity="warning", topic=topic)


_UNSERVED = "`serve` knows no drafts, so its producers and consumers lose it"


def _status(reference: Reference, topic: str) -> str | None:
    """What the reference's contract file says; None where there is none that can be read."""
    name = contract_name(topic)
    if name not in reference.files:
        return None
    try:
        text = reference.read([name])[name].decode(errors="replace")
        return read_contract(text, topic, Problems(name, topic)).live.status
    except Refused:
        return None


def _removed(reference: Reference, topic: str) -> Finding:
    said = f"is in {reference.name}, with released versions, and is gone: its consumers and producers lose it"
    return Finding(place=Place(file=contract_name(topic)), rule="contract/removed", message=said, topic=topic)


def _files(folder: Path, reference: Reference) -> Iterator[Finding]:
    for name in reference.files:
        parts = name.split("/")
        if parts[0] != RELEASED or len(parts) < 4:
            continue
        if not (folder / name).exists():
            said = f"is in {reference.name}, and is gone: released files stay as long as events may be read"
            yield Finding(place=Place(file=name), rule="released/removed", message=said, topic=parts[1])
        elif not reference.holds(name, folder):
            what = "a golden record" if GOLDEN in parts[3:4] else "a released file"
            said = f"{what} was changed since {reference.name}: released files are immutable"
            yield Finding(place=Place(file=name), rule="released/changed", message=said, topic=parts[1])


def _lines(reference: Reference, before: Lock, lock: Lock) -> Iterator[Finding]:
    """The lines of the reference stand in the folder's lock as they were, in front of all others."""
    own = [(line.topic, line.version) for line in lock.lines]
    texts = {str(line) for line in lock.lines}
    for index, line in enumerate(before.lines):
        if str(line) not in texts:
            what = "was changed" if (line.topic, line.version) in own else "is gone"
            said = f"the line of {line.topic} {line.version} {what} since {reference.name}"
            yield Finding(place=Place(file=LOCK, line=line.line), rule="lock/changed", message=said, topic=line.topic)
        elif own[index : index + 1] != [(line.topic, line.version)]:
            said = f"the line of {line.topic} {line.version} was moved since {reference.name}"
            yield Finding(place=Place(file=LOCK, line=line.line), rule="lock/changed", message=said, topic=line.topic)
            return


def _conflicts(reference: Reference, before: Lock, lock: Lock) -> Iterator[Finding]:
    """Releases made here and there at once: what the reference released since this branch left it."""
    known = {str(line) for line in before.lines}
    theirs = [line for line in parse_lock(reference.tip_lock).lines if str(line) not in known]
    hashes = {line.schema_id: line for line in theirs}
    versions = {(line.topic, line.version): line for line in theirs}
    for line in lock.lines:
        if str(line) in known:
            continue
        other = versions.get((line.topic, line.version))
        same_id = hashes.get(line.schema_id)
        if other is not None and str(other) != str(line):
            yield _conflict(line, f"{reference.name} released a {line.topic} {line.version} of its own meanwhile")
        elif same_id is not None and same_id.schema_hash != line.schema_hash:
            taken = f"{same_id.topic} {same_id.version}"
            yield _conflict(line, f"{reference.name} gave the id {line.schema_id} to {taken} meanwhile")


def _conflict(line: LockLine, said: str) -> Finding:
    place = Place(file=LOCK, line=line.line)
    where = version_folder(line.topic, line.version)
    return Finding(place=place, rule="lock/conflict", message=f"{said} ({where})", topic=line.topic)
