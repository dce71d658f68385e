"""What the port serves, and how a call meets it: looked up per call, so that a reload changes the table and drops nothing.

`ingest`, `contracts`, `health`, `reflection` and `typed` bring their services; `rpc_server` asks `Methods` what a call meets, and runs
`answer`. A handler takes a `Call`; what rises from it becomes a status here and nowhere else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from types import MappingProxyType

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tidegate.errors import Code
from tidegate_gateway.doors.crash import log_crash
from tidegate_gateway.doors.problems import internal_fault
from tidegate_gateway.doors.rpc.calls import DOOR, Call, Context, NotTaken, Said
from tidegate_gateway.doors.rpc.deps import RpcDeps
from tidegate_gateway.doors.rpc.receiving import Receiving
from tidegate_gateway.doors.rpc.status import Ended, ended
from tidegate_gateway.intake.faults import Fault

__all__ = [
    "MOST_ASIDE",
    "MOST_UNTAKEN",
    "Crowd",
    "Method",
    "Methods",
    "Service",
    "StreamHandler",
    "UnaryHandler",
    "refusing",
]

MOST_ASIDE = 512
"""Calls that are no producers' work and may be under way at once: nobody needs a token to watch the health for hours."""
MOST_UNTAKEN = 512
"""Answers that may wait for their clients at once; never more than a quarter of the calls that may be under way."""
_FEWEST_SLOW = 16
_SLOW_BUDGETS = 4
"""Requests that arrive slowly may take so many times the memory of events in flight, at the most."""

