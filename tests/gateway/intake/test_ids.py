"""UUIDv7: the version and variant bits, the time in front, and no two alike."""

import re
from time import time_ns
from uuid import RFC_4122, UUID

import pytest

from tidegate_gateway.intake import ids
from tidegate_gateway.intake.ids import uuid7


def test_it_is_a_uuid_of_version_7() -> None:
    for _ in range(200):
        text = uuid7()
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)
        parsed = UUID(text)
        assert (parsed.version, parsed.variant) == (7, RFC_4122)


def test_its_first_48_bits_are_the_milliseconds_since_1970() -> None:
    before = time_ns() // 1_000_000
    ms = UUID(uuid7()).int >> 80
    assert before <= ms <= time_ns() // 1_000_000


def test_ids_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    for ms in (0, 1, 255, 65_536, 1_800_000_000_000, 2**48 - 1):
        monkeypatch.setattr(ids, "time_ns", lambda ms=ms: ms * 1_000_000)
        texts.append(uuid7())
    assert texts == sorted(texts)


@pytest.mark.parametrize("noise", [b"\x00" * 10, b"\xff" * 10])
def test_the_noise_never_reaches_the_fixed_bits(noise: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", lambda _: noise)
    monkeypatch.setattr(ids, "time_ns", lambda: 0x0123456789AB * 1_000_000)
    filled = "f" if noise[0] else "0"
    variant = "b" if noise[0] else "8"
    assert uuid7() == f"01234567-89ab-7{filled * 3}-{variant}{filled * 3}-{filled * 12}"


def test_no_two_are_alike() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000
