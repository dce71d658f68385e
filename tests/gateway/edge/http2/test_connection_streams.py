"""The rules of a connection's streams, their requests and their answers, each by bytes in and bytes out (RFC 9113, sections 5.1 and 8)."""

import pytest
from tests.gateway.edge.http2.conftest import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    POST,
    ErrorCode,
    Peer,
    Sent,
    block,
    data,
    ended_by,
    frame,
    padded,
    reset_by,
    reset_of,
    trailers,
    window,
)

from tidegate_gateway.edge.http2.frames import (
    PADDED,
    PRIORITIZED,
    PRIORITY,
)
from tidegate_gateway.edge.http2.streams import FIRST_WINDOW

STATUS = b"\x88"  # :status 200
TRAILERS = block([(b"grpc-status", b"0")])


# -- streams (5.1)


@pytest.mark.parametrize("number", [2, 4, 100])
def test_clients_open_odd_numbers(number: int) -> None:
    """5.1.1."""
    peer = Peer()
    assert ended_by(peer.say(peer.head(number)), ErrorCode.PROTOCOL_ERROR)


def test_numbers_go_up() -> None:
    peer = Peer()
    peer.opened(5)
    assert ended_by(peer.say(peer.head(3)), ErrorCode.PROTOCOL_ERROR, last=5)


@pytest.mark.parametrize(
    "sent", [data(7, b"x"), data(7, b""), reset_of(7), window(7, 1), data(2, b"x"), reset_of(2), window(2, 1), window(4, 1)]
)  # fmt: skip
def test_a_frame_of_an_idle_stream_ends_the_connection(sent: bytes) -> None:
    """5.1: those of even numbers are ours to open, and none ever was."""
    peer = Peer()
    peer.opened(5)
    assert ended_by(peer.say(sent), ErrorCode.PROTOCOL_ERROR, last=5)


def test_priority_may_come_for_any_stream() -> None:
    """5.1, 6.3."""
    peer = Peer()
    stream = peer.opened(1)
    peer.say(reset_of(1))
    assert peer.say(*[frame(PRIORITY, 0, number, bytes(5)) for number in (1, 2, 3, 99)]) == []
    assert stream.gone is not None
    assert peer.is_alive()


@pytest.mark.parametrize(
    ("payload", "code"),
    [(bytes(4), ErrorCode.FRAME_SIZE_ERROR), (bytes(6), ErrorCode.FRAME_SIZE_ERROR), (b"\0\0\0\1\0", ErrorCode.PROTOCOL_ERROR)],
)  # fmt: skip
def test_a_wrong_priority_ends_its_stream(payload: bytes, code: ErrorCode) -> None:
    peer = Peer()
    peer.opened(1)
    assert reset_by(peer.say(frame(PRIORITY, 0, 1, payload)), 1, code)
    assert peer.is_alive()


@pytest.mark.parametrize(("number", "on"), [(7, 7), (2, 2)])
def test_a_wrong_priority_of_an_idle_stream_ends_the_connection(number: int, on: int) -> None:
    """6.4: no RST_STREAM may be sent for a stream that is idle."""
    for payload, code in ((bytes(4), ErrorCode.FRAME_SIZE_ERROR), (bytes([0, 0, 0, on, 0]), ErrorCode.PROTOCOL_ERROR)):
        peer = Peer()
        peer.opened(5)
        assert ended_by(peer.say(frame(PRIORITY, 0, number, payload)), code, last=5)


def test_a_head_that_depends_on_itself_opens_no_stream() -> None:
    peer = Peer()
    said = peer.say(frame(HEADERS, END_HEADERS | PRIORITIZED, 1, b"\0\0\0\1\0" + block(POST)))
    assert reset_by(said, 1, ErrorCode.PROTOCOL_ERROR)
    assert peer.begun == []


def test_streams_past_the_most_are_refused_which_clients_may_repeat() -> None:
    """5.1.2, 8.7."""
    peer = Peer(most_streams=2)
    peer.opened(1)
    peer.opened(3, ends=True)
    assert reset_by(peer.say(peer.head(5)), 5, ErrorCode.REFUSED_STREAM)
    peer.connection.send_end(peer.begun[1], STATUS)
    peer.heard()
    peer.opened(7)
    assert [stream.id for stream in peer.begun] == [1, 3, 7]


def test_what_a_refused_stream_sends_is_credited() -> None:
    peer = Peer(most_streams=1, known=False)
    peer.opened(1)
    peer.say(peer.head(3))
    said = peer.say(*[data(3, bytes(16_000))] * 3)
    assert [(str(one), one.number) for one in said] == [("WINDOW_UPDATE 0", 48_000)]
    assert peer.connection._credit._receive_window == FIRST_WINDOW


