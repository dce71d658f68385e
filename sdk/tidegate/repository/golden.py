"""`released/<topic>/<n>/golden/`: example events of a version, `<name>.json` as people write them and `<name>.bin` their bytes.

Read by `tidegate check` and by the pytest plugin, written by `tidegate release`. `.bin` holds the bare payload, without the
frame: Avro binary, or the Protobuf message. Golden records are added to a version at any time and never changed.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from tidegate.repository.broken import Place, Problems, Refused
from tidegate.repository.files import read_bytes
from tidegate.repository.released import version_folder

__all__ = ["GOLDEN", "GoldenRecord", "golden_folder", "read_golden"]

GOLDEN = "golden"
_is_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII).fullmatch
_MAX_RECORDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenRecord:
    """One record. `file` is its JSON, relative to the schemas folder; `payload` is None where there is no `.bin`."""

    topic: str
    version: int
    name: str
    file: str
    json: bytes
    payload: bytes | None


def golden_folder(topic: str, version: int) -> str:
    """Where a version's golden records stand, relative to the schemas folder."""
    return f"{version_folder(topic, version)}/{GOLDEN}"


def read_golden(folder: Path, topic: str, version: int, problems: Problems) -> tuple[GoldenRecord, ...]:
    """A version's golden records by name, the first 1,000. What cannot be read is noted and left out; hidden files are no records."""
    base = golden_folder(topic, version)
    found: list[GoldenRecord] = []
    for path in _records(folder, base, problems):
        file = f"{base}/{path.name}"
        try:
            text = read_bytes(folder, file, problems)
            binary = f"{base}/{path.stem}.bin"
            payload = read_bytes(folder, binary, problems) if (folder / binary).exists() else None
        except Refused:
            continue
        found.append(GoldenRecord(topic=topic, version=version, name=path.stem, file=file, json=text, payload=payload))
    return tuple(found)


def _records(folder: Path, base: str, problems: Problems) -> list[Path]:
    """The JSON files of records; a promise that nobody would look at is noted."""
    paths = sorted(path for path in (folder / base).glob("*.*") if not path.name.startswith("."))
    records = [path for path in paths if path.suffix == ".json"]
    stems = {path.stem for path in records}
    for path in paths:
        place = Place(file=f"{base}/{path.name}")
        if path.suffix == ".json" and _is_name(path.stem) is None:
            problems.note("is not looked at: a record's name has letters, digits and . _ -, 100 at most", place)
        elif path.suffix == ".bin" and path.stem not in stems:
            problems.note(f"are the bytes of a record, and {path.stem}.json is not there", place)
    named = [path for path in records if _is_name(path.stem) is not None]
    if len(named) > _MAX_RECORDS:
        problems.note(f"holds {len(named)} golden records: {_MAX_RECORDS} are looked at", Place(file=base))
    return named[:_MAX_RECORDS]
