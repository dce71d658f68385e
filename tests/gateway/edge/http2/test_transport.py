"""One connection between socket and rules: what is written when, when nothing is read, and its deadlines. Socket and clock are the test's."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from tests.gateway.edge.http2.conftest import (
    END_HEADERS,
    END_STREAM,
    HEADERS,
    HELLO,
    POST,
    ErrorCode,
    Sent,
    block,
    frame,
    reset_of,
    sent_in,
)

from tidegate_gateway.edge.http2.frames import ACK, GOAWAY, MAX_WINDOW, PING, SETTINGS
from tidegate_gateway.edge.http2.patience import strangers_together
from tidegate_gateway.edge.http2.streams import Stream
from tidegate_gateway.edge.http2.transport import Deadlines, Http2Transport, Owner

DEADLINES = Deadlines(hello_s=10, idle_s=300, keepalive_s=60, keepalive_timeout_s=20, age_s=1800, grace_s=100)
CALL = frame(HEADERS, END_HEADERS | END_STREAM, 1, block(POST))


@dataclass(eq=False)
class Timer:
    """What `call_later` gives."""

    at_s: float
    act: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Loop:
    """An event loop whose time is told."""

    now_s: float = 0.0
    soon: list[Callable[[], object]] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)

    def time(self) -> float:
        return self.now_s

    def call_soon(self, act: Callable[[], object]) -> None:
        self.soon.append(act)

    def call_later(self, delay_s: float, act: Callable[[], object]) -> Timer:
        self.timers.append(Timer(self.now_s + delay_s, act))
        return self.timers[-1]

    def turn(self) -> None:
        soon, self.soon = self.soon, []
        for act in soon:
            act()

    def goes_to(self, now_s: float) -> None:
        """Time passes, with the timers that are due by then."""
        self.turn()
        while due := [timer for timer in self.timers if timer.at_s <= now_s and not timer.cancelled]:
            first = min(due, key=lambda timer: timer.at_s)
            self.timers.remove(first)
            self.now_s = first.at_s
            first.act()
            self.turn()
        self.now_s = now_s


class Socket(asyncio.Transport):
    """The transport of the loop; as uvloop's, it raises at what is written too late."""

    def __init__(self, *, tls: bool = False, certificate: dict[str, object] | None = None) -> None:
        super().__init__({"peername": ("192.0.2.7", 5)})
        self.tls, self.certificate = tls, certificate
        self.written: list[bytes] = []
        self.reading, self.eof, self.closed, self.aborted = True, False, False, False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self if name == "ssl_object" and self.tls else super().get_extra_info(name, default)

    def getpeercert(self) -> dict[str, object] | None:
        return self.certificate

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high is not None

    def write(self, data: Any) -> None:
        assert not self.is_closing()
        assert not self.eof
        self.written.append(data)

    def can_write_eof(self) -> bool:
        return not self.tls

    def write_eof(self) -> None:
        assert not self.is_closing()
        assert not self.tls
        self.eof = True

    def pause_reading(self) -> None:
        assert not self.is_closing()
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.is_closing()
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


