"""The pytest plugin of golden records, found by its entry point: no code in the user's repository. Imports nothing of the SDK until a record is met.

One test for each record and each version that must read it, its own and all later ones, the schema being edited among them. Records are
`<schemas folder>/released/<topic>/<n>/golden/<name>.json`; the folder is the ini option `tidegate_contracts` (else `schemas` below rootdir).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tidegate.golden.judging import Judge, Reader
    from tidegate.repository.golden import GoldenRecord

__all__ = [
    "GoldenFile",
    "GoldenTest",
    "pytest_addoption",
    "pytest_collect_file",
    "pytest_configure",
    "pytest_terminal_summary",
]

_judges: pytest.StashKey["dict[Path, Judge]"] = pytest.StashKey()
_DEFAULT = "schemas"


class GoldenFailure(Exception):
    """A record is not read as it was written; the message says all."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("tidegate", "Tidegate's golden records")
    group.addoption(
        "--golden-report", action="store_true", help="name fields, branches and symbols that no golden record exercises"
    )
    group.addoption(
        "--golden-update",
        action="store_true",
        help="write the .bin that a golden record lacks; of versions that are not released, write it anew",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Where pytest runs what its `testpaths` name, golden records are among it."""
    config.stash[_judges] = {}
    folder = _schemas(config) / "released"
    if config.args_source == pytest.Config.ArgsSource.TESTPATHS and folder.is_dir():
        config.args.append(str(folder))


def _schemas(config: pytest.Config) -> Path:
    try:
        named = str(config.getini("tidegate_contracts"))
    except (KeyError, ValueError):  # the SDK's other plugin, which has the option, was switched off
        named = ""
    return config.rootpath / (named or _DEFAULT)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "GoldenFile | None":
    """A golden record's JSON."""
    above = file_path.parents
    if file_path.suffix != ".json" or above[0].name != "golden" or len(above) < 5:
        return None
    if above[3].name != "released" or not above[1].name.isdecimal() or not (above[4] / "contracts").is_dir():
        return None
    return GoldenFile.from_parent(parent, path=file_path)


class GoldenFile(pytest.File):
    """One record."""

    def collect(self) -> "Iterator[GoldenTest]":
        """A test for each reader."""
        judge = _judge_of(self.config, self.path.parents[4])
        topic, number = self.path.parents[2].name, int(self.path.parents[1].name)
        if topic not in judge.subjects:
            yield GoldenTest.from_parent(self, name="its contract", judge=judge, reader=None)
            return
        own = judge.version(topic, number)
        readers = {reader.name: reader for reader in judge.readers(topic, number)}
        if own is not None:
            readers.setdefault(own.name, own)
        for reader in readers.values():
            yield GoldenTest.from_parent(self, name=f"read by {reader.name}", judge=judge, reader=reader)


class GoldenTest(pytest.Item):
    """One record read by one version."""

    def __init__(self, *, judge: "Judge", reader: "Reader | None", **more: Any) -> None:
        super().__init__(**more)
        self._judge = judge
        self._reader = reader

    def runtest(self) -> None:
        """Raises `GoldenFailure`."""
        topic = self.path.parents[2].name
        if self._reader is None:
            raise GoldenFailure(self._judge.why_broken(topic))
        record = _record(self._judge, self.path)
        if self.config.getoption("--golden-update"):
            record = _updated(self._judge, record, self.path)
        found = self._judge.judge(record, self._reader)
        if found is not None:
            raise GoldenFailure(str(found))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The differences alone: no traceback says more."""
        if isinstance(excinfo.value, GoldenFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the record is."""
        return (
            self.path,
            0,
            f"golden record {self.path.parents[2].name} {self.path.parents[1].name} {self.path.stem} {self.name}",
        )


def _judge_of(config: pytest.Config, folder: Path) -> "Judge":
    """The folder, read once a run."""
    judges = config.stash[_judges]
    if folder not in judges:
        from tidegate.golden.judging import Judge

        judges[folder] = Judge.of(folder)
    return judges[folder]


def _record(judge: "Judge", path: Path) -> "GoldenRecord":
    from tidegate.repository.golden import GoldenRecord

    binary = path.with_suffix(".bin")
    return GoldenRecord(
        topic=path.parents[2].name,
        version=int(path.parents[1].name),
        name=path.stem,
        file=path.relative_to(judge.folder).as_posix(),
        json=path.read_bytes(),
        payload=binary.read_bytes() if binary.exists() else None,
    )


def _updated(judge: "Judge", record: "GoldenRecord", path: Path) -> "GoldenRecord":
    """The record with its bytes written. Those of a released version are never touched."""
    from tidegate.golden.judging import WORKING

    writer = judge.version(record.topic, record.version)
    if writer is None or (writer.name != WORKING and record.payload is not None):
        return record
    made = judge.payload(record, writer)
    if isinstance(made, bytes) and made != record.payload:
        path.with_suffix(".bin").write_bytes(made)
    return _record(judge, path)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The coverage of each topic's newest version, where it was asked for."""
    if not config.getoption("--golden-report"):
        return
    for judge in config.stash[_judges].values():
        for topic, subject in sorted(judge.subjects.items()):
            if subject.newest is not None:
                terminalreporter.section(f"golden records of {topic}, version {subject.newest.number}")
                for row in _unexercised(judge, topic, subject.newest.number):
                    terminalreporter.write_line(row)


def _unexercised(judge: "Judge", topic: str, number: int) -> Iterator[str]:
    from tidegate.golden.coverage import unexercised

    own = judge.version(topic, number)
    if own is None:
        return
    paths = sorted((judge.folder / "released" / topic / str(number) / "golden").glob("*.json"))
    made = [judge.payload(_record(judge, path), own) for path in paths]
    rows = unexercised(own.source, [one for one in made if isinstance(one, bytes)])
    yield from (f"not exercised: {row}" for row in rows)
    if not rows:
        yield "every field, branch and symbol is exercised"
