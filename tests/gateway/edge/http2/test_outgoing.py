"""What leaves: within the peer's windows and frame size, in turns, and nothing of it lost."""

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.edge.http2.conftest import Peer, Sent, sent_in, setting, window

from tidegate_gateway.edge.http2.fields import Block
from tidegate_gateway.edge.http2.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    MAX_WINDOW,
    RST_STREAM,
    ErrorCode,
    Violated,
)
from tidegate_gateway.edge.http2.outgoing import Outgoing
from tidegate_gateway.edge.http2.streams import FIRST_WINDOW, Stream


def heard(outgoing: Outgoing) -> list[Sent]:
    said = sent_in(b"".join(outgoing.out))
    outgoing.out.clear()
    return said


def sized(said: list[Sent]) -> list[tuple[int, int]]:
    """The (stream, bytes) of each piece."""
    assert {one.kind for one in said} <= {DATA}
    return [(one.stream, len(one.payload)) for one in said]


def test_a_long_block_takes_as_many_frames_as_it_needs() -> None:
    outgoing = Outgoing()
    outgoing.end(1, bytes(40_000))
    assert [(one.kind, one.flags, len(one.payload)) for one in heard(outgoing)] == [
        (HEADERS, END_STREAM, 16_384),
        (CONTINUATION, 0, 16_384),
        (CONTINUATION, END_HEADERS, 7_232),
    ]
    outgoing.head(1, bytes(32_768))
    assert [(one.kind, one.flags, len(one.payload)) for one in heard(outgoing)] == [
        (HEADERS, 0, 16_384),
        (CONTINUATION, END_HEADERS, 16_384),
    ]
    outgoing.head(1, bytes(16_384))
    assert [(one.kind, one.flags) for one in heard(outgoing)] == [(HEADERS, END_HEADERS)]


def test_pieces_keep_to_the_frame_size() -> None:
    outgoing, stream = Outgoing(), Stream(1, Block(), FIRST_WINDOW)
    outgoing.data(stream, bytes(40_000))
    assert sized(heard(outgoing)) == [(1, 16_384), (1, 16_384), (1, 7_232)]
    assert (stream.send_window, outgoing.window, stream.outbox) == (25_535, 25_535, None)


def test_what_a_streams_window_has_no_room_for_waits() -> None:
    outgoing, stream = Outgoing(), Stream(1, Block(), 10)
    outgoing.data(stream, bytes(15))
    outgoing.data(stream, bytes(5))  # behind it, though there were room
    assert sized(heard(outgoing)) == [(1, 10)]
    assert not outgoing.grow_of(stream, 4)
    assert outgoing.grow_of(stream, 6)
    assert sized(heard(outgoing)) == [(1, 4), (1, 6)]
    assert stream.outbox is None


def test_the_connections_window_holds_back_all_streams_which_then_take_turns() -> None:
    outgoing = Outgoing()
    outgoing.window = 0
    streams = [Stream(number, Block(), FIRST_WINDOW) for number in (1, 3, 5)]
    for stream in streams:
        outgoing.data(stream, bytes(10))
    assert heard(outgoing) == []
    for _ in range(3):
        outgoing.grow(4)
        assert outgoing.unblock() == []
    assert sized(heard(outgoing)) == [(1, 4), (3, 4), (5, 4)]
    outgoing.grow(100)
    assert outgoing.unblock() == streams
    assert outgoing.window == 82
    assert outgoing.unblock() == []


def test_a_stream_whose_own_window_is_full_holds_back_no_other() -> None:
    outgoing = Outgoing()
    outgoing.window = 0
    full, other = Stream(1, Block(), 0), Stream(3, Block(), 100)
    outgoing.data(full, bytes(10))
    outgoing.data(other, bytes(10))
    outgoing.grow(50)
    assert outgoing.unblock() == [other]
    assert sized(heard(outgoing)) == [(3, 10)]


def test_of_a_stream_that_is_over_nothing_leaves() -> None:
    outgoing, stream = Outgoing(), Stream(1, Block(), 2)
    outgoing.data(stream, bytes(10))
    outgoing.forget(stream)
    heard(outgoing)
    assert not outgoing.grow_of(stream, 100)
    outgoing.grow(100)
    assert outgoing.unblock() == []
    assert heard(outgoing) == []


@pytest.mark.parametrize(("more", "code"), [(0, ErrorCode.PROTOCOL_ERROR), (MAX_WINDOW, ErrorCode.FLOW_CONTROL_ERROR)])
def test_windows_that_do_not_grow_or_grow_past_all(more: int, code: ErrorCode) -> None:
    """6.9 and 6.9.1: a stream's ends the stream, the connection's all."""
    outgoing = Outgoing()
    with pytest.raises(Violated) as caught:
        outgoing.grow(more)
    assert (caught.value.code, caught.value.stream) == (code, 0)
    with pytest.raises(Violated) as caught:
        outgoing.grow_of(Stream(7, Block(), FIRST_WINDOW), more)
    assert (caught.value.code, caught.value.stream) == (code, 7)


