"""Where a peer may neither pile up what nobody reads nor have work done for nothing, by the rules of one connection. Floods: test_attacks.py."""

import pytest
from tests.gateway.edge.http2.conftest import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    POST,
    SETTINGS,
    ErrorCode,
    Peer,
    block,
    ended_by,
    frame,
    reset_of,
    setting,
    window,
)

from tidegate_gateway.edge.http2.frames import ACK, GOAWAY, PRIORITY
from tidegate_gateway.edge.http2.patience import A_CALL, A_FRAME
from tidegate_gateway.edge.http2.streams import FIRST_WINDOW

LAST_NUMBER = 2**31 - 1


def test_behind_an_answer_that_waits_nothing_is_credited() -> None:
    """Its handler waited for more, and has ended: else a client that takes no answer could fill the memory."""
    peer = Peer(known=False)
    peer.say(setting((4, 0)))
    stream = peer.opened(1)
    stream.receiving = True
    peer.connection.send_data(stream, b"waits")
    peer.connection.send_end(stream, b"\x88")
    assert peer.say(*[frame(DATA, 0, 1, bytes(16_000))] * 4) == []
    assert ended_by(peer.say(frame(DATA, 0, 1, bytes(16_000))), ErrorCode.FLOW_CONTROL_ERROR, last=1)
    assert len(stream.inbox) <= FIRST_WINDOW


def test_what_came_behind_an_answer_is_credited_once_it_is_taken() -> None:
    peer = Peer(known=False)
    peer.say(setting((4, 0)))
    stream = peer.opened(1)
    peer.connection.send_data(stream, b"waits")
    peer.connection.send_end(stream, b"\x88")
    peer.say(*[frame(DATA, 0, 1, bytes(16_000))] * 4)
    assert [str(one) for one in peer.say(window(1, 5))] == ["DATA 1", "HEADERS 1", "RST_STREAM 1", "WINDOW_UPDATE 0"]


@pytest.mark.parametrize(
    ("sent", "cost"),
    [
        (frame(GOAWAY, 0, 0, bytes(8)), A_FRAME),
        (frame(PING, 0, 0, bytes(8)), A_FRAME),
        (frame(PING, ACK, 0, bytes(8)), A_FRAME),
        (frame(SETTINGS, ACK, 0), A_FRAME),
        (setting(), A_FRAME),
        (setting(*[(4, 65_535)] * 64), 5 * A_FRAME),
        (window(0, 1), A_FRAME),
        (window(1, 1), A_FRAME),
        (window(3, 1), A_FRAME),
        (window(1, 0), A_FRAME + A_CALL),
        (frame(PRIORITY, 0, 9, bytes(5)), A_FRAME),
        (frame(0x55, 0, 9), A_FRAME),
        (frame(DATA, 0, 1), A_FRAME),
        (frame(DATA, 0, 1, b"x"), 0.0),
        (frame(DATA, 0, 3, b"x"), A_FRAME),
        (frame(DATA, END_STREAM, 1), 0.0),
        (reset_of(1), A_CALL),
        (reset_of(3), A_FRAME),
        (frame(HEADERS, END_HEADERS | END_STREAM, 1, block([(b"a", b"b")])), 0.0),
        (frame(HEADERS, END_HEADERS | END_STREAM, 5, block(POST)), 0.0),
        (frame(HEADERS, END_HEADERS | END_STREAM, 5, block([*POST, (b"a", b"x" * 8_000)])), 16 * A_FRAME),
        (frame(HEADERS, END_HEADERS, 5, b""), A_CALL),
    ],
    ids=range(22),
)
def test_what_each_frame_costs_a_producer(sent: bytes, cost: float) -> None:
    """Stream 1 is open, 3 we have closed."""
    peer = Peer()
    peer.opened(1)
    peer.connection.send_end(peer.opened(3), b"\x88")
    left = peer.connection.patience._own.left
    peer.say(sent)
    assert left - peer.connection.patience._own.left == cost


def test_heads_that_open_nothing_cost_a_call_each() -> None:
    """Of a stream that we have closed: they are decoded all the same."""
    peer = Peer()
    peer.connection.send_end(peer.opened(1), b"\x88")
    left = peer.connection.patience._own.left
    peer.say(*[frame(HEADERS, END_HEADERS, 1, block([(b"a", b"b")]))] * 3)
    assert left - peer.connection.patience._own.left == 3 * A_CALL


@pytest.mark.parametrize(
    ("known", "good", "worth"),
    [(True, True, A_CALL), (True, False, -A_CALL), (False, True, -A_CALL), (False, False, -A_CALL)],
)
def test_answers_that_are_good_give_a_producer_back_what_nothing_took(known: bool, good: bool, worth: float) -> None:
    peer = Peer(known=known)
    peer.say(*[frame(PING, ACK, 0, bytes(8))] * 32)
    left = peer.connection.patience._own.left
    peer.connection.answered(good=good)
    assert peer.connection.patience._own.left - left == worth


def test_pieces_of_answers_earn_the_windows_that_meet_them() -> None:
    peer = Peer()
    stream = peer.opened(1)
    left = peer.connection.patience._own.left
    for _ in range(50):
        peer.connection.send_data(stream, b"piece")
        peer.say(window(1, 5), window(0, 5))
    assert left - peer.connection.patience._own.left <= 2 * A_FRAME  # those of the last piece
    peer.say(*[window(0, 5)] * 16)
    assert left - peer.connection.patience._own.left >= A_CALL


def test_the_last_number_of_all_is_a_streams_as_any_other() -> None:
    peer = Peer()
    stream = peer.opened(LAST_NUMBER)
    peer.connection.leave()
    peer.connection.last_call()
    peer.connection.last_call()
    assert [one.kind for one in peer.heard()].count(GOAWAY) == 2
    peer.connection.send_end(stream, b"\x88")
    assert peer.connection.over
