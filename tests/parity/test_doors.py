"""One table of submissions through both doors: the same verdicts, codes, pointers, records and counts.

Each row is sent as a REST batch and as a gRPC Publish to a gateway of its own, the same in everything but the door.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.json_format import MessageToDict
from tests.gateway.doors.rest.conftest import TOPIC, Gate, contract, make_gate
from tests.gateway.doors.rpc.conftest import Refused, bearer, opened

from tidegate.contracts.compiled import CompiledContract
from tidegate.errors import Code, row
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.wire.event import EVENT_FIELDS
from tidegate.wire.problem import Problem
from tidegate_gateway.intake.limits import Allowance, Quota
from tidegate_gateway.intake.ports import NotStored, Outcome, RecordRefused, RecordStored, Unknown

GOOD, BAD = {"n": 1}, {"n": 11}
FRAMED = "AAAAAAwF"
"""The byte 5 behind the frame of schema 12, in base64."""
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

Event = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """Events as a REST batch writes them, and what the gateway is like when they come."""

    events: Sequence[Event]
    who: str | None = "good"
    topic: str = TOPIC
    contracts: tuple[CompiledContract, ...] = ()
    script: tuple[Outcome, ...] = ()
    allowance: Allowance = field(default_factory=Allowance)
    settings: dict[str, Any] = field(default_factory=dict)
    validate: bool = False


QUOTA = Quota(name="events", burst=100, window_s=2.0, remaining=0, reset_s=2.5)
AWAY = NotStored(Code.BROKER_UNAVAILABLE, "away", 3.0)

ROWS = {
    "all stored": Row([{"id": "a", "value": GOOD}, {"id": "b", "value": GOOD}]),
    "no events": Row([]),
    "a mixed batch": Row(
        [{"id": "a", "value": GOOD}, {"id": "b", "value": BAD}, {"id": "c", "value": {}}, {"id": "d"}]
    ),
    "none stored, one code": Row([{"id": "a", "value": BAD}, {"id": "b", "value": {}}]),
    "none stored, several codes": Row([{"id": "a", "value": BAD}, {"id": "b"}]),
    "order after a failure": Row(
        [{"id": "a", "key": "k", "value": GOOD}, {"id": "b", "key": "k", "value": GOOD}, {"id": "c", "value": GOOD}],
        script=(AWAY, NotStored(Code.AFTER_FAILURE, "an earlier one failed"), RecordStored(0, 7)),
    ),
    "malformed values": Row([{"id": "a", "data": "AQI="}, {"id": "b", "value": "text"}, {"id": "c", "value": None}]),
    "binary forms": Row([{"id": "a", "data": "BQ=="}, {"id": "b", "data": FRAMED, "framed": True}]),
    "a frame without data": Row([{"id": "a", "value": GOOD, "framed": True}, {"id": "b", "framed": True}]),
    "a frame of another schema": Row([{"id": "a", "data": "AAAAAGMF", "framed": True}]),
    "unknown version": Row([{"id": "a", "value": GOOD, "version": 1}, {"id": "b", "value": GOOD, "version": -1}]),
    "a version that is not here yet": Row([{"id": "a", "value": GOOD, "version": 9}]),
    "pinned inputs": Row([{"id": "a", "value": GOOD}], contracts=(contract(inputs="pinned"),)),
    "keys and times": Row(
        [
            {"id": "a", "key": "k", "value": GOOD, "time": "2026-01-31T12:00:00.123Z"},
            {"id": "b", "keyBytes": "AAE=", "value": GOOD},
        ]
    ),
    "headers": Row(
        [
            {"id": "a", "value": GOOD, "headers": {"Colour": "red"}},
            {"id": "b", "value": GOOD, "headers": {"tidegate-id": "x"}},
            {"id": "c", "value": GOOD, "headers": {"bad name": "x"}},
            {"id": "d", "value": GOOD, "headers": {"a": "line\nbreak"}},
        ]
    ),
    "ids": Row([{"id": "with space", "value": GOOD}, {"id": "x" * 129, "value": GOOD}, {"value": GOOD}]),
    "tombstones": Row([{"id": "a", "key": "k", "value": None}, {"id": "b", "value": None}]),
    "an event too large": Row(
        [{"id": "a", "value": GOOD}, {"id": "b", "value": {"n": 1, "x": "x" * 400}}], settings={"max_event_bytes": 300}
    ),
    "too many events": Row([{"value": GOOD}] * 4, settings={"max_batch_events": 3}),
    "retired": Row([{"value": GOOD}], contracts=(contract(status="retired"),)),
    "no token": Row([{"value": GOOD}], who=None),
    "a bad token": Row([{"value": GOOD}], who="bad"),
    "not allowed": Row([{"value": GOOD}], who="poor"),
    "roles": Row([{"value": GOOD}], contracts=(contract(roles=("writer",)),)),
    "no such topic": Row([{"value": GOOD}], topic="customer.nothing"),
    "no topic's name": Row([{"value": GOOD}], topic="__consumer_offsets"),
    "over the limit": Row([{"value": GOOD}], allowance=Allowance(wait_s=2.5, quotas=(QUOTA,))),
    "a cost above the burst": Row([{"value": GOOD}], allowance=Allowance(max_events=5, quotas=(QUOTA,))),
    "no room": Row([{"value": GOOD}], settings={"capacity_bytes": 50}),
    "broker away": Row([{"id": "a", "value": GOOD}], script=(AWAY,)),
    "outcome unknown": Row([{"id": "a", "value": GOOD}], script=(Unknown("no acknowledgement"),)),
    "refused by the topic": Row([{"id": "a", "value": GOOD}], script=(RecordRefused(Code.TOO_LARGE, "too large"),)),
    "a fault of ours": Row([{"value": GOOD}], who="crash"),
    "validate, mixed": Row([{"id": "a", "value": GOOD}, {"id": "b", "value": BAD}], validate=True),
    "validate, over the limit": Row([{"value": GOOD}], validate=True, allowance=Allowance(wait_s=1.0, quotas=(QUOTA,))),
}


def as_message(event: Event) -> pb.Event:
    """The event of a REST batch as the message of the same meaning."""
    members = {name: value for name, value in event.items() if name not in {"value", "data", "keyBytes", "time"}}
    message = pb.Event(**members)
    if "value" in event:
        message.json = json.dumps(event["value"]).encode()
    if "data" in event:
        message.data = _unpacked(event["data"])
    if "keyBytes" in event:
        message.key_bytes = _unpacked(event["keyBytes"])
    if "time" in event:
        message.time.FromJsonString(event["time"])
    return message


def _unpacked(text: str) -> bytes:
    from base64 import b64decode

    return b64decode(text)


def same_error(problem: dict[str, Any]) -> dict[str, Any]:
    """What of an error both doors must say alike; the request's id is each one's own."""
    kept = (
        "type",
        "title",
        "code",
        "detail",
        "retryable",
        "topic",
        "contract",
        "errors",
        "maxEvents",
        "retryAfterS",
        "docs",
    )
    same = {name: problem[name] for name in kept if problem.get(name)}
    same["omitted"] = problem.get("omitted") or 0
    same["owner"] = {name: text for name, text in problem.get("owner", {}).items() if text}
    return same


@dataclass
class Seen:
    """What a door answered, in one form; and what it did."""

    results: list[dict[str, Any]] = field(default_factory=list)
    problem: dict[str, Any] | None = None
    records: list[tuple[Any, ...]] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    refused: list[tuple[Any, ...]] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)


def looked_at(seen: Seen, gate: Gate, door: str) -> Seen:
    seen.records = [(r.key, r.value, tuple(r.headers), r.timestamp_ms) for r in gate.publisher.stored]
    seen.counted = [line.removeprefix(f"{door} ") for line in gate.requests]
    seen.refused = [(topic, code) for topic, _, code, _ in gate.refused]
    seen.asked = [events for events, _ in gate.limiter.asked]
    assert gate.memory.used_bytes == 0
    return seen


def turned(gate: Gate, row: Row) -> None:
    gate.publisher.script = list(row.script)
    gate.limiter.next = row.allowance


async def through_rest(row: Row) -> Seen:
    gate = make_gate(*row.contracts, **row.settings)
    turned(gate, row)
    many: dict[str, Any] = {"who": row.who, "headers": [("traceparent", TRACE)]}
    if row.validate:
        path, body = "events:validate", b"\n".join(json.dumps(event).encode() for event in row.events)
        many["media"] = "application/x-ndjson"
    else:
        path, body = "events:batch", json.dumps({"events": row.events}).encode()
    reply = await gate.post(f"/v1/topics/{row.topic}/{path}", body, **many)
    seen = Seen()
    if "results" in reply.json:
        assert reply.json["topic"] == row.topic
        seen.results = [{**result, **_error(result)} for result in reply.json["results"]]
    else:
        seen.problem = same_error(reply.json)
    return looked_at(seen, gate, "rest")


def _error(result: dict[str, Any]) -> dict[str, Any]:
    return {"error": same_error(result["error"])} if "error" in result else {}


async def through_grpc(row: Row) -> Seen:
    async with opened(*row.contracts, **row.settings) as door:
        turned(door.gate, row)
        kind = pb.ValidateRequest if row.validate else pb.PublishRequest
        call = door.stub.Validate if row.validate else door.stub.Publish
        seen = Seen()
        try:
            response = await call(
                kind(topic=row.topic, events=[as_message(event) for event in row.events]),
                metadata=(*bearer(row.who), ("traceparent", TRACE)),
            )
        except grpc.aio.AioRpcError as error:
            seen.problem = as_problem(Refused(error))
        else:
            assert response.topic == row.topic
            seen.results = [as_result(result) for result in response.results]
        return looked_at(seen, door.gate, "grpc")


def as_result(receipt: pb.EventReceipt) -> dict[str, Any]:
    """A receipt in the words of REST."""
    status = pb.Status.Name(receipt.status).removeprefix("STATUS_").lower()
    result: dict[str, Any] = {"id": receipt.id, "status": status}
    if receipt.HasField("error"):
        problem = MessageToDict(receipt.error)
        assert problem["grpcCode"] == grpc.StatusCode[row(Code(problem["code"])).grpc].value[0]
        assert problem["status"] == row(Code(problem["code"])).http
        for violation in problem.get("errors", ()):
            if "byteOffset" in violation:
                violation["byteOffset"] = int(violation["byteOffset"])
        result["error"] = same_error(problem)
        return result
    result |= {"version": receipt.version, "schemaId": receipt.schema_id}
    if status == "stored":
        result |= {"partition": receipt.partition, "offset": receipt.offset}
    return result


def as_problem(refused: Refused) -> dict[str, Any]:
    """A status with its details, as far as they say what a problem says."""
    info = refused.detail("ErrorInfo")
    code = info.reason.lower()
    assert refused.code is grpc.StatusCode[row(Code(code)).grpc]
    problem: dict[str, Any] = {
        "code": code,
        "title": info.metadata["title"],
        "detail": refused.message,
        "retryable": info.metadata["retryable"] == "true",
        "topic": info.metadata.get("topic", ""),
        "type": refused.detail("Help").links[0].url,
    }
    links = {link.description: link.url for link in refused.detail("Help").links}
    problem["docs"] = links.get("The topic's contract", "")
    if "maxEvents" in info.metadata:
        problem["maxEvents"] = int(info.metadata["maxEvents"])
    if (retry := refused.detail("RetryInfo")) is not None:
        problem["retryAfterS"] = retry.retry_delay.seconds
        assert refused.trailing["grpc-retry-pushback-ms"] == str(retry.retry_delay.seconds * 1000)
    return problem


@pytest.mark.parametrize("name", ROWS)
async def test_both_doors_say_and_do_the_same(name: str) -> None:
    rest, rpc = await through_rest(ROWS[name]), await through_grpc(ROWS[name])
    if rest.problem is not None and rpc.problem is not None:
        rest.problem = {
            field: rest.problem.get(field) for field in rpc.problem if rpc.problem[field] or rest.problem.get(field)
        }
        rpc.problem = {field: value for field, value in rpc.problem.items() if field in rest.problem}
    if ROWS[name].who in {
        None,
        "bad",
        "crash",
    }:  # over gRPC the topic stands in a request, which nobody reads of a stranger
        rest.refused = [("", code) for _, code in rest.refused]
    assert rest == rpc


def test_the_table_holds_every_row_that_both_doors_can_bring_about() -> None:
    """Codes that neither door gives yet, or only one can, are named here."""
    only_http = {Code.TIMEOUT, Code.NOT_FOUND, Code.UNSUPPORTED_MEDIA}
    later = {Code.IN_PROGRESS, Code.ID_REUSED}
    wanted = set(Code) - only_http - later - {Code.UNKNOWN_VERSION, Code.INTERNAL}
    named = {
        "all stored": set(), "order after a failure": {Code.AFTER_FAILURE, Code.BROKER_UNAVAILABLE},
        "a mixed batch": {Code.CONTRACT_VIOLATION, Code.MALFORMED}, "a version that is not here yet": {Code.VERSION_NOT_HERE_YET},
        "retired": {Code.RETIRED}, "no token": {Code.UNAUTHENTICATED}, "not allowed": {Code.FORBIDDEN},
        "no such topic": {Code.UNKNOWN_TOPIC}, "an event too large": {Code.TOO_LARGE}, "over the limit": {Code.RATE_LIMITED},
        "no room": {Code.OVERLOADED}, "outcome unknown": {Code.OUTCOME_UNKNOWN},
    }  # fmt: skip
    assert set(named) <= set(ROWS)
    assert set().union(*named.values()) == wanted


def test_the_messages_have_the_fields_of_the_json() -> None:
    """http.md: the gRPC message of an event has the same fields, with `data` and `json` as bytes; a problem's likewise."""
    event = {one.json_name for one in pb.Event.DESCRIPTOR.fields}
    assert event - {"json"} == set(EVENT_FIELDS) - {"value"}
    problem = {one.json_name for one in pb.Problem.DESCRIPTOR.fields}
    assert problem - {"grpcCode"} == set(Problem.__struct_encode_fields__)
