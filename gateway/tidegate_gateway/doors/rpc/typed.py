"""The services that contracts bring themselves: a call's request is the event, as raw bytes; no message class is made of it.

`methods` is given what `typed_services` makes of a snapshot's services. Each event is judged like any Protobuf event, and one that
is not stored is the call's error. What a stream does with it stands in sdk/CONTRACTS.md, "Services of your own".
"""

from collections.abc import Callable, Iterable
from time import perf_counter

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tidegate.contracts.media import PROTOBUF
from tidegate.contracts.services import MethodSource, ServiceSource
from tidegate.errors import Code
from tidegate.wire.receipt import Stored
from tidegate_gateway.doors.rpc.calls import DOOR, Call, NotTaken
from tidegate_gateway.doors.rpc.methods import Method, Service
from tidegate_gateway.doors.rpc.streams import Closing, Conversation, answer_in_order
from tidegate_gateway.doors.rpc.typed_metadata import EventMetadata, read_event_metadata
from tidegate_gateway.doors.rpc.typed_replies import Reply, compile_reply
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.memory import encoded_cost_bytes
from tidegate_gateway.intake.submission import Admission, Incoming, Refusal, Request, Submission

__all__ = ["typed_services"]


def typed_services(services: Iterable[ServiceSource], closing: Closing, lifetime_s: float) -> tuple[Service, ...]:
    """The services of a snapshot, ready to be called. `closing` and `lifetime_s` end streams, as the ingest service's."""
    return tuple(
        Service(
            name=service.name,
            methods=tuple(_method(method, closing, lifetime_s) for method in service.methods),
            files=tuple(FileDescriptorSet.FromString(service.descriptors).file),
        )
        for service in services
    )


def _method(source: MethodSource, closing: Closing, lifetime_s: float) -> Method:
    typed = _Typed(source, closing, lifetime_s)
    if not source.takes_stream:
        return Method(name=source.name, unary=typed.one)
    if not source.answers_stream:
        return Method(name=source.name, unary=typed.many)
    return Method(name=source.name, stream=typed.each)


class _Typed:
    """One method."""

    __slots__ = ("_closing", "_lifetime_s", "_reply", "_topic")

    def __init__(self, source: MethodSource, closing: Closing, lifetime_s: float) -> None:
        self._topic = source.topic
        self._reply = compile_reply(source.reply)
        self._closing = closing
        self._lifetime_s = lifetime_s

    async def one(self, call: Call) -> bytes:
        """Unary: one event, one answer."""
        call.topic = self._topic
        await call.authenticate()
        about = read_event_metadata(call.metadata, many=False)
        line = await _store(call, self._topic, await call.read_one(), about)
        return self._reply(line, self._topic, 1)

    async def many(self, call: Call) -> bytes:
        """Client-streaming: when all are stored, the last one's answer, counted. Raises `malformed` where none came.

        Where the stream ends here first (the port drains, it is too old), the call is refused: what was not read is not stored.
        """
        events = await self._events(call)
        await self._run(events, events.unanswered())
        if not events.complete:
            detail = f"the gateway ends streams now; {events.count} events of this one are stored, and nothing was read behind them"
            raise Fault(Code.OVERLOADED, detail, retry_after_s=1.0)
        if events.last is None:
            raise Fault(Code.MALFORMED, "the stream ended without an event")
        return self._reply(events.last, self._topic, events.count)

    async def each(self, call: Call) -> None:
        """Bidirectional: an answer for each event, in their order."""
        events = await self._events(call)
        call.outcome = ""  # its events are counted, one by one
        await self._run(events, events)

    async def _events(self, call: Call) -> "_Events":
        call.topic = self._topic
        await call.authenticate()
        return _Events(call, self._topic, read_event_metadata(call.metadata, many=True), self._reply)

    async def _run(self, events: "_Events", conversation: Conversation) -> None:
        try:
            await answer_in_order(conversation, events.take, self._closing, self._lifetime_s)
        except Exception:
            events.name_the_first()
            raise


