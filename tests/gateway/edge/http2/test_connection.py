"""The rules of one connection as a whole, each by bytes in and bytes out (RFC 9113; sections in the tests' names or texts)."""

import pytest
from tests.gateway.edge.http2.conftest import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GET,
    HEADERS,
    PING,
    POST,
    SETTINGS,
    ErrorCode,
    Peer,
    Sent,
    Setting,
    block,
    data,
    ended_by,
    frame,
    padded,
    reset_of,
    sent_in,
    setting,
    window,
)

from tidegate_gateway.edge.http2.frames import (
    ACK,
    CONTINUATION,
    GOAWAY,
    PADDED,
    PRIORITIZED,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    WINDOW_UPDATE,
)
from tidegate_gateway.edge.http2.streams import FIRST_WINDOW, unheard

STATUS = b"\x88"  # :status 200
TRAILERS = block([(b"grpc-status", b"0")])
MOST_WINDOW = 2**31 - 1


# -- hello (3.4)


def test_the_server_speaks_first_its_settings() -> None:
    peer = Peer(greet=False, known=False)
    said = peer.heard()
    assert [str(one) for one in said] == ["SETTINGS 0"]
    assert said[0].payload == bytes.fromhex("0003 00000004 0006 00004000")


def test_the_clients_settings_are_acknowledged() -> None:
    peer = Peer()
    peer.heard()
    assert peer.say(setting((Setting.ENABLE_PUSH, 0))) == [Sent(SETTINGS, ACK, 0, b"")]


@pytest.mark.parametrize("hello", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"PRI * HTTP/2.0\r\n\r\nXX"])
def test_what_is_no_preface_ends_the_connection_at_its_first_wrong_byte(hello: bytes) -> None:
    peer = Peer(greet=False)
    assert ended_by(peer.say(hello), ErrorCode.PROTOCOL_ERROR)
    assert peer.connection.over
    assert not peer.connection.greeted


