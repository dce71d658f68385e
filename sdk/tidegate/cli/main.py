"""The command `tidegate`: arguments and exit codes. Each subcommand has a module of its own that does the work.

Exit codes: 0 done; 1 refused or broken, every reason is told; 2 could not run (wrong arguments, a folder that is not there,
files that cannot be written). Subcommands are imported when they are asked for, so that none pays for another.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line (None: the process's own) and answers its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except ImportError as error:  # PyYAML: the extra [cli]
        sys.stderr.write(f"tidegate: this command needs the extra tidegate[cli] ({error.name} is not installed)\n")
        return 2


def _run(options: argparse.Namespace) -> int:
    if options.command == "check":
        from tidegate.cli.check import run_check

        return run_check(options.contracts, options.topics, options.against, options.format)
    from tidegate.cli.release import run_release

    return run_release(options.contracts, options.topic, as_json=options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate",
        description="Schema contracts of a gate in front of Kafka.",
        epilog="Exit codes: 0 done, 1 refused or broken, 2 could not run.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")
    _check(commands)
    _release(commands)
    return parser


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
        description="Freezes the schema of a contract into released/<topic>/<n>/ and appends its id to released.lock.",
        epilog="Exit codes: 0 released, 1 refused (nothing was changed), 2 could not run.",
    )
    release.add_argument("topic", help="the contract's topic: its file is contracts/<topic>.yaml")
    _contracts(release)
    release.add_argument("--json", action="store_true", help="one JSON object on stdout instead of lines")


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
