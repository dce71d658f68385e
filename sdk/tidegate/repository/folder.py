"""A schemas folder as contracts: `read` gives sources, `load` compiled ones. Called by the gateway's app and by the CLI.

A broken contract is a row of `Broken` and never takes another one down. Nothing is raised for anything in the folder.

    contracts/<topic>.yaml   one contract a topic      avro/ proto/   the schemas that people edit
    released/<topic>/<n>/    what was released         released.lock  its ids
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledContract, compile_contract, compile_version
from tidegate.contracts.fingerprint import schema_hash
from tidegate.contracts.source import ContractSource, VersionSource
from tidegate.repository.broken import Broken, Place, Problems, Refused
from tidegate.repository.contract_file import ContractFile, is_topic, read_contract
from tidegate.repository.files import read_text
from tidegate.repository.lock import LOCK, Lock, passing_id, read_lock
from tidegate.repository.nodes import MAX_DOCUMENT_BYTES
from tidegate.repository.places import place_of
from tidegate.repository.released import RELEASED, read_released, version_folder
from tidegate.repository.routes import route_owners
from tidegate.repository.working_copy import SchemaFiles, WorkingCopy

__all__ = [
    "CONTRACTS",
    "Loaded",
    "Repository",
    "compile_problems",
    "contract_name",
    "contract_names",
    "load",
    "own_routes",
    "read",
    "read_contract_file",
    "read_versions",
    "unique_ids",
    "unlisted",
]

CONTRACTS = "contracts"
_SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What a folder holds: sound contracts by topic, and what is wrong with the others.

    `copies` are the working copies behind the versions numbered 0, so that `load` can say where they went wrong.
    """

    contracts: tuple[ContractSource, ...]
    broken: tuple[Broken, ...]
    copies: Mapping[str, WorkingCopy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a gateway serves of a folder, and what it does not."""

    contracts: tuple[CompiledContract, ...]
    broken: tuple[Broken, ...]


def contract_name(topic: str) -> str:
    """The contract file of a topic, relative to the schemas folder."""
    return f"{CONTRACTS}/{topic}{_SUFFIX}"


def read(folder: Path, *, working_copies: bool, routes: Mapping[str, str] | None = None) -> Repository:
    """Every contract below `folder` (which holds contracts/). Raises nothing.

    `routes` are the typed routes that are served now, with their topics: a contract that names another's is the broken one.

    With `working_copies` (dev) a schema that differs from the newest release is served as version 0, under the id that a
    release gave the same text or one that no release ever gives (`lock.passing_id`), and drafts are served. Without, only
    released versions are, and schemas being edited are not read.
    """
    lock = read_lock(folder)
    broken = list(lock.broken)
    files: list[ContractFile] = []
    for name in contract_names(folder, broken):
        problems = Problems(name, name.removeprefix(f"{CONTRACTS}/").removesuffix(_SUFFIX))
        try:
            files.append(read_contract_file(folder, problems))
        except Refused:
            broken += problems.rows
    broken += unlisted(folder, lock)
    reading = _Reading(folder, lock, broken, working_copies=working_copies)
    sources, copies = reading.contracts(own_routes(unique_ids(files, lock, broken), lock, broken, routes or {}))
    return Repository(contracts=tuple(sources), broken=tuple(broken), copies=copies)


def load(
    folder: Path,
    *,
    working_copies: bool,
    known: Mapping[str, CompiledContract] | None = None,
    with_ids: Callable[[ContractSource], ContractSource] | None = None,
) -> Loaded:
    """Every contract below `folder`, compiled. Raises nothing.

    Versions unchanged since `known` (compiled contracts by topic) are taken from there. `with_ids` gives a contract other schema
    ids than the lock's, those of another registry; what it raises breaks the contract.
    """
    routes = {old.source.route: topic for topic, old in (known or {}).items() if old.source.route}
    repository = read(folder, working_copies=working_copies, routes=routes)
    contracts: list[CompiledContract] = []
    broken = list(repository.broken)
    for source in repository.contracts:
        try:
            named = source if with_ids is None else with_ids(source)
            contracts.append(compile_contract(named, (known or {}).get(source.topic)))
        except Exception as error:  # whatever it is, and be it a fault of ours: the other contracts are served
            name = contract_name(source.topic)
            whole = Broken(file=name, line=1, column=1, detail=_said(error), topic=source.topic)
            broken += compile_problems(source, repository.copies.get(source.topic)) or (whole,)
    return Loaded(contracts=tuple(contracts), broken=tuple(broken))


def compile_problems(source: ContractSource, copy: WorkingCopy | None) -> tuple[Broken, ...]:
    """What is wrong with each version that does not compile, at its place in the schema or the contract file."""
    found: list[Broken] = []
    for version in source.versions:
        error = _compile_error(source, version)
        if error is not None:
            place = _compile_place(source, version, copy if version.number == 0 else None, error)
            row = Broken(file=place.file, line=place.line, column=place.column, detail=_said(error), topic=source.topic)
            found.append(row)
    return tuple(found)


def _compile_error(source: ContractSource, version: VersionSource) -> Exception | None:
    try:
        compile_version(source.topic, version, frozenset(source.sensitive))
    except Exception as error:
        return error
    return None


def _compile_place(source: ContractSource, version: VersionSource, copy: WorkingCopy | None, error: Exception) -> Place:
    pointer = error.pointer if isinstance(error, ContractError) else ""
    without_rules = msgspec.structs.replace(version, rules=())
    if copy is not None and not pointer and version.rules and _compile_error(source, without_rules) is None:
        for rule in version.rules:  # the schema is sound: one of the contract file's rules is not
            if _compile_error(source, msgspec.structs.replace(version, rules=(rule,))) is not None:
                return copy.rule_places[rule.path]
    return place_of(source.topic, version, copy, pointer)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, ContractError) else f"cannot be compiled, by a fault of Tidegate: {error!r}"


def contract_names(folder: Path, broken: list[Broken]) -> Iterator[str]:
    """contracts/*.yaml in order; files that look like contracts and are not read are said."""
    try:
        found = sorted(path.name for path in (folder / CONTRACTS).iterdir() if not path.name.startswith("."))
    except OSError as error:
        detail = f"the folder {CONTRACTS}/ cannot be read: {error.strerror or error}"
        broken.append(Broken(file=CONTRACTS, line=1, column=1, detail=detail))
        return
    for name in found:
        topic = name.removesuffix(_SUFFIX)
        if topic != name and is_topic(topic):
            yield f"{CONTRACTS}/{name}"
        elif topic != name:
            detail = f'"{topic}" can be no topic: a contract file is called <topic>{_SUFFIX}'
            broken.append(Broken(file=f"{CONTRACTS}/{name}", line=1, column=1, detail=detail))
        elif name.endswith((".yml", ".json")):
            detail = f"is not read: a contract file is called <topic>{_SUFFIX}"
            broken.append(Broken(file=f"{CONTRACTS}/{name}", line=1, column=1, detail=detail))


def unlisted(folder: Path, lock: Lock) -> Iterator[Broken]:
    """Released folders that no line of the lock names: a release that was interrupted, or a line that was lost."""
    listed = {version_folder(line.topic, line.version) for line in lock.lines}
    refused = {row.topic for row in lock.broken}
    for path in sorted((folder / RELEASED).glob("*/[1-9]*")):
        name = path.relative_to(folder).as_posix()
        if name not in listed and path.parent.name not in refused and path.is_dir():
            detail = f"{LOCK} names no such version: a release was interrupted, or a line of the lock was lost"
            yield Broken(file=name, line=1, column=1, detail=detail)


def read_contract_file(folder: Path, problems: Problems) -> ContractFile:
    """The contract in the file that `problems` is about. Raises `Refused`, all that is wrong noted there."""
    text = read_text(folder, problems.file, problems, most=MAX_DOCUMENT_BYTES)
    return read_contract(text, problems.topic or "", problems)


def read_versions(folder: Path, lock: Lock, topic: str, problems: Problems) -> tuple[VersionSource, ...]:
    """A topic's released versions, oldest first. Raises `Refused` where one of them is not what was released."""
    for row in (row for row in lock.broken if row.topic == topic):
        problems.note(row.detail, Place(file=row.file, line=row.line, column=row.column))
    found: list[VersionSource] = []
    for line in lock.of(topic):
        try:
            found.append(read_released(folder, line, problems))
        except Refused:
            continue  # noted; the other versions are looked at too
    if problems:
        raise Refused(topic)
    return tuple(found)


def unique_ids(files: list[ContractFile], lock: Lock, broken: list[Broken]) -> list[ContractFile]:
    """Contracts with an id of their own. Of two with one id, that with releases keeps it, then the first by name."""
    owners: dict[str, str] = {}
    kept: list[ContractFile] = []
    for contract in sorted(files, key=lambda c: (not lock.of(c.topic), c.topic)):
        owner = owners.setdefault(contract.live.id, contract.topic)
        if owner == contract.topic:
            kept.append(contract)
        else:
            problems = Problems(contract_name(contract.topic), contract.topic)
            problems.note(
                f'the id "{contract.live.id}" is already that of {contract_name(owner)}', contract.places.get("id")
            )
            broken += problems.rows
    return sorted(kept, key=lambda c: c.topic)


def own_routes(
    files: list[ContractFile], lock: Lock, broken: list[Broken], served: Mapping[str, str]
) -> list[ContractFile]:
    """Contracts whose route is theirs alone. Drafts come last, then what has no release: they take nobody's route away."""
    by_rank = sorted(files, key=lambda c: (c.live.status == "draft", not lock.of(c.topic), c.topic))
    owners = route_owners(((c.topic, c.live.route) for c in by_rank if c.live.route), served)
    kept: list[ContractFile] = []
    for contract in files:
        route = contract.live.route
        if not route or owners[route] == contract.topic:
            kept.append(contract)
            continue
        problems = Problems(contract_name(contract.topic), contract.topic)
        detail = f'the route "{route}" is already that of {contract_name(owners[route])}'
        problems.note(detail, contract.places.get("route"))
        broken += problems.rows
    return kept


class _Reading:
    """One pass over the contract files of a folder."""

    def __init__(self, folder: Path, lock: Lock, broken: list[Broken], *, working_copies: bool) -> None:
        self._folder = folder
        self._lock = lock
        self._broken = broken
        self._working_copies = working_copies
        self._schemas = SchemaFiles(folder)
        self._ids = {line.schema_hash: line.schema_id for line in lock.lines}

    def contracts(self, files: list[ContractFile]) -> tuple[list[ContractSource], dict[str, WorkingCopy]]:
        sources: list[ContractSource] = []
        copies: dict[str, WorkingCopy] = {}
        for contract in files:
            if contract.live.status == "draft" and not self._working_copies:
                continue
            problems = Problems(contract_name(contract.topic), contract.topic)
            try:
                source, copy = self._contract(contract, problems)
            except Refused:
                self._broken += [row for row in problems.rows if row not in self._broken]
                continue
            sources.append(source)
            if copy is not None:
                copies[contract.topic] = copy
        return sources, copies

    def _contract(self, contract: ContractFile, problems: Problems) -> tuple[ContractSource, WorkingCopy | None]:
        versions = read_versions(self._folder, self._lock, contract.topic, problems)
        copy = self._schemas.working_copy(contract, problems) if self._working_copies else None
        if copy is not None and versions and versions[-1].fingerprint == copy.source.fingerprint:
            copy = None
        if copy is not None:
            text = schema_hash(copy.source)
            schema_id = self._ids.setdefault(text, passing_id(text, self._ids.values()))
            versions = (msgspec.structs.replace(copy.source, schema_id=schema_id), *versions)
        if not versions:
            problems.refuse(f"no released version; `tidegate release {contract.topic}` makes the first")
        return msgspec.structs.replace(contract.live, versions=versions), copy
