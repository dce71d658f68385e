"""The files of a schemas folder as text. Called by every reader of the repository; nobody else opens a file to read.

A file that cannot be read (missing, a folder, no UTF-8, too large) is a problem noted, never an exception of the system.
"""

from itertools import islice
from pathlib import Path

from tidegate.contracts.wording import did_you_mean
from tidegate.repository.broken import Place, Problems

__all__ = ["MAX_FILE_BYTES", "read_bytes", "read_text"]

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Of one file below schemas/: schema, descriptors or lock."""

_MAX_BESIDE = 200
_NEAR = 0.92
"""Files in one folder have long beginnings and ends in common."""


def read_bytes(
    folder: Path, name: str, problems: Problems, *, most: int = MAX_FILE_BYTES, place: Place | None = None
) -> bytes:
    """The file `name` (relative to `folder`). Raises `Refused`, noted at `place` (who asks for it) where it cannot be read."""
    path = folder / name
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        hint = did_you_mean(name, _beside(folder, path), near=_NEAR) if isinstance(error, FileNotFoundError) else ""
        problems.refuse(f"{name} cannot be read: {error.strerror or error}" + (f"; {hint}" if hint else ""), place)
    if len(content) > most:
        problems.refuse(f"{name} is larger than {most} bytes", place)
    return content


def read_text(
    folder: Path,
    name: str,
    problems: Problems,
    *,
    most: int = MAX_FILE_BYTES,
    place: Place | None = None,
    merging: bool = False,
) -> str:
    """The file as UTF-8 text with `\\n` line ends, a byte order mark left out. Raises `Refused` as `read_bytes`.

    The marks that a merge leaves are refused, unless `merging`: the caller knows what to make of them.
    """
    content = read_bytes(folder, name, problems, most=most, place=place)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        problems.refuse("is not UTF-8 text", Place(file=name, line=line, column=column))
    text = text.replace("\r\n", "\n")
    line = 0 if merging or "<<<<<<< " not in text else _stopped_at(f"\n{text}")
    if line:
        said = "git stopped here, with two versions of what follows: choose, and remove its three marks"
        problems.refuse(said, Place(file=name, line=line))
    return text


def _stopped_at(text: str) -> int:
    """The line in which the first conflict of a merge begins; 0 where there is none. `text` begins with a line end more."""
    began = text.find("\n<<<<<<< ")
    split = text.find("\n=======\n", began)
    ended = text.find("\n>>>>>>> ", split)
    return 0 if -1 in (began, split, ended) else text.count("\n", 0, began) + 1


def _beside(folder: Path, path: Path) -> list[str]:
    """Files of the kind of a missing one, in its folder; the first 200."""
    found = path.parent.glob(f"*{path.suffix}") if path.suffix else iter(())
    return sorted(one.relative_to(folder).as_posix() for one in islice(found, _MAX_BESIDE))