class Rig:
    """A connection, its socket and what its owner is told."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, stays: bool = True, greet: bool = True, **socket: Any
    ) -> None:
        self.loop = Loop()
        self.begun: list[Stream] = []
        self.gone = 0
        self.paced: list[bool] = []
        self.later: list[Callable[[], object]] | None = None
        """Where it is a list, strangers wait for their turn in it."""
        owner = Owner(
            begin=lambda _, stream: self.begun.append(stream),
            come=lambda _: stays,
            gone=self._gone,
            paced=self.paced.append,
            strangers=strangers_together(0.0),
            turn=lambda start, _: start() if self.later is None else self.later.append(start),
            most_streams=8,
            most_head_bytes=16_384,
        )
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "get_running_loop", lambda: self.loop)
            self.transport = Http2Transport(owner)
        self.socket = Socket(**socket)
        self.transport.connection_made(self.socket)
        if greet:
            self.arrives(HELLO)
            self.said()

    def _gone(self, _: Http2Transport) -> None:
        self.gone += 1

    def arrives(self, data: bytes) -> None:
        self.transport.data_received(data)
        self.loop.turn()

    def said(self) -> list[Sent]:
        self.loop.turn()
        found = sent_in(b"".join(self.socket.written))
        self.socket.written.clear()
        return found

    def sweep(self, now_s: float) -> list[Sent]:
        """The look at the deadlines at that time; what is said of it."""
        self.loop.goes_to(now_s)
        self.transport.check(now_s, DEADLINES)
        return self.said()

    def answer(self) -> None:
        """The only stream under way is answered."""
        (stream,) = self.transport.connection.streams.values()
        self.transport.connection.send_end(stream, block([(b":status", b"200")]))
        self.transport.flush()


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


def test_what_is_said_in_one_turn_leaves_together(rig: Rig) -> None:
    rig.arrives(CALL + frame(PING, 0, 0, b"12345678"))
    rig.said()
    rig.transport.connection.ping()
    rig.transport.flush()
    rig.answer()
    assert rig.socket.written == []
    rig.loop.turn()
    assert len(rig.socket.written) == 1
    assert [one.kind for one in rig.said()] == [PING, HEADERS]


def test_it_knows_its_peer(monkeypatch: pytest.MonkeyPatch, rig: Rig) -> None:
    assert (rig.transport.address, dict(rig.transport.certificate)) == ("192.0.2.7", {})
    named = {"subjectAltName": (("URI", "spiffe://a/b"),)}
    assert Rig(monkeypatch, tls=True, certificate=named).transport.certificate == named
    assert Rig(monkeypatch, tls=True).transport.certificate == {}


def test_one_that_may_not_stay_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, stays=False, greet=False)
    assert rig.socket.aborted
    rig.transport.connection_lost(None)
    assert (rig.said(), rig.gone) == ([], 1)


@pytest.mark.parametrize("sent", [b"", HELLO[:24], HELLO[:-1]], ids=["nothing", "preface", "half of SETTINGS"])
def test_a_client_that_does_not_say_hello(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    rig = Rig(monkeypatch, greet=False)
    rig.arrives(sent)
    rig.sweep(9.9)
    assert not rig.socket.aborted
    rig.sweep(10.1)
    assert rig.socket.aborted


def test_a_silent_client_is_asked_and_kept_when_it_answers(rig: Rig) -> None:
    assert rig.sweep(59) == []
    (ping,) = rig.sweep(61)
    assert (ping.kind, ping.flags) == (PING, 0)
    rig.arrives(frame(PING, ACK, 0, ping.payload))
    assert rig.sweep(90) == []
    assert not rig.socket.aborted
    assert [one.kind for one in rig.sweep(123)] == [PING]


def test_a_client_that_does_not_answer_is_cut(rig: Rig) -> None:
    rig.arrives(CALL)
    assert [one.kind for one in rig.sweep(61)] == [PING]
    rig.sweep(80)
    assert not rig.socket.aborted
    rig.sweep(82)
    assert rig.socket.aborted


def test_whatever_is_heard_is_a_sign_of_life(rig: Rig) -> None:
    rig.sweep(61)
    rig.loop.goes_to(70)
    rig.arrives(frame(2, 0, 5, bytes(5)))
    rig.sweep(90)
    assert not rig.socket.aborted


def kept_alive(rig: Rig, until_s: int) -> list[Sent]:
    """Sweeps, with a sign of life in front of each."""
    said = []
    for now_s in range(int(rig.loop.now_s) + 30, until_s + 1, 30):
        rig.loop.goes_to(now_s)
        rig.transport.data_received(frame(2, 0, 1_000_001, bytes(5)))
        said += rig.sweep(now_s)
    return said


def test_a_connection_without_calls_is_told_to_go(rig: Rig) -> None:
    assert kept_alive(rig, 300) == []
    assert [one.kind for one in kept_alive(rig, 330)] == [GOAWAY, PING]


def test_calls_keep_it_however_short_they_are(rig: Rig) -> None:
    """None of them is under way when the sweep looks."""
    for number in range(1, 41, 2):
        kept_alive(rig, 30 * number)
        rig.arrives(frame(HEADERS, END_HEADERS | END_STREAM, number, block(POST)))
        rig.answer()
        assert GOAWAY not in {one.kind for one in rig.said()}


def test_a_long_call_keeps_it(rig: Rig) -> None:
    rig.arrives(CALL)
    assert kept_alive(rig, 900) == []


def test_an_old_connection_goes_when_its_calls_are_answered(rig: Rig) -> None:
    """GOAWAY with all numbers first: what the client sent before it has read it is taken (RFC 9113, section 6.8)."""
    rig.arrives(CALL)
    goaway, ping = kept_alive(rig, 1830)
    assert (int.from_bytes(goaway.payload[:4], "big"), goaway.number, ping.kind) == (
        MAX_WINDOW,
        ErrorCode.NO_ERROR,
        PING,
    )
    rig.arrives(frame(HEADERS, END_HEADERS | END_STREAM, 3, block(POST)) + frame(PING, ACK, 0, ping.payload))
    (last,) = rig.said()
    assert (last.kind, last.payload[:4]) == (GOAWAY, (3).to_bytes(4, "big"))
    rig.arrives(frame(HEADERS, END_HEADERS | END_STREAM, 5, block(POST)))
    assert [stream.id for stream in rig.begun] == [1, 3]
    for stream in list(rig.transport.connection.streams.values()):
        assert not rig.socket.eof
        rig.transport.connection.send_end(stream, block([(b":status", b"200")]))
        rig.transport.flush()
    assert [one.stream for one in rig.said()] == [1, 3]
    assert rig.socket.eof


def test_who_has_not_said_hello_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent socket would hold up the gateway's end until its hello is too late. What was on its way may be said elsewhere."""
    silent = Rig(monkeypatch, greet=False)
    silent.transport.leave()
    silent.loop.turn()
    last = silent.said()[-1]
    assert (last.kind, last.payload) == (GOAWAY, bytes(8))
    assert silent.socket.eof
    assert silent.arrives(HELLO + CALL) is None
    assert silent.begun == []


