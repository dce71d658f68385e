"""One gRPC call as its handler sees it: reads messages, writes messages, ends with a status. Its own deadline, and the client's leaving.

Made by `rpc_server` for each stream; a `doors.rpc.calls.Context`. What it is told to say it says; it decides nothing.
"""

import asyncio
from collections.abc import Callable, Coroutine

from tidegate.errors import Code
from tidegate_gateway.doors.rpc.codes import StatusCode
from tidegate_gateway.doors.rpc.metadata import Metadata
from tidegate_gateway.edge.grpc.heads import ANSWER_HEAD, END_OK, CallHead, ending, refusal
from tidegate_gateway.edge.grpc.messages import Unpacking, message, take
from tidegate_gateway.edge.grpc.unpacks import Unpacks
from tidegate_gateway.edge.http2.frames import ErrorCode
from tidegate_gateway.edge.http2.streams import Stream, unheard
from tidegate_gateway.edge.http2.transport import Http2Transport
from tidegate_gateway.edge.tls import certificate_name
from tidegate_gateway.intake.faults import Fault

__all__ = ["Exchange"]

_STRANGERS_MESSAGE_BYTES = 65_536
"""Of a call on a connection that has shown no token yet: health and reflection ask in a few hundred bytes."""


class Exchange:
    """One call. `run` begins its handler; when the client resets the stream, or its deadline passes, the handler is cancelled."""

    __slots__ = (
        "_connection",
        "_ends_s",
        "_loop",
        "_most_message_bytes",
        "_reading",
        "_stream",
        "_task",
        "_timer",
        "_told",
        "_trailing",
        "_transport",
        "_unpacks",
        "_writing",
        "head",
    )

    def __init__(
        self, transport: Http2Transport, stream: Stream, head: CallHead, most_message_bytes: int, unpacks: Unpacks
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._connection = transport.connection
        self._stream = stream
        self.head = head
        self._most_message_bytes = most_message_bytes
        self._unpacks = unpacks
        self._told = False
        self._trailing: Metadata = ()
        self._reading: asyncio.Future[None] | None = None
        self._writing: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ends_s: float | None = None

    def run(self, handler: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Begin the handler."""
        task = self._task = self._loop.create_task(handler)
        self._stream.wake = self._wake
        if self.head.timeout_s is not None:
            self._ends_s = self._loop.time() + self.head.timeout_s
            self._timer = self._loop.call_at(self._ends_s, self._expired)
        return task

    def over(self) -> None:
        """The handler has ended. Whatever it left unsaid is an end of the stream, and so is what nobody takes any more."""
        stream = self._stream
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._task = None
        stream.wake = unheard  # no cycles: a call's objects go with it, not with the next collection
        if stream.gone is None and (not stream.answered or stream.outbox is not None):
            code = ErrorCode.ENHANCE_YOUR_CALM if stream.answered else ErrorCode.INTERNAL_ERROR
            self._connection.reset(stream.id, code)
            self._transport.flush()

    # -- what is asked

    @property
    def metadata(self) -> Metadata:
        """All that came in front of the messages; keys in lower case, `-bin` values as bytes."""
        return self.head.metadata

    @property
    def client(self) -> str:
        """The address of the peer."""
        return self._transport.address

    def certificate(self) -> str | None:
        """Whom the peer's verified certificate names."""
        return certificate_name(self._transport.certificate) if self._transport.certificate else None

    def time_left_s(self) -> float | None:
        """Until the client's deadline; None where it has none."""
        return max(0.0, self._ends_s - self._loop.time()) if self._ends_s is not None else None

    def know(self) -> None:
        """The call has shown a token that holds."""
        self._connection.know()

    # -- what is read

    async def read(self, begun: Callable[[], None] | None = None) -> bytes | None:
        """The next message; None where the client has sent its last. `begun` is told once of one that has come in part.

        Raises `too_large`, and `malformed` for what cannot be unpacked or ends too early.
        """
        stream, connection = self._stream, self._connection
        while True:
            most_bytes = self._most_message_bytes if connection.known else _STRANGERS_MESSAGE_BYTES
            taken = take(stream.inbox, most_bytes, self.head.encoding)
            if taken is not None:
                stream.receiving = False
                connection.read(stream, taken[1])
                self._send_credit()
                return await self._unpacks.whole(taken[0], connection) if isinstance(taken[0], Unpacking) else taken[0]
            if stream.ended:
                if stream.inbox:
                    raise Fault(Code.MALFORMED, "the call ended within a message")
                return None
            if begun is not None and stream.inbox:
                begun()
                begun = None
            stream.receiving = True
            connection.read(stream, stream.unread_bytes)
            self._send_credit()
            self._reading = self._loop.create_future()
            await self._reading

    def _send_credit(self) -> None:
        if self._connection.out:
            self._transport.flush()

    # -- what is said

    async def write(self, response: bytes) -> None:
        """Send a message; waits while the client does not take it."""
        self._send(response)
        await self.taken()
        await self._transport.room()

    def set_trailing(self, trailing: Metadata) -> None:
        """What goes with the call's end where that is OK."""
        self._trailing = trailing

    def succeed(self, response: bytes | None = None) -> None:
        """End the call well, with its last (or only) message if it has one."""
        if self._stream.answered:
            return
        if response is not None:
            self._send(response)
        elif not self._told:
            self._connection.send_head(self._stream, ANSWER_HEAD)
        self._connection.send_end(self._stream, ending(0, "", self._trailing) if self._trailing else END_OK)
        self._connection.answered(good=True)
        self._transport.flush()

    async def taken(self) -> None:
        """Wait until the client has taken what was said: an answer that waits is a call under way."""
        while self._stream.outbox is not None:
            self._writing = self._loop.create_future()
            await self._writing

    def fail(self, status: int, text: str, trailing: Metadata = ()) -> None:
        """End the call with a status that is not OK; once, whoever comes first."""
        if self._stream.answered:
            return
        block = ending(status, text, trailing) if self._told else refusal(status, text, trailing)
        self._connection.send_end(self._stream, block)
        self._connection.answered(good=status != StatusCode.UNAUTHENTICATED)
        self._transport.flush()

    def cancel(self) -> None:
        """Stop the handler: the call has ended beside it. Once: what it does at its end is not disturbed."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _send(self, response: bytes) -> None:
        if not self._told:
            self._told = True
            self._connection.send_head(self._stream, ANSWER_HEAD)
        self._connection.send_data(self._stream, message(response))
        self._transport.flush()

    def _wake(self) -> None:
        """The stream has changed."""
        stream = self._stream
        if stream.gone is not None:
            self.cancel()
            return
        if (reading := self._reading) is not None and not reading.done():
            reading.set_result(None)
        if stream.outbox is None and (writing := self._writing) is not None and not writing.done():
            writing.set_result(None)

    def _expired(self) -> None:
        self._timer = None
        if self._stream.outbox is None:
            self.fail(StatusCode.DEADLINE_EXCEEDED, "the call's own deadline has passed")
        elif self._stream.gone is None:  # the client takes nothing: no trailers would ever reach it
            self._connection.reset(self._stream.id, ErrorCode.CANCEL)
            self._transport.flush()
        self.cancel()
