"""The set checker finds what it is there to find: an event lost, unexpected, twice, misplaced, denied, out of order."""

import pytest
from tests.faults.checker import Found, Sent, Verdict, check


def sent(number: int, *, acknowledged: bool = True, unknown: int = 0, refused: int = 0, key: str = "k") -> Sent:
    stored = [(0, number)] if acknowledged else []
    return Sent(
        id=f"{key}-{number}", topic="t", key=key, number=number, stored=stored, unknown=unknown, refused=refused
    )


def found(number: int, offset: int | None = None, *, key: str = "k", topic: str = "t", partition: int = 0) -> Found:
    return Found(
        id=f"{key}-{number}", topic=topic, key=key, partition=partition, offset=number if offset is None else offset
    )


def wrong(verdict: Verdict) -> dict[str, tuple[str, ...]]:
    assert verdict.clean is not bool(verdict.wrong())
    return verdict.wrong()


def test_what_was_told_and_stands_is_clean() -> None:
    verdict = check([sent(0), sent(1), sent(2)], [found(0), found(1), found(2)])
    assert wrong(verdict) == {}
    assert (verdict.sent, verdict.acknowledged, verdict.found) == (3, 3, 3)


def test_lost() -> None:
    assert wrong(check([sent(0), sent(1)], [found(0)])) == {"lost": ("k-1",)}


def test_not_acknowledged_and_not_there_is_no_loss() -> None:
    assert wrong(check([sent(0, acknowledged=False, refused=1, unknown=1)], [])) == {}


@pytest.mark.parametrize("stranger", [found(7), found(0, topic="u"), Found(id="k-0", topic="t", key="other", partition=0, offset=0)])  # fmt: skip
def test_unexpected(stranger: Found) -> None:
    verdict = check([sent(0, acknowledged=False, refused=1)], [stranger])
    assert wrong(verdict) == {"unexpected": (stranger.id,)}


def test_a_second_copy_of_an_acknowledged_event() -> None:
    verdict = check([sent(0)], [found(0), found(0, 1)])
    assert wrong(verdict) == {"untrue": ("k-0",), "duplicates_acknowledged": ("k-0",)}


def test_a_second_copy_after_an_unknown_outcome_is_allowed_and_counted() -> None:
    verdict = check([sent(0, unknown=1)], [found(0), found(0, 1)])
    assert wrong(verdict) == {}
    assert verdict.duplicates_unknown == ("k-0",)
    assert verdict.late == ()


def test_more_copies_than_unknown_outcomes_allow() -> None:
    verdict = check([sent(0, unknown=1)], [found(0), found(0, 1), found(0, 2)])
    assert wrong(verdict) == {"untrue": ("k-0",)}
    assert verdict.duplicates_unknown == ("k-0", "k-0")


def test_told_not_to_be_stored_and_in_the_log() -> None:
    assert wrong(check([sent(0, acknowledged=False, refused=2)], [found(0)])) == {"untrue": ("k-0",)}


def test_a_refusal_beside_an_acknowledgement_gives_no_second_copy() -> None:
    verdict = check([sent(0, refused=1)], [found(0), found(0, 1)])
    assert wrong(verdict) == {"untrue": ("k-0",), "duplicates_acknowledged": ("k-0",)}


def test_a_receipt_that_points_elsewhere() -> None:
    assert wrong(check([sent(0)], [found(0, 5)])) == {"misplaced": ("k-0",)}
    nowhere = sent(0)
    nowhere.stored = [(0, -1)]
    assert wrong(check([nowhere], [found(0, 5)])) == {}


def test_order_of_a_key() -> None:
    events = [sent(0), sent(1), sent(2)]
    for event, offset in zip(events, (0, 2, 1), strict=True):
        event.stored = [(0, offset)]
    assert wrong(check(events, [found(0, 0), found(2, 1), found(1, 2)])) == {"disorder": ("k-1",)}


def test_keys_do_not_order_each_other() -> None:
    assert wrong(check([sent(1, key="a"), sent(0, key="b")], [found(1, 1, key="a"), found(0, 0, key="b")])) == {}


def test_a_key_in_two_partitions_has_no_order() -> None:
    elsewhere = sent(1)
    elsewhere.stored = [(1, 1)]
    assert wrong(check([sent(0), elsewhere], [found(0), found(1, partition=1)])) == {"disorder": ("k-1",)}


def test_a_late_copy_is_told_apart_from_disorder() -> None:
    verdict = check([sent(0, unknown=1), sent(1)], [found(0), found(1), found(0, 2)])
    assert wrong(verdict) == {}
    assert verdict.late == ("k-0",)
