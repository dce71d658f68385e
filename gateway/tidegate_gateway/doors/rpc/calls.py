"""One call on its way: its head, its principal, its requests as bytes, and the way into the intake. What every method is given.

Made by `methods`. A method's handler reads, admits and answers through it, and lets a `Fault` or `NotTaken` rise.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Protocol

from tidegate.errors import Code
from tidegate.wire.problem import Problem
from tidegate_gateway.doors.rates import rate_fields
from tidegate_gateway.doors.rpc.codes import StatusCode
from tidegate_gateway.doors.rpc.deps import RpcDeps
from tidegate_gateway.doors.rpc.metadata import Head, Metadata, read_head
from tidegate_gateway.doors.rpc.receiving import Receiving
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.ids import uuid7
from tidegate_gateway.intake.limits import Quota
from tidegate_gateway.intake.principal import Principal
from tidegate_gateway.intake.submission import Admission, Refusal, Request

__all__ = ["DOOR", "Call", "Context", "NotTaken", "Said"]

DOOR = "grpc"
"""What metrics and logs call this door."""

_TOKEN_AGE_S = 60.0
"""So long a stream may go on until its token is looked at again."""
_MARGIN = 0.1
_MOST_MARGIN_S = 0.25


class Context(Protocol):
    """A call on the wire (`edge.grpc.exchange`), messages as bytes. `client` is the peer's address."""

    @property
    def metadata(self) -> Metadata: ...
    @property
    def client(self) -> str: ...
    def certificate(self) -> str | None:
        """Whom the peer's verified certificate names."""
        ...

    def time_left_s(self) -> float | None:
        """Until the client's deadline; None where it has none."""
        ...

    def know(self) -> None:
        """Who calls has shown a token (or certificate) that holds."""
        ...

    async def read(self, begun: Callable[[], None] | None = None) -> bytes | None:
        """The next message; None where the client has sent its last. Raises Fault.

        `begun` is told of a message that has come in part.
        """
        ...

    async def write(self, response: bytes) -> None:
        """Send a message; waits while the client does not take it."""
        ...

    async def taken(self) -> None:
        """Wait until the client has taken what was said."""
        ...

    def set_trailing(self, trailing: Metadata) -> None:
        """What goes with the call's end where that is OK."""
        ...

    def succeed(self, response: bytes | None = None) -> None:
        """End the call well, with its one message if it has one."""
        ...

    def fail(self, status: int, text: str, trailing: Metadata = ()) -> None:
        """End the call with a status; who comes second says nothing."""
        ...

    def cancel(self) -> None:
        """Stop the call's handler."""
        ...


