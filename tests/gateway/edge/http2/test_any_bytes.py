"""Whatever comes, and however it is cut: the same result, nothing raised, nothing that grows without a bound."""

import hpack
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.edge.http2.conftest import (
    GET,
    HELLO,
    POST,
    Peer,
    Sent,
    block,
    frame,
    padded,
    reset_of,
    setting,
    window,
)

from tidegate_gateway.edge.http2.connection import Connection
from tidegate_gateway.edge.http2.frames import (
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
    PRIORITY,
)
from tidegate_gateway.edge.http2.streams import FIRST_WINDOW

NUMBERS = st.sampled_from([0, 1, 1, 1, 2, 3, 3, 5, 5, 7, 9, 11, 99])
FLAGS = st.sampled_from([0, END_STREAM, END_HEADERS, END_STREAM | END_HEADERS, PADDED, PRIORITIZED | END_HEADERS, 0xFF])
BLOCKS = st.one_of(
    st.sampled_from(
        [
            block(GET),
            block(POST),
            block([*POST, (b"content-length", b"10")]),
            block([(b"a", b"b")]),
            b"\x40\x01a\x01b" + block(GET),
            hpack.Encoder().encode(POST),
            b"\x20" + block(POST),
            b"",
        ]
    ),
    st.binary(max_size=30),
)
RANDOM = st.builds(frame, st.integers(0, 12), st.integers(0, 255), NUMBERS, st.binary(max_size=40))
LIKELY = st.one_of(
    st.builds(lambda number, flags, block: frame(HEADERS, flags, number, block), NUMBERS, FLAGS, BLOCKS),
    st.builds(lambda number, block: frame(HEADERS, END_HEADERS, number, block), NUMBERS, BLOCKS),
    st.builds(lambda number, flags, block: frame(CONTINUATION, flags, number, block), NUMBERS, FLAGS, BLOCKS),
    st.builds(lambda number, flags, body: frame(DATA, flags & END_STREAM, number, body), NUMBERS, FLAGS, st.binary(max_size=50)),
    st.builds(lambda number, size: frame(DATA, PADDED, number, padded(bytes(size), 9)), NUMBERS, st.integers(0, 16_000)),
    st.builds(lambda number, on: frame(PRIORITY, 0, number, bytes([0, 0, 0, on, 0])), NUMBERS, NUMBERS),
    st.builds(reset_of, NUMBERS),
    st.builds(window, NUMBERS, st.sampled_from([0, 1, 1_000, 2**31 - 1, 2**32 - 1])),
    st.builds(lambda name, value: setting((name, value)), st.integers(0, 8), st.sampled_from([0, 1, 100, 16_384, 2**31])),
    st.builds(lambda flags: frame(PING, flags & 1, 0, b"tidegate"), FLAGS),
    st.just(frame(GOAWAY, 0, 0, bytes(8))),
)  # fmt: skip
SESSIONS = st.lists(st.one_of(LIKELY, LIKELY, LIKELY, RANDOM), max_size=40).map(lambda frames: HELLO + b"".join(frames))


def made(peer: Peer) -> tuple[object, ...]:
    """All that a connection has come to, as its socket and its streams' owners see it."""
    one = peer.connection
    return (
        one.over,
        one.greeted,
        [(stream.id, stream.ended, bytes(stream.inbox), stream.send_window, stream.receive_window) for stream in one.streams.values()],
        [stream.id for stream in peer.begun if stream.gone is None],
        one._numbers.last,
        one._credit._receive_window,
        one._outgoing.window,
        one.patience._own.left,
    )  # fmt: skip


@given(SESSIONS, st.lists(st.integers(1, 60), min_size=1, max_size=20), st.booleans())
@settings(max_examples=200, deadline=None)
def test_it_does_not_matter_how_the_bytes_are_cut(data: bytes, cuts: list[int], known: bool) -> None:
    whole, cut = Peer(greet=False, known=known), Peer(greet=False, known=known)
    said = whole.say(data)
    heard: list[Sent] = []
    at = place = 0
    while at < len(data):
        size = cuts[place % len(cuts)]
        heard += cut.say(data[at : at + size])
        at, place = at + size, place + 1
    assert heard == said
    assert made(cut) == made(whole)


@given(SESSIONS)
@settings(max_examples=40, deadline=None)
def test_nor_if_each_byte_comes_alone(data: bytes) -> None:
    whole, cut = Peer(greet=False), Peer(greet=False)
    said, heard = whole.say(data), cut.heard()
    for byte in data:
        heard += cut.say(bytes([byte]))
    assert heard == said
    assert made(cut) == made(whole)


def bounded(one: Connection, given_bytes: int) -> None:
    """What a connection keeps is bounded, whatever it was given."""
    assert len(one.streams) <= 4
    assert sum(len(stream.inbox) for stream in one.streams.values()) <= FIRST_WINDOW
    assert len(one._numbers._closed) <= 512
    assert len(one._reader._known) <= 32
    assert one._reader._known_bytes <= 65_536
    assert one._opened == []
    assert one._woken == {}
    assert set(one._outgoing._blocked) <= set(one.streams)
    assert 0 <= one._credit._owed_bytes <= one._credit._window // 2 or one.over
    assert one._incoming._block is None or len(one._incoming._block[2]) <= 3 * 16_384
    assert sum(map(len, one.out)) <= 100 + 20 * given_bytes  # a peer is not answered more than it asks


@given(st.lists(SESSIONS.map(lambda data: data[len(HELLO) :]), max_size=4), st.booleans())
@settings(max_examples=150, deadline=None)
def test_frames_of_any_kind_raise_nothing_and_grow_nothing(rounds: list[bytes], answers: bool) -> None:
    peer = Peer(known=False)
    for place, data in enumerate(rounds):
        peer.connection.receive(data, float(place))
        bounded(peer.connection, len(data) + 100)
        peer.heard()
        if answers:
            for stream in peer.begun:
                peer.connection.read(stream, len(stream.inbox))
                peer.connection.send_head(stream, b"\x88")
                peer.connection.send_data(stream, b"answer")
                peer.connection.send_end(stream, b"\x88")
        peer.heard()


@given(st.binary(max_size=2_000), st.booleans())
@settings(max_examples=150, deadline=None)
def test_bytes_of_any_kind_raise_nothing(data: bytes, greeted: bool) -> None:
    peer = Peer(greet=False)
    peer.say(HELLO if greeted else PREFACE[: len(data) % 25], data)
    bounded(peer.connection, len(data) + 100)


def test_a_long_life_leaves_nothing_behind() -> None:
    """Thousands of streams, ended in each way there is."""
    peer = Peer()
    for place in range(3_000):
        number = 2 * place + 1
        peer.now_s = float(place)
        stream = peer.opened(number, (b"n", b"%d" % (place % 50)), ends=place % 3 == 0)
        if place % 3:
            peer.say(frame(DATA, 0, number, bytes(100)))
        if place % 4 == 0:
            peer.connection.reset(number, 2)  # type: ignore[arg-type]  # any code
        elif place % 4 == 1:
            peer.say(reset_of(number))
        else:
            peer.connection.send_head(stream, b"\x88")
            peer.connection.send_data(stream, bytes(100))
            peer.connection.send_end(stream, b"\x88")
            peer.say(window(0, 100))
        peer.heard()
        peer.begun.clear()
    bounded(peer.connection, 0)
    assert peer.connection.streams == {}
    assert peer.is_alive()
