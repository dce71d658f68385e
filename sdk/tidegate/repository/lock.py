"""`released.lock`: which schema id stands for which text, for ever. Read by `folder`, appended to by `release`.

Append-only at its end, so that two branches which release at once conflict in git instead of handing out one id twice.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from tidegate.contracts.wording import shown
from tidegate.repository.broken import Broken, Place, Problems, Refused
from tidegate.repository.contract_file import is_topic
from tidegate.repository.files import read_text

__all__ = ["HEADER", "LOCK", "Lock", "LockLine", "parse_lock", "passing_id", "read_lock", "sound_lines"]

LOCK = "released.lock"
HEADER = """\
# Schema ids of every released version. Written by `tidegate release`, append-only: never edit, sort or remove a line.
# id topic version sha256-of-schema fingerprint
"""
_CONFLICT = ("<<<<<<< ", "||||||| ", "=======", ">>>>>>> ")
_MAX_ID = 2_000_000_000 - 1
_PASSING_IDS = 2**31 - 1 - _MAX_ID
_MAX_VERSION = 2**31 - 1
_is_hash = re.compile(r"[0-9a-f]{64}").fullmatch
_is_number = re.compile(r"[1-9]\d{0,9}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class LockLine:
    """One released version. `schema_hash` is `fingerprint.schema_hash`, what the id stands for; `line` counts from 1."""

    schema_id: int
    topic: str
    version: int
    schema_hash: str
    fingerprint: str
    line: int

    def __str__(self) -> str:
        return f"{self.schema_id} {self.topic} {self.version} {self.schema_hash} {self.fingerprint}\n"

    @property
    def place(self) -> Place:
        """Where the line stands."""
        return Place(file=LOCK, line=self.line)


class Lock:
    """The sound lines of the lock in their order, and what is wrong with the others. Immutable."""

    __slots__ = ("_by_topic", "broken", "lines", "text")

    def __init__(self, text: str, lines: Iterable[LockLine], broken: Iterable[Broken]) -> None:
        self.text = text
        self.lines = tuple(lines)
        self.broken = tuple(broken)
        self._by_topic: dict[str, tuple[LockLine, ...]] = {}
        for line in self.lines:
            self._by_topic[line.topic] = (*self._by_topic.get(line.topic, ()), line)

    @property
    def largest_id(self) -> int:
        """The largest id given so far, 0 before the first."""
        return max((line.schema_id for line in self.lines), default=0)

    def of(self, topic: str) -> tuple[LockLine, ...]:
        """The versions of one topic, oldest first."""
        return self._by_topic.get(topic, ())

    def id_of(self, schema_hash: str) -> int:
        """The id that stands for a schema: the one it has in any topic, else the next free one."""
        return next((line.schema_id for line in self.lines if line.schema_hash == schema_hash), self.largest_id + 1)


def passing_id(schema_hash: str, taken: Collection[int]) -> int:
    """The id of a schema that no release holds: 2,000,000,000 or more, where releases never come.

    Taken from the text, so that the same one gives the same id in every process and an edited one gives another: what
    consumers remember of an id stays true. `taken` are the ids of other schemas.
    """
    offset = int(schema_hash[:16], 16)
    while (found := _MAX_ID + 1 + offset % _PASSING_IDS) in taken:
        offset += 1
    return found


def read_lock(folder: Path) -> Lock:
    """The folder's lock; an empty one where there is none yet. Bad lines are left out and listed, good ones stand."""
    problems = Problems(LOCK)
    try:
        text = read_text(folder, LOCK, problems, merging=True) if (folder / LOCK).exists() else ""
    except Refused:
        return Lock("", (), problems.rows)
    return _parsed(text, problems)


def parse_lock(text: str) -> Lock:
    """The lock in a text, that of another commit for one. Bad lines are left out and listed."""
    return _parsed(text, Problems(LOCK))


def sound_lines(rows: Iterable[str]) -> list[LockLine]:
    """The rows that are lines of a lock by themselves, whatever stands around them. `line` counts the rows from 1."""
    found = (_line(row, number) for number, row in enumerate(rows, 1))
    return [line for line in found if line is not None]


def _parsed(text: str, problems: Problems) -> Lock:
    lines: list[LockLine] = []
    hashes: dict[int, str] = {}
    ids: dict[str, int] = {}
    newest: dict[str, int] = {}
    for number, text_line in enumerate(text.split("\n"), 1):
        if not text_line or text_line.startswith("#"):
            continue
        place = Place(file=LOCK, line=number)
        line = _line(text_line, number)
        if line is None:
            if text_line.startswith(_CONFLICT):
                said = "git stopped here, since two branches released at once: `tidegate release --renumber` mends it"
                problems.note(said, place)
                continue
            problems.topic = _named_topic(text_line)  # without that version its contract would go back to an older one
            problems.note(f'is no "id topic version sha256 fingerprint": {shown(text_line)}', place)
            problems.topic = None
            continue
        if line.version <= newest.get(line.topic, 0):
            detail = f"{line.topic} {line.version} comes after {line.topic} {newest[line.topic]}: lines are only ever appended"
        elif line.version > newest.get(line.topic, 0) + 1:
            detail = f"the line of {line.topic} {newest.get(line.topic, 0) + 1} is missing before it: restore it"
        elif hashes.get(line.schema_id, line.schema_hash) != line.schema_hash:
            detail = f"id {line.schema_id} already stands for another schema"
        elif ids.get(line.schema_hash, line.schema_id) != line.schema_id:
            detail = f"this schema already has the id {ids[line.schema_hash]}"
        elif line.schema_id not in hashes and line.schema_id <= max(hashes, default=0):
            detail = f"id {line.schema_id} is new, but not above {max(hashes)}: lines are only ever appended"
        else:
            hashes[line.schema_id], ids[line.schema_hash] = line.schema_hash, line.schema_id
            newest[line.topic] = line.version
            lines.append(line)
            continue
        problems.topic = line.topic
        problems.note(detail, place)
        problems.topic = None
    if text and not text.endswith("\n"):
        problems.note("the last line has no end: it may be cut off", Place(file=LOCK, line=text.count("\n") + 1))
    return Lock(text, lines, problems.rows)


def _named_topic(text: str) -> str | None:
    """The topic that a mangled line seems to be about."""
    words = text.split()
    return words[1] if len(words) > 1 and words[0].isdigit() and is_topic(words[1]) else None


def _line(text: str, number: int) -> LockLine | None:
    parts = text.split(" ")
    if len(parts) != 5:
        return None
    schema_id, topic, version, schema_hash, fingerprint = parts
    if not (_is_number(schema_id) and _is_number(version) and _is_hash(schema_hash) and _is_hash(fingerprint)):
        return None
    if int(schema_id) > _MAX_ID or int(version) > _MAX_VERSION or not is_topic(topic):
        return None
    return LockLine(
        schema_id=int(schema_id),
        topic=topic,
        version=int(version),
        schema_hash=schema_hash,
        fingerprint=fingerprint,
        line=number,
    )
