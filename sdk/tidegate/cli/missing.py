"""What to install where a command meets a package that is not there. Called by `main`. Pure; imports none of them."""

from typing import Final

__all__ = ["missing"]

_EXTRA_OF: Final = {
    "yaml": "cli",
    "grpc_tools": "cli",
    "buf_bin": "cli",
    "grpc": "grpc",
    "google": "grpc",
    "protobuf": "protobuf",
    "protovalidate": "protobuf",
    "cel_expr_python": "cel",
}
"""A module of an extra, by its first name, and the extra that brings it."""
_DEPENDENCIES: Final = frozenset({"httpx2", "msgspec", "re2"})
"""Modules of tidegate's own dependencies: no extra brings them."""


def missing(error: ImportError) -> str:
    """The sentence for people. An error that was raised with one (it names no module) keeps it."""
    if error.name is None:
        return str(error)
    package = error.name.partition(".")[0]
    extra = _EXTRA_OF.get(package)
    if extra is not None:
        return f"this command needs the extra tidegate[{extra}] ({error.name} is not installed)"
    if package in _DEPENDENCIES:
        return f"this command needs {package}, which comes with tidegate and is not installed: pip install 'tidegate'"
    return f"this command needs {error.name}, which could not be imported: {error}"
