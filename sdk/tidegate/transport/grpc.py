"""The gRPC transport: requests over kept streams (`IngestService.PublishStream`). Imports grpc, an extra, so nobody imports this module before a client sends.

A stream carries one request at a time, so that one that waits for its broker holds up no other; streams are kept and used again. A
stream authenticates once, so each token has streams of its own.
"""

import asyncio
from typing import Final

import grpc
import grpc.aio

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.transport.grpc_stream import End, PublishCall, ending
from tidegate.transport.messages import answer_of, batch_message
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
_LAST_EVENTS_S: Final = 0.1
_Metadata = tuple[tuple[str, str], ...]
_UNREAD: Final = Unreached(reason="the gateway ended the stream before it read the request", maybe_stored=False)


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
        self._idle: list[PublishCall] = []

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
            answer = await self._over(kept, message)
            if answer is not None:
                return answer
        call = PublishCall(self._open(metadata=_metadata(request.token, request.traceparent)), request.token)
        end = await call.connect()
        answer = await self._over(call, message) if end is None else ending(end, maybe_arrived=False)
        return answer if answer is not None else _UNREAD

    def _kept(self, token: str | None) -> PublishCall | None:
        """A stream that is free; those of another token, and those that ended, are let go."""
        while self._idle:
            call = self._idle.pop()
            if call.token == token and not call.done:
                return call
            call.cancel()
        return None

    async def _over(self, call: PublishCall, message: pb.PublishRequest) -> Answer | None:
        """The answer over this stream; None where the gateway had ended it before it read the request."""
        said = await call.exchange(message)
        if isinstance(said, End):
            return ending(said, maybe_arrived=True)
        self._idle.append(call)
        return answer_of(said)

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
        for call in self._idle:
            call.cancel()
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
