"""The rules of one HTTP/2 connection, seen from the server (RFC 9113): bytes in, streams and bytes out. No socket, no clock, no loop.

Fed and emptied by `transport`; whoever answers a stream does it through the methods here. What comes to nothing costs the peer
`patience`, and where that is at its end no more is read until `transport` says so. Priorities are read and ignored (section 5.3).
"""

from collections.abc import Callable

from tidegate_gateway.edge.http2.control import Control
from tidegate_gateway.edge.http2.credit import Credit
from tidegate_gateway.edge.http2.fields import Block, BlockReader
from tidegate_gateway.edge.http2.frames import (
    END_STREAM,
    NUMBER_BITS,
    ErrorCode,
    Setting,
    Violated,
    goaway,
    number_in,
    reset,
    settings,
    unpadded,
)
from tidegate_gateway.edge.http2.incoming import DEPENDS_ON_ITSELF, FrameReader
from tidegate_gateway.edge.http2.numbers import Numbers
from tidegate_gateway.edge.http2.outgoing import Outgoing
from tidegate_gateway.edge.http2.patience import A_CALL, A_CONNECTION, A_FRAME, A_PIECE, Patience, worth_of_head
from tidegate_gateway.edge.http2.streams import Stream

__all__ = ["Connection"]


class Connection:
    """One connection. `out` is what has to be sent; `over`: once that is sent, it is to be closed; `patience` is with its peer.

    `begin` is told of each stream whose head has arrived, unless it was reset with the same bytes, and must not raise or wait.
    `most_head_bytes` is what clients are told to keep to; a longer head arrives all the same, up to `MAX_BLOCK_BYTES`.
    """

    def __init__(
        self, patience: Patience, begin: Callable[[Stream], None], *, most_streams: int, most_head_bytes: int
    ) -> None:
        self._outgoing = Outgoing()
        self.out, self.stuck = self._outgoing.out, self._outgoing.stuck
        self._credit = Credit(self.out)
        self.streams: dict[int, Stream] = {}
        self.over = False
        self.patience = patience
        self._begin = begin
        self._most_streams = most_streams
        self._incoming = FrameReader()
        self._reader = BlockReader()
        self._numbers = Numbers()
        control = self._control = Control(self._outgoing, self._numbers, patience)
        self._opened: list[Stream] = []
        self._woken: dict[int, Stream] = {}
        self._now_s = 0.0
        self._on: tuple[Callable[[int, int, bytes], None], ...] = (
            self._data,
            self._headers,
            control.priority,
            self._reset,
            self._settings,
            control.push_promise,
            self._ping,
            control.goaway,
            self._window_update,
        )
        limits = {Setting.MAX_CONCURRENT_STREAMS: most_streams, Setting.MAX_HEADER_LIST_SIZE: most_head_bytes}
        self.out.append(settings(limits))

    @property
    def greeted(self) -> bool:
        """Whether the client has said hello as HTTP/2 wants it."""
        return self._incoming.greeted

    # -- what arrives

    def receive(self, data: bytes, now_s: float) -> bool:
        """Take what has arrived; `now_s` is any clock that only goes on.

        False: its turn is over, or patience at its end, and nothing more is to be given until `receive(b"", now_s)` is True again.
        """
        if self.over:
            return True
        self._now_s = now_s
        self.patience.refresh(now_s)
        try:
            self._incoming.feed(data)
            self._frames()
        except Violated as violated:
            self._end(violated.code, violated.detail)
            return True
        self._tell()
        return not self.patience.over

    def lost(self) -> None:
        """The peer is gone: every stream ends, and nothing is kept of it until the next collection finds the connection."""
        self.over = True
        while self.streams:
            self._gone(self.streams.popitem()[1], ErrorCode.CANCEL)
        self._tell()
        self._incoming.forget()
        self._begin, self._on = (lambda _: None), ()

    def _frames(self) -> None:
        """Take the frames that are whole, as long as there is patience."""
        patience, incoming = self.patience, self._incoming
        while not self.over and patience.begin_frame() and (arrived := incoming.next()) is not None:
            kind, flags, number, payload = arrived
            if kind >= len(self._on):
                patience.spend(A_FRAME)
                continue
            try:
                self._on[kind](flags, number, payload)
            except Violated as violated:
                if not violated.stream:
                    raise
                self.reset(violated.stream, violated.code)
                patience.spend(A_CALL)

    def _tell(self) -> None:
        """Hand on what the bytes brought."""
        if self._opened:
            opened, self._opened = self._opened, []
            for stream in opened:
                if stream.gone is None:
                    self._begin(stream)
        if self._woken:
            woken, self._woken = self._woken, {}
            for stream in woken.values():
                stream.wake()

    # -- streams

    def _headers(self, flags: int, number: int, data: bytes) -> None:
        block = self._reader.read(data)  # whatever comes of it: the table goes on
        self.patience.spend(worth_of_head(block.size_bytes))
        stream = self.streams.get(number)
        if stream is not None:
            self._trailers(stream, flags, block)
            return
        if self._numbers.opens(number):
            self._open(number, flags, block)
        else:  # decoded, and for nothing
            self.patience.spend(A_CALL)

    def _open(self, number: int, flags: int, block: Block) -> None:
        if len(self.streams) >= self._most_streams:
            raise Violated(ErrorCode.REFUSED_STREAM, "more streams than SETTINGS_MAX_CONCURRENT_STREAMS", number)
        if block.fault or not block.has_pseudo:
            raise Violated(ErrorCode.PROTOCOL_ERROR, block.fault or "a request without a method", number)
        if flags & DEPENDS_ON_ITSELF:
            raise Violated(ErrorCode.PROTOCOL_ERROR, "a stream that depends on itself", number)
        stream = Stream(number, block, self._outgoing.peer_window, self._credit.stream_window)
        self.streams[number] = stream
        self._opened.append(stream)
        if flags & END_STREAM:
            self._ended(stream)

    def _trailers(self, stream: Stream, flags: int, block: Block) -> None:
        if stream.ended:
            raise Violated(ErrorCode.STREAM_CLOSED, "HEADERS behind the stream's end", stream.id)
        if block.fault or block.has_pseudo or not flags & END_STREAM:
            raise Violated(ErrorCode.PROTOCOL_ERROR, block.fault or "trailers that are none", stream.id)
        self._ended(stream)

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        size, credit, body = len(payload), self._credit, unpadded(payload, flags)
        credit.arrived(size)
        stream = self.streams.get(number)
        if stream is None:
            self._data_for_none(number, size)
            return
        if stream.ended:
            stream.unread_bytes += size
            raise Violated(ErrorCode.STREAM_CLOSED, "DATA behind the stream's end", number)
        credit.arrived_of(stream, size)
        stream.inbox += body
        if stream.expected_bytes is not None:
            stream.expected_bytes -= len(body)
            if stream.expected_bytes < 0:
                raise Violated(ErrorCode.PROTOCOL_ERROR, "more DATA than content-length", number)
        waits = stream.receiving and not stream.answered  # behind its answer nobody does
        credit.read(stream, size if waits else size - len(body))
        if flags & END_STREAM:
            self._ended(stream)
        elif not body or not self.known:  # a stranger's call has one message, in one piece
            self.patience.spend(A_FRAME)
        self._woken[number] = stream

    def _data_for_none(self, number: int, size: int) -> None:
        """DATA of a stream that is over: credited, or nothing would ever arrive again; and none of a client that knows its own streams."""
        self._numbers.check(number, "DATA")
        self._credit.give(size)
        if self._numbers.is_closed_by_peer(number):
            raise Violated(ErrorCode.STREAM_CLOSED, "DATA on a stream that is closed", number)
        self.patience.spend(A_FRAME)

    def _ended(self, stream: Stream) -> None:
        if stream.expected_bytes:
            raise Violated(ErrorCode.PROTOCOL_ERROR, "less DATA than content-length", stream.id)
        stream.ended = True
        self._woken[stream.id] = stream

    def _gone(self, stream: Stream, code: ErrorCode | int) -> None:
        stream.gone = code
        stream.trailers = None
        self._outgoing.forget(stream)
        self._woken[stream.id] = stream

    def _close(self, stream: Stream, *, ours: bool) -> None:
        """Forget a stream; `ours`: the peer may not know yet, and goes on sending."""
        self.streams.pop(stream.id, None)
        self._outgoing.forget(stream)
        self._credit.forget(stream)
        self._numbers.close(stream.id, ours=ours)
        self._over_if_done()

    # -- resets, windows, and what is of the whole connection

    def _reset(self, _flags: int, number: int, payload: bytes) -> None:
        code = number_in(payload)
        stream = self.streams.get(number)
        if stream is not None:
            self._gone(stream, code)
            self._close(stream, ours=False)
            self.patience.spend(A_CALL)
        else:
            self._numbers.check(number, "RST_STREAM")
            self.patience.spend(A_FRAME)

    def _settings(self, flags: int, _number: int, payload: bytes) -> None:
        self._control.settings(flags, payload, self.streams.values())
        self._unblock()

    def _ping(self, flags: int, _number: int, payload: bytes) -> None:
        if self._control.ping(flags, payload, self._now_s):
            self.last_call()

    def _window_update(self, _flags: int, number: int, payload: bytes) -> None:
        more = number_in(payload) & NUMBER_BITS
        self.patience.spend(A_FRAME)
        if not number:
            self._outgoing.grow(more)
            self._unblock()
            return
        stream = self.streams.get(number)
        if stream is None:
            self._numbers.check(number, "WINDOW_UPDATE")
            return
        if self._outgoing.grow_of(stream, more):
            self._emptied(stream)

    # -- what leaves

    def send_head(self, stream: Stream, block: bytes) -> None:
        """The head of an answer."""
        if stream.gone is None and not stream.answered:
            self._outgoing.head(stream.id, block)

    def send_data(self, stream: Stream, data: bytes) -> None:
        """A piece of an answer; what the peer's windows have no room for waits in the stream's outbox."""
        if stream.gone is None and not stream.answered:
            self._outgoing.data(stream, data)
            self.patience.earn(A_PIECE)

    def send_end(self, stream: Stream, block: bytes) -> None:
        """The trailers of an answer, or all of it where they are its head; behind what still waits."""
        if stream.gone is not None or stream.answered:
            return
        stream.answered = True
        if stream.outbox is None:
            self._finish(stream, block)
        else:
            stream.trailers = block

    def reset(self, number: int, code: ErrorCode) -> None:
        """End a stream for both sides."""
        stream = self.streams.get(number)
        self.out.append(reset(number, code))
        if stream is not None:
            self._gone(stream, code)
            self._close(stream, ours=True)
        else:
            self._numbers.close(number, ours=True)

    def read(self, stream: Stream, size_bytes: int) -> None:
        """So much of what has arrived was read: the peer may send as much again."""
        self._credit.read(stream, size_bytes)

    def know(self) -> None:
        """The peer has shown a token that holds."""
        if not self.known:
            self.patience.know(self._now_s)
            self._credit.know(self.streams.values())

    @property
    def known(self) -> bool:
        """Whether the peer has shown a token that holds."""
        return self._credit.known

    def answered(self, *, good: bool) -> None:
        """A call has its answer. What a stranger asks costs, whatever it was: there is no end of it."""
        if good and self.patience.known:
            self.patience.earn(A_CALL)
        else:
            self.patience.spend(A_CALL)

    def ping(self) -> None:
        """Ask whether the peer is there: `waiting_for_pong` until it has answered."""
        self._control.ask()

    @property
    def waiting_for_pong(self) -> bool:
        """Whether the peer was asked, and has not answered."""
        return self._control.waiting_for_pong

    def leave(self) -> None:
        """Tell the peer to go (section 6.8): no new streams please; those that it has sent meanwhile are taken until its answer to a ping is back."""
        if not self.over:
            self._control.leave()

    def last_call(self) -> None:
        """No stream past those that have come is taken; once they are answered the connection is over."""
        if not self.over:
            self._control.last_call()
            self._over_if_done()

    def _over_if_done(self) -> None:
        if not self.streams and self._numbers.closing:
            self.over = True

    def _end(self, code: ErrorCode, why: str) -> None:
        """The connection is over, and the peer is told why. Who comes again at once pays for it with all strangers."""
        self.patience.spend(A_CONNECTION)
        self.out.append(goaway(self._numbers.last, code, why.encode()))
        self.lost()

    def _unblock(self) -> None:
        for stream in self._outgoing.unblock():
            self._emptied(stream)

    def _emptied(self, stream: Stream) -> None:
        """All that waited of the stream has left."""
        self._woken[stream.id] = stream
        if stream.trailers is not None:
            self._finish(stream, stream.trailers)

    def _finish(self, stream: Stream, block: bytes) -> None:
        stream.trailers = None
        self._outgoing.end(stream.id, block)
        if not stream.ended:  # nobody reads the rest (section 8.1)
            self.out.append(reset(stream.id, ErrorCode.NO_ERROR))
        self._close(stream, ours=not stream.ended)
