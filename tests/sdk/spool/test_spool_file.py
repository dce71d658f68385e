"""The spool on disk, and faults 16: a full disk is an error to the caller; a process killed at any step of a drain loses nothing."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sdk.delivery.conftest import Told, outgoing, stored

from tidegate.batching import BatchLimits
from tidegate.engine import Engine
from tidegate.engine_settings import EngineSettings
from tidegate.lanes import lane_of
from tidegate.outgoing import Outgoing, Undelivered
from tidegate.shell.spool_file import SpoolFile, SpoolFolder, SpoolTaken, spool_files
from tidegate.spool import SpoolBound
from tidegate.spooling import SpoolRefused
from tidegate.transport.port import Receipted
from tidegate.wire.results import ResultLine

LIMITS = BatchLimits(max_events=4)


def opened(folder: Path, max_bytes: int = 1 << 20) -> SpoolFile:
    return SpoolFile(folder / "spool-00.sqlite", SpoolBound(max_bytes=max_bytes))


def events(*ids: str, key: bytes = b"k", topic: str = "t") -> list[Outgoing]:
    return [outgoing(one, key=key, topic=topic) for one in ids]


def read_ids(spool: SpoolFile, lane: int = 0, most: int = 100) -> list[str]:
    return [event.id for event in spool.read("t", lane, BatchLimits(), most)]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[SpoolFile]:
    made = opened(tmp_path)
    yield made
    made.close()


def test_events_come_back_in_order_and_only_once_and_stay_until_removed(spool: SpoolFile, tmp_path: Path) -> None:
    spool.append(events("1", "2"), 0, front=False)
    spool.append(events("3"), 0, front=False)
    first = spool.read("t", 0, LIMITS, 2)
    assert [event.id for event in first] == ["1", "2"]
    assert read_ids(spool) == ["3"]
    assert read_ids(spool) == []
    spool.remove(first, 0)
    spool.close()
    again = opened(tmp_path)
    assert read_ids(again) == ["3"], "read and not removed: it goes again"
    again.close()


def test_front_goes_between_what_was_read_and_what_was_not(spool: SpoolFile, tmp_path: Path) -> None:
    spool.append(events("1", "4", "5"), 0, front=False)
    assert read_ids(spool, most=1) == ["1"]
    spool.append(events("2"), 0, front=True)
    assert read_ids(spool, most=1) == ["2"]
    spool.append(events("3"), 0, front=True)
    spool.append(events("6"), 0, front=False)
    spool.close()
    again = opened(tmp_path)
    assert read_ids(again) == ["1", "2", "3", "4", "5", "6"]
    again.close()


def test_more_in_front_than_there_is_room_between_two_places(spool: SpoolFile, tmp_path: Path) -> None:
    spool.append(events("first", "last"), 0, front=False)
    assert read_ids(spool, most=1) == ["first"]
    middle = [f"m{number}" for number in range(3000)]
    spool.append(events(*middle), 0, front=True)
    spool.close()
    again = opened(tmp_path)
    assert read_ids(again, most=10_000)[:3] == ["first", "m0", "m1"]
    again.close()
    third = opened(tmp_path)
    every = [event.id for event in third.read("t", 0, BatchLimits(max_events=10_000, max_bytes=1 << 30), 10_000)]
    assert every == ["first", *middle, "last"]
    third.close()


def test_a_batch_is_bounded_by_count_and_bytes(spool: SpoolFile) -> None:
    spool.append(events("1", "2", "3"), 0, front=False)
    assert len(spool.read("t", 0, LIMITS, 1)) == 1
    assert len(spool.read("t", 0, BatchLimits(max_bytes=1), 10)) == 1, "one larger than the limit goes alone"


def test_topics_and_lanes_are_apart(spool: SpoolFile) -> None:
    spool.append(events("a", topic="t"), 1, front=False)
    spool.append(events("b", topic="u"), 1, front=False)
    assert [event.id for event in spool.read("u", 1, LIMITS, 10)] == ["b"]
    assert read_ids(spool, lane=0) == []
    assert read_ids(spool, lane=1) == ["a"]


def test_another_number_of_lanes_sorts_anew_and_keeps_the_order_of_a_key(spool: SpoolFile, tmp_path: Path) -> None:
    assert spool.depths(2) == {}
    for number in range(20):
        key = b"%d" % (number % 5)
        spool.append([outgoing(f"{number}", key=key)], lane_of(key, 2), front=False)
    spool.close()
    again = opened(tmp_path)
    depths = again.depths(3)
    assert sum(depths.values()) == 20
    for lane in range(3):
        found = again.read("t", lane, BatchLimits(), 100)
        assert all(lane_of(event.lane_key, 3) == lane for event in found)
        for key in {event.lane_key for event in found}:
            numbers = [int(event.id) for event in found if event.lane_key == key]
            assert numbers == sorted(numbers)
    again.close()


def test_the_bound_refuses_and_counts_what_was_removed(spool: SpoolFile, tmp_path: Path) -> None:
    spool.close()
    small = opened(tmp_path, max_bytes=500)
    small.append(events("1", "2"), 0, front=False)
    with pytest.raises(SpoolRefused, match=r"the spool is full \(\d+ of 500 bytes\)"):
        small.append(events(*"3456"), 0, front=False)
    small.remove(small.read("t", 0, LIMITS, 10), 0)
    small.append(events("3", "4"), 0, front=False)
    small.close()
    held = opened(tmp_path, max_bytes=500)
    with pytest.raises(SpoolRefused, match="full"):
        held.append(events(*"5678"), 0, front=False)
    held.close()


def test_a_damaged_row_is_set_aside_and_the_others_come(
    spool: SpoolFile, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool.append(events("1", "2", "3"), 0, front=False)
    spool.close()
    db = sqlite3.connect(tmp_path / "spool-00.sqlite")
    db.execute("UPDATE event SET record = x'00112233' WHERE id = '2'")
    db.commit()
    db.close()
    again = opened(tmp_path)
    assert read_ids(again) == ["1", "3"]
    assert "1 events of the spool" in caplog.text
    again.close()
    db = sqlite3.connect(tmp_path / "spool-00.sqlite")
    assert db.execute("SELECT topic, id FROM damaged").fetchall() == [("t", "2")]
    db.close()


def test_a_file_that_is_no_spool_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "spool-00.sqlite"
    path.write_bytes(b"my diary" * 1000)
    with pytest.raises(SpoolRefused, match="damaged"):
        opened(tmp_path)
    assert path.read_bytes() == b"my diary" * 1000


def test_a_producer_starts_beside_a_damaged_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "spool-00.sqlite").write_bytes(b"my diary" * 1000)
    made = SpoolFolder(path=tmp_path)()
    assert made.path.name == "spool-01.sqlite"
    assert "spool-00.sqlite is damaged" in caplog.text
    made.close()


def test_two_clients_of_one_process_have_a_file_each_and_it_is_free_after_close(tmp_path: Path) -> None:
    first, second = SpoolFolder(path=tmp_path)(), SpoolFolder(path=tmp_path)()
    assert [first.path.name, second.path.name] == ["spool-00.sqlite", "spool-01.sqlite"]
    first.close()
    first.close()
    third = SpoolFolder(path=tmp_path)()
    assert third.path.name == "spool-00.sqlite"
    second.close()
    third.close()


def test_a_file_of_another_release_is_refused(spool: SpoolFile, tmp_path: Path) -> None:
    spool.close()
    db = sqlite3.connect(tmp_path / "spool-00.sqlite")
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(SpoolRefused, match="another release"):
        opened(tmp_path)


def in_child(work: object) -> int:
    """Runs `work` in a forked child and answers its exit status; a child never returns into pytest."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = work()  # type: ignore[operator]  # a callable that answers a code
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def test_a_second_process_is_kept_out_and_gets_a_file_of_its_own(spool: SpoolFile, tmp_path: Path) -> None:
    def second() -> int:
        try:
            opened(tmp_path)
        except SpoolTaken:
            other = SpoolFolder(path=tmp_path)()
            other.append(events("child"), 0, front=False)
            spool.close()  # the parent's: nothing happens
            return 0 if other.path.name == "spool-01.sqlite" else 2
        return 3

    spool.append(events("parent"), 0, front=False)
    assert in_child(second) == 0
    spool.append(events("later"), 0, front=False)
    spool.close()
    first, second_file = (SpoolFile(path, SpoolBound()) for path in spool_files(tmp_path))
    assert read_ids(first) == ["parent", "later"], "the child harmed nothing"
    assert read_ids(second_file) == ["child"], "what a dead process left is there for the next"
    first.close()
    second_file.close()


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolRefused, match="cannot be made"):
        SpoolFolder(path=tmp_path / "file" / "spool")()


