"""http.md, "Answers", as gRPC says it: every situation with its status, reason and details."""

import asyncio

import grpc
import pytest
from tests.gateway.doors.rest.conftest import BASE_URL, TOPIC, contract
from tests.gateway.doors.rpc.conftest import BAD, GOOD, Opener, RpcGate, event, refused, requests_of

from tidegate.errors import ERRORS, Code, row
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.intake.limits import Allowance, Quota
from tidegate_gateway.intake.ports import NotStored, Outcome, RecordRefused, RecordStored, Unknown

PUBLISH = "/tidegate.ingest.v1.IngestService/Publish"


async def test_stored(door: RpcGate) -> None:
    response = await door.publish(event(id="e1"), event())
    assert response.topic == TOPIC
    first, second = response.results
    assert (first.id, first.status, first.partition, first.offset) == ("e1", pb.STATUS_STORED, 0, 0)
    assert (first.version, first.schema_id, first.topic) == (2, 12, "")
    assert (second.id, second.offset) == ("new-id", 1)
    assert door.gate.requests == ["grpc ok"]
    assert door.gate.publisher.stored[0].value == b"framed" + GOOD


async def test_an_empty_request_is_ok_without_results(door: RpcGate) -> None:
    assert await door.publish() == pb.PublishResponse(topic=TOPIC)


async def test_some_stored_is_ok_with_a_status_for_each(door: RpcGate) -> None:
    stored, rejected = (await door.publish(event(), event(BAD, id="b"))).results
    assert (stored.status, rejected.status, rejected.id) == (pb.STATUS_STORED, pb.STATUS_REJECTED, "b")
    error = rejected.error
    assert (error.code, error.status, error.grpc_code, error.retryable) == ("contract_violation", 400, 3, False)
    assert error.type == f"{BASE_URL}/docs/errors/contract_violation"
    assert (error.contract.version, error.contract.schema_id, error.contract.fingerprint) == (2, 12, "f2")
    (violation,) = error.errors
    assert (violation.pointer, violation.rule) == ("#/n", "range")
    assert violation.docs == f"{BASE_URL}/docs/topics/{TOPIC}#n"
    assert (error.owner.team, error.owner.channel) == ("orders", "#orders")
    assert error.instance.startswith("urn:uuid:")
    assert door.gate.requests == ["grpc mixed"]


@pytest.mark.parametrize("values", [(BAD, BAD), (BAD, b"")])
async def test_none_stored_is_ok_with_a_status_for_each(door: RpcGate, values: tuple[bytes, ...]) -> None:
    response = await door.publish(*(event(value) for value in values))
    assert [result.status for result in response.results] == [pb.STATUS_REJECTED] * 2
    assert door.gate.requests == ["grpc contract_violation" if values[1] else "grpc mixed"]


@pytest.mark.parametrize(
    ("outcome", "code", "status"),
    [
        (NotStored(Code.BROKER_UNAVAILABLE, "away", 3.0), Code.BROKER_UNAVAILABLE, pb.STATUS_FAILED),
        (NotStored(Code.OVERLOADED, "full"), Code.OVERLOADED, pb.STATUS_FAILED),
        (NotStored(Code.AFTER_FAILURE, "an earlier one failed"), Code.AFTER_FAILURE, pb.STATUS_FAILED),
        (Unknown("no acknowledgement"), Code.OUTCOME_UNKNOWN, pb.STATUS_FAILED),
        (RecordRefused(Code.TOO_LARGE, "the topic takes less"), Code.TOO_LARGE, pb.STATUS_REJECTED),
        (RecordRefused(Code.CONTRACT_VIOLATION, "its time"), Code.CONTRACT_VIOLATION, pb.STATUS_REJECTED),
    ],
)
async def test_outcomes_of_one_event_of_several(door: RpcGate, outcome: Outcome, code: Code, status: int) -> None:
    door.gate.publisher.script = [RecordStored(0, 0), outcome]
    stored, other = (await door.publish(event(), event())).results
    assert (stored.status, other.status, other.error.code) == (pb.STATUS_STORED, status, code)
    assert other.error.grpc_code == grpc.StatusCode[row(code).grpc].value[0]
    assert other.error.retryable is row(code).retryable
    if code is Code.BROKER_UNAVAILABLE:
        assert other.error.retry_after_s == 3


