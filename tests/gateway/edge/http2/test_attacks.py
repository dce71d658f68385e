"""What strangers send to cost much by little: each shape is bounded by the rules alone, without a socket. Figures stand with the bounds."""

import asyncio
import struct
from collections.abc import Callable
from typing import cast
from unittest.mock import Mock

import pytest
from tests.gateway.doors.rpc.raw_http2 import Http2, frame, headers

from tidegate_gateway.edge.http2.connection import Connection
from tidegate_gateway.edge.http2.fields import MAX_BLOCK_BYTES, BlockReader
from tidegate_gateway.edge.http2.frames import ErrorCode, Violated
from tidegate_gateway.edge.http2.outgoing import Outgoing
from tidegate_gateway.edge.http2.patience import Patience, strangers_together
from tidegate_gateway.edge.http2.streams import Stream
from tidegate_gateway.edge.http2.transport import Deadlines, Http2Transport, Owner

HELLO = Http2.PREFACE + frame(4, 0, 0)
HEAD = headers(b"/a/b")
DEADLINES = Deadlines(
    hello_s=10.0, idle_s=300.0, keepalive_s=60.0, keepalive_timeout_s=20.0, age_s=1800.0, grace_s=300.0
)
RESET = (8).to_bytes(4, "big")
SHORT_FIELD = bytes([0x80 | 21])  # `age`, without a value: 35 bytes as HTTP/2 counts, one as sent


def connection(begun: list[Stream] | None = None, *, known: bool = False) -> Connection:
    made = Connection(
        Patience(strangers_together(0.0), 0.0),
        begun.append if begun is not None else lambda _: None,
        most_streams=256,
        most_head_bytes=16_384,
    )
    assert made.receive(HELLO, 0.0)
    made.out.clear()
    if known:
        made.know()
    return made


def taken(one: Connection, repeated: Callable[[int], bytes], times: int = 20_000) -> int:
    """How many of the repeated frames are looked at, in all the turns that there are without a second passing."""
    one.receive(b"".join(repeated(place) for place in range(times)), 0.0)
    while one.patience.over and not one.patience.ended and not one.over:
        one.receive(b"", 0.0)
    reader = one._incoming
    return times - (len(reader._data) - reader._at) // len(repeated(0))


ENDLESS = {
    "settings acknowledged": lambda _: frame(4, 1, 0),
    "pings answered": lambda _: frame(6, 1, 0, b"12345678"),
    "settings": lambda _: frame(4, 0, 0),
    "priorities": lambda _: frame(2, 0, 1, bytes(5)),
    "unknown frames": lambda _: frame(0x55, 0, 0),
    "windows": lambda _: frame(8, 0, 0, b"\0\0\0\1"),
    "empty data": lambda _: frame(0, 0, 1),
    "one byte of data": lambda _: frame(0, 0, 1, b"x"),
}


@pytest.mark.parametrize("shape", ENDLESS)
def test_no_frame_of_a_stranger_is_free(shape: str) -> None:
    one = connection()
    one.receive(frame(1, 4, 1, HEAD), 0.0)
    assert taken(one, ENDLESS[shape]) < 2_000
    assert one.patience.ended
    assert not one.over


@pytest.mark.parametrize(
    "made_to",
    [
        lambda number: frame(3, 0, number, RESET),
        lambda number: frame(8, 0, number, bytes(4)),
        lambda number: frame(8, 0, number, b"\x7f\xff\xff\xff"),
        lambda number: frame(2, 0, number, number.to_bytes(4, "big") + b"\0"),
        lambda number: frame(1, 4, number, HEAD),
    ],
    ids=["reset", "window of nothing", "window past all", "depends on itself", "trailers that are none"],
)
def test_streams_that_are_made_to_end_cost_a_call_each(made_to: Callable[[int], bytes]) -> None:
    """CVE-2023-44487, and CVE-2025-8671 where the reset is ours."""
    begun: list[Stream] = []
    one = connection(begun)
    pairs = taken(one, lambda place: frame(1, 4, 2 * place + 1, HEAD) + made_to(2 * place + 1), 2_000)
    assert pairs <= 102
    assert one.patience.ended
    assert not one.streams
    assert not begun  # what was reset with the same bytes does not begin


