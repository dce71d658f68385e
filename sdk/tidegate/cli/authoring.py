"""The arguments of the commands for contract owners beside check and release: `codegen`, `diff`, `init`. Called by `main`; no work is done here."""

import argparse
from pathlib import Path
from typing import Final

__all__ = ["AUTHORING", "add_authoring", "run_authoring"]

_Commands = argparse._SubParsersAction  # noqa: SLF001 -- argparse has no public name for it

AUTHORING: Final = ("codegen", "diff", "init")


def add_authoring(commands: "_Commands[argparse.ArgumentParser]") -> None:
    """Adds the commands' arguments."""
    _codegen(commands)
    _diff(commands)
    _init(commands)


def run_authoring(options: argparse.Namespace) -> int:
    """Runs the command and answers its exit code. Each is imported when it is asked for."""
    if options.command == "codegen":
        from tidegate.cli.codegen import CodegenOptions, run_codegen

        return run_codegen(
            CodegenOptions(
                contracts=options.contracts,
                topics=tuple(options.topics),
                out=options.out,
                style=options.style,
                check=options.check,
                package=options.package,
            )
        )
    if options.command == "diff":
        from tidegate.cli.diff import run_diff

        return run_diff(options.contracts, options.topic, options.old, options.new)
    from tidegate.cli.init import run_init

    return run_init(options.folder)


def _codegen(commands: "_Commands[argparse.ArgumentParser]") -> None:
    codegen = commands.add_parser(
        "codegen",
        help="typed Python models and clients of the released contracts",
        description="Writes a Python package: a module of typed models for each contract's newest released version, and a client "
        "for each domain. The same contracts give the same bytes. Uses no network.",
        epilog="Exit codes: 0 done (--check: nothing is stale), 1 a contract is broken or output is stale, 2 could not run.",
    )
    codegen.add_argument("topics", nargs="*", metavar="TOPIC", help="only these contracts (default: all)")
    _contracts(codegen)
    codegen.add_argument(
        "--out", type=Path, metavar="DIR", help="the package's folder (default: models; of a wheel: dist)"
    )
    codegen.add_argument(
        "--style",
        choices=("dataclass", "msgspec", "pydantic"),
        default="dataclass",
        help="what the models are (default: dataclass)",
    )
    codegen.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 with the names of files that are stale"
    )
    codegen.add_argument(
        "--package", default="", metavar="NAME", help="build an installable wheel of that name instead of a folder"
    )


def _diff(commands: "_Commands[argparse.ArgumentParser]") -> None:
    diff = commands.add_parser(
        "diff",
        help="what changed between two versions of a contract, in words",
        description="Says what changed for producers from one version of a contract to another.",
        epilog="Exit codes: 0 done, 1 a version is broken, 2 could not run: no such topic or version.",
    )
    diff.add_argument("topic", metavar="TOPIC", help="the contract's topic")
    diff.add_argument("old", metavar="V1", help="a released version's number, or `work` for the schema being edited")
    diff.add_argument("new", metavar="V2", help="likewise")
    _contracts(diff)


def _init(commands: "_Commands[argparse.ArgumentParser]") -> None:
    init = commands.add_parser(
        "init",
        help="a new repository of contracts",
        description="Writes a repository of contracts into an empty folder: a first contract, CI, pre-commit hooks, buf.yaml and a README.",
        epilog="Exit codes: 0 done, 1 the folder is not empty, 2 could not run.",
    )
    init.add_argument("folder", type=Path, metavar="DIR", help="the new repository; made where it is not there")


def _contracts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--contracts",
        type=Path,
        default=Path("schemas"),
        metavar="DIR",
        help="the folder that holds contracts/, avro/, proto/, released/ (default: schemas)",
    )
