"""Key sets out of files and memory. URLs are judged on loopback by tests/faults."""

from pathlib import Path

import pytest

from tidegate_gateway.adapters.key_sources import MAX_KEY_SET_BYTES, FileSource, KeysUnread, MemorySource


async def test_memory_answers_what_it_holds() -> None:
    source = MemorySource(b"{}")
    assert await source.read() == b"{}"
    await source.aclose()


async def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    source = FileSource(path)
    path.write_bytes(b"old")
    assert await source.read() == b"old"
    path.write_bytes(b"new")
    assert await source.read() == b"new"
    await source.aclose()


async def test_a_file_of_the_largest_size_is_read_and_a_larger_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(b"x" * MAX_KEY_SET_BYTES)
    assert len(await FileSource(path).read()) == MAX_KEY_SET_BYTES
    path.write_bytes(b"x" * (MAX_KEY_SET_BYTES + 1))
    with pytest.raises(KeysUnread, match="larger"):
        await FileSource(path).read()


async def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(KeysUnread, match="No such file"):
        await FileSource(tmp_path / "none").read()
    with pytest.raises(KeysUnread, match="Is a directory"):
        await FileSource(tmp_path).read()