def test_a_frame_of_thousands_of_windows_moves_the_streams_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resized: list[int] = []
    resize = Outgoing.resize

    def counted(self: Outgoing, window: int, streams: object) -> None:
        resized.append(window)
        resize(self, window, streams)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(Outgoing, "resize", counted)
    one = connection()
    for place in range(50):
        one.receive(frame(1, 4, 2 * place + 1, HEAD), 0.0)
    resized.clear()
    left = one.patience._own.left
    one.receive(frame(4, 0, 0, b"".join(struct.pack(">HL", 4, 65_535 + place % 7) for place in range(2_700))), 0.0)
    assert resized == [65_535 + 2_699 % 7]
    assert {stream.send_window for stream in one.streams.values()} == {65_535 + 2_699 % 7}
    assert left - one.patience._own.left > 10  # and is worth what it takes to read


def test_a_wrong_setting_among_many_is_seen() -> None:
    one = connection()
    one.receive(frame(4, 0, 0, struct.pack(">HLHL", 4, 1 << 31, 4, 5)), 0.0)
    assert one.over
    assert one.out[-1][-4 - len("SETTINGS_INITIAL_WINDOW_SIZE is past 2^31-1") :][:4] == bytes(
        (0, 0, 0, ErrorCode.FLOW_CONTROL_ERROR)
    )


def test_heads_of_many_fields_in_a_few_bytes_cost_what_they_take() -> None:
    one = connection()
    taken(one, lambda place: frame(1, 5, 2 * place + 1, HEAD + SHORT_FIELD * (880 - place % 8)), 100)
    assert len(one.streams) <= 16  # of 3 ms each


def test_a_head_as_producers_have_costs_nothing() -> None:
    one = connection(known=True)
    left = one.patience._own.left
    for place in range(50):
        one.receive(frame(1, 5, 2 * place + 1, HEAD + SHORT_FIELD * 100 + b"\0\1a\1" + bytes([65 + place])), 0.0)
    assert one.patience._own.left == left


def test_one_read_of_one_connection_is_not_the_whole_turn() -> None:
    """A producer's calls are looked at in shares: others come between."""
    begun: list[Stream] = []
    one = connection(begun, known=True)
    assert not one.receive(b"".join(frame(1, 5, 2 * place + 1, HEAD) for place in range(200)), 0.0)
    assert len(begun) == 128
    assert one.patience.pause_s() == 0.0
    assert one.receive(b"", 0.0)
    assert len(begun) == 200


