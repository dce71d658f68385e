"""The services that contracts bring themselves: .proto files below proto/ whose methods carry `tidegate.options.v1.publish`.

Called by the gateway's contracts folder and by the CLI, with the contracts that are served. A service is served whole or
not at all, and a broken one is rows of `Broken` that take neither another service nor a contract down. What makes a
service sound is in `service_rules`; here files are found and compiled.

Services are live, like roles and limits: they are read from proto/ wherever a gateway runs, and no release freezes them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tidegate.contracts.services import ServiceSource
from tidegate.contracts.source import ContractSource
from tidegate.repository.broken import Broken, Place, Problems, Refused
from tidegate.repository.files import read_bytes, read_text
from tidegate.repository.protoc import OPTIONS_PROTO, run_protoc
from tidegate.repository.service_rules import Rules, misfit

__all__ = ["Services", "read_services"]

_PROTO = "proto"
_imports_options = re.compile(
    rb"^\s*import\s+(?P<how>option\s+)?[\"']%b[\"']" % re.escape(OPTIONS_PROTO).encode(), re.MULTILINE
).search


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Sound services by full name, and what is wrong with the others."""

    services: Mapping[str, ServiceSource]
    broken: tuple[Broken, ...] = ()


def read_services(
    folder: Path,
    contracts: Mapping[str, ContractSource],
    known: Mapping[str, ServiceSource] = MappingProxyType({}),
) -> Services:
    """Every service below `folder`/proto that publishes to one of `contracts` (by topic). Raises nothing.

    A service of `known` (what is served now) whose file is broken stays as it was where its contracts still fit.
    """
    broken: list[Broken] = []
    rules, files = _compiled(folder, list(_candidates(folder, broken)), contracts, broken)
    sound: dict[str, ServiceSource] = {}
    gone = set[str]()
    if rules is not None:
        for name in files:
            found, faults = _read(rules, name)
            sound |= {service.name: service for service in found}
            broken += faults
            gone |= {service.name for service in known.values() if service.file == name} - rules.declared(name)
    kept = _kept({name: known[name] for name in known.keys() - gone - sound.keys()}, broken, contracts)
    rows = tuple(_noted(row, kept) for row in broken)
    return Services(services=MappingProxyType(dict(sorted((sound | kept).items()))), broken=rows)


def _proto_texts(folder: Path, broken: list[Broken]) -> Iterator[tuple[str, bytes]]:
    """Every .proto file by its name relative to `folder`, in order; hidden folders are left out."""
    try:
        found = sorted(path.relative_to(folder) for path in (folder / _PROTO).rglob("*.proto"))
    except OSError as error:
        detail = f"the folder {_PROTO}/ cannot be read: {error.strerror or error}"
        broken.append(Broken(file=_PROTO, line=1, column=1, detail=detail))
        return
    for path in found:
        name = path.as_posix()
        if any(part.startswith(".") for part in path.parts) or name == f"{_PROTO}/{OPTIONS_PROTO}":
            continue
        problems = Problems(name)
        try:
            yield name, read_bytes(folder, name, problems)
        except Refused:
            broken += problems.rows


def _candidates(folder: Path, broken: list[Broken]) -> Iterator[str]:
    """The files that may declare services of ours."""
    for name, text in _proto_texts(folder, broken):
        imports = _imports_options(text) if b"service" in text else None
        if imports is None:
            continue
        problems = Problems(name)
        if imports["how"]:
            place = Place(file=name, line=text.count(b"\n", 0, imports.start("how")) + 1)
            problems.note("the options of services are imported by a plain import, without `option`", place)
        with suppress(Refused):  # noted
            read_text(folder, name, problems)
        if problems:
            broken += problems.rows
        else:
            yield name


def _compiled(
    folder: Path, names: Sequence[str], contracts: Mapping[str, ContractSource], broken: list[Broken]
) -> tuple[Rules | None, list[str]]:
    """All files that compile together, and their names; what is wrong with the others is noted.

    One call where nothing is wrong. Otherwise files are added one by one, in order: the first of two that cannot stand
    together is served.
    """
    if not names:
        return None, []
    try:
        return _linked(folder, names, contracts, Problems(names[0])), list(names)
    except Refused:
        pass
    rules: Rules | None = None
    good: list[str] = []
    for name in names:
        problems = Problems(name)
        try:
            rules = _linked(folder, [*good, name], contracts, problems)
            good.append(name)
        except Refused:
            broken += problems.rows
    return rules, good


def _linked(folder: Path, names: Sequence[str], contracts: Mapping[str, ContractSource], problems: Problems) -> Rules:
    """The files, compiled and linked. Raises `Refused`, noted: the last one is named where no other place is known."""
    place = Place(file=names[-1])
    made = run_protoc(folder, names, place, problems)
    try:
        return Rules(made, contracts)
    except (ValueError, TypeError, KeyError) as error:  # text that is not UTF-8 in a file that it imports
        problems.refuse(f"what protoc makes of it cannot be read: {error}", place)


def _read(rules: Rules, name: str) -> tuple[list[ServiceSource], list[Broken]]:
    try:
        return rules.read(name)
    except Exception as error:  # whatever it is, and be it a fault of ours: the other services are served
        detail = f"cannot be served, by a fault of Tidegate: {error!r}"
        return [], [Broken(file=name, line=1, column=1, detail=detail)]


def _kept(
    known: Mapping[str, ServiceSource], broken: Sequence[Broken], contracts: Mapping[str, ContractSource]
) -> dict[str, ServiceSource]:
    """Of what is not served anew, that which stays as it was: its file is broken now, and its contracts still fit."""
    files = {row.file for row in broken}
    lost = files == {_PROTO}  # nothing could be read, as while a folder is being replaced
    return {
        name: service
        for name, service in known.items()
        if (lost or service.file in files)
        and not any(misfit(method.topic, method.request, contracts) for method in service.methods)
    }


def _noted(row: Broken, kept: Mapping[str, ServiceSource]) -> Broken:
    if not any(service.file == row.file for service in kept.values()):
        return row
    detail = f"{row.detail}; served as before it broke"
    return Broken(file=row.file, line=row.line, column=row.column, detail=detail, topic=row.topic)