UnaryHandler = Callable[[Call], Awaitable[bytes]]
"""Reads the request (or the requests, of a client-streaming method) and answers the one response, serialised.

What it raises ends the call: `Fault`, or `NotTaken` for the call's one event.
"""
StreamHandler = Callable[[Call], Awaitable[None]]
"""Reads and writes until the call is done; what it raises ends the call, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method: `unary` answers one response, `stream` any number; exactly one of them is given.

    `intake`: it is producers' work, which is counted (unless the call's `outcome` is empty), and refused where the gateway has no
    room or drains. Raises ValueError for one without a handler.
    """

    name: str
    unary: UnaryHandler | None = None
    stream: StreamHandler | None = None
    intake: bool = True

    def __post_init__(self) -> None:
        if (self.unary is None) is (self.stream is None):
            raise ValueError(f"the method {self.name} needs one handler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: its full name (`coffeeco.customer.v1.CustomerService`), its methods, and its files for reflection.

    `files` are the .proto file that declares it and all that it imports, dependencies first.
    """

    name: str
    methods: tuple[Method, ...]
    files: tuple[FileDescriptorProto, ...] = field(default=(), repr=False)


class Crowd:
    """How many of producers' calls are under way, against how many may be; `draining` is set once, for good.

    Streams, which may say nothing for minutes, take three quarters of the room at most: unary calls always find some.
    """

    __slots__ = ("calls", "draining", "most_calls", "streams")

    def __init__(self, most_calls: int = 2048) -> None:
        self.most_calls = most_calls
        self.calls = 0
        self.streams = 0
        self.draining = False

    def has_room(self, *, stream: bool) -> bool:
        """Whether one more may begin."""
        if self.calls >= self.most_calls:
            return False
        return not stream or self.streams < max(1, self.most_calls * 3 // 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnderWay:
    """What a call met, and when (`perf_counter`'s)."""

    context: Context
    method: Method
    started_s: float


class Methods:
    """The table of now. `swap` is atomic: calls under way keep the handler that they met."""

    def __init__(self, deps: RpcDeps, crowd: Crowd | None = None) -> None:
        self._deps = deps
        self._crowd = crowd or Crowd()
        self._under_way: dict[Call, _UnderWay] = {}
        budget_bytes, settings = deps.intake.memory.capacity_bytes, deps.intake.settings
        most_slow = max(_FEWEST_SLOW, _SLOW_BUDGETS * budget_bytes // settings.max_batch_bytes)
        self._receiving: Receiving[Call] = Receiving(deps.body_timeout_s, most_slow, self._let_go)
        self._aside: dict[Call, Context] = {}
        self._untaken: dict[Call, Context] = {}
        self._most_untaken = min(MOST_UNTAKEN, max(1, self._crowd.most_calls // 4))
        self._ending: set[asyncio.Task[None]] = set()
        self.services: Mapping[str, Service] = MappingProxyType({})
        self.by_path: Mapping[str, Method] = MappingProxyType({})
        self.nowhere = refusing(Code.NOT_FOUND, "there is no such method here", events=0)

    def swap(self, services: Iterable[Service]) -> None:
        """From now on, new calls meet these services. Raises ValueError where one name stands twice."""
        named: dict[str, Service] = {}
        for service in services:
            if service.name in named:
                raise ValueError(f"the service {service.name} stands twice")
            named[service.name] = service
        methods = {f"/{service.name}/{one.name}": one for service in named.values() for one in service.methods}
        self.services = MappingProxyType(named)
        self.by_path = MappingProxyType(methods)

    def sweep(self, now_s: float) -> None:
        """End the calls whose requests do not arrive; `now_s` is `perf_counter`'s."""
        self._receiving.sweep(now_s)

    def _make_room(self, call: Call, context: Context) -> None:
        """One more call that is no producer's: beyond the most, the oldest goes. Else strangers take all that the port has."""
        self._aside[call] = context
        if len(self._aside) > MOST_ASIDE:
            oldest = next(iter(self._aside))
            met = self._aside.pop(oldest)
            if oldest in self._under_way:
                detail = "too many calls beside those of producers, and this is the oldest"
                self._let_go(oldest, Fault(Code.OVERLOADED, detail))
            else:  # it has its answer, and does not take it
                met.cancel()

    def _wait_for_taken(self, call: Call, context: Context) -> None:
        """One more answer to a producer that leaves: beyond the most, the oldest is cut. Else who never reads takes every place, and megabytes with each."""
        self._untaken[call] = context
        if len(self._untaken) > self._most_untaken:
            self._untaken.pop(next(iter(self._untaken))).cancel()

    def _let_go(self, call: Call, fault: Fault) -> None:
        """End a call beside its handler, which reads: the handler is stopped once the status is on its way."""
        if call in self._under_way and call.let_go is None:
            call.let_go = fault.code
            task = asyncio.create_task(self._end_beside(call, fault))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end_beside(self, call: Call, fault: Fault) -> None:
        met = self._under_way.get(call)
        if met is None or (met.method.intake and not call.reading):
            call.let_go = None  # its request came after all, and its event may be stored by now
            return
        end = await self._end(call, fault)
        met = self._under_way.pop(call, None)
        if met is None:  # its request came after all, or its client went
            return
        if met.method.intake:
            self._deps.on_request(DOOR, end.code, perf_counter() - met.started_s)
        met.context.fail(end.status, end.message, end.trailing)
        met.context.cancel()

    async def answer(self, method: Method, context: Context) -> None:
        """Run a method's handler for a call; what it raises is the call's end. Cancelled where the client has left."""
        crowd, streams = self._crowd, method.intake and method.stream is not None
        call = Call(context, self._deps, self._receiving)
        crowd.calls += method.intake
        crowd.streams += streams
        try:
            if not method.intake:
                self._make_room(call, context)
            await self._answer(method, context, call)
            if method.intake:
                self._wait_for_taken(call, context)
            await context.taken()  # an answer that nobody takes is a call under way
        finally:
            self._aside.pop(call, None)
            self._untaken.pop(call, None)
            crowd.calls -= method.intake
            crowd.streams -= streams

    async def _answer(self, method: Method, context: Context, call: Call) -> None:
        started = perf_counter()
        call.events = 1 if method.intake else 0
        end: Ended | Said | None = None
        response: bytes | None = None
        code = "disconnected"
        self._under_way[call] = _UnderWay(context=context, method=method, started_s=started)
        try:
            if method.unary is not None:
                response = await method.unary(call)
            elif method.stream is not None:
                await method.stream(call)
            code = call.outcome
        except Said as said:
            end, code = said, ""
        except Exception as error:
            end = await self._end(call, error)
            code = end.code
        finally:  # before its answer leaves: who has an answer finds it counted
            counted = self._under_way.pop(call, None) is None  # it was let go
            if method.intake and code and not counted:
                self._deps.on_request(DOOR, code, perf_counter() - started)
        if end is None:
            if method.intake:
                context.set_trailing((("request-id", call.request.id), *call.ends_with))
            context.succeed(response)
        else:
            context.fail(end.status, end.message, end.trailing if isinstance(end, Ended) else ())

    async def _end(self, call: Call, error: Exception) -> Ended:
        """The status that a call ends with."""
        problems = self._deps.problems
        if isinstance(error, NotTaken):
            problem = problems.of_refusal(error.refusal, error.admission, problems.jitter())
            return ended(problem, call.request.id, error.quotas, call.place)
        if not isinstance(error, Fault):
            log_crash(error, call.request.id)
            error = internal_fault()
        return ended(await call.refused(error), call.request.id, error.quotas, call.place)


def refusing(code: Code, detail: str, *, events: int) -> Method:
    """A method that ends any call with this code; `events` are so many that nobody will judge, as far as is known."""

    async def refuse(call: Call) -> None:
        call.events = events
        raise Fault(code, detail)

    return Method(name="", stream=refuse)
