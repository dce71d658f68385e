"""Exit codes of the commands, and how a failure to start is said: one clear message on stderr."""

import sys
from typing import Final

__all__ = ["BAD_CONFIGURATION", "FAILED", "NO_CONTRACT", "OK", "PORT_TAKEN", "stop"]

OK: Final = 0
FAILED: Final = 1
BAD_CONFIGURATION: Final = 2
PORT_TAKEN: Final = 3
NO_CONTRACT: Final = 4


def stop(code: int, message: str) -> int:
    """Say why on stderr, and answer the exit code."""
    print(f"tidegate-gateway: {message}", file=sys.stderr)
    return code
