"""`tidegate codegen`: what a person or a CI job sees of generated models. Called by `main`; the work is `tidegate.codegen`'s.

Exit codes: 0 done (with --check: all is fresh), 1 a contract is broken or, with --check, output is stale, 2 could not run.
"""

import sys
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path

from tidegate.check.asked import check_asked
from tidegate.check.finding import CannotRun
from tidegate.cli.cannot_run import could_not
from tidegate.codegen.packages import package_files, stale_files, write_files
from tidegate.codegen.wheels import is_package_name, wheel_of
from tidegate.codegen.writing import Style
from tidegate.contracts.codec import ContractError
from tidegate.contracts.source import ContractSource
from tidegate.repository.folder import CONTRACTS, contract_name, read
from tidegate.repository.lock import read_lock

__all__ = ["CodegenOptions", "run_codegen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodegenOptions:
    """What was asked for. `out` None: `models`, or `dist` for a wheel; `package` empty: no wheel."""

    contracts: Path
    topics: tuple[str, ...]
    out: Path | None
    style: Style
    check: bool
    package: str


def run_codegen(options: CodegenOptions) -> int:
    """Generates and tells: 0, 1 or 2."""
    try:
        _check(options)
    except CannotRun as error:
        return could_not(error)
    found = _contracts(options)
    if found is None:
        return 1
    try:
        files = package_files(found, options.style)
    except ContractError as error:
        sys.stderr.write(f"tidegate: {error}\n")
        return 1
    try:
        return _package(options, files) if options.package else _folder(options, files)
    except OSError as error:
        sys.stderr.write(f"tidegate: the models could not be written: {error}\n")
        return 2


def _check(options: CodegenOptions) -> None:
    """Raises `CannotRun` for what can be nobody's wish."""
    check_asked(options.contracts, options.topics)
    if options.package and not is_package_name(options.package):
        raise CannotRun(f'"{options.package}" cannot be a package\'s name', "a name like our-events")
    if options.package and options.check:
        raise CannotRun("--check looks at generated files, and --package makes a wheel", "give one of them")


def _contracts(options: CodegenOptions) -> tuple[ContractSource, ...] | None:
    """The released contracts that were asked for; None where one is broken, which is told."""
    repository = read(options.contracts, working_copies=False)
    lock = read_lock(options.contracts)
    known = {contract.topic for contract in repository.contracts}
    wanted = set(options.topics)
    broken = False
    for row in repository.broken:
        if row.topic is not None and wanted and row.topic not in wanted:
            continue
        if (
            row.topic is not None
            and not lock.of(row.topic)
            and row.topic not in wanted
            and row.file.startswith(CONTRACTS)
        ):
            sys.stderr.write(f"left out {row.topic}: {row.detail}\n")
            continue
        broken = True
        sys.stderr.write(f"{options.contracts / row.file}:{row.line}:{row.column}: {row.detail}\n")
    for topic in sorted(wanted - known - {row.topic for row in repository.broken}):
        broken = True
        sys.stderr.write(
            f"tidegate: {options.contracts / contract_name(topic)} is a draft: models are made of what is served\n"
        )
    if broken:
        return None
    return tuple(contract for contract in repository.contracts if not wanted or contract.topic in wanted)


def _folder(options: CodegenOptions, files: dict[str, str]) -> int:
    out = options.out or Path("models")
    whole = not options.topics
    if options.check:
        stale = stale_files(out, files, whole=whole)
        for name, what in stale.items():
            sys.stdout.write(f"{out / name}: {what}\n")
        if stale:
            sys.stderr.write("tidegate: the models are not those of the contracts; run `tidegate codegen` and commit\n")
        return 1 if stale else 0
    for name in write_files(out, files, whole=whole):
        sys.stdout.write(f"{'wrote' if (out / name).exists() else 'removed'} {out / name}\n")
    return 0


def _package(options: CodegenOptions, files: dict[str, str]) -> int:
    """Each release raises the version: it counts the lines of released.lock, which only ever grows."""
    version = f"1.{len(read_lock(options.contracts).lines)}.0"
    wheel = wheel_of(files, options.package, version, installed_version("tidegate"), options.style)
    out = options.out or Path("dist")
    out.mkdir(parents=True, exist_ok=True)
    (out / wheel.file).write_bytes(wheel.content)
    sys.stdout.write(f"wrote {out / wheel.file}; it is imported as {wheel.module}\n")
    return 0
