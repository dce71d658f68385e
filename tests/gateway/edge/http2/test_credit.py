"""How much a peer may send: nothing is lost of the connection's credit, and nothing is credited twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.edge.http2.conftest import Peer, Sent, frame, padded, reset_by, reset_of, sent_in, window

from tidegate_gateway.edge.http2.credit import Credit
from tidegate_gateway.edge.http2.fields import Block
from tidegate_gateway.edge.http2.frames import DATA, END_STREAM, PADDED, SETTINGS, WINDOW_UPDATE, ErrorCode, Violated
from tidegate_gateway.edge.http2.streams import FIRST_WINDOW, Stream

KNOWN_WINDOW, WIDE_WINDOW = 4_194_304, 1_048_576


def arrived(credit: Credit, stream: Stream, size_bytes: int) -> None:
    credit.arrived(size_bytes)
    credit.arrived_of(stream, size_bytes)


def updates(out: list[bytes]) -> list[tuple[int, int]]:
    """The (stream, bytes) of the WINDOW_UPDATE frames, which are taken out."""
    found = [(one.stream, one.number) for one in sent_in(b"".join(out)) if one.kind == WINDOW_UPDATE]
    out.clear()
    return found


def test_what_is_not_read_is_not_credited() -> None:
    out: list[bytes] = []
    credit, stream = Credit(out), Stream(1, Block(), FIRST_WINDOW)
    arrived(credit, stream, FIRST_WINDOW)
    assert updates(out) == []
    with pytest.raises(Violated) as caught:
        credit.arrived(1)
    assert (caught.value.code, caught.value.stream) == (ErrorCode.FLOW_CONTROL_ERROR, 0)


def test_what_is_read_is_credited_once_half_of_a_window_is() -> None:
    out: list[bytes] = []
    credit, stream = Credit(out), Stream(1, Block(), FIRST_WINDOW)
    arrived(credit, stream, 40_000)
    credit.read(stream, 32_767)
    assert updates(out) == []
    credit.read(stream, 1)
    assert updates(out) == [(1, 32_768), (0, 32_768)]
    assert (stream.unread_bytes, stream.receive_window) == (7_232, FIRST_WINDOW - 40_000 + 32_768)


def test_nothing_is_credited_twice() -> None:
    out: list[bytes] = []
    credit, stream = Credit(out), Stream(1, Block(), FIRST_WINDOW)
    arrived(credit, stream, 40_000)
    credit.read(stream, 100_000)
    credit.read(stream, 100_000)
    credit.forget(stream)
    assert updates(out) == [(1, 40_000), (0, 40_000)]


def test_more_than_a_streams_window_is_the_streams_fault() -> None:
    credit, stream = Credit([]), Stream(5, Block(), FIRST_WINDOW)
    credit.know(())
    with pytest.raises(Violated) as caught:
        arrived(credit, stream, FIRST_WINDOW + 1)
    assert (caught.value.code, caught.value.stream) == (ErrorCode.FLOW_CONTROL_ERROR, 5)


def test_a_known_peer_has_wide_windows_and_so_have_its_open_streams() -> None:
    """By SETTINGS (6.9.2), so that a producer far away sends a batch in one go."""
    peer = Peer(known=False)
    before = peer.opened(1)
    peer.say(frame(DATA, 0, 1, bytes(1_000)))
    peer.connection.know()
    peer.connection.know()
    assert peer.heard() == [
        Sent(SETTINGS, 0, 0, bytes.fromhex("0004 00100000")),
        Sent(WINDOW_UPDATE, 0, 0, (KNOWN_WINDOW - FIRST_WINDOW).to_bytes(4, "big")),
    ]
    after = peer.opened(3)
    assert (before.window, before.receive_window) == (WIDE_WINDOW, WIDE_WINDOW - 1_000)
    assert (after.window, after.receive_window) == (WIDE_WINDOW, WIDE_WINDOW)
    peer.say(*[frame(DATA, 0, 3, bytes(16_384))] * 64)
    peer.connection.read(after, WIDE_WINDOW // 2)
    assert peer.heard() == []
    peer.connection.read(after, 1)
    assert updates_of(peer.heard()) == [(3, WIDE_WINDOW // 2 + 1)]


def updates_of(said: list[Sent]) -> list[tuple[int, int]]:
    return [(one.stream, one.number) for one in said if one.kind == WINDOW_UPDATE]


def test_a_stream_that_has_ended_gets_no_window() -> None:
    out: list[bytes] = []
    credit, stream = Credit(out), Stream(1, Block(), FIRST_WINDOW)
    arrived(credit, stream, 60_000)
    stream.ended = True
    credit.read(stream, 60_000)
    assert updates(out) == [(0, 60_000)]


def test_a_stream_that_is_over_gets_no_window() -> None:
    """5.1: its owner may still take what had arrived."""
    peer = Peer()
    stream = peer.opened(1)
    peer.say(*[frame(DATA, 0, 1, bytes(16_384))] * 64)  # a window full
    peer.say(reset_of(1))
    peer.connection.read(stream, WIDE_WINDOW)
    assert peer.heard() == []


def test_a_stream_that_is_over_holds_nobody_back() -> None:
    out: list[bytes] = []
    credit, stream = Credit(out), Stream(1, Block(), FIRST_WINDOW)
    arrived(credit, stream, 50_000)
    credit.forget(stream)
    credit.forget(stream)
    assert updates(out) == [(0, 50_000)]


def test_padding_is_credited_at_once_and_the_body_when_it_is_read() -> None:
    """6.9.1: the whole payload counts, the padding and its length too."""
    peer = Peer(known=False)
    stream = peer.opened(1)
    peer.say(frame(DATA, PADDED, 1, padded(b"x" * 1_000, 255)))
    assert (stream.unread_bytes, stream.credit_bytes) == (1_000, 256)
    peer.connection.read(stream, 1_000)
    assert (stream.unread_bytes, stream.credit_bytes) == (0, 1_256)


def test_what_somebody_waits_for_is_credited_at_once() -> None:
    peer = Peer(known=False)
    stream = peer.opened(1)
    stream.receiving = True
    said = peer.say(*[frame(DATA, 0, 1, bytes(16_000))] * 3)
    assert said == [
        Sent(WINDOW_UPDATE, 0, 1, (48_000).to_bytes(4, "big")),
        Sent(WINDOW_UPDATE, 0, 0, (48_000).to_bytes(4, "big")),
    ]


def test_a_window_that_is_passed_by_wrong_data_is_credited_to_the_connection() -> None:
    peer = Peer()
    stream = peer.opened(1)
    said = peer.say(*[frame(DATA, 0, 1, bytes(16_000))] * 66)
    assert reset_by(said, 1, ErrorCode.FLOW_CONTROL_ERROR)
    assert stream.unread_bytes == 0
    assert peer.connection._credit._owed_bytes == 66 * 16_000


DATA_OF_ANY_KIND = st.tuples(
    st.sampled_from([1, 3, 5, 7, 9]),  # 9 is refused
    st.integers(0, 3_000),
    st.integers(-1, 255),  # padding
    st.booleans(),
)
DEEDS = st.one_of(
    DATA_OF_ANY_KIND.map(lambda one: ("data", *one)),
    st.tuples(st.just("read"), st.sampled_from([1, 3, 5, 7]), st.integers(0, 5_000)),
    st.tuples(st.just("wait"), st.sampled_from([1, 3, 5, 7])),
    st.tuples(st.just("answer"), st.sampled_from([1, 3, 5, 7])),
    st.tuples(st.just("reset"), st.sampled_from([1, 3, 5, 7])),
    st.tuples(st.just("end"), st.sampled_from([1, 3, 5, 7])),
    st.tuples(st.just("window of nothing"), st.sampled_from([1, 3, 5, 7])),
)


@given(st.lists(DEEDS, max_size=60), st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_connections_credit_comes_back_whole(deeds: list[tuple[object, ...]], known: bool) -> None:
    """Whatever becomes of the streams: once all are over, the peer may send what it could at first, but for what is not worth a frame."""
    peer = Peer(known=known)
    streams = [peer.opened(number) for number in (1, 3, 5, 7)]
    peer.say(peer.head(9))
    credit = peer.connection._credit
    whole_bytes = credit._receive_window + credit._owed_bytes
    for what, number, *more in deeds:
        assert isinstance(number, int)
        stream = streams[number // 2] if number < 9 else None
        if what == "data":
            size, padding, ends = more
            payload, flags = (padded(bytes(size), padding), PADDED) if padding >= 0 else (bytes(size), 0)
            peer.say(frame(DATA, flags | (END_STREAM if ends else 0), number, payload))
        elif what == "read":
            peer.connection.read(stream, more[0])
        elif what == "wait":
            stream.receiving = True
        elif what == "answer":
            peer.connection.send_end(stream, b"\x88")
        elif what == "reset":
            peer.connection.reset(number, ErrorCode.CANCEL)
        elif what == "end":
            peer.say(reset_of(number))
        else:
            peer.say(window(number, 0))
        assert not peer.connection.over
        assert credit._receive_window >= 0
    for stream in streams:
        if stream.id in peer.connection.streams:
            peer.connection.reset(stream.id, ErrorCode.CANCEL)
    assert credit._receive_window + credit._owed_bytes == whole_bytes
    assert credit._owed_bytes <= credit._window // 2
