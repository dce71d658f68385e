"""The command buf, on images that we made: `buf lint` and `buf breaking`, offline. Called by `protobuf_consumers`.

buf-bin (extra [cli]) carries the binary. What buf says comes back as rows; whether and where they are told is decided there.
"""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tidegate.check.finding import CannotRun

__all__ = ["BufRow", "breaking", "lint"]

_TIMEOUT_S = 120
_FOUND = 100
"""buf's exit code where it has something to say."""


class BufRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `--error-format=json`. `type` is buf's rule; lines and columns count from 1, 0 where there are none."""

    type: str
    message: str
    path: str = ""
    start_line: int = 0
    start_column: int = 0


def lint(image: bytes, scratch: Path, section: Mapping[str, object]) -> list[BufRow]:
    """`buf lint` by a buf.yaml's `lint` section. Raises `CannotRun`."""
    (scratch / "lint.binpb").write_bytes(image)
    config = {"version": "v2", "lint": section}
    return _run(["lint", "lint.binpb"], scratch, config)


def breaking(image: bytes, against: bytes, scratch: Path, rules: Sequence[str]) -> list[BufRow]:
    """`buf breaking` by categories or rules. Raises `CannotRun`."""
    (scratch / "new.binpb").write_bytes(image)
    (scratch / "old.binpb").write_bytes(against)
    config = {"version": "v2", "breaking": {"use": list(rules)}}
    return _run(["breaking", "new.binpb", "--against", "old.binpb"], scratch, config)


def _run(arguments: list[str], scratch: Path, config: Mapping[str, object]) -> list[BufRow]:
    command = [_binary(), *arguments, "--error-format=json", "--config", msgspec.json.encode(config).decode()]
    environment = {**os.environ, "BUF_CACHE_DIR": str(scratch / "cache"), "HOME": str(scratch)}
    try:
        done = subprocess.run(  # noqa: S603 -- buf's own binary, and arguments that are no shell's
            command, cwd=scratch, env=environment, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRun(f"buf could not run: {error}") from None
    rows = [_row(line) for line in done.stdout.splitlines() if line.strip()]
    if done.returncode not in (0, _FOUND) or any(row is None for row in rows):
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise CannotRun(f"buf {arguments[0]} failed: {said}", "look at the lint section of buf.yaml")
    return [row for row in rows if row is not None]


def _row(line: bytes) -> BufRow | None:
    try:
        return msgspec.json.decode(line, type=BufRow)
    except msgspec.DecodeError:
        return None


def _binary() -> str:
    """The environment's own buf, else that of PATH. Raises `CannotRun`."""
    own = shutil.which("buf", path=sysconfig.get_path("scripts"))
    found = own or shutil.which("buf")
    if found is None:
        raise CannotRun("buf is not installed, and a Protobuf contract is judged by it", "pip install 'tidegate[cli]'")
    return found
