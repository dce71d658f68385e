"""Files that change are seen, however they were swapped; when to read them is decided without a clock."""

import os
from pathlib import Path

import pytest

from tidegate_gateway.file_changes import MOST_UNSETTLED, Changes, look


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "contracts" / "deep").mkdir(parents=True)
    (tmp_path / "contracts" / "a.yaml").write_text("one")
    (tmp_path / "contracts" / "deep" / "b.avsc").write_text("two")
    return tmp_path


def test_every_kind_of_change_is_seen(folder: Path) -> None:
    paths = (folder / "contracts", folder / "keys.json")
    seen = [look(paths)]
    assert look(paths) == seen[0]
    same_size_and_time = folder / "contracts" / "a.yaml"
    before = same_size_and_time.stat()
    same_size_and_time.write_text("eno")
    os.utime(same_size_and_time, ns=(before.st_atime_ns, before.st_mtime_ns))
    seen.append(look(paths))
    (folder / "contracts" / "deep" / "b.avsc").rename(folder / "contracts" / "deep" / "c.avsc")
    seen.append(look(paths))
    (folder / "keys.json").write_text("{}")
    seen.append(look(paths))
    (folder / "contracts" / "a.yaml").unlink()
    seen.append(look(paths))
    assert len(set(seen)) == len(seen)


def test_a_config_map_is_swapped_by_a_link_outside_of_its_files(tmp_path: Path) -> None:
    """What kubelet does: files are links through `..data`, which is renamed over."""
    for name, text in (("..one", "v1"), ("..two", "v2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    before = look((tmp_path,))
    (tmp_path / "..new").symlink_to("..two")
    (tmp_path / "..new").replace(tmp_path / "..data")
    assert look((tmp_path,)) != before


def test_hidden_files_do_not_count(folder: Path) -> None:
    before = look((folder / "contracts",))
    (folder / "contracts" / ".a.yaml.swp").write_text("x")
    assert look((folder / "contracts",)) == before


def test_links_in_a_circle_and_paths_that_are_away_end(folder: Path) -> None:
    (folder / "contracts" / "deep" / "round").symlink_to(folder / "contracts")
    (folder / "contracts" / "nowhere").symlink_to(folder / "gone")
    assert look((folder / "contracts", folder / "none")) == look((folder / "contracts", folder / "none"))


def test_it_is_read_once_the_files_stay_as_they_are() -> None:
    changes = Changes(b"a")
    assert not changes.due(b"a")
    assert not changes.settling
    assert not changes.due(b"b")
    assert changes.settling
    assert not changes.due(b"c")
    assert changes.due(b"c")
    changes.were_read(b"c")
    assert not changes.settling
    assert not changes.due(b"c")


def test_what_was_undone_is_not_read() -> None:
    changes = Changes(b"a")
    assert not changes.due(b"b")
    assert not changes.due(b"a")
    assert not changes.settling


def test_files_that_never_rest_are_read_in_the_end() -> None:
    changes = Changes(b"")
    looks = [changes.due(bytes([number])) for number in range(1, MOST_UNSETTLED + 1)]
    assert looks == [*[False] * (MOST_UNSETTLED - 1), True]
