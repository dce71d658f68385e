"""The files of a schemas folder as text. Called by every reader of the repository; nobody else opens a file to read.

A file that cannot be read (missing, a folder, no UTF-8, too large) is a problem noted, never an exception of the system.
"""

from pathlib import Path

from tidegate.repository.broken import Place, Problems

__all__ = ["MAX_FILE_BYTES", "read_bytes", "read_text"]

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Of one file below schemas/: schema, descriptors or lock."""


def read_bytes(
    folder: Path, name: str, problems: Problems, *, most: int = MAX_FILE_BYTES, place: Place | None = None
) -> bytes:
    """The file `name` (relative to `folder`). Raises `Refused`, noted at `place` (who asks for it) where it cannot be read."""
    path = folder / name
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        problems.refuse(f"{name} cannot be read: {error.strerror or error}", place)
    if len(content) > most:
        problems.refuse(f"{name} is larger than {most} bytes", place)
    return content


def read_text(
    folder: Path, name: str, problems: Problems, *, most: int = MAX_FILE_BYTES, place: Place | None = None
) -> str:
    """The file as UTF-8 text with `\\n` line ends, a byte order mark left out. Raises `Refused` as `read_bytes`."""
    content = read_bytes(folder, name, problems, most=most, place=place)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        problems.refuse("is not UTF-8 text", Place(file=name, line=line, column=column))
    return text.replace("\r\n", "\n")
