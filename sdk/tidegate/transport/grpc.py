"""The gRPC transport: requests over kept streams (`IngestService.PublishStream`). Imports grpc, an extra, so nobody imports this module before a client sends.

A stream carries one request at a time, so that one that waits for its broker holds up no other; streams are kept and used again. A
stream authenticates once, so each token has streams of its own.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import grpc
import grpc.aio

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.transport.messages import answer_of, batch_message, refusal_of
from tidegate.transport.port import Answer, Bundle, BundleAnswer, NoBundle, NotModified, Request, Unreached

__all__ = ["GrpcTransport"]

_SERVICE: Final = "/tidegate.ingest.v1.IngestService"
_MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.enable_retries", 0),  # delivery retries, with its own waits and budget
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),  # delivery waits longer by itself
)
_NO_ANSWER: Final = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}
)
_OWN_MAKING: Final = "Internal error from Core"
_LOOKS: Final = 5
_LOOK_S: Final = 0.01
_LAST_EVENTS_S: Final = 0.1
_Metadata = tuple[tuple[str, str], ...]
_Stream = grpc.aio.StreamStreamCall[Any, pb.PublishResponse]


class GrpcTransport:
    """One channel to one gateway."""

    def __init__(self, target: str, *, secure: bool, user_agent: str, ca_file: str | None = None) -> None:
        """`target` is host and port. `ca_file`: CA certificates in place of the system's. Raises `OSError` where it cannot be read."""
        options = (*_OPTIONS, ("grpc.primary_user_agent", user_agent))
        if secure:
            roots = None
            if ca_file is not None:
                with open(ca_file, "rb") as file:  # noqa: PTH123 -- no pathlib beside the transports
                    roots = file.read()
            self._channel = grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(roots), options=options)
        else:
            self._channel = grpc.aio.insecure_channel(target, options=options)
        self._open = self._channel.stream_stream(
            f"{_SERVICE}/PublishStream", pb.PublishRequest.SerializeToString, pb.PublishResponse.FromString
        )
        self._get_contract = self._channel.unary_unary(
            f"{_SERVICE}/GetContract", pb.GetContractRequest.SerializeToString, pb.GetContractResponse.FromString
        )
        self._idle: list[tuple[str | None, _Stream]] = []

    async def send(self, request: Request, timeout_s: float) -> Answer:
        """One request and its response over a stream of its own for that time."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(request)
        except TimeoutError:
            return Unreached(reason=f"no answer within {timeout_s:.0f} s", maybe_stored=True)

    async def _exchange(self, request: Request) -> Answer:
        message = batch_message(request)
        kept = self._kept(request.token)
        if kept is not None:
            answer = await self._over(kept, request, message)
            if answer is not None:
                return answer
        stream = self._open(metadata=_metadata(request.token, request.traceparent))
        try:
            await stream.wait_for_connection()
        except grpc.aio.AioRpcError as error:
            return _unconnected(error)
        except BaseException:
            stream.cancel()
            raise
        answer = await self._over(stream, request, message)
        return answer if answer is not None else Unreached(reason="the gateway ended the stream", maybe_stored=True)

    def _kept(self, token: str | None) -> _Stream | None:
        """A stream that is free; those of another token, and those that ended, are let go."""
        while self._idle:
            of, stream = self._idle.pop()
            if of == token and not stream.done():
                return stream
            stream.cancel()
        return None

    async def _over(self, stream: _Stream, request: Request, message: pb.PublishRequest) -> Answer | None:
        """The answer over this stream; None where the gateway had ended it before it read the request."""
        try:
            await stream.write(message)
            response = await stream.read()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return await _status_of(stream)
        except BaseException:
            stream.cancel()
            raise
        if isinstance(response, pb.PublishResponse):
            self._idle.append((request.token, stream))
            return answer_of(response)
        return await _status_of(stream)

    async def bundle(self, topic: str, etag: str | None, token: str | None, timeout_s: float) -> BundleAnswer:
        """`GetContract`."""
        asked = pb.GetContractRequest(topic=topic, if_none_match=etag or "")
        try:
            said = await self._get_contract(asked, metadata=_metadata(token, None), timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            final = error.code() in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND)
            return NoBundle(reason=f"the gateway gave no contract ({error.code().name})", final=final)
        if etag is not None and not said.bundle:
            return NotModified()
        return Bundle(body=said.bundle, etag=said.etag)

    async def aclose(self) -> None:
        """Ends the streams and closes the channel.

        grpc tells of operations that were cancelled a moment later, on whichever loop of the process reads its events; told of one whose loop
        is closed, it drops what else it had to tell (grpcio 1.8x, `PollerCompletionQueue`). So this loop stays until they came.
        """
        for _, stream in self._idle:
            stream.cancel()
        self._idle.clear()
        await self._channel.close()
        await asyncio.sleep(_LAST_EVENTS_S)


def _metadata(token: str | None, traceparent: str | None) -> _Metadata:
    metadata: list[tuple[str, str]] = []
    if token is not None:
        metadata.append(("authorization", f"Bearer {token}"))
    if traceparent is not None:
        metadata.append(("traceparent", traceparent))
    return tuple(metadata)


def _unconnected(error: grpc.aio.AioRpcError) -> Answer:
    """The stream was refused before a request went over it."""
    pushback_ms = _pushback_in(error.trailing_metadata())
    if error.code() is grpc.StatusCode.UNAVAILABLE and pushback_ms is None:
        return Unreached(reason="no connection to the gateway", maybe_stored=False)
    return refusal_of(error.code().name, error.details() or "", pushback_ms)


async def _status_of(stream: _Stream) -> Answer | None:
    """Why a stream ended while a request was due; None: before the request could be written or read.

    A write to a stream that the server has just ended fails, with a status of grpc's own making, which comes before the server's or takes
    its place (grpcio 1.8x, `_AioCall.set_internal_error`): so the server's is waited for a moment, and may be lost.
    """
    for _ in range(_LOOKS):
        if await stream.details() != _OWN_MAKING:
            break
        await asyncio.sleep(_LOOK_S)
    code = await stream.code()
    if code is grpc.StatusCode.OK or await stream.details() == _OWN_MAKING:
        return None
    pushback_ms = _pushback_in(await stream.trailing_metadata())
    if pushback_ms is None and code in _NO_ANSWER:
        return Unreached(reason=f"the connection ended without an answer: {code.name}", maybe_stored=True)
    return refusal_of(code.name, await stream.details() or "", pushback_ms)


def _pushback_in(trailers: Iterable[tuple[str, str | bytes]] | None) -> float | None:
    """`grpc-retry-pushback-ms` (gRFC A6)."""
    for name, value in trailers or ():
        if name == "grpc-retry-pushback-ms":
            try:
                return max(0.0, float(value))
            except ValueError:
                return None
    return None
