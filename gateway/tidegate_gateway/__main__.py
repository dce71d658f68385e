"""The command `tidegate-gateway`: reads the arguments and hands over to one module of `commands`."""

import os
import sys

from tidegate_gateway.commands.arguments import parse

__all__ = ["main"]


def main() -> int:
    """Run the command of `sys.argv`; its exit code."""
    # Before grpc is imported: its core writes a line of its own for whatever a stranger does to a connection.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    arguments = parse(sys.argv[1:])
    run = arguments.run
    return int(run(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
