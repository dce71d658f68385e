"""What the port serves, and how a call meets it: looked up per call, so that a reload changes the table and drops nothing.

`ingest`, `contracts`, `health`, `reflection` and `typed` bring their services; `server` plugs `Methods` into grpc.aio. A handler takes a
`Call`; what rises from it becomes a status here and nowhere else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import grpc
import grpc.aio
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tidegate.errors import Code
from tidegate_gateway.doors.problems import internal_fault
from tidegate_gateway.doors.rest.crash import log_crash
from tidegate_gateway.doors.rpc.calls import DOOR, Call, NotTaken, Said
from tidegate_gateway.doors.rpc.deps import RpcDeps
from tidegate_gateway.doors.rpc.receiving import Receiving
from tidegate_gateway.doors.rpc.status import Ended, ended
from tidegate_gateway.intake.faults import Fault

__all__ = ["MOST_ASIDE", "Context", "Crowd", "Handler", "Method", "Methods", "Service", "StreamHandler", "UnaryHandler"]

_T = TypeVar("_T")

MOST_ASIDE = 512
"""Calls that are no producers' work and may be under way at once: nobody needs a token to watch the health for hours."""
_FEWEST_SLOW = 16
_SLOW_BUDGETS = 4
"""Requests that arrive slowly may take so many times the memory of events in flight, at the most."""

if TYPE_CHECKING:  # generic in their stubs, and not at run time
    Context = grpc.aio.ServicerContext[bytes, bytes]
    Handler = grpc.RpcMethodHandler[bytes, bytes]
else:
    Context = grpc.aio.ServicerContext
    Handler = grpc.RpcMethodHandler

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
    room or drains.
    """

    name: str
    unary: UnaryHandler | None = None
    stream: StreamHandler | None = None
    intake: bool = True


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


class Methods(grpc.GenericRpcHandler):
    """The table of now. `swap` is atomic: calls under way keep the handler that they met."""

    def __init__(self, deps: RpcDeps, crowd: Crowd | None = None) -> None:
        self._deps = deps
        self._crowd = crowd or Crowd()
        self._under_way: dict[Call, _UnderWay] = {}
        budget_bytes, settings = deps.intake.memory.capacity_bytes, deps.intake.settings
        most_slow = max(_FEWEST_SLOW, _SLOW_BUDGETS * budget_bytes // settings.max_batch_bytes)
        self._receiving: Receiving[Call] = Receiving(deps.body_timeout_s, most_slow, self._let_go)
        self._aside: dict[Call, None] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self.services: Mapping[str, Service] = MappingProxyType({})
        self.by_path: Mapping[str, Method] = MappingProxyType({})
        self._handlers: Mapping[str, Handler] = MappingProxyType({})
        self._nowhere = self.refusing(Code.NOT_FOUND, "there is no such method here", events=0)

    def swap(self, services: Iterable[Service]) -> None:
        """From now on, new calls meet these services. Raises ValueError where one name stands twice."""
        named: dict[str, Service] = {}
        for service in services:
            if service.name in named:
                raise ValueError(f"the service {service.name} stands twice")
            named[service.name] = service
        methods = {f"/{service.name}/{one.name}": one for service in named.values() for one in service.methods}
        handlers = {path: self._handler(method) for path, method in methods.items()}
        self.services = MappingProxyType(named)
        self.by_path = MappingProxyType(methods)
        self._handlers = MappingProxyType(handlers)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The handler of a call's method (grpc.GenericRpcHandler)."""
        return self._handlers.get(handler_call_details.method, self._nowhere)

    def refusing(self, code: Code, detail: str, *, events: int) -> Handler:
        """A handler that ends any call with this code; `events` are so many that nobody will judge, as far as is known."""

        async def refuse(call: Call) -> None:
            call.events = events
            raise Fault(code, detail)

        return self._handler(Method(name="", stream=refuse))

    def sweep(self, now_s: float) -> None:
        """End the calls whose requests do not arrive; `now_s` is `perf_counter`'s."""
        self._receiving.sweep(now_s)

    def _make_room(self, call: Call) -> None:
        """One more call that is no producer's: beyond the most, the oldest goes. Else strangers take all that the port has."""
        self._aside[call] = None
        if len(self._aside) > MOST_ASIDE:
            oldest = next(iter(self._aside))
            del self._aside[oldest]
            self._let_go(
                oldest, Fault(Code.OVERLOADED, "too many calls beside those of producers, and this is the oldest")
            )

    def _let_go(self, call: Call, fault: Fault) -> None:
        """End a call beside its handler, which reads.

        A read cannot be taken back from gRPC's core: the status goes out beside it, and the core then ends the read. Nobody waits
        for that: a client that does not read either would hold up whoever did.
        """
        if call in self._under_way and call.let_go is None:
            call.let_go = fault.code
            task = asyncio.create_task(self._end_beside(call, fault))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end_beside(self, call: Call, fault: Fault) -> None:
        end = await self._end(call, fault)
        met = self._under_way.pop(call, None)
        if met is None:  # its request came after all, or its client went
            return
        if met.method.intake:
            self._deps.on_request(DOOR, end.code, perf_counter() - met.started_s)
        with suppress(grpc.aio.BaseError):  # abort always raises
            await met.context.abort(end.status, end.message, end.trailing)

    def _handler(self, method: Method) -> Handler:
        """grpc.aio's two kinds that leave reading to the handler: who calls is looked at before a request is read.

        On the wire a unary request is a stream of one.
        """
        if method.unary is not None:
            unary = method.unary

            async def answer(_requests: object, context: Context) -> bytes:
                return await self._answer(method, unary, context)

            return grpc.stream_unary_rpc_method_handler(answer)
        if method.stream is None:
            raise ValueError(f"the method {method.name} has no handler")
        stream = method.stream

        async def converse(_requests: object, context: Context) -> None:
            await self._answer(method, stream, context)

        return grpc.stream_stream_rpc_method_handler(converse)

    async def _answer(self, method: Method, handler: Callable[[Call], Awaitable[_T]], context: Context) -> _T:
        """Run a handler; what it raises is the call's end."""
        started = perf_counter()
        call = Call(context, self._deps, self._receiving)
        call.events = 1 if method.intake else 0
        end: Ended | Said
        code = "disconnected"
        streams = method.intake and method.stream is not None
        self._crowd.calls += method.intake
        self._crowd.streams += streams
        self._under_way[call] = _UnderWay(context=context, method=method, started_s=started)
        if not method.intake:
            self._make_room(call)
        try:
            response = await handler(call)
            code = call.outcome
            return response
        except grpc.aio.BaseError:  # the connection is gone, or the call was let go: there is nobody to tell
            raise
        except Said as said:
            end, code = said, ""
        except Exception as error:
            end = await self._end(call, error)
            code = end.code
        finally:  # before its answer leaves: who has an answer finds it counted
            self._crowd.calls -= method.intake
            self._crowd.streams -= streams
            self._aside.pop(call, None)
            counted = self._under_way.pop(call, None) is None  # it was let go
            if method.intake and code and not counted:
                self._deps.on_request(DOOR, code, perf_counter() - started)
        await context.abort(end.status, end.message, end.trailing if isinstance(end, Ended) else ())
        raise AssertionError  # abort never returns

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