def test_a_client_that_does_not_answer_the_last_call_s_ping(rig: Rig) -> None:
    rig.arrives(CALL)
    rig.transport.leave()
    rig.transport.leave()
    assert [one.kind for one in rig.said()] == [GOAWAY, PING]
    assert rig.sweep(0.9) == []
    assert [one.kind for one in rig.sweep(1.1)] == [GOAWAY]
    rig.answer()
    rig.loop.turn()
    assert rig.socket.eof


def test_past_its_grace_it_is_cut(rig: Rig) -> None:
    rig.arrives(CALL)
    rig.transport.leave()
    kept_alive(rig, 90)
    assert not rig.socket.aborted
    kept_alive(rig, 120)
    assert rig.socket.aborted


def test_a_peer_that_takes_nothing_is_not_read_from(rig: Rig) -> None:
    rig.transport.pause_writing()
    assert not rig.socket.reading
    rig.transport.resume_writing()
    assert rig.socket.reading


def test_a_peer_that_takes_nothing_for_long_is_cut(rig: Rig) -> None:
    rig.loop.goes_to(30)
    rig.transport.pause_writing()
    rig.sweep(109)
    assert not rig.socket.aborted
    rig.sweep(111)
    assert rig.socket.aborted


def rapid(first: int, last: int) -> bytes:
    """Calls that are reset at once."""
    return b"".join(
        frame(HEADERS, END_HEADERS, number, block(POST)) + reset_of(number) for number in range(first, last, 2)
    )


def test_a_flood_is_not_read_for_a_moment_and_then_again(rig: Rig) -> None:
    rig.arrives(rapid(1, 401))
    rig.loop.goes_to(0.001)
    assert not rig.socket.reading
    assert rig.transport.connection._numbers.last < 399
    rig.loop.goes_to(30)
    assert rig.socket.reading
    assert rig.transport.connection._numbers.last == 399, "nothing is lost, it waits"


def test_its_owner_is_told_of_a_stranger_that_is_paced(rig: Rig) -> None:
    """Each time that it is not read, for as long as it goes on; not of a turn that is over."""
    rig.arrives(rapid(1, 61))
    assert rig.transport.connection._numbers.last < 59, "its turn was over"
    rig.loop.goes_to(1)
    assert (rig.transport.connection._numbers.last, rig.paced) == (59, [])
    rig.arrives(rapid(61, 401))
    rig.loop.goes_to(1.001)
    assert rig.paced == [False]
    rig.loop.goes_to(30)
    assert len(rig.paced) > 1
    assert set(rig.paced) == {False}


def test_its_owner_is_told_of_a_producer_that_is_paced(rig: Rig) -> None:
    rig.transport.connection.know()
    rig.arrives(rapid(1, 1_801))
    rig.loop.goes_to(0.001)
    assert rig.paced == []
    rig.arrives(rapid(1_801, 4_401))
    rig.loop.goes_to(0.002)
    assert rig.paced == [True]


def test_who_is_both_paced_and_stuck_is_read_when_both_are_over(rig: Rig) -> None:
    rig.arrives(rapid(1, 401))
    rig.transport.pause_writing()
    rig.loop.goes_to(30)
    assert not rig.socket.reading
    rig.transport.resume_writing()
    assert rig.socket.reading


def test_a_stranger_waits_for_its_turn_and_is_not_read_meanwhile(rig: Rig) -> None:
    rig.later = []
    rig.arrives(CALL)
    assert (rig.begun, rig.socket.reading) == ([], False)
    rig.later.pop()()
    assert ([stream.id for stream in rig.begun], rig.socket.reading) == ([1], True)


def test_what_came_first_is_looked_at_first(rig: Rig) -> None:
    """Even where the first waits for a stranger's turn, and who sent it is known by the time that the second comes."""
    rig.later = []
    for place in range(0, len(CALL), 20):
        rig.arrives(CALL[place : place + 20])
        rig.transport.connection.know()
    for start in rig.later:
        start()
    assert [stream.id for stream in rig.begun] == [1]
    assert not rig.transport.connection.over