class _Events:
    """The events of one stream, stored one after the other. The first that is not ends the call; nothing behind it is begun.

    `count` are stored, `last` is the answer's; `complete` where the client has closed its side.
    """

    def __init__(self, call: Call, topic: str, about: EventMetadata, reply: Reply) -> None:
        self._call = call
        self._topic = topic
        self._about = about
        self._reply = reply
        self._begun = 0
        self._last = -1
        self._failed: dict[int, Request] = {}
        self.complete = False
        self.count = 0
        self.last: Stored | None = None

    async def read(self) -> bytes | None:
        """The next event; None where the client has closed its side."""
        body = await self._call.read()
        self.complete = body is None
        return body

    async def write(self, response: bytes) -> None:
        """Answer one event."""
        await self._call.write(response)

    def unanswered(self) -> Conversation:
        """The same events, each stored and none answered."""
        return _Unanswered(self)

    def name_the_first(self) -> None:
        """The call ends with the first event that was not stored: what is told of it is that event's request."""
        if self._failed:
            self._call.place = min(self._failed)
            self._call.request = self._failed[self._call.place]

    async def take(self, body: bytes, judged_now: Callable[[], None]) -> bytes:
        """Store the next event and encode its answer. What stops it says which one it was: all before it are stored."""
        index, self._begun = self._begun, self._begun + 1
        if self._failed:
            raise Fault(Code.OVERLOADED, "an event before it ends the stream")  # which is what the call ends with
        started, one = perf_counter(), self._call
        try:
            await self._call.authenticate()
            one = self._call.another()
            line = await _store(one, self._topic, body, self._about, judged_now)
        except Exception as error:
            self._failed[index] = one.request
            _say_which(error, index)
            raise
        self.count += 1
        if index > self._last:
            self._last, self.last = index, line
        if not self._call.outcome:
            self._call.deps.on_request(DOOR, one.outcome, perf_counter() - started)
        return self._reply(line, self._topic, 1)


class _Unanswered:
    """A stream whose events get one answer together."""

    def __init__(self, events: _Events) -> None:
        self.read = events.read

    async def write(self, response: bytes) -> None:
        """Keep it."""


def _say_which(error: Exception, index: int) -> None:
    """From now on the error's text says on which event of the stream it was."""
    told = error.refusal if isinstance(error, NotTaken) else error
    if isinstance(told, Fault | Refusal):
        told.detail = f"event {index} of the stream (from 0): {told.detail}"


async def _store(
    call: Call, topic: str, body: bytes, about: EventMetadata, judged_now: Callable[[], None] | None = None
) -> Stored:
    """Submit one event. Raises `NotTaken` where it is not stored, and what stops a submission."""
    admission = call.admit(topic, len(body), about.version)
    with admission.reservation as reservation:
        _check_size(len(body), call, admission)
        reservation.grow_to(encoded_cost_bytes(len(body)))
        event = Incoming(body=body, id=about.id, key=about.key, time=about.time, headers=about.headers)
        submission = Submission(events=(event,), count=1, size_bytes=len(body), media_type=PROTOBUF)
        told = await call.deps.intake.accept(admission, submission, judged_now)
    call.trailing(told.quotas)
    (line,) = told.lines
    if isinstance(line, Refusal):
        raise NotTaken(line, admission, told.quotas)
    if not isinstance(line, Stored):
        raise TypeError("what is published is stored or refused")
    return line


def _check_size(size_bytes: int, call: Call, admission: Admission) -> None:
    """Raise `too_large` before anything is spent on the event, as REST does before it reads one."""
    limit_bytes = call.deps.intake.settings.max_event_bytes
    limit_bytes = min(limit_bytes, admission.contract.source.max_event_bytes or limit_bytes)
    if size_bytes > limit_bytes:
        raise Fault(Code.TOO_LARGE, f"the body takes {size_bytes} bytes, at most {limit_bytes} are allowed")
