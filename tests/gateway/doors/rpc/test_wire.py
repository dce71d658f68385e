"""Counting fields without decoding agrees with the decoder."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.doors.rpc.wire import count_fields


@given(st.lists(st.binary(max_size=200), max_size=20), st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_it_counts_what_the_decoder_finds(values: list[bytes], topic: str) -> None:
    body = pb.PublishRequest(topic=topic, events=[pb.Event(data=value) for value in values]).SerializeToString()
    assert count_fields(body, 2, 1_000) == len(pb.PublishRequest.FromString(body).events) == len(values)


@given(st.binary(max_size=100))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_it_raise_or_count_too_little(body: bytes) -> None:
    counted = count_fields(body, 2, 1_000)
    try:
        found = len(pb.PublishRequest.FromString(body).events)
    except Exception:
        return
    assert counted == found or counted == -1


def test_it_stops_at_the_most() -> None:
    assert count_fields(b"\x12\x00" * 1_000_000, 2, 11) == 11


def test_other_fields_are_stepped_over() -> None:
    others = b"\x08\x96\x01" + b"\x11" + b"\x00" * 8 + b"\x1d" + b"\x00" * 4 + b"\x92\x00\x00"
    assert count_fields(others + b"\x12\x01\x00", 2, 10) == 2  # a tag may take more bytes than it needs


@pytest.mark.parametrize("body", [b"\x13\x14\x12\x00", b"\x16", b"\x17"])
def test_what_cannot_be_stepped_over(body: bytes) -> None:
    assert count_fields(body, 2, 10) == -1


@pytest.mark.parametrize(
    "other", [b"\x18\x00", b"\x1a\x00", b"\x0a\x00", b"\x98\x80\x80\x80\x80\x80\x80\x80\x80\x00\x00"]
)
def test_millions_of_other_fields_are_not_stepped_over(other: bytes) -> None:
    """Eight megabytes of them held the event loop for three seconds, and the decoder takes them in milliseconds."""
    assert count_fields(other * 1_000 + b"\x12\x00", 2, 10) == 1
    assert count_fields(other * 1_001 + b"\x12\x00", 2, 10) == -1
