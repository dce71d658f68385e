"""What is said of a connection as a whole, by itself. With its streams: test_connection.py; how many pings: test_pings.py."""

import pytest
from tests.gateway.edge.http2.conftest import Sent, sent_in

from tidegate_gateway.edge.http2.control import Control
from tidegate_gateway.edge.http2.fields import Block
from tidegate_gateway.edge.http2.frames import (
    ACK,
    GOAWAY,
    MAX_WINDOW,
    PING,
    SETTINGS,
    ErrorCode,
    Setting,
    Violated,
    settings,
)
from tidegate_gateway.edge.http2.numbers import Numbers
from tidegate_gateway.edge.http2.outgoing import Outgoing
from tidegate_gateway.edge.http2.patience import A_FRAME, Patience, strangers_together
from tidegate_gateway.edge.http2.streams import FIRST_WINDOW, Stream


class Rig:
    """A control and what it moves."""

    def __init__(self) -> None:
        self.outgoing, self.numbers, self.patience = Outgoing(), Numbers(), Patience(strangers_together(0.0), 0.0)
        self.control = Control(self.outgoing, self.numbers, self.patience)

    def said(self) -> list[Sent]:
        said = sent_in(b"".join(self.outgoing.out))
        self.outgoing.out.clear()
        return said

    @property
    def spent(self) -> float:
        return 100.0 - self.patience._own.left


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_settings_hold_before_they_are_acknowledged(rig: Rig) -> None:
    streams = [Stream(1, Block(), FIRST_WINDOW), Stream(3, Block(), 5)]
    values = {
        Setting.INITIAL_WINDOW_SIZE: FIRST_WINDOW + 10,
        Setting.MAX_FRAME_SIZE: 20_000,
        Setting.HEADER_TABLE_SIZE: 0,
    }
    rig.control.settings(0, settings(values)[9:], streams)
    assert [stream.send_window for stream in streams] == [FIRST_WINDOW + 10, 15]
    assert (rig.outgoing.peer_window, rig.outgoing.peer_frame) == (FIRST_WINDOW + 10, 20_000)
    assert rig.said() == [Sent(SETTINGS, ACK, 0, b"")]
    rig.outgoing.head(1, b"\x88")
    assert rig.said()[0].payload == b"\x20\x88"


def test_settings_that_say_nothing_change_nothing(rig: Rig) -> None:
    rig.outgoing.peer_frame = 30_000
    rig.control.settings(0, b"", [])
    assert (rig.outgoing.peer_window, rig.outgoing.peer_frame) == (FIRST_WINDOW, 30_000)
    assert rig.said() == [Sent(SETTINGS, ACK, 0, b"")]


def test_an_acknowledgement_is_taken_in_silence_and_has_no_settings(rig: Rig) -> None:
    rig.control.settings(ACK, b"", [])
    assert rig.said() == []
    with pytest.raises(Violated) as caught:
        rig.control.settings(ACK, bytes(6), [])
    assert caught.value.code is ErrorCode.FRAME_SIZE_ERROR


@pytest.mark.parametrize(
    ("number", "payload", "code", "ends"),
    [
        (0, bytes(5), ErrorCode.PROTOCOL_ERROR, 0),
        (1, bytes(4), ErrorCode.FRAME_SIZE_ERROR, 1),
        (3, bytes(6), ErrorCode.FRAME_SIZE_ERROR, 0),
        (2, bytes(6), ErrorCode.FRAME_SIZE_ERROR, 0),
        (1, b"\x80\0\0\1\0", ErrorCode.PROTOCOL_ERROR, 1),
        (3, b"\0\0\0\3\0", ErrorCode.PROTOCOL_ERROR, 0),
    ],
)
def test_a_wrong_priority_ends_its_stream_or_all_where_that_is_idle(
    rig: Rig, number: int, payload: bytes, code: ErrorCode, ends: int
) -> None:
    rig.numbers.opens(1)
    with pytest.raises(Violated) as caught:
        rig.control.priority(0, number, payload)
    assert (caught.value.code, caught.value.stream) == (code, ends)


def test_pings_and_pongs(rig: Rig) -> None:
    assert not rig.control.ping(0, b"12345678", 0.0)
    assert rig.said() == [Sent(PING, ACK, 0, b"12345678")]
    rig.control.ask()
    (asked,) = rig.said()
    assert rig.control.waiting_for_pong
    assert not rig.control.ping(ACK, asked.payload, 0.0)
    assert not rig.control.waiting_for_pong
    assert rig.said() == []


def test_only_the_pong_that_leaving_waits_for_is_one(rig: Rig) -> None:
    assert not rig.control.ping(ACK, b"tidegate", 0.0)  # nobody has asked
    rig.control.leave()
    rig.control.leave()
    away, asked = rig.said()
    assert (away.kind, away.payload) == (GOAWAY, MAX_WINDOW.to_bytes(4, "big") + bytes(4))
    assert not rig.control.ping(ACK, b"whatever", 0.0)
    assert rig.control.ping(ACK, asked.payload, 0.0)


def test_the_last_call_is_made_once(rig: Rig) -> None:
    rig.numbers.opens(5)
    rig.control.last_call()
    rig.control.last_call()
    assert [one.payload for one in rig.said()] == [(5).to_bytes(4, "big") + bytes(4)]
    assert rig.numbers.closing
    assert not rig.numbers.opens(7)


def test_a_client_promises_nothing(rig: Rig) -> None:
    with pytest.raises(Violated) as caught:
        rig.control.push_promise(0, 1, bytes(4))
    assert (caught.value.code, caught.value.stream) == (ErrorCode.PROTOCOL_ERROR, 0)


def test_each_costs_a_frame(rig: Rig) -> None:
    rig.control.goaway(0, 0, bytes(8))
    rig.control.ping(0, bytes(8), 0.0)
    rig.control.ping(ACK, bytes(8), 0.0)
    rig.control.settings(ACK, b"", [])
    rig.control.settings(0, b"", [])
    rig.control.priority(0, 9, bytes(5))
    assert rig.spent == 6 * A_FRAME
    rig.control.settings(0, settings({Setting.INITIAL_WINDOW_SIZE: 1})[9:] * 32, [])
    assert rig.spent == 9 * A_FRAME