async def test_versions(door: RpcGate) -> None:
    results = (await door.publish(event(version=1), event(version=7), event(version=-1))).results
    assert results[0].version == 1
    assert [result.error.code for result in results[1:]] == ["version_not_here_yet", "malformed"]
    assert results[1].error.retry_after_s >= 1


async def test_form_of_the_value(door: RpcGate) -> None:
    frame = b"\x00\x00\x00\x00\x0c"
    stored, framed, alone, missing, bad = (
        await door.publish(
            pb.Event(data=b"\x05"),
            pb.Event(data=frame + b"\x05", framed=True),
            pb.Event(json=GOOD, framed=True),
            pb.Event(),
            pb.Event(data=b"12"),
        )
    ).results
    assert (stored.status, framed.status) == (pb.STATUS_STORED, pb.STATUS_STORED)
    for result, pointer in ((alone, "#/framed"), (missing, "#/value"), (bad, "#")):
        assert (result.error.code, result.error.errors[0].pointer) == ("malformed", pointer)


async def test_headers_keys_times_and_trace_reach_the_record(door: RpcGate) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    asked = pb.PublishRequest(topic=TOPIC, events=[event(id="e1", key="k", headers={"Colour": "red"})])
    asked.events[0].time.FromJsonString("2026-01-31T12:00:00.5Z")
    await door.stub.Publish(asked, metadata=(("authorization", "bearer good"), ("traceparent", trace)))
    (record,) = door.gate.publisher.stored
    assert record.key == b"k"
    assert record.timestamp_ms == 1_769_860_800_500
    carried = dict(record.headers)
    assert (carried["colour"], carried["traceparent"], carried["tidegate-id"]) == (b"red", trace.encode(), b"e1")


@pytest.mark.parametrize(
    ("spoiled", "code", "pointer"),
    [
        (event(headers={"traceparent": "x"}), "malformed", "#/headers/traceparent"),
        (event(headers={"A": "1", "a": "2"}), "malformed", "#/headers/a"),
        (event(id="två"), "malformed", "#/id"),
    ],
)
async def test_what_is_wrong_beside_the_value(door: RpcGate, spoiled: pb.Event, code: str, pointer: str) -> None:
    (result,) = (await door.publish(spoiled)).results
    assert (result.error.code, result.error.errors[0].pointer) == (code, pointer)


async def test_a_timestamp_outside_of_its_years_is_no_event_time(door: RpcGate) -> None:
    late = event()
    late.time.seconds = 2**60
    (result,) = (await door.publish(late)).results
    assert (result.error.code, result.error.errors[0].rule) == ("contract_violation", "event_time")


@pytest.mark.parametrize("who", [None, "bad"])
async def test_no_token_and_a_bad_one_are_answered_alike(door: RpcGate, who: str | None) -> None:
    error = await refused(door.publish(event(), who=who))
    assert error.code is grpc.StatusCode.UNAUTHENTICATED
    assert error.reason == "UNAUTHENTICATED"
    assert "said of" not in str(error.status)
    assert error.detail("RequestInfo").request_id == error.trailing["request-id"]
    assert [link.url for link in error.detail("Help").links] == [f"{BASE_URL}/docs/errors/unauthenticated"]
    assert door.gate.requests == ["grpc unauthenticated"]


async def test_authorization_twice_is_no_good_token(door: RpcGate) -> None:
    twice = (("authorization", "Bearer good"), ("authorization", "Bearer good"))
    error = await refused(door.stub.Publish(pb.PublishRequest(topic=TOPIC), metadata=twice))
    assert error.code is grpc.StatusCode.UNAUTHENTICATED


async def test_who_calls_is_looked_at_before_a_request_is_read(door: RpcGate) -> None:
    call = door.channel.stream_unary(PUBLISH)()  # nothing is ever sent
    error = await refused(asyncio.wait_for(call, 5))
    assert error.code is grpc.StatusCode.UNAUTHENTICATED


