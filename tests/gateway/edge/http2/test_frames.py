"""Frames and settings as bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.edge.http2.conftest import padded, sent_in

from tidegate_gateway.edge.http2.frames import (
    GOAWAY,
    HEAD_BYTES,
    PADDED,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    ErrorCode,
    Setting,
    Violated,
    depends_on_itself,
    frame,
    goaway,
    number_in,
    read_head,
    reset,
    settings_in,
    unpadded,
    window_update,
)
from tidegate_gateway.edge.http2.frames import settings as settings_of


@given(
    st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**31 - 1), st.binary(max_size=300), st.binary(max_size=5)
)
@settings(max_examples=100, deadline=None)
def test_a_frame_is_read_as_it_was_written(kind: int, flags: int, stream: int, payload: bytes, before: bytes) -> None:
    sent = frame(kind, flags, stream, payload)
    assert read_head(before + sent, len(before)) == (len(payload), kind, flags, stream)
    assert sent[HEAD_BYTES:] == payload


def test_codes_and_settings_have_the_numbers_of_the_registry() -> None:
    """Sections 6.5.2 and 7."""
    assert [code.name for code in sorted(ErrorCode)] == [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
        "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ]  # fmt: skip
    assert [int(code) for code in sorted(ErrorCode)] == list(range(14))
    assert [name.name for name in sorted(Setting)] == [
        "HEADER_TABLE_SIZE", "ENABLE_PUSH", "MAX_CONCURRENT_STREAMS", "INITIAL_WINDOW_SIZE", "MAX_FRAME_SIZE", "MAX_HEADER_LIST_SIZE",
    ]  # fmt: skip
    assert [int(name) for name in sorted(Setting)] == list(range(1, 7))


@pytest.mark.parametrize(
    ("priority", "itself"),
    [(b"\0\0\0\5\xff", True), (b"\x80\0\0\5\0", True), (b"\0\0\0\3\5", False), (b"\0\0\1\5\0", False)],
)
def test_a_priority_names_its_own_stream_or_another(priority: bytes, itself: bool) -> None:
    assert depends_on_itself(5, priority) is itself


def test_the_nine_bytes() -> None:
    """4.1, by hand."""
    assert frame(6, 1, 5, b"x" * 8)[:HEAD_BYTES] == bytes.fromhex("000008 06 01 00000005")
    assert read_head(bytes.fromhex("ffffff 00 ff ffffffff"), 0) == (
        2**24 - 1,
        0,
        255,
        2**31 - 1,
    )  # the first bit means nothing


def test_the_servers_frames_by_hand() -> None:
    assert reset(3, ErrorCode.CANCEL) == bytes.fromhex("000004 03 00 00000003 00000008")
    assert window_update(0, 65_535) == bytes.fromhex("000004 08 00 00000000 0000ffff")
    assert (
        goaway(7, ErrorCode.ENHANCE_YOUR_CALM, b"why")
        == bytes.fromhex("00000b 07 00 00000000 00000007 0000000b") + b"why"
    )
    assert settings_of({Setting.MAX_CONCURRENT_STREAMS: 256}) == bytes.fromhex("000006 04 00 00000000 0003 00000100")
    assert [one.kind for one in sent_in(reset(1, ErrorCode.CANCEL) + goaway(1, ErrorCode.CANCEL) + window_update(1, 1) + settings_of({}))] == [RST_STREAM, GOAWAY, WINDOW_UPDATE, SETTINGS]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(Setting), st.integers(0, 1))))
@settings(max_examples=50, deadline=None)
def test_settings_come_in_their_order(values: list[tuple[Setting, int]]) -> None:
    values = [(name, value + 16_384 if name is Setting.MAX_FRAME_SIZE else value) for name, value in values]
    payload = b"".join(settings_of({name: value})[HEAD_BYTES:] for name, value in values)
    assert list(settings_in(payload)) == values


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("00", ErrorCode.FRAME_SIZE_ERROR),
        ("0002 00000002", ErrorCode.PROTOCOL_ERROR),
        ("0004 80000000", ErrorCode.FLOW_CONTROL_ERROR),
        ("0005 00003fff", ErrorCode.PROTOCOL_ERROR),
        ("0005 01000000", ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_settings_that_may_not_be(payload: str, code: ErrorCode) -> None:
    with pytest.raises(Violated) as caught:
        list(settings_in(bytes.fromhex(payload)))
    assert (caught.value.code, caught.value.stream) == (code, 0)


@pytest.mark.parametrize(
    "payload", ["0002 00000001", "0004 7fffffff", "0005 00004000", "0005 00ffffff", "0001 ffffffff"]
)
def test_settings_that_may_just_be(payload: str) -> None:
    assert len(list(settings_in(bytes.fromhex(payload)))) == 1


def test_unknown_settings_are_left_out() -> None:
    assert list(settings_in(bytes.fromhex("0000 ffffffff 0007 ffffffff 0008 ffffffff ffff ffffffff"))) == []


@pytest.mark.parametrize("payload", [b"", b"123", b"12345"])
def test_a_number_takes_four_bytes(payload: bytes) -> None:
    with pytest.raises(Violated) as caught:
        number_in(payload)
    assert caught.value.code is ErrorCode.FRAME_SIZE_ERROR
    assert number_in(b"\xff\0\0\1") == 0xFF00_0001


@given(st.binary(max_size=100), st.integers(0, 255))
@settings(max_examples=50, deadline=None)
def test_padding_comes_off(body: bytes, padding: int) -> None:
    assert unpadded(padded(body, padding), PADDED) == body
    assert unpadded(padded(body, padding), 0) == padded(body, padding)


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x05" + bytes(4), b"\xff" + bytes(254)])
def test_padding_past_its_frame(payload: bytes) -> None:
    with pytest.raises(Violated) as caught:
        unpadded(payload, PADDED)
    assert (caught.value.code, caught.value.stream) == (ErrorCode.PROTOCOL_ERROR, 0)
