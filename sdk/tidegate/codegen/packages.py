"""The whole output of `tidegate codegen`: a package as texts by file name, and what of it stands on disk. Called by `cli.codegen`.

    __init__.py  py.typed  <topic>.py ...  <domain>_client.py

Deterministic: equal contracts give equal bytes.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from tidegate.codegen.clients import Tracked, client_text, domain_of
from tidegate.codegen.modules import module_of, newest
from tidegate.codegen.names import class_names, module_name
from tidegate.codegen.writing import HEADER, Style, docstring, module_text
from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.source import ContractSource

__all__ = ["MARK", "package_files", "stale_files", "write_files"]

_CLIENT = "_client"
MARK = HEADER.splitlines()[0]
"""The first line of every generated file: others in the folder are left alone."""


def package_files(contracts: Iterable[ContractSource], style: Style) -> dict[str, str]:
    """Every file of the package. Raises `ContractError` where a version does not compile."""
    files: dict[str, str] = {
        "__init__.py": _init("Typed models of the events, and clients of the domains."),
        "py.typed": "",
    }
    domains: dict[str, list[Tracked]] = {}
    contracts = sorted(contracts, key=lambda one: one.topic)
    clients = _unique(sorted({domain_of(one.topic, one.domain) for one in contracts}), _CLIENT, ())
    modules = _unique([one.topic for one in contracts], "", clients.values())
    kept: list[CompiledVersion] = []
    for contract in contracts:
        module = module_of(contract, kept)
        name = modules[contract.topic]
        files[f"{name}.py"] = module_text(module, style)
        domain = domain_of(contract.topic, contract.domain)
        domains.setdefault(domain, []).append(
            Tracked(
                topic=contract.topic,
                domain=domain,
                module=name,
                event=class_names([module.top])[module.top],
                version=newest(contract).number,
                route=contract.route or "",
                purpose=" ".join(contract.purpose.split()),
                deprecated=contract.status == "deprecated",
            )
        )
    for domain, rows in domains.items():
        files[f"{clients[domain]}.py"] = client_text(domain, rows)
    return files


def _unique(names: Iterable[str], suffix: str, taken: Collection[str]) -> dict[str, str]:
    """Names that differ by punctuation alone get a number."""
    found: dict[str, str] = {}
    for name in names:
        wanted = module = f"{module_name(name).rstrip('_')}{suffix}" if suffix else module_name(name)
        number = 2
        while module in taken or module in found.values():
            module, number = f"{wanted}_{number}", number + 1
        found[name] = module
    return found


def _init(text: str) -> str:
    return f"{HEADER}{docstring(text, '')}"


def stale_files(out: Path, files: Mapping[str, str], *, whole: bool) -> dict[str, str]:
    """What in the folder is not as it should be, by name: `missing`, `stale`, or `left over` of a contract that is gone.

    `whole`: `files` are all there should be; else others are not looked at.
    """
    found: dict[str, str] = {}
    for name, text in files.items():
        path = out / name
        if not path.is_file():
            found[name] = "missing"
        elif path.read_bytes() != text.encode():
            found[name] = "stale"
    if whole:
        found |= dict.fromkeys(_left_over(out, files), "left over")
    return found


def _left_over(out: Path, files: Mapping[str, str]) -> Iterable[str]:
    """Generated files that no contract stands behind. Files of people stay unseen."""
    for path in sorted(out.glob("*.py")):
        name = path.relative_to(out).as_posix()
        if name not in files and path.read_text("utf-8", "replace").startswith(MARK):
            yield name


def write_files(out: Path, files: Mapping[str, str], *, whole: bool) -> tuple[str, ...]:
    """Writes what differs, takes away what is left over, and answers the names of both. Raises OSError."""
    changed = stale_files(out, files, whole=whole)
    for name, what in changed.items():
        path = out / name
        if what == "left over":
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name].encode())
    return tuple(changed)