async def test_forbidden_and_unknown_topics(door: RpcGate) -> None:
    forbidden = await refused(door.publish(event(), topic="stock.levels"))
    assert (forbidden.code, forbidden.reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")
    unknown = await refused(door.publish(event(), topic="customer.nothing"))
    assert (unknown.code, unknown.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_TOPIC")
    name = await refused(door.publish(event(), topic="../x"))
    assert (name.code, name.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")
    assert [what[0] for what in door.gate.refused] == ["stock.levels", "customer.nothing", "../x"]


async def test_retired(open_door: Opener) -> None:
    door = await open_door(contract(status="retired"))
    error = await refused(door.publish(event()))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RETIRED")


async def test_deprecated_is_said_beside_what_was_stored(open_door: Opener) -> None:
    door = await open_door(contract(status="deprecated"))
    call = door.stub.Publish(requests_of([event()])[0], metadata=(("authorization", "Bearer good"),))
    assert (await call).results[0].status == pb.STATUS_STORED
    trailing = dict(await call.trailing_metadata())
    assert trailing["deprecation"] == "@1800000000"
    assert f"{BASE_URL}/docs/topics/{TOPIC}" in trailing["link"]


async def test_too_much_metadata(door: RpcGate) -> None:
    call = door.stub.Publish(pb.PublishRequest(topic=TOPIC), metadata=(("authorization", "Bearer " + "x" * 20_000),))
    assert (await refused(call)).code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await door.publish(event())).results


async def test_no_such_method_is_unimplemented_with_details(door: RpcGate) -> None:
    error = await refused(door.raw("/tidegate.ingest.v1.IngestService/Publsh", b""))
    assert (error.code, error.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_FOUND")
    assert door.gate.refused == []


async def test_rate_limited(door: RpcGate) -> None:
    quota = Quota(name="events", burst=100, window_s=2.0, remaining=0, reset_s=2.5)
    door.gate.limiter.next = Allowance(wait_s=2.5, quotas=(quota,))
    error = await refused(door.publish(event()))
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert error.detail("RetryInfo").retry_delay.seconds == 3
    assert error.trailing["grpc-retry-pushback-ms"] == "3000"
    assert [one.subject for one in error.detail("QuotaFailure").violations] == ["events"]
    assert error.trailing["ratelimit"] == '"events";r=0;t=3'
    assert error.trailing["ratelimit-policy"] == '"events";q=100;w=2'


async def test_limits_are_told_with_what_was_stored(door: RpcGate) -> None:
    quota = Quota(name="events", burst=100, window_s=2.0, remaining=99, reset_s=0.5)
    door.gate.limiter.next = Allowance(quotas=(quota,))
    call = door.stub.Publish(
        pb.PublishRequest(topic=TOPIC, events=[event()]), metadata=(("authorization", "Bearer good"),)
    )
    await call
    trailing = dict(await call.trailing_metadata())
    assert trailing["ratelimit"] == '"events";r=99;t=1'


async def test_a_cost_above_the_burst_has_no_retry(door: RpcGate) -> None:
    door.gate.limiter.next = Allowance(max_events=5)
    error = await refused(door.publish(event()))
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_LARGE")
    assert error.detail("ErrorInfo").metadata["maxEvents"] == "5"
    assert error.detail("RetryInfo") is None
    assert "grpc-retry-pushback-ms" not in error.trailing


async def test_too_large(open_door: Opener) -> None:
    door = await open_door(max_batch_events=3, max_batch_bytes=500, max_event_bytes=300)
    for count in (4, 7):  # the second is not even decoded
        many = await refused(door.publish(*[event()] * count))
        assert (many.reason, many.detail("ErrorInfo").metadata["maxEvents"]) == ("TOO_LARGE", "3")
        assert many.detail("ErrorInfo").metadata["topic"] == TOPIC
    long = await refused(door.publish(event(b'{"n":1,"x":"' + b"x" * 600 + b'"}')))
    assert (long.code, long.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_LARGE")
    (one,) = (await door.publish(event(b'{"n":1,"x":"' + b"x" * 350 + b'"}'))).results
    assert one.error.code == "too_large"


async def test_what_grpc_itself_refuses_for_its_size(open_door: Opener) -> None:
    door = await open_door(max_batch_bytes=500)
    error = await refused(door.raw(PUBLISH, b"\x00" * 1_100_000))
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_no_room(open_door: Opener) -> None:
    door = await open_door(capacity_bytes=4_000)
    held = door.gate.memory.reserve(3_500)
    error = await refused(door.publish(event()))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "OVERLOADED")
    assert error.detail("RetryInfo").retry_delay.seconds >= 1
    assert int(error.trailing["grpc-retry-pushback-ms"]) >= 1000
    held.release()
    assert (await door.publish(event())).results[0].status == pb.STATUS_STORED


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xff\xff",
        pb.PublishRequest(topic=TOPIC, events=[event()]).SerializeToString()[:-1],
        b"\x0a\x02\xc3\x28",
        b"\x13\x12\x00\x14",
        b"\x12" * 400,
    ],
    ids=["no tag", "truncated", "invalid UTF-8", "a group", "nested ever so deep"],
)
async def test_fault_28_what_is_no_message_is_an_invalid_argument(door: RpcGate, body: bytes) -> None:
    error = await refused(door.raw(PUBLISH, body))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")
    assert error.fields == [("", "MALFORMED")]


async def test_a_call_without_a_request(door: RpcGate) -> None:
    error = await refused(door.raw(PUBLISH))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")


async def test_a_fault_of_ours_says_nothing(door: RpcGate, caplog: pytest.LogCaptureFixture) -> None:
    error = await refused(door.publish(event(), who="crash"))
    assert (error.code, error.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in str(error.status)
    assert "secret" not in caplog.text
    assert [getattr(record, "request_id", "") for record in caplog.records] == [error.trailing["request-id"]]
    door.gate.publisher.crash = True
    assert (await refused(door.publish(event()))).code is grpc.StatusCode.INTERNAL
    assert door.gate.memory.used_bytes == 0


async def test_validate_publishes_nothing(door: RpcGate) -> None:
    valid, rejected = (await door.validate(event(id="v"), event(BAD))).results
    assert (valid.id, valid.status, valid.version) == ("v", pb.STATUS_VALID, 2)
    assert rejected.error.code == "contract_violation"
    assert door.gate.publisher.stored == []
    assert door.gate.limiter.asked[0][0] == 2


async def test_a_gateway_that_drains_is_unavailable(door: RpcGate) -> None:
    door.server.drain()
    error = await refused(door.publish(event()))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "OVERLOADED")
    assert error.detail("RetryInfo") is not None
    assert "grpc-retry-pushback-ms" in error.trailing


async def test_the_deadline_of_the_client_bounds_the_wait_and_not_the_publisher(door: RpcGate) -> None:
    """Who is in a hurry hears in time that nobody knows; a batch that is late for such a one is no fault of its partition."""
    asked: list[float] = []

    async def stuck(topic: str, records: object, *, timeout_s: float) -> object:
        asked.append(timeout_s)
        await asyncio.Event().wait()
        raise AssertionError

    door.gate.publisher.publish = stuck  # type: ignore[method-assign,assignment]
    request = requests_of([event()])[0]
    answer = await door.stub.Publish(request, metadata=(("authorization", "Bearer good"),), timeout=2.0)
    assert answer.results[0].error.code == "outcome_unknown"
    assert asked == [10.0]


async def test_a_client_that_gives_up_stops_the_work(door: RpcGate) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def stuck(topic: str, records: object, *, timeout_s: float) -> object:
        begun.set()
        try:
            return await asyncio.Event().wait()
        finally:
            ended.set()

    door.gate.publisher.publish = stuck  # type: ignore[method-assign,assignment]
    call = door.stub.Publish(requests_of([event()])[0], metadata=(("authorization", "Bearer good"),))
    waiting = asyncio.ensure_future(call)
    await asyncio.wait_for(begun.wait(), 5)
    waiting.cancel()
    await asyncio.wait_for(ended.wait(), 5)
    assert door.gate.memory.used_bytes == door.gate.memory.events == 0
    assert door.gate.requests == ["grpc disconnected"]


def test_every_code_has_a_grpc_status() -> None:
    assert {grpc.StatusCode[entry.grpc] for entry in ERRORS.values()} <= set(grpc.StatusCode)