def test_a_stranger_that_goes_before_its_turn_takes_none(rig: Rig) -> None:
    rig.later = []
    rig.arrives(CALL)
    rig.transport.connection_lost(None)
    assert rig.later.pop()() is False
    assert rig.begun == []


def test_last_words_then_the_end_of_our_side_then_the_close(rig: Rig) -> None:
    """A socket that is closed with bytes unread is reset, and the peer may never read what was said last."""
    rig.arrives(frame(SETTINGS, 0, 1))
    (goaway,) = rig.said()
    assert (goaway.kind, goaway.number) == (GOAWAY, ErrorCode.PROTOCOL_ERROR)
    assert (rig.socket.eof, rig.socket.closed, rig.socket.reading) == (True, False, True)
    rig.arrives(CALL)
    assert (rig.begun, rig.said()) == ([], [])
    rig.loop.goes_to(2)
    assert rig.socket.closed


def test_over_tls_the_close_waits_for_the_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, tls=True)
    rig.arrives(frame(SETTINGS, 0, 1))
    assert [one.kind for one in rig.said()] == [GOAWAY]
    rig.loop.goes_to(0.9)
    assert not rig.socket.closed
    rig.loop.goes_to(1.1)
    assert rig.socket.closed


def test_a_peer_that_does_not_take_the_last_words_is_cut(rig: Rig) -> None:
    rig.transport.pause_writing()
    rig.arrives(frame(SETTINGS, 0, 1))
    rig.said()
    rig.loop.goes_to(2)
    assert rig.socket.closed
    rig.sweep(19)
    assert not rig.socket.aborted
    rig.sweep(21)
    assert rig.socket.aborted


def test_nothing_is_written_to_a_socket_that_closes(rig: Rig) -> None:
    """uvloop raises where asyncio only drops it."""
    rig.arrives(CALL)
    rig.transport.abort()
    rig.answer()
    rig.transport.leave()
    rig.loop.turn()
    assert rig.socket.written == []
    rig.transport.resume_writing()
    rig.transport.connection_lost(None)
    rig.transport.flush()
    rig.loop.turn()
    rig.transport.abort()
    rig.transport.check(9999, DEADLINES)
    assert rig.socket.written == []


def test_a_lost_connection_ends_its_streams_and_timers(rig: Rig) -> None:
    woken: list[int] = []
    rig.arrives(frame(HEADERS, END_HEADERS, 1, block(POST)))
    rig.begun[0].wake = lambda: woken.append(1)
    rig.arrives(b"".join(frame(PING, 0, 0, b"12345678") * 3 + frame(SETTINGS, 0, 0) for _ in range(2000)))
    rig.transport.connection_lost(ConnectionResetError())
    assert (woken, rig.gone, rig.begun[0].gone) == ([1], 1, ErrorCode.CANCEL)
    assert all(timer.cancelled for timer in rig.loop.timers)


def test_a_lost_connection_is_gone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with the next collection, which is rare in the gateway: strangers may come and go by the thousand, each with what it sent."""
    rig = Rig(monkeypatch)
    rig.arrives(
        frame(HEADERS, END_HEADERS, 1, block(POST)) + frame(0, 0, 1, bytes(16_000)) + frame(99, 0, 0, bytes(9_000))[:-1]
    )
    rig.transport.connection_lost(None)
    kept = [weakref.ref(rig.transport.connection), weakref.ref(rig.transport)]
    rig.begun.clear()
    rig.loop.soon.clear()
    gc.disable()
    try:
        del rig.transport
        assert [one() for one in kept] == [None, None]
    finally:
        gc.enable()


def test_a_connection_that_shows_a_token_is_known(rig: Rig) -> None:
    assert not rig.transport.known
    rig.transport.connection.know()
    assert rig.transport.known


@pytest.mark.parametrize("how", ["taken", "lost"])
async def test_writers_wait_for_room(how: str) -> None:
    owner = Owner(
        begin=lambda *_: None, come=lambda _: True, gone=lambda _: None, paced=lambda _: None, strangers=strangers_together(0.0), turn=lambda start, _: start(),
        most_streams=1, most_head_bytes=1
    )  # fmt: skip
    transport = Http2Transport(owner)
    transport.connection_made(cast("asyncio.BaseTransport", Socket()))
    await transport.room()
    transport.pause_writing()
    waiting = [asyncio.create_task(transport.room()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting[1:])
    if how == "taken":
        transport.resume_writing()
    else:
        transport.connection_lost(None)
    done, pending = await asyncio.wait(waiting, timeout=5)
    assert (len(done), pending) == (3, set())
