"""`tidegate publish`: the events of a file or of stdin to a topic, with receipts. Called by `producing`; the client delivers.

Exit codes: 0 everything is stored, 1 some was refused or not delivered (each is told, with its line), 2 could not run.
Run again, it skips what was stored: by its journal, and by event ids that are the same in every run.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final

import msgspec

from tidegate.cli.journal import Journal, NotThisJournal
from tidegate.cli.progress import ProgressLine
from tidegate.cli.rows import Row, Unreadable, form_of, rows_of, typed_cells
from tidegate.client import Client
from tidegate.exceptions import Closed, TidegateError, Unavailable
from tidegate.settings import ClientSettings
from tidegate.shell.tokens import TokenSource
from tidegate.wire.results import SPOOLED, ResultLine

__all__ = ["Connection", "Input", "Report", "Trouble", "opened", "run_publish"]

TOLD: Final = 20
"""So many refusals are told in full; the others are counted."""
DEADLINE_S: Final = 120.0
"""How long an event is tried."""
_PATIENCE_S: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Which gateway, as whom."""

    url: str
    token: TokenSource
    cache_dir: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What to read. `path` None: stdin. `events`: lines are Events, not values."""

    path: Path | None
    form: str | None
    events: bool
    version: int | None

    @property
    def name(self) -> str:
        """For messages."""
        return str(self.path) if self.path is not None else "stdin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One row that is not stored (line 0: the whole): why, and every violation where its contract refused it."""

    line: int
    reason: str
    details: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Report:
    """Counted on two threads, under its lock."""

    stored: int = 0
    skipped: int = 0
    refused: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def trouble(self, line: int, error: TidegateError | str) -> None:
        """A row is not stored."""
        with self.lock:
            self.refused += 1
            if len(self.troubles) < TOLD or not line:
                details: tuple[str, ...] = ()
                if isinstance(error, TidegateError):
                    details = tuple(f"{one.pointer} {one.detail}" for one in error.violations)
                self.troubles.append(Trouble(line=line, reason=str(error), details=details))

    def tell(self, source: str, verb: str, *, as_json: bool) -> None:
        """The end of the command: a line a trouble on stderr and a count, or one JSON object on stdout."""
        if as_json:
            whole = {verb: self.stored, "skipped": self.skipped, "refused": self.refused, "troubles": self.troubles}
            sys.stdout.write(msgspec.json.encode(whole).decode() + "\n")
            return
        for one in sorted(self.troubles, key=lambda trouble: trouble.line):
            place = f"{source}:{one.line}" if one.line else source
            sys.stderr.write(f"{place}: {one.reason}\n")
            for detail in one.details:
                sys.stderr.write(f"    {detail}\n")
        if self.refused > len(self.troubles):
            sys.stderr.write(f"... and {self.refused - len(self.troubles)} more\n")
        skipped = f", {self.skipped} skipped (stored by an earlier run)" if self.skipped else ""
        sys.stdout.write(f"{self.stored} {verb}, {self.refused} not{skipped}\n")


def run_publish(topic: str, connection: Connection, source: Input, journal_path: Path | None, *, as_json: bool) -> int:
    """Publishes and tells."""
    report = Report()
    settings = ClientSettings(block_timeout_s=_PATIENCE_S, deadline_s=DEADLINE_S, cache_dir=connection.cache_dir)
    if journal_path is None and source.path is not None:
        journal_path = source.path.with_name(f"{source.path.name}.{topic}.journal")
    try:
        with ExitStack() as stack:
            stream = stack.enter_context(opened(source))
            journal = stack.enter_context(Journal(journal_path, connection.url, topic)) if journal_path else None
            line = stack.enter_context(ProgressLine(f"{topic}", _size(source)))
            client = Client(connection.url, connection.token, settings=settings)
            _Publishing(client, topic, source, journal, report, line).run(stream)
    except (OSError, ValueError, Unreadable, NotThisJournal) as error:
        sys.stderr.write(f"tidegate: {source.name}: {error}\n")
        return 2
    report.tell(source.name, "stored", as_json=as_json)
    return 1 if report.refused else 0


