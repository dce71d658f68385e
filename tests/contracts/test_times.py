"""RFC 3339 date-times as instants."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.contracts.times import event_time_ms, instant_us


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-01-31T12:00:00+02:00", 1769853600_000000),
        ("2026-01-31T12:00:00.120000000-05:30", 1769880600_120000),
        ("0001-01-01T00:00:00Z", -62135596800_000000),
    ],
)
def test_an_instant(text: str, us: int) -> None:
    assert instant_us(text, 9) == us


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-01-31t12:00:00Z",
        "2026-01-31T12:00:00z",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T24:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T12:00:00+0200",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+02:60",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00,5Z",
        "20260131T120000Z",
        "2026-W05-6T12:00:00Z",
        "٢٠٢٦-01-31T12:00:00Z",
        " 2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00Z\n",
        "",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        instant_us(text)


def test_more_digits_than_the_unit_holds() -> None:
    assert instant_us("2026-01-31T12:00:00.1230Z", 3) % 1_000_000 == 123000
    with pytest.raises(ValueError, match="more than 3 digits"):
        instant_us("2026-01-31T12:00:00.1234Z", 3)
    assert instant_us("1970-01-01T00:00:00.0010000000000Z", 3) == 1000
    with pytest.raises(ValueError, match="more than 9 digits"):
        instant_us("2026-01-31T12:00:00.1234567891Z", 9)
    assert event_time_ms("1970-01-01T00:00:00.001999999Z") == 1


@given(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),  # noqa: DTZ001 -- Hypothesis wants naive bounds
    st.integers(-14 * 60, 14 * 60),
)
@settings(max_examples=200)
def test_every_datetime_in_every_offset(moment: datetime, offset_minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    exact = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert instant_us(aware.isoformat()) == exact
