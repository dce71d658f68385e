"""The command `tidegate`: arguments and exit codes. Each subcommand has a module of its own that does the work.

Exit codes: 0 done; 1 refused or broken, every reason is told; 2 could not run (wrong arguments, a folder that is not there,
files that cannot be written). Subcommands are imported when they are asked for, so that none pays for another.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tidegate.cli.authoring import AUTHORING, add_authoring, run_authoring
from tidegate.cli.completion import SHELLS, completion
from tidegate.cli.missing import missing
from tidegate.cli.producing import COMMANDS, add_commands, run_command

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line (None: the process's own) and answers its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "release" and (options.topic is None) is not options.renumber:
        parser.error("release takes a TOPIC, or --renumber without one")
    if options.command == "completion":
        sys.stdout.write(completion(parser, options.shell))
        return 0
    try:
        return _run(options)
    except ImportError as error:
        sys.stderr.write(f"tidegate: {missing(error)}\n")
        return 2


def _run(options: argparse.Namespace) -> int:
    if options.command in COMMANDS:
        return run_command(options)
    if options.command in AUTHORING:
        return run_authoring(options)
    if options.command == "check":
        from tidegate.cli.check import run_check

        return run_check(options.contracts, options.topics, options.against, options.format)
    from tidegate.cli.release import run_add_golden, run_release, run_renumber

    if options.renumber:
        return run_renumber(options.contracts, options.against or "main")
    if options.golden:
        return run_add_golden(options.contracts, options.topic)
    return run_release(options.contracts, options.topic, options.against, as_json=options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate",
        description="Schema contracts of a gate in front of Kafka.",
        epilog="Exit codes: 0 done, 1 refused or broken, 2 could not run.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")
    _check(commands)
    _release(commands)
    add_authoring(commands)
    add_commands(commands)
    _completion(commands)
    return parser


def _completion(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    shells = commands.add_parser(
        "completion",
        help="a shell's completion script",
        description="Writes a completion script to stdout: `source <(tidegate completion bash)`.",
    )
    shells.add_argument("shell", choices=SHELLS, help="which shell")


def _check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check = commands.add_parser(
        "check",
        help="what a change of the contracts breaks, and whom",
        description="Judges the contracts of a schemas folder: sound, compatible with every released version and with a "
        "git reference, producers still understood, released files untouched. Uses no network.",
        epilog="Exit codes: 0 nothing is wrong (there may be warnings), 1 something is, 2 could not run.",
    )
    check.add_argument("topics", nargs="*", metavar="TOPIC", help="only these contracts (default: all)")
    _contracts(check)
    check.add_argument(
        "--against",
        metavar="REF",
        help="also compare with this commit: main, origin/main, a tag, a hash, or .git#branch=main as buf writes it",
    )
    check.add_argument("--format", choices=("text", "json", "github", "junit"), default="text", help="default: text")


def _release(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    release = commands.add_parser(
        "release",
        help="freeze a contract's schema as its next version",
        description="Judges the contract as `tidegate check` does, freezes its schema into released/<topic>/<n>/ with a minimal "
        "and a maximal golden record, appends its id to released.lock and its changes to released/<topic>/CHANGELOG.md.",
        epilog="Exit codes: 0 released, 1 refused (nothing was changed), 2 could not run.",
    )
    release.add_argument(
        "topic", nargs="?", metavar="TOPIC", help="the contract's topic: its file is contracts/<topic>.yaml"
    )
    _contracts(release)
    release.add_argument(
        "--against", metavar="REF", help="also compare with this commit; with --renumber: default main"
    )
    other = release.add_mutually_exclusive_group()
    other.add_argument("--json", action="store_true", help="one JSON object on stdout instead of lines")
    other.add_argument(
        "--renumber",
        action="store_true",
        help="after a rebase or merge: put this branch's releases behind those of the reference",
    )
    other.add_argument(
        "--golden", action="store_true", help="only add the golden records that released versions lack; changes no file"
    )


def _contracts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--contracts",
        type=Path,
        default=Path("schemas"),
        metavar="DIR",
        help="the folder that holds contracts/, avro/, proto/, released/ (default: schemas)",
    )


if __name__ == "__main__":
    sys.exit(main())
