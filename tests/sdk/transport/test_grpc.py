"""gRPC against a scripted server: streams kept, let go, ended; the same classes as over HTTP (faults 13)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from tests.sdk.delivery.conftest import outgoing
from tests.sdk.transport import raw_h2

from tidegate import exceptions
from tidegate.async_client import AsyncClient
from tidegate.client import Client
from tidegate.errors import Code
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.settings import ClientSettings
from tidegate.transport.grpc import GrpcTransport
from tidegate.transport.grpc_stream import End, ending
from tidegate.transport.port import Answer, Bundle, NoBundle, NotModified, Receipted, Refusal, Request, Unreached

SERVICE = "tidegate.ingest.v1.IngestService"
Stream = Callable[[Any, "Server"], Awaitable[None]]


class Server:
    """Each stream is answered by the next of `acts`; the last one stays."""

    def __init__(self, *acts: Stream) -> None:
        self.acts = list(acts)
        self.streams: list[dict[str, str]] = []
        self.ids: list[str] = []
        self.target = ""
        self.bundle = pb.GetContractResponse(bundle=b"{}", etag="v1")

    async def publish(self, requests: Any, context: Any) -> None:
        self.streams.append(dict(context.invocation_metadata()))
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        await act(context, self)

    async def get_contract(self, request: pb.GetContractRequest, context: Any) -> pb.GetContractResponse:
        if request.topic == "secret":
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")
        if request.if_none_match == self.bundle.etag:
            return pb.GetContractResponse(etag=self.bundle.etag)
        return self.bundle


async def answer_all(context: Any, server: Server, most: int = 10**6) -> None:
    for _ in range(most):
        request = await context.read()
        if request is grpc.aio.EOF:
            return
        server.ids += [event.id for event in request.events]
        results = [
            pb.EventReceipt(id=event.id, status=pb.STATUS_STORED, partition=1, offset=5) for event in request.events
        ]
        await context.write(pb.PublishResponse(topic=request.topic, results=results))


async def one_then_ends(context: Any, server: Server) -> None:
    await answer_all(context, server, 1)


def refuses(code: grpc.StatusCode, *trailers: tuple[str, str | bytes]) -> Stream:
    async def act(context: Any, server: Server) -> None:
        await context.abort(code, "scripted", trailers)

    return act


async def ends_unread(context: Any, server: Server) -> None:
    """In good order."""


async def reads_and_breaks(context: Any, server: Server) -> None:
    request = await context.read()
    server.ids += [event.id for event in request.events]
    await context.abort(grpc.StatusCode.UNAVAILABLE, "went away")


async def says_nothing(context: Any, server: Server) -> None:
    await context.read()
    await asyncio.sleep(3600)


@asynccontextmanager
async def serving(*acts: Stream) -> AsyncIterator[Server]:
    script = Server(*acts)
    server = grpc.aio.server()
    handlers = {
        "PublishStream": grpc.stream_stream_rpc_method_handler(
            script.publish, pb.PublishRequest.FromString, pb.PublishResponse.SerializeToString
        ),
        "GetContract": grpc.unary_unary_rpc_method_handler(
            script.get_contract, pb.GetContractRequest.FromString, pb.GetContractResponse.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    script.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield script
    finally:
        await server.stop(None)


@asynccontextmanager
async def transport(target: str) -> AsyncIterator[GrpcTransport]:
    made = GrpcTransport(target, secure=False, user_agent="test")
    try:
        yield made
    finally:
        await made.aclose()


def request(event_id: str = "e1", token: str | None = None) -> Request:
    return Request(topic="t", events=[outgoing(event_id)], token=token)


async def sent(target: str, timeout_s: float = 10.0) -> Answer:
    async with transport(target) as made:
        return await made.send(request(), timeout_s)


async def test_requests_go_over_one_stream_that_is_kept() -> None:
    async with serving(answer_all) as server, transport(server.target) as made:
        for n in range(5):
            answer = await made.send(request(f"e{n}", "abc"), 10)
            assert isinstance(answer, Receipted)
            assert (answer.lines[0].id, answer.lines[0].partition, answer.lines[0].offset) == (f"e{n}", 1, 5)
        assert server.ids == [f"e{n}" for n in range(5)]
        assert [stream["authorization"] for stream in server.streams] == ["Bearer abc"]


async def test_requests_at_once_have_a_stream_each() -> None:
    async with serving(answer_all) as server, transport(server.target) as made:
        answers = await asyncio.gather(*(made.send(request(f"e{n}"), 10) for n in range(4)))
        assert all(isinstance(answer, Receipted) for answer in answers)
        assert 1 <= len(server.streams) <= 4


async def test_another_token_has_a_stream_of_its_own() -> None:
    async with serving(answer_all) as server, transport(server.target) as made:
        for token in ("old", "new"):
            await made.send(request(token=token), 10)
        assert [stream["authorization"] for stream in server.streams] == ["Bearer old", "Bearer new"]


async def test_a_stream_that_ended_in_good_order_costs_nothing() -> None:
    """A gateway ends streams that are old, or when it drains: what it did not read goes over the next."""
    async with serving(one_then_ends) as server, transport(server.target) as made:
        for n in range(4):
            assert isinstance(await made.send(request(f"e{n}"), 10), Receipted)
        assert server.ids == ["e0", "e1", "e2", "e3"]
        assert len(server.streams) == 4


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (refuses(grpc.StatusCode.UNAUTHENTICATED), Code.UNAUTHENTICATED),
        (refuses(grpc.StatusCode.PERMISSION_DENIED), Code.FORBIDDEN),
        (refuses(grpc.StatusCode.UNAVAILABLE, ("grpc-retry-pushback-ms", "2500")), Code.OVERLOADED),
        (refuses(grpc.StatusCode.RESOURCE_EXHAUSTED, ("grpc-retry-pushback-ms", "2500")), Code.RATE_LIMITED),
        (refuses(grpc.StatusCode.RESOURCE_EXHAUSTED, ("grpc-status-details-bin", b"")), Code.TOO_LARGE),
    ],
)
async def test_a_stream_that_is_refused_is_a_refusal(act: Stream, code: Code) -> None:
    async with serving(act) as server:
        answer = await sent(server.target)
    assert isinstance(answer, Refusal)
    assert answer.code is code
    assert answer.retry_after_s in (None, 2.5)


async def test_a_stream_that_breaks_may_have_stored() -> None:
    async with serving(reads_and_breaks) as server:
        answer = await sent(server.target)
    assert isinstance(answer, Unreached)
    assert answer.maybe_stored


async def test_no_connection_is_surely_not_stored() -> None:
    answer = await sent("127.0.0.1:1", 5)
    assert isinstance(answer, Unreached)
    assert not answer.maybe_stored


async def test_silence_is_waited_for_no_longer_than_allowed() -> None:
    async with serving(says_nothing) as server, transport(server.target) as made:
        answer = await made.send(request(), 0.3)
    assert isinstance(answer, Unreached)
    assert answer.maybe_stored


async def test_a_contract_comes_with_its_etag() -> None:
    async with serving(answer_all) as server, transport(server.target) as made:
        assert await made.bundle("t", None, "abc", 10) == Bundle(body=b"{}", etag="v1")
        assert await made.bundle("t", "v1", None, 10) == NotModified()
        refused = await made.bundle("secret", None, None, 10)
    assert isinstance(refused, NoBundle)
    assert refused.final


async def test_a_client_tries_again_over_grpc_with_the_same_id() -> None:
    async with serving(reads_and_breaks, refuses(grpc.StatusCode.UNAVAILABLE), answer_all) as server:
        async with AsyncClient(f"grpc://{server.target}", settings=ClientSettings(judge=False)) as gate:
            receipt = await gate.publish("t", {"n": 1})
        assert server.ids == [receipt.id, receipt.id]


async def test_a_client_in_a_thread_works_over_grpc_too() -> None:
    async with serving(answer_all) as server:

        def publish() -> str:
            with Client(f"grpc://{server.target}", settings=ClientSettings(judge=False)) as gate:
                return gate.publish("t", {"n": 1}).status

        assert await asyncio.to_thread(publish) == "stored"


async def test_a_refused_token_ends_as_unauthenticated() -> None:
    async with serving(refuses(grpc.StatusCode.UNAUTHENTICATED)) as server:
        async with AsyncClient(f"grpc://{server.target}", "bad", settings=ClientSettings(judge=False)) as gate:
            with pytest.raises(exceptions.Unauthenticated):
                await gate.publish("t", {"n": 1})
        assert len(server.streams) == 2, "once more, and no third time"


@pytest.mark.parametrize("upon", [raw_h2.HEADERS, raw_h2.DATA])
@pytest.mark.parametrize(
    "code",
    [
        raw_h2.NO_ERROR,
        raw_h2.PROTOCOL_ERROR,
        raw_h2.INTERNAL_ERROR,
        raw_h2.REFUSED_STREAM,
        raw_h2.CANCEL,
        raw_h2.ENHANCE_YOUR_CALM,
    ],
)
async def test_a_stream_that_is_reset_refuses_nothing(code: int, upon: int) -> None:
    """Whatever status grpc makes of it: not for good, and of a request that was written nobody knows whether it is stored."""
    async with raw_h2.serving(raw_h2.resets(code, upon=upon)) as target:
        answer = await sent(target)
    assert isinstance(answer, Unreached)
    assert answer.maybe_stored or upon == raw_h2.HEADERS


async def test_a_goaway_that_leaves_the_stream_out_is_waited_for_no_longer() -> None:
    async with raw_h2.serving(
        lambda kind, _: raw_h2.goaway(0, raw_h2.NO_ERROR) if kind == raw_h2.DATA else b""
    ) as target:
        answer = await sent(target)
    assert isinstance(answer, Unreached)
    assert "no answer within" not in answer.reason


async def test_a_stream_that_ends_unread_twice_is_surely_not_stored() -> None:
    """As one that begins just before a gateway drains: it ends in good order."""
    async with serving(one_then_ends, ends_unread) as server, transport(server.target) as made:
        assert isinstance(await made.send(request("e0"), 10), Receipted)
        answer = await made.send(request("e1"), 10)
    assert isinstance(answer, Unreached)
    assert not answer.maybe_stored


@pytest.mark.parametrize("status", [14, 0])
async def test_the_status_of_a_stream_that_ends_while_it_is_written_to_is_not_lost(status: int) -> None:
    """grpc puts a status of its own in its place when the write fails, as in every second of these."""
    pushback = [(b"grpc-retry-pushback-ms", b"2500")] if status else []
    batch = request()
    batch.events[0].body = b'"' + b"x" * 6000 + b'"'
    async with raw_h2.serving(raw_h2.ends(status, *pushback, upon=raw_h2.HEADERS)) as target, transport(target) as made:
        answers = [await made.send(batch, 10) for _ in range(40)]
    if status:
        assert {getattr(answer, "code", None) for answer in answers} == {Code.OVERLOADED}
    else:
        assert {getattr(answer, "maybe_stored", None) for answer in answers} == {False}


def end(code: grpc.StatusCode, details: str = "", pushback_ms: float | None = None, *, explained: bool = False) -> End:
    return End(code=code, details=details, pushback_ms=pushback_ms, explained=explained)


@pytest.mark.parametrize(
    ("how", "means"),
    [
        (end(grpc.StatusCode.OK), None),
        (end(grpc.StatusCode.RESOURCE_EXHAUSTED, explained=True), Code.TOO_LARGE),
        (end(grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 8)"), Code.TOO_LARGE),
        (end(grpc.StatusCode.RESOURCE_EXHAUSTED, "RST_STREAM with error code 11"), Unreached),
        (end(grpc.StatusCode.RESOURCE_EXHAUSTED, pushback_ms=10.0), Code.RATE_LIMITED),
        (end(grpc.StatusCode.UNAVAILABLE, pushback_ms=0.0), Code.OVERLOADED),
        (end(grpc.StatusCode.UNAVAILABLE, explained=True), Unreached),
        (end(grpc.StatusCode.INTERNAL, explained=True), Unreached),
        (end(grpc.StatusCode.CANCELLED), Unreached),
        (end(grpc.StatusCode.UNKNOWN), Unreached),
        (end(grpc.StatusCode.UNAUTHENTICATED), Code.UNAUTHENTICATED),
        (end(grpc.StatusCode.DEADLINE_EXCEEDED), Code.OUTCOME_UNKNOWN),
    ],
)
@pytest.mark.parametrize("arrived", [True, False])
def test_what_an_end_means(how: End, means: type[Unreached] | Code | None, arrived: bool) -> None:
    answer = ending(how, maybe_arrived=arrived)
    if means is None:
        assert answer is None
    elif means is Unreached:
        assert isinstance(answer, Unreached)
        assert answer.maybe_stored is arrived
    else:
        assert isinstance(answer, Refusal)
        assert answer.code is means