class Said(Exception):
    """A status without details: what another protocol (health, reflection) wants said of a call of its own."""

    def __init__(self, status: StatusCode, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


class NotTaken(Exception):
    """The one event of a call was refused, or is not known to be stored: the call ends with that event's problem."""

    def __init__(self, refusal: Refusal, admission: Admission, quotas: tuple[Quota, ...] = ()) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.admission = admission
        self.quotas = quotas


class Call:
    """One call. `request` identifies it in answers and logs; a stream makes a call of each of its messages (`another`).

    `outcome` is what metrics count of a call that ends OK: `ok`, or `mixed`. `topic` is what the call named, and `events` how many
    it brought, as far as that is known; 0 where it brings none. `ends_with` goes with an end that is OK. `place` is the one of a
    stream's events (from 0) that ends the call, where one does. `reading`: its handler waits for a request. `let_go` is why the port ended it meanwhile.
    """

    __slots__ = (
        "_context",
        "_deprecated",
        "_deps",
        "_receiving",
        "_verified_s",
        "_who",
        "_within_stream",
        "ends_with",
        "events",
        "head",
        "let_go",
        "outcome",
        "place",
        "reading",
        "request",
        "topic",
    )

    def __init__(self, context: Context, deps: RpcDeps, receiving: "Receiving[Call]", head: Head | None = None) -> None:
        """`receiving` is told of every read; `head` of the stream that this is a message of."""
        self._context = context
        self._deps = deps
        self._receiving = receiving
        self._who: Principal | None = None
        self._verified_s = 0.0
        self._within_stream = False
        self._deprecated = False
        self.head = head if head is not None else read_head(context.metadata)
        self.outcome = "ok"
        self.ends_with: Metadata = ()
        self.reading = False
        self.let_go: Code | None = None
        self.place: int | None = None
        self.topic = ""
        self.events = 1
        self.request = Request(
            id=uuid7(),
            door=DOOR,
            arrival_ms=deps.now_ms(),
            traceparent=self.head.traceparent,
            client=context.client,
            time_left_s=_time_left_s(context.time_left_s()),
        )

    @property
    def deps(self) -> RpcDeps:
        """What the door was given."""
        return self._deps

    @property
    def metadata(self) -> Metadata:
        """All that came in front of the requests; keys in lower case, `-bin` values as bytes."""
        return self._context.metadata

    @property
    def principal(self) -> Principal | None:
        """Who calls, once `authenticate` has found out."""
        return self._who

    async def authenticate(self, now_s: Callable[[], float] = perf_counter) -> Principal:
        """Who calls: by token, else by client certificate. Raises `unauthenticated`, `overloaded` (no keys yet).

        A stream asks before each of its requests; the token is looked at once, and once more a minute later, so that one
        that has expired does not publish for ever.
        """
        if self._who is None or now_s() - self._verified_s > _TOKEN_AGE_S:
            certificate = self._context.certificate() if self.head.token is None else None
            self._who = await self._deps.intake.authenticate(self.head.token, certificate)
            self._verified_s = now_s()
            self._context.know()
        return self._who

    async def read(self) -> bytes | None:
        """The next request, as bytes; None where the client has sent its last."""
        return await self._read(timed=False)

    async def read_one(self) -> bytes:
        """The request of a unary call, once the client has closed its side. Raises `malformed` where it sent none, or more than one.

        One that does not arrive in time ends the call (`receiving`). A second would be dropped behind an answer that says stored.
        """
        message = await self._read(timed=True)
        if message is None:
            raise Fault(Code.MALFORMED, "the call ended without a request")
        if await self._read(timed=True) is not None:
            raise Fault(Code.MALFORMED, "a unary call has one request, and more came")
        return message

    async def _read(self, *, timed: bool) -> bytes | None:
        self.reading = True
        try:
            if not timed and self._who is not None:  # a producer's stream may say nothing for long
                return await self._context.read(self._begun)
            self._receiving.begun(self, perf_counter(), timed=timed)
            return await self._context.read()
        finally:
            self.reading = False
            self._receiving.ended(self)

    def _begun(self) -> None:
        """A stream's request has come in part: the rest has to come in time."""
        self._receiving.begun(self, perf_counter(), timed=True)

    async def write(self, response: bytes) -> None:
        """Send one response of a stream; waits while the client does not read."""
        await self._context.write(response)

    def another(self) -> "Call":
        """A stream's next request as a call of its own: the same principal, its own id, arrival, topic and outcome."""
        call = Call(self._context, self._deps, self._receiving, self.head)
        call._who = self._who
        call._within_stream = True
        return call

    def admit(self, topic: str, size_bytes: int, version: int | None = None) -> Admission:
        """The right to submit to a topic; `authenticate` comes first. Raises what `Intake.admit` does.

        Who is admitted must release the reservation.
        """
        self.topic = topic
        if self._who is None:
            raise Fault(Code.INTERNAL, "a call was admitted before it was authenticated")
        admission = self._deps.intake.admit(self.request, self._who, topic, version, size_bytes)
        self._deprecated = admission.contract.source.status == "deprecated"
        return admission

    async def refused(self, fault: Fault) -> Problem:
        """The problem of a request that stopped before its events were judged: counted, with what its sender may know."""
        deps, principal = self._deps, self._who
        if self.events:
            deps.on_refused(self.topic, DOOR, fault.code, self.events)
        contract = deps.intake.standing(principal, self.topic) if principal is not None else None
        if principal is None or contract is None:
            return deps.problems.of_fault(fault, self.request.id, client=self.request.client)
        fault.topic = fault.topic or contract.topic
        if not fault.quotas and fault.code is not Code.INTERNAL:  # what broke may be the limiter itself
            fault.quotas = await deps.intake.quotas(principal, contract)
        return deps.problems.of_fault(fault, self.request.id, contract.source.owner, self.request.client)

    def trailing(self, quotas: Sequence[Quota]) -> None:
        """The limits as they stand, and a deprecation (RFC 9745), go with the call's end; a stream's requests have none of their own."""
        if self._within_stream or not (quotas or self._deprecated):
            return
        fields: list[tuple[str, str | bytes]] = [(name.decode(), value.decode()) for name, value in rate_fields(quotas)]
        if self._deprecated:
            fields.append(("deprecation", f"@{self.request.arrival_ms // 1000}"))
            fields.append(("link", f'<{self._deps.problems.page(self.topic)}>; rel="deprecation"; type="text/html"'))
        self.ends_with = tuple(fields)


def _time_left_s(remaining_s: float | None) -> float | None:
    """What the client's deadline leaves for storing: a little less, so that it still hears the outcome."""
    return remaining_s - min(_MOST_MARGIN_S, _MARGIN * remaining_s) if remaining_s is not None else None