class _Publishing:
    """One run."""

    def __init__(
        self, client: Client, topic: str, source: Input, journal: Journal | None, report: Report, line: ProgressLine
    ) -> None:
        self._client = client
        self._topic = topic
        self._source = source
        self._journal = journal
        self._report = report
        self._line = line
        self._typed: set[str] = set()
        self._away = False

    def run(self, stream: BinaryIO) -> None:
        """Until every row has its outcome."""
        try:
            for row in rows_of(stream, form_of(self._source.path, self._source.form), events=self._source.events):
                if self._journal is not None and row.mark in self._journal:
                    self._report.skipped += 1
                elif row.wrong:
                    self._report.trouble(row.line, row.wrong)
                else:
                    self._submit(row)
                self._show(stream)
                if self._away:
                    break
            while not self._away and self._client.flush(0.2):
                self._show(stream)
        finally:
            self._client.close(0.0 if self._away else 5.0)
        if self._away:
            self._report.trouble(0, "stopped: the gateway is away; run this again, and it goes on where it was")

    def _show(self, stream: BinaryIO) -> None:
        done = stream.tell() if self._source.path is not None and not stream.closed else self._report.stored
        self._line.at(done, f"{self._report.stored:,} stored, {self._report.refused:,} not")

    def _submit(self, row: Row) -> None:
        for value, typed in _values(row, self._typed):
            try:
                future = self._sent(row, value)
            except Closed:
                raise
            except TidegateError as error:
                again = self._mistyped(row, error) - typed
                if again:
                    self._typed |= again
                    continue
                self._report.trouble(row.line, error)
                return
            future.add_done_callback(lambda done: self._settled(row, done))
            return

    def _sent(self, row: Row, value: object) -> "Future[ResultLine]":
        facts = row.facts
        return self._client.submit(
            self._topic,
            value,
            id=row.event_id(self._topic),
            key=facts.key if facts is not None else None,
            headers=facts.headers if facts is not None else None,
            time=facts.time if facts is not None else None,
            version=facts.version if facts is not None and facts.version is not None else self._source.version,
            media_type="application/json" if isinstance(value, bytes) else None,
        )

    def _mistyped(self, row: Row, error: TidegateError) -> set[str]:
        return mistyped(row, error)

    def _settled(self, row: Row, done: "Future[ResultLine]") -> None:
        """On the delivering thread."""
        error = done.exception()
        if isinstance(error, Unavailable):  # two minutes of trying: reading on would only pile up more
            self._away = True
        if isinstance(error, TidegateError):
            self._report.trouble(row.line, error)
            return
        self._report.stored += 1
        if self._journal is not None and done.result().status != SPOOLED:
            self._journal.stored(row.mark)


def _values(row: Row, typed: set[str]) -> Iterator[tuple[object, set[str]]]:
    """What to try: JSON as it is; a CSV row with the columns known as typed, and once more when the contract named others."""
    if isinstance(row.value, bytes):
        yield row.value, set()
        return
    before = set(typed)
    yield typed_cells(row.value, before), before
    yield typed_cells(row.value, typed), set(row.value)


def mistyped(row: Row, error: TidegateError) -> set[str]:
    """The columns of a CSV row that hold text where the contract wants something else: the contract says what a cell is, no guess."""
    if isinstance(row.value, bytes):
        return set()
    wanted = {violation.pointer.removeprefix("#/").replace("/", ".") for violation in error.violations}
    return wanted & row.value.keys()


def opened(source: Input) -> BinaryIO:
    """The input's bytes. Raises `OSError`."""
    return source.path.open("rb") if source.path is not None else sys.stdin.buffer


def _size(source: Input) -> float | None:
    return source.path.stat().st_size if source.path is not None else None