# faults 16

TOTAL = 8


def drain(folder: Path, delivered: int, kill_at: int) -> int:
    """A process that fills a spool or drains it, and is killed at its `kill_at`-th SQL statement. Writes what was acknowledged and what was delivered."""
    spool = opened(folder)
    steps = iter(range(1, kill_at + 1))

    def step(statement: str) -> None:
        if next(steps, kill_at) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    spool._db.set_trace_callback(step)
    engine = Engine(EngineSettings(batch=LIMITS, lanes=2), lambda: 0.5, None, spool)
    now = 0.0
    for _ in range(200):
        shipments = engine.due(now)
        for shipment in shipments:
            for event in shipment.events:
                os.write(delivered, f"{event.id}\n".encode())
            engine.answered(shipment, Receipted(lines=[stored(event) for event in shipment.events]), now)
        due = engine.next_due(now)
        if not shipments and due is None:
            break
        now = max(now + 0.001, due or 0.0)
    engine.close()
    return 0


def test_faults_16_killed_at_every_step_of_a_drain_nothing_is_lost(tmp_path: Path) -> None:
    killed = 0
    for kill_at in range(1, 200):
        folder = tmp_path / str(kill_at)
        folder.mkdir()
        spool = opened(folder)
        spool.depths(2)
        for number in range(TOTAL):
            key = b"%d" % (number % 3)
            spool.append([outgoing(str(number), key=key)], lane_of(key, 2), front=False)
        spool.close()
        out = os.open(folder / "delivered", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        status = in_child(lambda folder=folder, out=out, kill_at=kill_at: drain(folder, out, kill_at))
        again = in_child(lambda folder=folder, out=out: drain(folder, out, 10**6))
        os.close(out)
        assert again == 0
        arrived = (folder / "delivered").read_text().split()
        assert set(arrived) == {str(number) for number in range(TOTAL)}, f"killed at statement {kill_at}"
        firsts = list(dict.fromkeys(arrived))
        for rest in range(3):
            mine = [int(one) for one in firsts if int(one) % 3 == rest]
            assert mine == sorted(mine), "a key's order over the restart"
        if status == 0:
            break
        killed += 1
    else:
        pytest.fail("the drain never came to its end")
    assert killed > 20


def fill(folder: Path, max_bytes: int = 1 << 30) -> tuple[Told, int]:
    """Publishes into a spool until it refuses; answers what each event was told."""
    told, spool = Told(), opened(folder, max_bytes)
    engine = Engine(EngineSettings(batch=LIMITS, lanes=2, spool_after_events=0), lambda: 0.5, None, spool)
    for number in range(2000):
        event = outgoing(f"e-{number}", told, key=b"%d" % (number % 7))
        event.body = b"x" * 2000
        engine.accept([event])
        if any(isinstance(outcome, Undelivered) for _, outcome in told.rows):
            break
    engine.close()
    return told, number


def check_full(folder: Path) -> None:
    told, _ = fill(folder)
    refused = [outcome for _, outcome in told.rows if isinstance(outcome, Undelivered)]
    acknowledged = {
        one for one, outcome in told.rows if isinstance(outcome, ResultLine) and outcome.status == "spooled"
    }
    assert refused
    assert "the disk that holds" in refused[0].reason
    assert "is full" in refused[0].reason
    assert len(acknowledged) > 50
    out = os.open(folder.parent / "delivered", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    assert in_child(lambda: drain(folder, out, 10**6)) == 0
    os.close(out)
    assert acknowledged <= set((folder.parent / "delivered").read_text().split()), "no acknowledgement was false"
    again = opened(folder)
    assert again.depths(2) == {}, "what was delivered made room"
    again.append(events("next"), 0, front=False)
    again.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no tmpfs here: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_faults_16_a_full_disk_is_an_error_to_the_caller(small_disk: Path) -> None:
    check_full(small_disk)


def test_faults_16_the_same_where_sqlite_itself_is_told_that_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "any"
    folder.mkdir()
    prepare = SpoolFile._prepare

    def bounded(self: SpoolFile) -> None:
        prepare(self)
        self._db.execute("PRAGMA max_page_count=150")

    monkeypatch.setattr(SpoolFile, "_prepare", bounded)
    check_full(folder)
