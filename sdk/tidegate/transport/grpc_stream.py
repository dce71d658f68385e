"""One `PublishStream` of the gRPC transport: a request out, its response back, and how the stream ended. Imports grpc: called by `grpc` alone.

What an end means is decided in `ending`, a pure function; nothing is sent again here.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Final, TypeVar

import grpc
import grpc.aio
import msgspec

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.transport.messages import refusal_of
from tidegate.transport.port import Refusal, Unreached

__all__ = ["End", "PublishCall", "Stream", "ending"]

Stream = grpc.aio.StreamStreamCall[Any, pb.PublishResponse]
T = TypeVar("T")

_NO_ANSWER: Final = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}
)
_OWN_MAKING: Final = "Internal error from Core"
_TOO_LONG: Final = ("larger than max", "exceeds maximum size")
"""gRPC's own words for a message past a limit, in each of its implementations."""
_LOOKS: Final = 10
_LOOK_S: Final = 0.01


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream ended. `explained`: the status came with details (`grpc-status-details-bin`), as a gateway's own do."""

    code: grpc.StatusCode
    details: str = ""
    pushback_ms: float | None = None
    explained: bool = False

    @property
    def own_making(self) -> bool:
        """Whether this is grpc's, because a write failed, and the server's is not known."""
        return self.details == _OWN_MAKING


_NOT_KNOWN: Final = End(code=grpc.StatusCode.INTERNAL, details=_OWN_MAKING)


def ending(end: End, *, maybe_arrived: bool) -> Refusal | Unreached | None:
    """Why a request has no response. None: the gateway ended the stream in good order, and has not looked at the request.

    `maybe_arrived`: it was written, or part of it. A gateway that refuses says so with details or with a pushback (gRFC A6), and then it is certain
    that nothing was stored; a bare UNAVAILABLE, CANCELLED, INTERNAL, UNKNOWN is what a connection's end or a RST_STREAM becomes, and a bare
    RESOURCE_EXHAUSTED may be ENHANCE_YOUR_CALM (gRPC over HTTP/2, "Errors"): those say nothing of what was stored before.
    """
    if end.code is grpc.StatusCode.OK:
        return None
    if end.pushback_ms is None and not _says_why(end):
        reason = "the connection ended without an answer" if maybe_arrived else "no connection to the gateway"
        return Unreached(reason=f"{reason}: {end.code.name} {end.details}".strip(), maybe_stored=maybe_arrived)
    return refusal_of(end.code.name, end.details, end.pushback_ms)


def _says_why(end: End) -> bool:
    if end.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return end.explained or any(words in end.details for words in _TOO_LONG)
    return end.code not in _NO_ANSWER


class PublishCall:
    """A stream for one request at a time. Notes its end when it comes: `done` from then on.

    A write to a stream that the server has just ended fails, and then grpc puts a status of its own making in the place of the server's, or
    before it (grpcio 1.8x, `_AioCall.set_internal_error`): so the first is kept where it is the server's, else the server's is waited for a moment.
    """

    def __init__(self, stream: Stream, token: str | None) -> None:
        self.token = token
        self._stream = stream
        self._end = _NOT_KNOWN
        stream.add_done_callback(self._note)

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._stream.done()

    def cancel(self) -> None:
        """Ends it, if it has not ended."""
        self._stream.cancel()

    async def connect(self) -> End | None:
        """Waits until the stream's head is sent. Its end, where it ended before."""
        try:
            await self._stream.wait_for_connection()
        except grpc.aio.AioRpcError:
            return await self.end()
        except BaseException:
            self.cancel()
            raise
        return None

    async def exchange(self, message: pb.PublishRequest) -> pb.PublishResponse | End:
        """The response, or the stream's end. Cancelled, it ends the stream: what comes would be taken for the next request's response."""
        try:
            await self._stream.write(message)
            response = await self._stream.read()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return await self.end()
        except BaseException:
            self.cancel()
            raise
        return response if isinstance(response, pb.PublishResponse) else await self.end()

    async def end(self) -> End:
        """How it ended, waited for."""
        await self._stream.code()
        for _ in range(_LOOKS):
            if not self._end.own_making:
                break
            await asyncio.sleep(_LOOK_S)
            self._note(self._stream)
        return self._end

    def _note(self, stream: Stream) -> None:
        if self._end.own_making:
            trailers = _known(stream.trailing_metadata()) or ()
            self._end = End(
                code=_known(stream.code()),
                details=_known(stream.details()) or "",
                pushback_ms=_pushback_in(trailers),
                explained=any(name == "grpc-status-details-bin" for name, _ in trailers),
            )


def _known(asking: Coroutine[object, None, T]) -> T:
    """What a stream that has ended says at once: its questions are coroutines, and the next turn of the loop may be too late."""
    try:
        asking.send(None)
    except StopIteration as said:
        known: T = said.value
        return known
    asking.close()
    raise RuntimeError("a stream that has ended lets wait")


def _pushback_in(trailers: Iterable[tuple[str, str | bytes]]) -> float | None:
    """`grpc-retry-pushback-ms` (gRFC A6)."""
    for name, value in trailers:
        if name == "grpc-retry-pushback-ms":
            try:
                return max(0.0, float(value))
            except ValueError:
                return None
    return None
