"""A schemas folder for those who judge it: every contract with its file, its versions and its working copy, each by itself.

Called by `tidegate check`. `folder` reads the same files for those who serve them, and keeps no working copy that is released.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tidegate.contracts.source import VersionSource
from tidegate.repository.broken import Broken, Place, Problems, Refused
from tidegate.repository.contract_file import ContractFile
from tidegate.repository.folder import (
    CONTRACTS,
    contract_name,
    contract_names,
    own_routes,
    read_contract_file,
    read_versions,
    unique_ids,
    unlisted,
)
from tidegate.repository.lock import Lock, read_lock
from tidegate.repository.working_copy import SchemaFiles, WorkingCopy

__all__ = ["Subject", "Survey", "candidate_of", "survey"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One contract: its file, its released versions (oldest first), and the schema as people edit it."""

    contract: ContractFile
    versions: tuple[VersionSource, ...]
    copy: WorkingCopy

    @property
    def topic(self) -> str:
        """The contract's topic."""
        return self.contract.topic

    @property
    def newest(self) -> VersionSource | None:
        """The newest released version, if there is one."""
        return self.versions[-1] if self.versions else None

    @property
    def changed(self) -> bool:
        """Whether a release would freeze something new."""
        return self.newest is None or self.newest.fingerprint != self.copy.source.fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a folder holds. `topics` are those of all contract files, the broken ones too.

    `files` is what was read of avro/ and proto/: whoever judges the subjects keeps it, since their descriptors share parts.
    """

    lock: Lock
    subjects: tuple[Subject, ...]
    broken: tuple[Broken, ...]
    topics: tuple[str, ...]
    files: SchemaFiles


def survey(folder: Path, only: Collection[str] = ()) -> Survey:
    """Every contract below `folder`, or those of some topics only. Raises nothing for anything in it.

    Contract files are all read, since ids and routes belong to one contract each.
    """
    lock = read_lock(folder)
    broken = list(lock.broken)
    files: list[ContractFile] = []
    topics: list[str] = []
    for name in contract_names(folder, broken):
        problems = Problems(name, name.removeprefix(f"{CONTRACTS}/").removesuffix(".yaml"))
        topics.append(problems.topic or "")
        try:
            files.append(read_contract_file(folder, problems))
        except Refused:
            broken += problems.rows
    broken += unlisted(folder, lock)
    schemas = SchemaFiles(folder)
    subjects: list[Subject] = []
    wanted = [
        one for one in own_routes(unique_ids(files, lock, broken), lock, broken, {}) if not only or one.topic in only
    ]
    schemas.prepare(contract.definition for contract in wanted)
    for contract in wanted:
        problems = Problems(contract_name(contract.topic), contract.topic)
        with suppress(Refused):  # noted
            subjects.append(_subject(folder, lock, schemas, contract, problems))
        broken += [row for row in problems.rows if row not in broken]
    return Survey(lock=lock, subjects=tuple(subjects), broken=tuple(broken), topics=tuple(topics), files=schemas)


def _subject(folder: Path, lock: Lock, schemas: SchemaFiles, contract: ContractFile, problems: Problems) -> Subject:
    copy = candidate_of(schemas, contract, problems)
    released = Problems(problems.file, problems.topic)
    try:
        versions = read_versions(folder, lock, contract.topic, released)
    finally:
        for row in released.rows:
            problems.note(row.detail, Place(file=row.file, line=row.line, column=row.column))
    return Subject(contract=contract, versions=versions, copy=copy)


def candidate_of(schemas: SchemaFiles, contract: ContractFile, problems: Problems) -> WorkingCopy:
    """The contract's working copy, all that is wrong noted. Raises `Refused` where there is no schema to judge."""
    try:
        return schemas.working_copy(contract, problems, strict=False)
    except RecursionError:
        problems.refuse(f"{contract.definition.path} is nested too deeply", contract.definition.place)
