"""Fork, exit, garbage collection, signals, many clients: each in a process of its own (sdk.md, lifecycle; "what others get wrong")."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a program left."""

    stored: list[tuple[int, str]]
    said: dict[str, Any]
    errors: str

    @property
    def ids(self) -> list[str]:
        return [event_id for _, event_id in self.stored]


@pytest.fixture
def run(tmp_path: Path) -> "Run":
    return Run(tmp_path / "stored.txt")


class Run:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, program: str) -> Ended:
        command = [sys.executable, "-m", "tests.sdk.shell.programs", program, str(self.path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        rows = [line.split() for line in self.path.read_text("utf-8").splitlines()] if self.path.exists() else []
        return Ended(
            stored=[(int(pid), event_id) for pid, event_id in rows],
            said=json.loads(done.stdout) if done.stdout else {},
            errors=done.stderr,
        )


def test_events_in_the_queue_are_sent_at_exit(run: Run) -> None:
    ended = run("exits_without_close")
    assert ended.ids == [f"e{n}" for n in range(50)]
    assert ended.errors == ""


def test_a_client_that_nobody_holds_sends_what_it_has_and_ends_its_thread(run: Run) -> None:
    ended = run("collected_without_close")
    assert sorted(ended.ids) == sorted(f"e{n}" for n in range(50))
    assert ended.said == {"threads": 1}


def test_exit_is_bounded_while_the_gateway_is_away_and_says_what_is_left(run: Run) -> None:
    ended = run("gateway_is_away")
    assert ended.said == {"lost": [7]}
    assert "7 events were not delivered" in ended.errors


def test_a_forked_child_starts_empty_and_nothing_is_sent_twice(run: Run) -> None:
    ended = run("forks")
    assert ended.said["child"] == 0
    assert Counter(ended.ids) == Counter(f"{who}{n}" for who in ("before", "child", "parent") for n in range(5))
    assert {event_id for pid, event_id in ended.stored if pid != ended.said["parent"]} == {
        f"child{n}" for n in range(5)
    }


def test_children_forked_under_load_can_all_publish(run: Run) -> None:
    ended = run("forks_under_load")
    assert ended.said == {"exits": [0] * 5}
    assert max(Counter(ended.ids).values()) == 1


def test_a_child_of_multiprocessing_sends_what_it_has(run: Run) -> None:
    ended = run("in_multiprocessing")
    assert ended.said == {"exit": 0}
    assert ended.ids == [f"e{n}" for n in range(50)]


def test_a_signal_handler_may_submit(run: Run) -> None:
    ended = run("submits_in_a_signal_handler")
    assert ended.said["handled"] > 0
    counts = Counter(ended.ids)
    assert max(counts.values()) == 1
    assert len(counts) == 5000 + ended.said["handled"]


def test_a_finaliser_may_submit(run: Run) -> None:
    ended = run("submits_in_a_finaliser")
    assert ended.said["count"] == 2000
    assert ended.said["delivered"] == ended.said["accepted"] == 4000


def test_hundreds_of_short_lived_clients_leave_nothing(run: Run) -> None:
    ended = run("many_short_lived")
    assert len(ended.ids) == 200
    assert ended.said == {"threads": 1, "descriptors": 0}


@pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="counts context switches of a thread as Linux shows them"
)
def test_an_idle_client_wakes_never(run: Run) -> None:
    assert run("idle").said == {"wakes": 0}
