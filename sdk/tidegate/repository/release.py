"""Makes a release: freezes a contract's working copy, gives it an id, appends it to the lock. Called by `tidegate release`.

Order of writes, so that a crash never leaves half a release: the version's files are written into a folder with a
passing name, which is renamed to `<n>`; then the lock is written anew beside the old one and renamed over it. Only that
last step makes it a release. A folder that the lock does not name is taken over by the next release if it is the same.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from tidegate.contracts.fingerprint import fingerprint, schema_hash
from tidegate.contracts.source import VersionSource
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.repository.broken import Broken, Problems, Refused
from tidegate.repository.contract_file import ContractFile
from tidegate.repository.folder import CONTRACTS, compile_problems, contract_name, read_contract_file, read_versions
from tidegate.repository.lock import HEADER, LOCK, Lock, LockLine, read_lock
from tidegate.repository.released import RELEASED, released_files, version_folder
from tidegate.repository.working_copy import SchemaFiles, WorkingCopy

__all__ = ["MoreFiles", "NothingNew", "ReleaseRefused", "Released", "alone", "release", "sync_folder", "write_synced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A release as it now stands. `new_id`: the schema had no id before. `folder` is relative to the schemas folder.

    `warnings` tell what this release does not promise: a draft is not served.
    """

    topic: str
    version: int
    schema_id: int
    new_id: bool
    fingerprint: str
    folder: str
    warnings: tuple[str, ...] = ()


class ReleaseRefused(Exception):
    """The contract cannot be released as it is. `rows` say why; nothing was written."""

    def __init__(self, rows: tuple[Broken, ...]) -> None:
        super().__init__("; ".join(map(str, rows)))
        self.rows = rows


class NothingNew(ReleaseRefused):
    """What would be released is the newest version already: nothing is wrong, and nothing to do."""


MoreFiles = Callable[[VersionSource], Mapping[str, bytes]]
"""What else a version's folder gets, by path in it."""


def release(folder: Path, topic: str, more_files: MoreFiles = lambda _version: {}) -> Released:
    """Freezes the topic's working copy as its next version, judged by nobody but the compiler.

    `more_files` are written with it: golden records. What it raises is left alone. Raises `ReleaseRefused` where the contract is broken, does not compile, or has not changed since its newest version,
    and OSError where files cannot be written.
    """
    with alone(folder, topic):
        problems = Problems(contract_name(topic), topic)
        try:
            contract = _contract(folder, topic, problems)
            lock, version = _prepared(folder, contract, problems)
            _write_version(folder, topic, version, more_files(version), problems)
        except Refused:
            raise ReleaseRefused(problems.rows) from None
        made = _append(folder, topic, version, lock)
        return replace(made, warnings=tuple(_warnings(contract)))


def _warnings(contract: ContractFile) -> Iterator[str]:
    if contract.live.status == "draft":
        yield "status is draft: `serve` does not serve it"


@contextmanager
def alone(folder: Path, topic: str) -> Iterator[None]:
    """No two releases at once in one folder: both would take the same id. The system gives the lock back after a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            row = Broken(file=LOCK, line=1, column=1, detail="another release is running in this folder", topic=topic)
            raise ReleaseRefused((row,)) from None
        yield
    finally:
        os.close(descriptor)


def _prepared(folder: Path, contract: ContractFile, problems: Problems) -> tuple[Lock, VersionSource]:
    lock = read_lock(folder)
    if lock.broken:
        raise ReleaseRefused(lock.broken)
    versions = read_versions(folder, lock, contract.topic, problems)
    copy = SchemaFiles(folder).working_copy(contract, problems)
    newest = versions[-1] if versions else None
    if newest is not None and newest.fingerprint == copy.source.fingerprint:
        problems.note(
            f"nothing that a release freezes has changed since version {newest.number} "
            "(limits, roles, descriptions, owner and Protobuf comments are not frozen)"
        )
        raise NothingNew(problems.rows)
    _check_compiles(contract, copy)
    number = newest.number + 1 if newest is not None else 1
    numbered = msgspec.structs.replace(copy.source, number=number, schema_id=lock.id_of(schema_hash(copy.source)))
    return lock, msgspec.structs.replace(numbered, fingerprint=fingerprint(numbered))


def _contract(folder: Path, topic: str, problems: Problems) -> ContractFile:
    if not (folder / contract_name(topic)).is_file():
        known = sorted(path.stem for path in (folder / CONTRACTS).glob("*.yaml"))
        hint = did_you_mean(topic, known) or (f"known: {', '.join(known)}" if known else "there is none yet")
        problems.refuse(f'there is no contract "{shown(topic)}"; {hint}')
    return read_contract_file(folder, problems)


def _check_compiles(contract: ContractFile, copy: WorkingCopy) -> None:
    source = msgspec.structs.replace(contract.live, versions=(copy.source,))
    rows = compile_problems(source, copy)
    if rows:
        raise ReleaseRefused(rows)


def _write_version(
    folder: Path, topic: str, version: VersionSource, more_files: Mapping[str, bytes], problems: Problems
) -> None:
    files = released_files(version)
    target = folder / version_folder(topic, version.number)
    if target.exists():
        found = {path.name: path.read_bytes() for path in target.iterdir() if path.is_file()}
        if any(found.get(name) != content for name, content in files.items()):
            name = version_folder(topic, version.number)
            problems.refuse(
                f"{name}/ exists, differs, and {LOCK} does not name it: restore the lock's line if one was lost, "
                "or remove the folder if a release was interrupted"
            )
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    passing = Path(tempfile.mkdtemp(prefix=".tidegate-", dir=folder / RELEASED))
    try:
        passing.chmod(0o755)
        for name, content in {**files, **more_files}.items():
            (passing / name).parent.mkdir(exist_ok=True)
            write_synced(passing / name, content)
        passing.rename(target)
    except BaseException:  # Ctrl-C too
        shutil.rmtree(passing, ignore_errors=True)
        raise
    sync_folder(target.parent)


def _append(folder: Path, topic: str, version: VersionSource, lock: Lock) -> Released:
    before = lock.text or HEADER
    line = LockLine(
        schema_id=version.schema_id,
        topic=topic,
        version=version.number,
        schema_hash=schema_hash(version),
        fingerprint=version.fingerprint,
        line=before.count("\n") + 1,
    )
    passing = folder / f".{LOCK}.new"
    write_synced(passing, (before + str(line)).encode())
    passing.replace(folder / LOCK)
    sync_folder(folder)
    return Released(
        topic=topic,
        version=version.number,
        schema_id=version.schema_id,
        new_id=version.schema_id > lock.largest_id,
        fingerprint=version.fingerprint,
        folder=version_folder(topic, version.number),
    )


def write_synced(path: Path, content: bytes) -> None:
    """Writes a file and waits until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Waits until a folder's names are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
