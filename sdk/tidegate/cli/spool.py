"""`tidegate spool`: what lies in a folder of spools, and its delivery without the application that left it. Called by `producing` and `doctor`.

Exit codes: 0 told, or all delivered; 1 something is left or damaged; 2 could not run.
"""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from tidegate.cli.progress import ProgressLine
from tidegate.cli.publish import Connection
from tidegate.client import Client
from tidegate.settings import ClientSettings, DropReport
from tidegate.shell.spool_file import SpoolFile, SpoolTaken, spool_files
from tidegate.spool import SpoolBound
from tidegate.spooling import SpoolRefused

__all__ = ["SpoolRow", "look", "run_drain", "run_spool"]

_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolRow:
    """One file. `topics`: events that wait, by topic. `broken`: why it cannot be read."""

    file: str
    size_bytes: int
    in_use: bool = False
    topics: dict[str, int] = field(default_factory=dict)
    damaged: int = 0
    broken: str = ""


def look(folder: Path) -> list[SpoolRow]:
    """The folder's files; those that a running client has are only named."""
    return [_row(path) for path in spool_files(folder)]


def _row(path: Path) -> SpoolRow:
    size = path.stat().st_size
    try:
        spool = SpoolFile(path, SpoolBound())
    except SpoolTaken:
        return SpoolRow(file=str(path), size_bytes=size, in_use=True)
    except SpoolRefused as error:
        return SpoolRow(file=str(path), size_bytes=size, broken=str(error))
    try:
        return SpoolRow(file=str(path), size_bytes=size, topics=spool.topics(), damaged=spool.damaged())
    finally:
        spool.close()


def run_spool(folder: Path, *, as_json: bool) -> int:
    """Tells what is there."""
    if not folder.is_dir():
        sys.stderr.write(f"tidegate: {folder} is no folder\n")
        return 2
    rows = look(folder)
    if as_json:
        sys.stdout.write(msgspec.json.encode(rows).decode() + "\n")
    else:
        for row in rows:
            sys.stdout.write(f"{row.file}: {row.broken or _said(row)}\n")
        if not rows:
            sys.stdout.write(f"{folder} holds no spool\n")
    return 1 if any(row.damaged or row.broken for row in rows) else 0


def _said(row: SpoolRow) -> str:
    if row.in_use:
        return "in use by a running client"
    topics = ", ".join(f"{count} of {topic}" for topic, count in sorted(row.topics.items())) or "nothing"
    damaged = f"; {row.damaged} damaged and set aside" if row.damaged else ""
    return f"{topics} waiting{damaged}"


def run_drain(folder: Path, connection: Connection, timeout_s: float) -> int:
    """Delivers what no running client has, each file in `timeout_s` at most."""
    if not folder.is_dir():
        sys.stderr.write(f"tidegate: {folder} is no folder\n")
        return 2
    code = 0
    for path in spool_files(folder):
        try:
            spool = SpoolFile(path, SpoolBound())
        except SpoolTaken:
            sys.stdout.write(f"{path}: in use by a running client, which drains it\n")
            continue
        except SpoolRefused as error:
            sys.stderr.write(f"tidegate: {error}\n")
            code = 1
            continue
        code = max(code, _drain(spool, connection, timeout_s))
    return code


def _drain(spool: SpoolFile, connection: Connection, timeout_s: float) -> int:
    lost: list[str] = []

    def dropped(report: DropReport) -> None:
        lost.append(report.reason)

    total = spool.held_bytes
    settings = ClientSettings(spool=lambda: spool, on_drop=dropped, judge=False)
    end = time.monotonic() + timeout_s
    with (
        ProgressLine(spool.path.name, total) as line,
        Client(connection.url, connection.token, settings=settings) as client,
    ):
        while spool.held_bytes and time.monotonic() < end:
            line.at(total - spool.held_bytes)
            time.sleep(_LOOK_S)
        left = spool.held_bytes
        delivered = client.stats().drained
    for reason in lost:
        sys.stderr.write(f"tidegate: {reason}\n")
    sys.stdout.write(f"{spool.path}: {delivered} delivered, {len(lost)} refused{', not all is done' if left else ''}\n")
    return 1 if lost or left else 0
