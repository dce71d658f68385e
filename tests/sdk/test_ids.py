"""Ids of events: UUIDv7."""

import time
from uuid import UUID

from tidegate.ids import uuid7


def test_ids_are_uuids_of_version_7_that_tell_their_time() -> None:
    before = time.time_ns() // 1_000_000
    made = [UUID(uuid7()) for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {made[0].variant}
    assert all(before <= one.int >> 80 <= after for one in made)
    assert len(set(made)) == 1000
