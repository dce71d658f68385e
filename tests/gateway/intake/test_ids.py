"""UUIDv7: the version and variant bits, the time in front, sorted, and no two alike."""

import re
from time import time_ns
from uuid import RFC_4122, UUID

import pytest

from tidegate_gateway.intake.ids import Uuid7, uuid7


def test_it_is_a_uuid_of_version_7() -> None:
    for _ in range(200):
        text = uuid7()
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)
        parsed = UUID(text)
        assert (parsed.version, parsed.variant) == (7, RFC_4122)


def test_its_first_48_bits_are_the_milliseconds_since_1970() -> None:
    before = time_ns() // 1_000_000
    ms = UUID(Uuid7()()).int >> 80
    assert before <= ms <= time_ns() // 1_000_000


@pytest.mark.parametrize("noise", [b"\x00" * 10, b"\xff" * 10])
def test_the_noise_never_reaches_the_fixed_bits(noise: bytes) -> None:
    make = Uuid7(clock_ns=lambda: 0x0123456789AB * 1_000_000, random=lambda _: noise)
    first = "01234567-89ab-7fff-9fff-ffffffffffff" if noise[0] else "01234567-89ab-7000-8000-000000000000"
    assert make() == first
    for _ in range(1000):
        parsed = UUID(make())
        assert (parsed.version, parsed.variant, parsed.int >> 80) == (7, RFC_4122, 0x0123456789AB)


def test_ids_sort_in_the_order_they_were_made_also_when_the_clock_steps_back() -> None:
    times = iter([5, 5, 5, 6, 3, 3, 6, 7, *[7] * 2000])
    make = Uuid7(clock_ns=lambda: next(times) * 1_000_000)
    texts = [make() for _ in range(2000)]
    assert texts == sorted(texts)
    assert len(set(texts)) == len(texts)


def test_a_millisecond_that_is_full_takes_from_the_next() -> None:
    make = Uuid7(clock_ns=lambda: 1_000_000, random=lambda n: b"\xff" * n)
    make._low = 0xBFFF_FFFF_FFFF_FFFF
    assert UUID(make()).int >> 80 == 1
    make._low = 0xBFFF_FFFF_FFFF_FFFF
    text = make()
    assert UUID(text).int >> 80 == 2
    assert UUID(text).version == 7


def test_no_two_are_alike() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000