@pytest.mark.parametrize("sent", [data(1, b"x"), data(1, b"", ends=True), trailers(1)])
def test_what_comes_behind_the_clients_own_end_ends_the_stream(sent: bytes) -> None:
    """5.1, half-closed (remote)."""
    peer = Peer()
    stream = peer.opened(1, ends=True)
    assert reset_by(peer.say(sent), 1, ErrorCode.STREAM_CLOSED)
    assert stream.gone is ErrorCode.STREAM_CLOSED
    assert peer.is_alive()


def test_windows_priorities_and_resets_may_come_behind_the_clients_end() -> None:
    peer = Peer()
    stream = peer.opened(1, ends=True)
    assert peer.say(window(1, 5), frame(PRIORITY, 0, 1, bytes(5))) == []
    assert stream.send_window == FIRST_WINDOW + 5
    assert peer.say(reset_of(1)) == []
    assert stream.gone == ErrorCode.CANCEL


@pytest.mark.parametrize("sent", [window(1, 5), reset_of(1), window(1, 0)])
def test_windows_and_resets_may_come_behind_both_ends(sent: bytes) -> None:
    """5.1, closed: the client may not have seen the end yet."""
    peer = Peer()
    peer.connection.send_end(peer.opened(1, ends=True), STATUS)
    peer.heard()
    assert peer.say(sent) == []
    assert peer.is_alive()


def test_data_of_a_stream_that_the_client_has_closed_is_told_once() -> None:
    peer = Peer()
    peer.opened(1)
    peer.say(reset_of(1))
    assert reset_by(peer.say(data(1, b"x")), 1, ErrorCode.STREAM_CLOSED)
    assert peer.say(data(1, b"x"), data(1, b"x")) == []  # now both know
    assert peer.is_alive()


def test_a_head_on_a_stream_that_the_client_has_closed_ends_the_connection() -> None:
    peer = Peer()
    peer.opened(1)
    peer.say(reset_of(1))
    assert ended_by(peer.say(peer.head(1)), ErrorCode.STREAM_CLOSED, last=1)


@pytest.mark.parametrize("sent", [data(1, b"x" * 100), trailers(1), window(1, 1), reset_of(1)])
def test_what_was_on_its_way_when_we_closed_a_stream_is_ignored(sent: bytes) -> None:
    """5.1, closed."""
    peer = Peer()
    peer.opened(1)
    peer.connection.reset(1, ErrorCode.CANCEL)
    peer.heard()
    assert peer.say(sent) == []
    assert peer.is_alive()


def test_a_reset_wakes_the_streams_owner_and_nothing_is_sent_any_more() -> None:
    peer = Peer()
    stream = peer.opened(1)
    assert peer.say(reset_of(1, 0xABCD)) == []  # an unknown code is one, too (7)
    assert (stream.gone, peer.woken) == (0xABCD, [1])
    peer.connection.send_head(stream, STATUS)
    peer.connection.send_data(stream, b"x")
    peer.connection.send_end(stream, TRAILERS)
    assert peer.heard() == []


def test_a_stream_that_is_reset_with_the_same_bytes_does_not_begin() -> None:
    """CVE-2023-44487."""
    peer = Peer()
    assert peer.say(peer.head(1), reset_of(1), peer.head(3)) == []
    assert [stream.id for stream in peer.begun] == [3]


# -- requests (8.1)


def test_a_request_without_pseudo_header_fields_is_malformed() -> None:
    peer = Peer()
    assert reset_by(peer.say(trailers(1)), 1, ErrorCode.PROTOCOL_ERROR)
    assert peer.begun == []


def test_a_malformed_request_ends_its_stream_alone() -> None:
    """8.1.1; what is malformed stands in test_fields.py."""
    peer = Peer()
    assert reset_by(peer.say(peer.head(1, (b"Upper", b"x"))), 1, ErrorCode.PROTOCOL_ERROR)
    assert peer.begun == []
    peer.opened(3)


def test_trailers_end_the_request() -> None:
    peer = Peer()
    stream = peer.opened(1)
    assert peer.say(data(1, b"body"), trailers(1)) == []
    assert (bytes(stream.inbox), stream.ended) == (b"body", True)
    assert peer.woken == [1]


@pytest.mark.parametrize(
    "sent", [trailers(1, ends=False), trailers(1, (b":path", b"/")), trailers(1, (b"connection", b"close"))]
)
def test_trailers_that_are_none_end_the_stream(sent: bytes) -> None:
    peer = Peer()
    peer.opened(1)
    assert reset_by(peer.say(sent), 1, ErrorCode.PROTOCOL_ERROR)
    assert peer.is_alive()