@pytest.mark.parametrize("first", [frame(PING, 0, 0, bytes(8)), frame(SETTINGS, ACK, 0), frame(0x55, 0, 0)])
def test_the_first_frame_is_settings(first: bytes) -> None:
    peer = Peer(greet=False)
    assert ended_by(peer.say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", first), ErrorCode.PROTOCOL_ERROR)


# -- frames (4, 6)


@pytest.mark.parametrize("kind", [DATA, HEADERS, SETTINGS, PING, 0x55])
def test_a_frame_past_the_most_ends_the_connection_before_it_is_whole(kind: int) -> None:
    """4.2; ours is 16,384."""
    peer = Peer()
    assert ended_by(peer.say(frame(kind, 0, 1, bytes(16_385))[:9]), ErrorCode.FRAME_SIZE_ERROR)


def test_unknown_frames_are_ignored_on_any_stream() -> None:
    """5.5."""
    peer = Peer()
    assert peer.say(frame(0x55, 0xFF, 0, b"x"), frame(0xFE, 0, 77, b"y")) == []
    assert peer.is_alive()


def test_unknown_flags_and_the_reserved_bit_are_ignored() -> None:
    peer = Peer()
    assert (
        peer.say(frame(HEADERS, 0xD5, 1 | 1 << 31, block(GET))) == []
    )  # every flag that means nothing, END_STREAM and END_HEADERS
    assert peer.connection.streams[1].ended


@pytest.mark.parametrize("kind", [DATA, HEADERS, PRIORITY, RST_STREAM, CONTINUATION])
def test_frames_of_a_stream_need_one(kind: int) -> None:
    peer = Peer()
    assert ended_by(peer.say(frame(kind, 4, 0, bytes(5 if kind == PRIORITY else 4))), ErrorCode.PROTOCOL_ERROR)


@pytest.mark.parametrize("payload", [(SETTINGS, b""), (PING, bytes(8)), (GOAWAY, bytes(8))])
@pytest.mark.parametrize("flags", [0, ACK])
def test_frames_of_the_connection_name_no_stream(payload: tuple[int, bytes], flags: int) -> None:
    peer = Peer()
    assert ended_by(peer.say(frame(payload[0], flags, 1, payload[1])), ErrorCode.PROTOCOL_ERROR)


@pytest.mark.parametrize(
    "sent",
    [
        frame(RST_STREAM, 0, 1, bytes(3)),
        frame(RST_STREAM, 0, 1, bytes(5)),
        frame(SETTINGS, 0, 0, bytes(5)),
        frame(SETTINGS, ACK, 0, bytes(6)),
        frame(PING, 0, 0, bytes(7)),
        frame(PING, ACK, 0, bytes(9)),
        frame(GOAWAY, 0, 0, bytes(7)),
        frame(WINDOW_UPDATE, 0, 0, bytes(3)),
        frame(WINDOW_UPDATE, 0, 1, bytes(5)),
        frame(HEADERS, END_HEADERS | PRIORITIZED, 3, bytes(4)),
    ],
)
def test_frames_of_another_size_end_the_connection(sent: bytes) -> None:
    peer = Peer()
    peer.opened(1)
    assert ended_by(peer.say(sent), ErrorCode.FRAME_SIZE_ERROR, last=1)


def test_a_client_promises_nothing() -> None:
    """8.4."""
    peer = Peer()
    assert ended_by(peer.say(frame(PUSH_PROMISE, END_HEADERS, 1, bytes(4))), ErrorCode.PROTOCOL_ERROR)


def test_goaway_says_why_to_whoever_debugs_the_client() -> None:
    peer = Peer()
    assert peer.say(frame(SETTINGS, 0, 1))[-1].payload[8:] == b"SETTINGS, PING or GOAWAY on a stream"


def test_nothing_is_looked_at_behind_the_connections_end() -> None:
    peer = Peer()
    peer.say(frame(SETTINGS, 0, 1), peer.head(1))
    assert peer.connection.receive(peer.head(3), 0.0)
    assert peer.heard() == []
    assert peer.begun == []


# -- header blocks (4.3, 6.2, 6.10)


def test_a_block_in_pieces_is_one() -> None:
    peer = Peer()
    whole = block(POST)
    assert peer.say(
        frame(HEADERS, END_STREAM, 1, whole[:5]), frame(CONTINUATION, 0, 1, whole[5:20]), frame(CONTINUATION, END_HEADERS, 1, whole[20:])
    ) == []  # fmt: skip
    (stream,) = peer.begun
    assert (stream.id, stream.ended, stream.head.method, stream.head.path) == (1, True, b"POST", b"/")


@pytest.mark.parametrize(
    "between",
    [
        frame(DATA, 0, 1, b"x"),
        frame(HEADERS, END_HEADERS, 1, b""),
        frame(HEADERS, END_HEADERS, 3, b""),
        frame(PRIORITY, 0, 1, bytes(5)),
        frame(PING, 0, 0, bytes(8)),
        frame(SETTINGS, 0, 0),
        frame(0x55, 0, 1, b""),
        frame(CONTINUATION, END_HEADERS, 3, b""),
    ],
)
def test_nothing_comes_between_the_pieces_of_a_block(between: bytes) -> None:
    peer = Peer()
    assert ended_by(peer.say(frame(HEADERS, 0, 1, block(POST)), between), ErrorCode.PROTOCOL_ERROR)


def test_a_continuation_continues_something() -> None:
    peer = Peer()
    peer.opened(1)
    assert ended_by(peer.say(frame(CONTINUATION, END_HEADERS, 1, b"")), ErrorCode.PROTOCOL_ERROR, last=1)


@pytest.mark.parametrize(
    ("piece", "why"), [(b"", b"a header block in too many pieces"), (b"x" * 16_384, b"header fields past 32 KiB")]
)
def test_a_block_without_an_end_ends_the_connection(piece: bytes, why: bytes) -> None:
    """CVE-2024-27316 and its kin; the words are for who meets the bound honestly."""
    peer = Peer()
    said = peer.say(frame(HEADERS, 0, 1, b""), *[frame(CONTINUATION, 0, 1, piece)] * 33)
    assert ended_by(said, ErrorCode.ENHANCE_YOUR_CALM)
    assert said[-1].payload[8:] == why


def test_padding_and_priority_of_a_head_are_taken_off() -> None:
    peer = Peer()
    flags = END_HEADERS | END_STREAM | PADDED | PRIORITIZED
    assert peer.say(frame(HEADERS, flags, 1, padded(bytes.fromhex("80000000 ff") + block(GET), 7))) == []
    assert peer.begun[0].head.method == b"GET"


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x05" + bytes(4), b"\xff" + bytes(40)])
@pytest.mark.parametrize("kind", [HEADERS, DATA])
def test_padding_that_is_longer_than_its_frame_ends_the_connection(kind: int, payload: bytes) -> None:
    """6.1, 6.2."""
    peer = Peer()
    peer.opened(1)
    assert ended_by(peer.say(frame(kind, PADDED | END_HEADERS, 1, payload)), ErrorCode.PROTOCOL_ERROR, last=1)


def test_also_on_a_stream_that_is_over() -> None:
    peer = Peer()
    peer.connection.send_end(peer.opened(1), STATUS)
    peer.heard()
    assert ended_by(peer.say(frame(DATA, PADDED, 1, b"\x05")), ErrorCode.PROTOCOL_ERROR, last=1)


def test_a_block_that_cannot_be_decoded_ends_the_connection() -> None:
    """4.3."""
    peer = Peer()
    assert ended_by(peer.say(frame(HEADERS, END_HEADERS, 1, b"\x80")), ErrorCode.COMPRESSION_ERROR)


def test_the_table_goes_on_past_heads_that_are_refused_malformed_or_ignored() -> None:
    """4.3: each changes it, and the last refers to what all of them have put there."""
    peer = Peer(most_streams=1)

    def adds(value: bytes) -> bytes:
        return b"\x40\x01a\x01" + value

    peer.say(frame(HEADERS, END_HEADERS, 1, block(POST) + adds(b"1")))
    peer.say(frame(HEADERS, END_HEADERS, 3, block(POST) + adds(b"2")))  # refused
    peer.connection.send_end(peer.begun[0], STATUS)
    peer.say(frame(HEADERS, END_HEADERS, 1, adds(b"3")))  # ignored: trailers of a stream that we have closed
    peer.say(frame(HEADERS, END_HEADERS, 5, adds(b"4")))  # malformed
    peer.say(frame(HEADERS, END_HEADERS, 7, block(POST) + b"\xbe\xbf\xc0\xc1"))
    assert peer.connection.streams[7].head.fields == ((b"a", b"4"), (b"a", b"3"), (b"a", b"2"), (b"a", b"1"))


# -- SETTINGS (6.5)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        (Setting.ENABLE_PUSH, 2, ErrorCode.PROTOCOL_ERROR),
        (Setting.INITIAL_WINDOW_SIZE, 2**31, ErrorCode.FLOW_CONTROL_ERROR),
        (Setting.MAX_FRAME_SIZE, 16_383, ErrorCode.PROTOCOL_ERROR),
        (Setting.MAX_FRAME_SIZE, 2**24, ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_a_value_that_may_not_be_ends_the_connection(name: Setting, value: int, code: ErrorCode) -> None:
    assert ended_by(Peer().say(setting((name, value))), code)


def test_unknown_settings_are_ignored() -> None:
    assert Peer().say(setting((0xFF, 1), (0x0, 2), (0x9, 1)))[0] == Sent(SETTINGS, ACK, 0, b"")


def test_our_own_settings_are_acknowledged_in_silence() -> None:
    assert Peer().say(frame(SETTINGS, ACK, 0)) == []


def test_of_one_setting_named_twice_the_last_counts() -> None:
    peer = Peer()
    stream = peer.opened(1)
    assert peer.say(setting((4, 100), (4, 1))) == [Sent(SETTINGS, ACK, 0, b"")]
    peer.connection.send_data(stream, b"12345")
    assert peer.heard() == [Sent(DATA, 0, 1, b"1")]


def test_a_larger_window_is_acknowledged_before_it_is_used() -> None:
    """6.5.3."""
    peer = Peer()
    peer.say(setting((4, 0)))
    stream = peer.opened(1)
    peer.connection.send_data(stream, b"12345")
    assert peer.heard() == []
    assert peer.say(setting((4, 3))) == [Sent(SETTINGS, ACK, 0, b""), Sent(DATA, 0, 1, b"123")]


def test_a_window_past_all_bounds_by_settings_ends_the_connection() -> None:
    """6.9.2."""
    peer = Peer()
    peer.opened(1)
    peer.say(window(1, MOST_WINDOW - FIRST_WINDOW))
    assert ended_by(peer.say(setting((4, FIRST_WINDOW + 1))), ErrorCode.FLOW_CONTROL_ERROR, last=1)


def test_a_window_may_be_less_than_nothing_by_settings() -> None:
    """6.9.2: then nothing leaves until it is more than nothing again."""
    peer = Peer()
    stream = peer.opened(1)
    peer.connection.send_data(stream, b"x" * 100)
    peer.say(setting((4, 40)))
    assert stream.send_window == -60
    peer.connection.send_data(stream, b"y" * 10)
    assert peer.heard() == []
    assert peer.say(window(1, 60)) == []
    assert peer.say(window(1, 4)) == [Sent(DATA, 0, 1, b"yyyy")]
    assert peer.say(setting((4, 140))) == [Sent(SETTINGS, ACK, 0, b""), Sent(DATA, 0, 1, b"y" * 6)]
    assert stream.outbox is None


def test_a_smaller_header_table_is_told_in_front_of_the_next_block_once() -> None:
    """4.3.1, and RFC 7541, section 4.2; a client's decoder may insist on it."""
    peer = Peer()
    peer.say(setting((Setting.HEADER_TABLE_SIZE, 100)))
    first, second = peer.opened(1, ends=True), peer.opened(3, ends=True)
    peer.connection.send_head(first, STATUS)
    peer.connection.send_end(first, TRAILERS)
    assert [one.payload for one in peer.heard()] == [b"\x20" + STATUS, TRAILERS]
    peer.say(setting((Setting.HEADER_TABLE_SIZE, 0)))
    peer.connection.send_end(second, STATUS)
    assert [one.payload for one in peer.heard()] == [STATUS]


@pytest.mark.parametrize("size", [4_096, 65_536])
def test_a_larger_header_table_needs_no_word(size: int) -> None:
    peer = Peer()
    peer.say(setting((Setting.HEADER_TABLE_SIZE, size)))
    peer.connection.send_end(peer.opened(1, ends=True), STATUS)
    assert peer.heard()[0].payload == STATUS


def test_longer_frames_are_used_where_the_client_takes_them() -> None:
    peer = Peer()
    stream = peer.opened(1, ends=True)
    peer.connection.send_data(stream, bytes(20_000))
    assert [len(one.payload) for one in peer.heard()] == [16_384, 3_616]
    peer.say(setting((Setting.MAX_FRAME_SIZE, 20_000)))
    peer.connection.send_data(stream, bytes(20_000))
    assert [len(one.payload) for one in peer.heard()] == [20_000]


# -- PING (6.7)


def test_a_ping_comes_back() -> None:
    assert Peer().say(frame(PING, 0, 0, b"12345678")) == [Sent(PING, ACK, 0, b"12345678")]


def test_pings_without_end_end_the_connection() -> None:
    """gRPC's clients know the word, and ping less then; when and how many is test_pings.py."""
    peer = Peer()
    said = peer.say(*[frame(PING, 0, 0, bytes(8))] * 9)
    assert ended_by(said, ErrorCode.ENHANCE_YOUR_CALM)
    assert said[-1].payload[8:] == b"too_many_pings"


def test_pings_that_meet_our_pieces_are_none_too_many() -> None:
    peer = Peer()
    stream = peer.opened(1)
    for _ in range(50):
        peer.connection.send_data(stream, b"x")
        assert peer.say(frame(PING, 0, 0, bytes(8)))[-1].kind == PING


def test_a_peer_that_is_asked_has_to_answer() -> None:
    peer = Peer()
    peer.connection.ping()
    assert peer.connection.waiting_for_pong
    (asked,) = peer.heard()
    assert (asked.kind, asked.flags, len(asked.payload)) == (PING, 0, 8)
    assert peer.say(frame(PING, ACK, 0, asked.payload)) == []
    assert not peer.connection.waiting_for_pong


# -- GOAWAY (6.8)


def test_a_clients_goaway_changes_nothing_for_its_streams() -> None:
    peer = Peer()
    stream = peer.opened(1)
    assert peer.say(frame(GOAWAY, 0, 0, bytes(4) + b"\0\0\xab\xcd" + b"why")) == []
    assert stream.gone is None
    assert peer.is_alive()


def test_leaving_takes_the_streams_that_were_on_their_way() -> None:
    peer = Peer()
    first = peer.opened(1)
    peer.connection.leave()
    peer.connection.leave()
    away, ping = peer.heard()
    assert (away.kind, away.payload[:4], away.number) == (GOAWAY, b"\x7f\xff\xff\xff", ErrorCode.NO_ERROR)
    second = peer.opened(3, ends=True)
    said = peer.say(frame(PING, ACK, 0, ping.payload))
    assert ended_by(said, ErrorCode.NO_ERROR, last=3)
    assert peer.say(peer.head(5), data(5, b"x"), window(5, 1), reset_of(5)) == []  # the client takes it elsewhere
    peer.connection.send_end(first, STATUS)
    assert not peer.connection.over
    peer.connection.send_end(second, STATUS)
    assert peer.connection.over
    assert [stream.id for stream in peer.begun] == [1, 3]


def test_what_comes_for_streams_past_the_last_call_is_credited() -> None:
    peer = Peer(known=False)
    peer.opened(1)
    peer.connection.leave()
    peer.connection.last_call()
    peer.connection.last_call()
    assert [str(one) for one in peer.heard()] == ["GOAWAY 0", "PING 0", "GOAWAY 0"]
    said = peer.say(peer.head(3), *[data(3, bytes(16_000))] * 3)
    assert [(str(one), one.number) for one in said] == [("WINDOW_UPDATE 0", 48_000)]


def test_an_idle_connection_is_over_with_the_last_call() -> None:
    peer = Peer()
    peer.connection.leave()
    assert not peer.connection.over
    peer.connection.last_call()
    assert peer.connection.over


def test_an_error_behind_the_last_call_names_no_later_stream() -> None:
    """6.8: the last stream's number never goes up."""
    peer = Peer()
    peer.opened(1)
    peer.connection.leave()
    peer.connection.last_call()
    peer.say(peer.head(9))
    assert ended_by(peer.say(frame(SETTINGS, 0, 1)), ErrorCode.PROTOCOL_ERROR, last=1)


def test_a_pong_to_another_ping_is_no_last_call() -> None:
    peer = Peer()
    peer.connection.leave()
    peer.heard()
    assert peer.say(frame(PING, ACK, 0, b"whatever")) == []
    assert not peer.connection.over


# -- the end


@pytest.mark.parametrize("how", ["lost", "violated"])
def test_the_end_of_a_connection_is_told_to_each_stream_once(how: str) -> None:
    """Told twice, a handler's own cleaning up would be cancelled."""
    peer = Peer()
    streams = [peer.opened(number) for number in (1, 3)]
    if how == "violated":
        peer.say(frame(SETTINGS, 0, 1))
    peer.connection.lost()
    peer.connection.lost()
    assert [stream.gone for stream in streams] == [ErrorCode.CANCEL] * 2
    assert sorted(peer.woken) == [1, 3]
    assert peer.connection.streams == {}


def test_a_stream_that_came_with_the_error_does_not_begin() -> None:
    peer = Peer()
    peer.say(peer.head(1), frame(SETTINGS, 0, 1))
    assert peer.begun == []


def test_a_stream_that_nobody_has_taken_yet_may_end() -> None:
    peer = Peer()
    stream = peer.opened(1)
    stream.wake = unheard
    assert peer.say(data(1, b"x", ends=True)) == []
    assert stream.ended


def test_what_was_read_together_wakes_once() -> None:
    peer = Peer()
    peer.opened(1)
    peer.say(data(1, b"a"), data(1, b"b"), data(1, b"", ends=True))
    assert peer.woken == [1]


def test_frames_in_bytes_are_read_back() -> None:
    """Of the tests' own reader."""
    assert sent_in(frame(PING, 1, 0, b"12345678")) == [Sent(PING, 1, 0, b"12345678")]