def test_a_block_past_the_bound_ends_the_connection() -> None:
    with pytest.raises(Violated) as caught:
        BlockReader().read(SHORT_FIELD * (MAX_BLOCK_BYTES // 35 + 1))
    assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


def test_a_table_that_changes_its_size_again_and_again_ends_the_connection() -> None:
    reader = BlockReader()
    assert reader.read(b"\x20\x3f\xe1\x1f" + HEAD).fault == ""  # 0, and 4,096 again: the most that are allowed
    with pytest.raises(Violated) as caught:
        reader.read(b"\x20\x3f\xe1\x1f\x20" + HEAD)
    assert caught.value.code is ErrorCode.COMPRESSION_ERROR
    with pytest.raises(Violated):
        reader.read(b"\x3f")
    with pytest.raises(Violated):
        reader.read(b"\x3f\xff\xff")


def test_what_is_remembered_of_blocks_is_bounded_in_bytes() -> None:
    reader = BlockReader()
    for place in range(32):
        reader.read(HEAD + b"\0\1a\x7f\xc1\x1f" + bytes([65 + place]) * 4160)
    assert 0 < len(reader._known) < 8
    assert sum(len(data) + 2 * block.size_bytes for data, block in reader._known.items()) <= 65_536
    changes_table = HEAD + b"\x40\1a\1b"
    reader.read(changes_table)
    assert not reader._known
    assert reader.read(HEAD) is reader.read(HEAD)


def test_a_connection_that_is_ended_for_its_frames_costs_all_strangers() -> None:
    strangers = strangers_together(0.0)
    one = Connection(Patience(strangers, 0.0), lambda _: None, most_streams=1, most_head_bytes=1)
    left = strangers.left
    one.receive(b"GET / HTTP/1.1\r\n", 0.0)
    assert one.over
    assert left - strangers.left == 10.0


async def test_a_stranger_is_listened_to_when_it_is_its_turn() -> None:
    """Forty connections that each bring milliseconds of work come two a turn, and a producer at once."""
    waiting: list[Callable[[], object]] = []
    begun: list[Stream] = []
    owner = Owner(
        begin=lambda _, stream: begun.append(stream),
        come=lambda _: True,
        gone=lambda _: None,
        paced=lambda _: None,
        strangers=strangers_together(0.0),
        turn=lambda start, _: waiting.append(start),
        most_streams=8,
        most_head_bytes=16_384,
    )
    transport, socket = Http2Transport(owner), Mock(spec=asyncio.Transport)
    socket.is_closing.return_value = False
    transport.connection_made(cast("asyncio.Transport", socket))
    transport.data_received(HELLO + frame(1, 5, 1, HEAD))
    assert not begun
    socket.pause_reading.assert_called()
    assert waiting.pop()() is True
    assert len(begun) == 1
    assert socket.mock_calls[-1] == ("resume_reading", (), {})
    transport.connection.know()
    transport.data_received(frame(1, 5, 3, HEAD))
    assert len(begun) == 2
    transport.connection.streams.clear()
    other = Http2Transport(owner)
    other.connection_made(cast("asyncio.Transport", socket))
    other.data_received(HELLO)
    other.connection_lost(None)
    assert waiting.pop()() is False  # who is gone takes no place


async def test_a_stream_whose_peer_takes_nothing_is_cut_however_it_answers_pings() -> None:
    """Windows of nothing hold an answer here, a slow reader does not end: its time begins anew with every 64 KiB."""
    begun: list[Stream] = []
    transport = Http2Transport(
        Owner(
            begin=lambda _, stream: begun.append(stream),
            come=lambda _: True,
            gone=lambda _: None,
            paced=lambda _: None,
            strangers=strangers_together(0.0),
            turn=lambda start, _: start(),
            most_streams=8,
            most_head_bytes=16_384,
        )
    )
    socket = Mock(spec=asyncio.Transport)
    socket.is_closing.return_value = False
    transport.connection_made(cast("asyncio.Transport", socket))
    transport.data_received(HELLO + frame(4, 0, 0, struct.pack(">HL", 4, 0)))
    transport.data_received(frame(1, 5, 1, HEAD) + frame(1, 5, 3, HEAD))
    stuck, slow = begun
    woken: list[Stream] = []
    stuck.wake = lambda: woken.append(stuck)
    one, at_s = transport.connection, transport.since_s
    for stream in begun:
        one.send_data(stream, bytes(300_000))
        one.send_end(stream, b"\x88")
    for at in range(0, 80, 20):
        transport.check(at_s + at, DEADLINES)
        one.receive(
            frame(8, 0, 3, (20_000).to_bytes(4, "big")) + frame(8, 0, 0, (20_000).to_bytes(4, "big")), at_s + at
        )
    assert not woken
    transport.check(at_s + 80.1, DEADLINES)
    transport.check(at_s + 80.2, DEADLINES)
    assert woken == [stuck]
    assert stuck.gone is ErrorCode.CANCEL
    assert slow.gone is None
    assert list(one.streams) == [3]
    one.lost()


def test_a_flood_is_forgotten_soon_after_it() -> None:
    """Without a floor, a thousand connections that were ended would be a minute in which health checks wait."""
    strangers = strangers_together(0.0)
    for _ in range(1_000):
        one = Connection(Patience(strangers, 0.0), lambda _: None, most_streams=1, most_head_bytes=1)
        one.receive(b"GET / HTTP/1.1\r\n", 0.0)
    assert strangers.left == -500
    strangers.refresh(2.1)
    assert strangers.left > 0
