"""The record of a spooled event: everything comes back, and a changed byte is seen."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sdk.delivery.conftest import Told

from tidegate.outgoing import Outgoing
from tidegate.spool import SpoolBound, decode_record, encode_record

KEYS = st.none() | st.text(max_size=20) | st.binary(max_size=20)


@settings(max_examples=100)
@given(
    event_id=st.text(min_size=1, max_size=40),
    body=st.binary(max_size=200),
    key=KEYS,
    lane_key=st.binary(max_size=20),
    judged=st.booleans(),
    headers=st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    time=st.none() | st.just("2026-01-01T00:00:00Z"),
    version=st.none() | st.integers(1, 1000),
    maybe_stored=st.booleans(),
)
def test_every_member_comes_back(event_id: str, body: bytes, key: str | bytes | None, **more: object) -> None:
    event = Outgoing(
        id=event_id,
        topic="t",
        body=body,
        media_type="application/json",
        size_bytes=0,
        at=5.0,
        deadline=6.0,
        on_settled=Told().settled,
        key=key,
        **more,  # type: ignore[arg-type]  # drawn above, each of its kind
    )
    back = decode_record("t", encode_record(event))
    assert back is not None
    same = (
        "id",
        "topic",
        "body",
        "media_type",
        "key",
        "lane_key",
        "judged",
        "headers",
        "time",
        "version",
        "maybe_stored",
    )
    assert [getattr(back, name) for name in same] == [getattr(event, name) for name in same]
    assert type(back.key) is type(key)
    assert back.spooled
    assert back.deadline == float("inf")


@settings(max_examples=100)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_seen(place: int, bit: int) -> None:
    event = Outgoing(
        id="e-1",
        topic="t",
        body=b'{"a":1}',
        media_type="application/json",
        size_bytes=0,
        at=0,
        deadline=1,
        on_settled=Told().settled,
    )
    record = bytearray(encode_record(event))
    record[place % len(record)] ^= 1 << bit
    assert decode_record("t", bytes(record)) is None


def test_what_is_too_short_or_of_another_shape_is_damaged() -> None:
    from zlib import crc32

    assert decode_record("t", b"") is None
    assert decode_record("t", b"abc") is None
    other = b"\x93\x01\x02\x03"
    assert decode_record("t", crc32(other).to_bytes(4, "big") + other) is None


def test_the_bound() -> None:
    assert SpoolBound(max_bytes=10).fits(4, 6)
    assert not SpoolBound(max_bytes=10).fits(5, 6)
