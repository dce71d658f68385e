"""The spool on disk: one SQLite file a process, WAL, every append synced. The adapter of `spooling.Spool`; opened by `core` through `SpoolFolder`.

SQLite's own exclusive lock keeps a second process out of a file, and falls with the process that held it, however that ends. A fork's child
must not touch its parent's file: it gets another of the folder, and never closes the inherited connection (that would drop the log under the parent).
"""

import ctypes
import logging
import os
import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tidegate.batching import BatchLimits
from tidegate.lanes import lane_of
from tidegate.outgoing import Outgoing
from tidegate.spool import ROW_BYTES, SpoolBound, decode_record, encode_record
from tidegate.spooling import SpoolRefused

__all__ = ["SpoolDamaged", "SpoolFile", "SpoolFolder", "SpoolTaken", "spool_files"]

_log = logging.getLogger("tidegate")
_FILES: Final = 64
_STEP: Final = 1024
"""Between the places of two rows: room for what goes in front of what was not read."""
_FORMAT: Final = 1
_RESERVE_BYTES: Final = 256 * 1024
_LOG_PAGES: Final = 32
"""After so many pages the log goes into the file: what of it is left on a full disk must fit the reserve."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS event (
    n INTEGER PRIMARY KEY, topic TEXT NOT NULL, lane INTEGER NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_place ON event (topic, lane, place);
CREATE TABLE IF NOT EXISTS damaged (n INTEGER PRIMARY KEY, topic TEXT NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sorted (lanes INTEGER NOT NULL);
"""


class SpoolTaken(SpoolRefused):
    """Another process has the file."""


class SpoolDamaged(SpoolRefused):
    """The file is no spool any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFolder:
    """Where a program's spools are: `ClientSettings(spool=SpoolFolder(path=...))`. Each client and process has a file of its own there.

    Files that an earlier process left with events are taken first. `max_bytes`: of each file's events.
    """

    path: Path
    max_bytes: int = SpoolBound().max_bytes

    def __call__(self) -> "SpoolFile":
        """Opens a file that no process has. Raises `SpoolRefused`."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SpoolRefused(f"the spool's folder cannot be made: {error}") from error
        for number in range(_FILES):
            try:
                return SpoolFile(self.path / f"spool-{number:02}.sqlite", SpoolBound(max_bytes=self.max_bytes))
            except SpoolTaken:
                continue
            except SpoolDamaged as error:  # left for `tidegate spool` to tell of: a producer must start
                _log.error("tidegate: %s", error)
        raise SpoolRefused(f"all {_FILES} spools of {self.path} are in use or damaged")


def spool_files(folder: Path) -> list[Path]:
    """The spools of a folder, by name."""
    return sorted(folder.glob("spool-*.sqlite"))


@dataclass(slots=True)
class _Read:
    """How far a lane was read since the file was opened, and the rows of each id that are out."""

    place: int = -(1 << 62)
    rows: dict[str, deque[int]] = field(default_factory=dict)