def test_a_window_may_be_as_large_as_it_may() -> None:
    outgoing, stream = Outgoing(), Stream(1, Block(), FIRST_WINDOW)
    outgoing.grow(MAX_WINDOW - FIRST_WINDOW)
    outgoing.grow_of(stream, MAX_WINDOW - FIRST_WINDOW)
    assert outgoing.window == stream.send_window == MAX_WINDOW


def test_settings_move_every_streams_window_and_not_the_connections() -> None:
    """6.9.2."""
    outgoing = Outgoing()
    full, half = Stream(1, Block(), 0), Stream(3, Block(), 30_000)
    outgoing.resize(10_000, (full, half))
    assert (full.send_window, half.send_window) == (-55_535, -25_535)
    outgoing.resize(FIRST_WINDOW, (full, half))
    assert (full.send_window, half.send_window, outgoing.window) == (0, 30_000, FIRST_WINDOW)


@pytest.mark.parametrize("sizes", [(0,), (100,), (100, 0), (0, 4_096), (100, 50, 65_536), (4_096, 4_095)])
def test_a_decoder_that_insists_on_its_smaller_table_is_content(sizes: tuple[int, ...]) -> None:
    """hpack's does, as nghttp2's (Node, curl, Envoy): without the word it ends the connection."""
    outgoing, decoder = Outgoing(), hpack.Decoder()
    for size in sizes:
        outgoing.shrink_table(size)
        decoder.max_allowed_table_size = min(size, decoder.max_allowed_table_size)
    for _ in range(2):
        outgoing.end(1, b"\x88")
        assert [tuple(one) for one in decoder.decode(heard(outgoing)[0].payload, raw=True)] == [(b":status", b"200")]
    untold = hpack.Decoder()
    untold.max_allowed_table_size = min(sizes)
    with pytest.raises(hpack.InvalidTableSizeError):
        untold.decode(b"\x88")


def test_nothing_of_nothing_waits_for_ever() -> None:
    outgoing, stream = Outgoing(), Stream(1, Block(), -5)
    outgoing.data(stream, b"")
    assert stream.outbox is None
    assert heard(outgoing) == []


def test_heads_and_pieces_are_something_said() -> None:
    outgoing = Outgoing()
    assert not outgoing.said_something
    outgoing.head(1, b"")
    assert outgoing.said_something


DEEDS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from([1, 3, 5]), st.integers(1, 400)),
    st.tuples(st.just("grow"), st.sampled_from([0, 1, 3, 5]), st.integers(1, 300)),
    st.tuples(st.just("resize"), st.just(0), st.integers(0, 300)),
    st.tuples(st.just("end"), st.sampled_from([1, 3, 5]), st.just(0)),
)


@given(st.lists(DEEDS, max_size=50))
@settings(max_examples=150, deadline=None)
def test_whatever_the_windows_do_all_arrives_in_its_order_and_never_past_them(
    deeds: list[tuple[str, int, int]],
) -> None:
    """The peer keeps its own books (6.9), and is the judge."""
    peer = Peer()
    peer.say(setting((4, 100)))
    streams = {number: peer.opened(number, ends=True) for number in (1, 3, 5)}
    peer.connection._outgoing.window = 250
    written, got = dict.fromkeys(streams, b""), dict.fromkeys(streams, b"")
    allowed, first = {0: 250, 1: 100, 3: 100, 5: 100}, 100
    over: set[int] = set()

    def look(said: list[Sent]) -> None:
        for one in said:
            if one.kind == DATA:
                assert one.stream not in over
                got[one.stream] += one.payload
                allowed[0] -= len(one.payload)
                allowed[one.stream] -= len(one.payload)
                assert allowed[0] >= 0
                assert allowed[one.stream] >= 0
            elif one.kind == HEADERS:
                assert one.flags == END_STREAM | END_HEADERS
                assert got[one.stream] == written[one.stream]
                over.add(one.stream)
            else:
                assert one.kind != RST_STREAM

    for what, number, size in deeds:
        if what == "write" and not streams[number].answered:
            body = bytes([len(written[number]) % 251]) * size
            written[number] += body
            peer.connection.send_data(streams[number], body)
            look(peer.heard())
        elif what == "end":
            peer.connection.send_end(streams[number], b"\x88")
            look(peer.heard())
        elif what == "grow":
            allowed[number] += size
            look(peer.say(window(number, size)))
        elif what == "resize":
            for one in streams:
                allowed[one] += size - first
            first = size
            look(peer.say(setting((4, size))))
    for number in (0, 1, 3, 5):
        allowed[number] += 100_000
        look(peer.say(window(number, 100_000)))
    assert got == written
