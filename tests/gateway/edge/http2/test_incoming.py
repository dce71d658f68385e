"""Frames out of bytes, however they come."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.edge.http2.conftest import HELLO, frame, padded

from tidegate_gateway.edge.http2.fields import MAX_BLOCK_BYTES
from tidegate_gateway.edge.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITIZED,
    SETTINGS,
    ErrorCode,
    Violated,
)
from tidegate_gateway.edge.http2.incoming import DEPENDS_ON_ITSELF, Frame, FrameReader


def read(data: bytes, *, step: int = 1_000_000) -> list[Frame]:
    reader, found = FrameReader(), []
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step])
        while (one := reader.next()) is not None:
            found.append(one)
    return found


SESSION = [
    frame(HEADERS, 0, 1, b"begin"), frame(CONTINUATION, 0, 1, b" and "), frame(CONTINUATION, END_HEADERS, 1, b"end"),
    frame(DATA, PADDED, 1, padded(b"body", 3)), frame(PING, 0, 0, b"12345678"), frame(0x55, 3, 9, b"?"), frame(DATA, END_STREAM, 1),
]  # fmt: skip
READ = [
    (SETTINGS, 0, 0, b""), (HEADERS, END_HEADERS, 1, b"begin and end"), (DATA, PADDED, 1, padded(b"body", 3)), (PING, 0, 0, b"12345678"),
    (0x55, 3, 9, b"?"), (DATA, END_STREAM, 1, b""),
]  # fmt: skip


@given(st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_it_does_not_matter_how_the_bytes_come(step: int) -> None:
    assert read(HELLO + b"".join(SESSION), step=step) == READ


def test_nothing_is_read_before_the_preface_is_whole() -> None:
    reader = FrameReader()
    reader.feed(HELLO[:23])
    assert reader.next() is None
    assert not reader.greeted
    reader.feed(HELLO[23:])
    assert reader.next() == (SETTINGS, 0, 0, b"")
    assert reader.greeted


@pytest.mark.parametrize("at", range(len(PREFACE)))
def test_a_wrong_byte_of_the_preface_is_seen_at_once(at: int) -> None:
    with pytest.raises(Violated) as caught:
        FrameReader().feed(PREFACE[:at] + b"\0")
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize(
    ("flags", "payload", "block", "more"),
    [
        (END_HEADERS, b"block", b"block", 0),
        (END_HEADERS | PADDED, padded(b"block", 9), b"block", 0),
        (END_HEADERS | PRIORITIZED, b"\0\0\0\3\xffblock", b"block", 0),
        (END_HEADERS | PRIORITIZED, b"\x80\0\0\1\xffblock", b"block", DEPENDS_ON_ITSELF),
        (END_HEADERS | PADDED | PRIORITIZED, padded(b"\0\0\0\0\xff", 2), b"", 0),
    ],
)
def test_a_block_without_what_is_around_it(flags: int, payload: bytes, block: bytes, more: int) -> None:
    assert read(HELLO + frame(HEADERS, flags, 1, payload))[1:] == [(HEADERS, flags | more, 1, block)]


def test_the_end_of_a_stream_is_the_heads_to_say() -> None:
    """6.10: CONTINUATION has no END_STREAM."""
    pieces = frame(HEADERS, END_STREAM, 1, b"a") + frame(CONTINUATION, END_HEADERS | END_STREAM, 1, b"b")
    assert read(HELLO + pieces)[1:] == [(HEADERS, END_STREAM | END_HEADERS, 1, b"ab")]
    pieces = frame(HEADERS, 0, 1, b"a") + frame(CONTINUATION, END_HEADERS | END_STREAM, 1, b"b")
    assert read(HELLO + pieces)[1:] == [(HEADERS, END_HEADERS, 1, b"ab")]


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([frame(CONTINUATION, END_HEADERS, 1)], ErrorCode.PROTOCOL_ERROR),
        ([frame(HEADERS, 0, 1), frame(CONTINUATION, END_HEADERS, 3)], ErrorCode.PROTOCOL_ERROR),
        ([frame(HEADERS, 0, 1), frame(DATA, 0, 1)], ErrorCode.PROTOCOL_ERROR),
        ([frame(HEADERS, END_HEADERS, 0)], ErrorCode.PROTOCOL_ERROR),
        ([frame(HEADERS, END_HEADERS, 2)], ErrorCode.PROTOCOL_ERROR),
        ([frame(HEADERS, END_HEADERS | PADDED, 1, b"\x01")], ErrorCode.PROTOCOL_ERROR),
        ([frame(HEADERS, END_HEADERS | PRIORITIZED, 1, bytes(4))], ErrorCode.FRAME_SIZE_ERROR),
        ([frame(DATA, 0, 1, bytes(16_385))], ErrorCode.FRAME_SIZE_ERROR),
        ([frame(HEADERS, 0, 1), *[frame(CONTINUATION, 0, 1)] * 33], ErrorCode.ENHANCE_YOUR_CALM),
        ([frame(HEADERS, 0, 1, bytes(16_384)), *[frame(CONTINUATION, 0, 1, bytes(16_384))] * (MAX_BLOCK_BYTES // 16_384)], ErrorCode.ENHANCE_YOUR_CALM),
        ([frame(SETTINGS, 0, 1)], ErrorCode.PROTOCOL_ERROR),
        ([frame(PING, 0, 1, bytes(8))], ErrorCode.PROTOCOL_ERROR),
        ([frame(GOAWAY, 0, 1, bytes(8))], ErrorCode.PROTOCOL_ERROR),
        ([frame(PING, ACK, 0, bytes(7))], ErrorCode.FRAME_SIZE_ERROR),
        ([frame(GOAWAY, 0, 0, bytes(7))], ErrorCode.FRAME_SIZE_ERROR),
    ],
)  # fmt: skip
def test_frames_that_end_the_connection(frames: list[bytes], code: ErrorCode) -> None:
    with pytest.raises(Violated) as caught:
        read(HELLO + b"".join(frames))
    assert (caught.value.code, caught.value.stream) == (code, 0)


def test_a_frame_of_the_most_and_a_goaway_with_words_are_none() -> None:
    words = frame(GOAWAY, 0, 0, bytes(8) + b"words")
    assert [len(one[3]) for one in read(HELLO + frame(DATA, 0, 1, bytes(16_384)) + words)] == [0, 16_384, 13]


def test_what_is_kept_is_one_frame_and_what_came_behind_it() -> None:
    reader = FrameReader()
    reader.feed(HELLO)
    for _ in range(100):
        reader.feed(frame(PING, 0, 0, bytes(8)))
        while reader.next() is not None:
            pass
    assert len(reader._data) <= 17