class _Reserve:
    """Disk space kept for the day on which the disk is full: without it SQLite could not even delete what was delivered."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = False

    def hold(self) -> None:
        """Takes the space, where there is some."""
        if self._held:
            return
        try:
            if not self._path.exists() or self._path.stat().st_size < _RESERVE_BYTES:
                noise = os.urandom(_RESERVE_BYTES)  # not zeros: a file system that compresses would keep none
                self._path.write_bytes(noise)
            self._held = True
        except OSError:
            self.release()

    def release(self) -> None:
        """Gives it back."""
        self._held = False
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


class SpoolFile:
    """One file. Not shared between threads at the same time."""

    def __init__(self, path: Path, bound: SpoolBound) -> None:
        """Opens or makes it. Raises `SpoolTaken`, `SpoolRefused`."""
        self._path = path
        self._bound = bound
        self._pid = os.getpid()
        self._reserve = _Reserve(path.with_suffix(".reserve"))
        self._read: dict[tuple[str, int], _Read] = {}
        self._gone: list[int] = []
        self._open = False
        with self._refusing():
            self._db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._db))  # only `close` closes it, never a child's collector
            self._open = True

    def _prepare(self) -> None:
        db = self._db
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        (mode,) = db.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise SpoolRefused(f"{self._path}: this file system does not allow a write-ahead log ({mode})")
        db.execute("PRAGMA synchronous=FULL")
        db.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found not in (0, _FORMAT):
            raise SpoolRefused(f"{self._path}: written by another release (format {found})")
        if not found:  # a file that has its tables is not written to: its disk may be full
            db.execute("BEGIN EXCLUSIVE")
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version={_FORMAT}")
            db.execute("COMMIT")
        self._reserve.hold()
        (count, size) = db.execute("SELECT count(*), coalesce(sum(length(record)), 0) FROM event").fetchone()
        self._held_bytes = size + count * ROW_BYTES

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """SQLite's errors as the port's."""
        try:
            yield
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_BUSY:
                raise SpoolTaken(f"{self._path} is in use by another process") from error
            if code == sqlite3.SQLITE_FULL:
                raise SpoolRefused(f"the disk that holds {self._path} is full") from error
            raise SpoolRefused(f"{self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise SpoolDamaged(f"{self._path} is damaged: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._refusing():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def held_bytes(self) -> int:
        """What its events take; 0 once it is empty."""
        return int(self._held_bytes)

    def topics(self) -> dict[str, int]:
        """How many events lie here, by topic. Raises `SpoolRefused`."""
        with self._refusing():
            rows = self._db.execute("SELECT topic, count(*) FROM event GROUP BY topic").fetchall()
        return dict(rows)

    def damaged(self) -> int:
        """How many damaged records were set aside. Raises `SpoolRefused`."""
        with self._refusing():
            (count,) = self._db.execute("SELECT count(*) FROM damaged").fetchone()
        return int(count)

    def depths(self, lanes: int) -> dict[tuple[str, int], int]:
        """What lies here, by topic and lane; sorted anew where it was kept for another number of lanes. Raises `SpoolRefused`."""
        with self._transaction():
            kept = self._db.execute("SELECT lanes FROM sorted").fetchone()
            if kept is None or kept[0] != lanes:
                self._sort(lanes)
            rows = self._db.execute("SELECT topic, lane, count(*) FROM event GROUP BY topic, lane").fetchall()
        return {(topic, lane): count for topic, lane, count in rows}

    def _sort(self, lanes: int) -> None:
        """Into other lanes. Places stay: a key's events were in one lane and stay in their order."""
        moved: list[tuple[int, int]] = []
        for n, topic, record in self._db.execute("SELECT n, topic, record FROM event"):
            event = decode_record(topic, record)
            moved.append((lane_of(event.lane_key, lanes) if event is not None and event.lane_key else 0, n))
        self._db.executemany("UPDATE event SET lane = ? WHERE n = ?", moved)
        self._db.execute("DELETE FROM sorted")
        self._db.execute("INSERT INTO sorted (lanes) VALUES (?)", (lanes,))

    def append(self, events: Sequence[Outgoing], lane: int, *, front: bool) -> None:
        """Keeps events of one topic, all or none, synced. Raises `SpoolRefused`, also when the disk is full."""
        topic = events[0].topic
        records = [encode_record(event) for event in events]
        more = sum(len(record) + ROW_BYTES for record in records)
        if not self._bound.fits(self._held_bytes, more):
            raise SpoolRefused(f"the spool is full ({self._held_bytes} of {self._bound.max_bytes} bytes)")
        with self._transaction():
            first, step = self._room(topic, lane, len(events), front=front)
            self._db.executemany(
                "INSERT INTO event (topic, lane, place, id, record) VALUES (?, ?, ?, ?, ?)",
                [
                    (topic, lane, first + index * step, event.id, record)
                    for index, (event, record) in enumerate(zip(events, records, strict=True))
                ],
            )
        self._held_bytes += more

    def _room(self, topic: str, lane: int, count: int, *, front: bool) -> tuple[int, int]:
        """The first place for so many rows, and the step from one to the next."""
        read = self._at(topic, lane)
        if not front:
            (last,) = self._db.execute(
                "SELECT max(place) FROM event WHERE topic = ? AND lane = ?", (topic, lane)
            ).fetchone()
            return max(last or 0, read.place, 0) + _STEP, _STEP
        (unread,) = self._db.execute(
            "SELECT min(place) FROM event WHERE topic = ? AND lane = ? AND place > ?", (topic, lane, read.place)
        ).fetchone()
        if unread is None:
            return max(read.place, 0) + _STEP, _STEP
        if unread - count <= read.place:
            self._db.execute(
                "UPDATE event SET place = place + ? WHERE topic = ? AND lane = ? AND place > ?",
                (count + _STEP, topic, lane, read.place),
            )
            unread += count + _STEP
        return unread - count, 1

    def _at(self, topic: str, lane: int) -> _Read:
        return self._read.setdefault((topic, lane), _Read())

    def read(self, topic: str, lane: int, limits: BatchLimits, most: int) -> Sequence[Outgoing]:
        """The lane's next events that were not read. A damaged one is set aside, counted and logged; the others come."""
        read = self._at(topic, lane)
        events: list[Outgoing] = []
        size_bytes = 0
        damaged: list[int] = []
        try:
            with self._refusing():
                rows = self._db.execute(
                    "SELECT n, place, id, record FROM event WHERE topic = ? AND lane = ? AND place > ? ORDER BY place, n",
                    (topic, lane, read.place),
                )
                for n, place, event_id, record in rows:
                    event = decode_record(topic, record)
                    if event is None:
                        damaged.append(n)
                        read.place = place
                        continue
                    if len(events) >= most or not limits.fits(len(events), size_bytes, event.size_bytes):
                        break
                    events.append(event)
                    size_bytes += event.size_bytes
                    read.place = place
                    read.rows.setdefault(event_id, deque()).append(n)
        except SpoolRefused as error:
            _log.error("tidegate: the spool cannot be read: %s", error)
        if damaged:
            self._set_aside(damaged)
        return events

    def _set_aside(self, damaged: list[int]) -> None:
        _log.error("tidegate: %d events of the spool %s are damaged and were set aside", len(damaged), self._path)
        try:
            with self._transaction():
                for n in damaged:
                    self._db.execute(
                        "INSERT INTO damaged (topic, id, record) SELECT topic, id, record FROM event WHERE n = ?", (n,)
                    )
            self._delete(damaged)
        except SpoolRefused as error:  # they stay where they are, behind what was read
            _log.warning("tidegate: they could not be set aside: %s", error)

    def remove(self, events: Sequence[Outgoing], lane: int) -> None:
        """Events have their outcome. What the disk does not let go now is let go later: a restart before it sends it again, with its id."""
        read = self._at(events[0].topic, lane)
        for event in events:
            rows = read.rows.get(event.id)
            if rows:
                self._gone.append(rows.popleft())
                if not rows:
                    del read.rows[event.id]
        try:
            self._delete(self._gone)
        except SpoolRefused as error:
            _log.warning("tidegate: delivered events stay in the spool for now: %s", error)
        else:
            self._gone = []

    def _delete(self, gone: Sequence[int]) -> None:
        """Not synced: what is forgotten here is sent once more, and the gateway knows its id."""
        with self._refusing():
            self._db.execute("PRAGMA synchronous=NORMAL")
        try:
            self._delete_rows(gone)
        except SpoolRefused:
            self._reserve.release()
            with suppress(SpoolRefused), self._refusing():
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._delete_rows(gone)
        finally:
            with self._refusing():
                self._db.execute("PRAGMA synchronous=FULL")
        if not self._held_bytes:
            self._reserve.hold()

    def _delete_rows(self, gone: Sequence[int]) -> None:
        size = 0
        with self._transaction():
            for n in gone:
                row = self._db.execute("DELETE FROM event WHERE n = ? RETURNING length(record)", (n,)).fetchone()
                size += row[0] + ROW_BYTES if row is not None else 0
        self._held_bytes -= size

    def close(self) -> None:
        """Closes the file; in a fork's child it does nothing."""
        if not self._open or os.getpid() != self._pid:
            return
        self._open = False
        if self._gone:
            try:
                self._delete(self._gone)
            except SpoolRefused as error:
                _log.warning("tidegate: %d delivered events stay in the spool: %s", len(self._gone), error)
        self._db.close()
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(self._db))
