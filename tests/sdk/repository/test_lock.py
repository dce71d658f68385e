"""released.lock: what is a sound line, and what every unsound one is told."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.repository.lock import HEADER, LOCK, Lock, passing_id, read_lock

A, B, F = "a" * 64, "b" * 64, "f" * 64


def read(folder: Path, text: str) -> Lock:
    (folder / LOCK).write_text(text, encoding="utf-8")
    return read_lock(folder)


def test_a_folder_without_a_lock_has_an_empty_one(tmp_path: Path) -> None:
    lock = read_lock(tmp_path)
    assert (lock.lines, lock.broken, lock.largest_id, lock.id_of(A)) == ((), (), 0, 1)


def test_one_schema_has_one_id_in_every_topic(tmp_path: Path) -> None:
    lock = read(tmp_path, f"{HEADER}1 a 1 {A} {F}\n4 b 1 {B} {F}\n1 b 2 {A} {F}\n")
    assert lock.broken == ()
    assert [(line.schema_id, line.version, line.line) for line in lock.of("b")] == [(4, 1, 4), (1, 2, 5)]
    assert (lock.id_of(A), lock.id_of(B), lock.id_of(F), lock.largest_id) == (1, 4, 5, 4)
    assert HEADER + "".join(map(str, lock.lines)) == lock.text


@pytest.mark.parametrize(
    ("text", "row", "topic"),
    [
        (f"1 a 1 {A} {F}\n1 b 1 {B} {F}\n", "released.lock:2:1: id 1 already stands for another schema", "b"),
        (f"1 a 1 {A} {F}\n2 b 1 {A} {F}\n", "released.lock:2:1: this schema already has the id 1", "b"),
        (f"5 a 1 {A} {F}\n2 b 1 {B} {F}\n", "released.lock:2:1: id 2 is new, but not above 5", "b"),
        (
            f"1 a 1 {A} {F}\n2 a 2 {B} {F}\n1 a 1 {A} {F}\n",
            "released.lock:3:1: a 1 comes after a 2: lines are only ever appended",
            "a",
        ),
        (f"2 a 2 {A} {F}\n", "released.lock:1:1: the line of a 1 is missing before it: restore it", "a"),
        (f"1 a 1 {A} {F}\n1 a 1 {A} {F}\n", "released.lock:2:1: a 1 comes after a 1", "a"),
        ("<<<<<<< HEAD\n", "released.lock:1:1: git stopped here, since two branches released at once", None),
        (f"0 a 1 {A} {F}\n", "released.lock:1:1: is no ", "a"),
        (f"01 a 1 {A} {F}\n", "released.lock:1:1: is no ", "a"),
        (f"2000000000 a 1 {A} {F}\n", "released.lock:1:1: is no ", "a"),
        (f"1 a/b 1 {A} {F}\n", "released.lock:1:1: is no ", None),
        (f"1 a 1 {A[1:]} {F}\n", "released.lock:1:1: is no ", "a"),
        (f"1  a 1 {A} {F}\n", "released.lock:1:1: is no ", "a"),
        (f"# x\n1 a 1 {A} {F}", "released.lock:2:1: the last line has no end", None),
    ],
)
def test_unsound_lines(tmp_path: Path, text: str, row: str, topic: str | None) -> None:
    (broken,) = read(tmp_path, text).broken
    assert str(broken).startswith(row)
    assert broken.topic == topic


def test_good_lines_stand_beside_bad_ones(tmp_path: Path) -> None:
    lock = read(tmp_path, f"garbage\n1 a 1 {A} {F}\n2 b 1 {A} {F}\n3 c 1 {B} {F}\n")
    assert [line.topic for line in lock.lines] == ["a", "c"]
    assert [row.line for row in lock.broken] == [1, 3]


def test_ids_without_a_release_are_far_from_those_with_one() -> None:
    first = passing_id(A, ())
    assert first == passing_id(A, (1, 2)), "the text's own, in every process"
    assert first != passing_id(B, ())
    assert passing_id(A, (first,)) not in (first, passing_id(B, ()))
    last = f"{147_483_647:016x}" + "0" * 48
    for text in ("0" * 64, "f" * 64, last):
        assert 2_000_000_000 <= passing_id(text, ()) < 2**31
        assert 2_000_000_000 <= passing_id(text, (passing_id(text, ()),)) < 2**31


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LOCK).write_bytes(content)
    assert read_lock(tmp_path).lines == ()