@pytest.mark.parametrize(
    "bodies",
    [[data(1, b"1234", ends=True)], [data(1, b"123456")], [data(1, b"12"), data(1, b"34", ends=True)], [data(1, b"12"), trailers(1)]],
)  # fmt: skip
def test_content_length_is_what_comes(bodies: list[bytes]) -> None:
    """8.1.1."""
    peer = Peer()
    stream = peer.opened(1, (b"content-length", b"5"))
    assert reset_by(peer.say(*bodies), 1, ErrorCode.PROTOCOL_ERROR)
    assert stream.gone is ErrorCode.PROTOCOL_ERROR
    assert peer.is_alive()


def test_content_length_without_a_body() -> None:
    peer = Peer()
    assert reset_by(peer.say(peer.head(1, (b"content-length", b"5"), ends=True)), 1, ErrorCode.PROTOCOL_ERROR)
    peer.opened(3, (b"content-length", b"0"), ends=True)
    assert [stream.id for stream in peer.begun] == [3]


def test_padding_does_not_count_as_content() -> None:
    peer = Peer()
    stream = peer.opened(1, (b"content-length", b"5"))
    assert peer.say(frame(DATA, PADDED | END_STREAM, 1, padded(b"12345", 100))) == []
    assert (bytes(stream.inbox), stream.ended) == (b"12345", True)


# -- answers


def test_an_answer_is_a_head_pieces_and_trailers() -> None:
    peer = Peer()
    stream = peer.opened(1, ends=True)
    peer.connection.send_head(stream, STATUS)
    peer.connection.send_data(stream, b"hello")
    peer.connection.send_end(stream, TRAILERS)
    assert peer.heard() == [
        Sent(HEADERS, END_HEADERS, 1, STATUS),
        Sent(DATA, 0, 1, b"hello"),
        Sent(HEADERS, END_HEADERS | END_STREAM, 1, TRAILERS),
    ]
    assert peer.connection.streams == {}


def test_an_answer_before_the_requests_end_says_that_nobody_reads_the_rest() -> None:
    """8.1: RST_STREAM with NO_ERROR behind the whole answer."""
    peer = Peer()
    stream = peer.opened(1)
    peer.connection.send_end(stream, STATUS)
    assert [(str(one), one.flags) for one in peer.heard()] == [
        ("HEADERS 1", END_HEADERS | END_STREAM),
        ("RST_STREAM 1", 0),
    ]
    assert peer.say(data(1, b"x" * 5, ends=True), trailers(1)) == []  # and what was on its way is nobody's fault
    assert peer.is_alive()


def test_an_answer_that_waits_for_the_connections_window_leaves_when_it_grows() -> None:
    """Its trailers behind it, and its owner is told."""
    peer = Peer()
    stream = peer.opened(1, ends=True)
    peer.woken.clear()
    peer.connection._outgoing.window = 0
    peer.connection.send_data(stream, b"hello")
    peer.connection.send_end(stream, TRAILERS)
    assert peer.heard() == []
    assert peer.say(window(0, 3)) == [Sent(DATA, 0, 1, b"hel")]
    assert peer.woken == []
    assert peer.say(window(0, 3)) == [Sent(DATA, 0, 1, b"lo"), Sent(HEADERS, END_HEADERS | END_STREAM, 1, TRAILERS)]
    assert peer.woken == [1]
    assert peer.connection.streams == {}


def test_nothing_follows_an_answers_end() -> None:
    """5.1: no frame but PRIORITY on a stream that is closed."""
    peer = Peer()
    stream = peer.opened(1, ends=True)
    peer.connection.send_end(stream, STATUS)
    peer.heard()
    peer.connection.send_head(stream, STATUS)
    peer.connection.send_data(stream, b"late")
    peer.connection.send_end(stream, TRAILERS)
    peer.connection.read(stream, 100)
    assert peer.heard() == []


def test_an_answer_behind_one_that_waits_is_no_second_one() -> None:
    peer = Peer()
    stream = peer.opened(1, ends=True)
    stream.send_window = 2
    peer.connection.send_data(stream, b"1234")
    peer.connection.send_end(stream, TRAILERS)
    peer.connection.send_data(stream, b"late")
    peer.connection.send_end(stream, b"other")
    peer.heard()
    assert peer.say(window(1, 100)) == [Sent(DATA, 0, 1, b"34"), Sent(HEADERS, END_HEADERS | END_STREAM, 1, TRAILERS)]
