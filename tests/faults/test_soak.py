"""What the soak calls growth, and which answers it calls wrong."""

from tests.faults.load import Attempt
from tests.faults.soak import grows, wrong_answers
from tests.faults.watch import Sample


def samples(*rss: int, descriptors: int = 50) -> list[Sample]:
    return [Sample(float(place), size, descriptors) for place, size in enumerate(rss)]


def test_flat_and_early_growth_are_well() -> None:
    assert grows(samples(*[100] * 30)) == {}
    assert grows(samples(*[50] * 10, *[100] * 10, *[105] * 10)) == {}


def test_what_still_grows_is_told() -> None:
    assert grows(samples(*[100] * 20, *[120] * 10)) == {"rss_bytes": "100 -> 120"}
    leaking = samples(*[100] * 20) + samples(*[100] * 10, descriptors=80)
    assert grows(leaking) == {"descriptors": "50 -> 80"}


def test_wrong_answers() -> None:
    good = [Attempt(0.0, 10.9, 0.0, status, 1, "", "t") for status in (200, 503, 504)]
    assert wrong_answers(good) == []
    bad = [Attempt(0.0, 0.1, 0.0, 500, 0, "internal", "t"), Attempt(0.0, 11.5, 0.0, 504, 0, "outcome_unknown", "t")]
    assert wrong_answers([*good, *bad]) == [
        "1 answers: internal",
        "1 answers past the deadline + 1 s, the longest 11.5 s",
    ]
