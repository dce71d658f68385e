"""The command `tidegate`: arguments and exit codes. Each subcommand has a module of its own that does the work.

Exit codes: 0 done; 1 refused, nothing was changed, every reason is on stderr; 2 could not run (wrong arguments, a folder
that is not there, files that cannot be written).
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
        from tidegate.cli.release import run_release
    except ImportError as error:  # PyYAML: the extra [cli]
        sys.stderr.write(f"tidegate: this command needs the extra tidegate[cli] ({error.name} is not installed)\n")
        return 2
    return run_release(options.contracts, options.topic, as_json=options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate",
        description="Schema contracts of a gate in front of Kafka.",
        epilog="Exit codes: 0 done, 1 refused (nothing was changed), 2 could not run.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    release = commands.add_parser(
        "release",
        help="freeze a contract's schema as its next version",
        description="Freezes the schema of a contract into released/<topic>/<n>/ and appends its id to released.lock.",
        epilog="Exit codes: 0 released, 1 refused (nothing was changed), 2 could not run.",
    )
    release.add_argument("topic", help="the contract's topic: its file is contracts/<topic>.yaml")
    release.add_argument(
        "--contracts",
        type=Path,
        default=Path("schemas"),
        metavar="DIR",
        help="the folder that holds contracts/, avro/, proto/, released/ (default: schemas)",
    )
    release.add_argument("--json", action="store_true", help="one JSON object on stdout instead of lines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
