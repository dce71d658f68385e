"""http.md, "Answers": every situation that this build can bring about, with its exact status, code and fields."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.gateway.doors.rest.conftest import BASE_URL, TOPIC, Gate, Reply, contract, drive, make_gate

from tidegate.errors import Code, row
from tidegate_gateway.intake.limits import Allowance, Quota
from tidegate_gateway.intake.ports import NotStored, Outcome, RecordRefused, RecordStored, Unknown

GOOD = b'{"n":1}'
BAD = b'{"n":11}'


def batch_of(*values: bytes) -> bytes:
    return b'{"events":[' + b",".join(b'{"id":"e%d","value":%s}' % (i, v) for i, v in enumerate(values)) + b"]}"


def check_problem(reply: Reply, code: Code, status: int | None = None) -> Any:
    """The reply is a problem of this code, as http.md has it; its members are answered."""
    entry = row(code)
    assert reply.fields["content-type"] == "application/problem+json"
    problem = reply.json
    assert reply.status == problem["status"] == (status or entry.http)
    assert problem["code"] == code
    assert problem["title"] == entry.title
    assert problem["type"] == f"{BASE_URL}/docs/errors/{code}"
    assert problem["retryable"] is entry.retryable
    assert problem["instance"] == f"urn:uuid:{reply.fields['request-id']}"
    assert problem["detail"]
    assert ("errors" in problem) == ("omitted" in problem)
    assert int(reply.fields["content-length"]) == len(reply.body)
    return problem


async def test_stored_single(gate: Gate) -> None:
    reply = await gate.event(GOOD, headers=[("Event-Id", "e1")])
    assert reply.status == 200
    assert reply.fields["content-type"] == "application/json"
    assert reply.json == {
        "topic": TOPIC, "id": "e1", "status": "stored", "partition": 0, "offset": 0, "version": 2, "schemaId": 12,
    }  # fmt: skip
    assert gate.requests == ["rest ok"]
    assert gate.publisher.stored[0].value == b"framed" + GOOD


async def test_stored_batch_keeps_order(gate: Gate) -> None:
    reply = await gate.batch(batch_of(GOOD, GOOD, GOOD))
    assert reply.status == 200
    assert reply.json["topic"] == TOPIC
    assert [(r["id"], r["status"], r["offset"]) for r in reply.json["results"]] == [
        ("e0", "stored", 0), ("e1", "stored", 1), ("e2", "stored", 2),
    ]  # fmt: skip


async def test_empty_batches_are_200_without_results(gate: Gate) -> None:
    for reply in (await gate.batch(b'{"events":[]}'), await gate.batch(b"\n\n", media="application/x-ndjson")):
        assert (reply.status, reply.json) == (200, {"topic": TOPIC, "results": []})


async def test_some_stored_is_207(gate: Gate) -> None:
    reply = await gate.batch(batch_of(GOOD, BAD))
    assert reply.status == 207
    stored, rejected = reply.json["results"]
    assert stored["status"] == "stored"
    assert rejected["status"] == "rejected"
    error = rejected["error"]
    assert error["code"] == "contract_violation"
    assert error["errors"] == [
        {"pointer": "#/n", "rule": "range", "detail": "is outside 1 to 10", "docs": f"{BASE_URL}/docs/topics/{TOPIC}#n"}
    ]
    assert error["omitted"] == 0
    assert error["contract"] == {"version": 2, "schemaId": 12, "fingerprint": "f2"}
    assert error["owner"] == {"team": "orders", "channel": "#orders"}
    assert error["docs"] == f"{BASE_URL}/docs/topics/{TOPIC}"
    assert gate.requests == ["rest mixed"]


async def test_none_stored_for_one_code_takes_its_status_with_a_receipt(gate: Gate) -> None:
    reply = await gate.batch(batch_of(BAD, BAD))
    assert reply.status == 400
    assert reply.fields["content-type"] == "application/json"
    assert [r["status"] for r in reply.json["results"]] == ["rejected", "rejected"]
    assert gate.requests == ["rest contract_violation"]


async def test_none_stored_for_several_codes_is_207(gate: Gate) -> None:
    reply = await gate.batch(b'{"events":[{"value":{"n":11}},{"vlaue":1}]}')
    assert reply.status == 207
    assert [r["error"]["code"] for r in reply.json["results"]] == ["contract_violation", "malformed"]


async def test_broker_away_for_a_whole_batch_is_503_with_retry_after(gate: Gate) -> None:
    gate.publisher.script = [NotStored(Code.BROKER_UNAVAILABLE, "away", 3.0)] * 2
    reply = await gate.batch(batch_of(GOOD, GOOD))
    assert reply.status == 503
    assert reply.fields["retry-after"] == "3"
    assert [r["status"] for r in reply.json["results"]] == ["failed", "failed"]
    assert reply.json["results"][0]["error"]["retryAfterS"] == 3


async def test_after_failure(gate: Gate) -> None:
    gate.publisher.script = [RecordStored(0, 0), NotStored(Code.AFTER_FAILURE, "an earlier one failed")]
    reply = await gate.batch(batch_of(GOOD, GOOD))
    assert reply.status == 207
    error = reply.json["results"][1]["error"]
    assert (error["code"], error["status"], error["retryable"]) == ("after_failure", 503, True)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (NotStored(Code.BROKER_UNAVAILABLE, "away"), Code.BROKER_UNAVAILABLE),
        (NotStored(Code.OVERLOADED, "full"), Code.OVERLOADED),
        (Unknown("no acknowledgement"), Code.OUTCOME_UNKNOWN),
        (RecordRefused(Code.TOO_LARGE, "the topic takes less"), Code.TOO_LARGE),
        (RecordRefused(Code.CONTRACT_VIOLATION, "its time is out of bounds"), Code.CONTRACT_VIOLATION),
    ],
)
async def test_outcomes_of_one_event(gate: Gate, outcome: Outcome, code: Code) -> None:
    gate.publisher.script = [outcome]
    reply = await gate.event(GOOD)
    problem = check_problem(reply, code)
    assert problem["topic"] == TOPIC
    assert problem["contract"]["version"] == 2
    if reply.status == 503:
        assert reply.fields["retry-after"] == "1"
    assert gate.requests == [f"rest {code}"]


async def test_malformed_and_violation(gate: Gate) -> None:
    problem = check_problem(await gate.event(b'{"n":'), Code.MALFORMED)
    assert problem["errors"][0]["pointer"] == "#"
    check_problem(await gate.event(BAD), Code.CONTRACT_VIOLATION)
    assert gate.requests == ["rest malformed", "rest contract_violation"]


async def test_versions(gate: Gate) -> None:
    stored = await gate.event(GOOD, headers=[("Event-Version", "1")])
    assert (stored.json["version"], stored.json["schemaId"]) == (1, 11)
    newer = await gate.event(GOOD, headers=[("Event-Version", "3")])
    check_problem(newer, Code.VERSION_NOT_HERE_YET)
    assert int(newer.fields["retry-after"]) >= 5
    for bad in ("0", "-1", "1.0", "latest", "", "99999999999"):
        check_problem(await gate.event(GOOD, headers=[("Event-Version", bad)]), Code.MALFORMED)


async def test_pinned_inputs_want_a_version() -> None:
    gate = make_gate(contract(inputs="pinned"))
    check_problem(await gate.event(GOOD), Code.UNKNOWN_VERSION)
    assert (await gate.event(GOOD, headers=[("Event-Version", "1")])).status == 200


async def test_retired_names_the_owner() -> None:
    gate = make_gate(contract(status="retired"))
    problem = check_problem(await gate.event(GOOD), Code.RETIRED)
    assert problem["owner"] == {"team": "orders", "channel": "#orders"}


async def test_deprecated_says_so() -> None:
    gate = make_gate(contract(status="deprecated"))
    reply = await gate.event(GOOD)
    assert reply.fields["deprecation"] == "@1800000000"
    assert reply.fields["link"].startswith(f'<{BASE_URL}/docs/topics/{TOPIC}>; rel="deprecation"')


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
@pytest.mark.parametrize("tail", ["events", "events:batch", "events:validate"])
async def test_other_methods(gate: Gate, method: str, tail: str) -> None:
    reply = await drive(gate.app, method, f"/v1/topics/{TOPIC}/{tail}")
    assert reply is not None
    check_problem(reply, Code.MALFORMED, 405)
    assert reply.fields["allow"] == "POST, OPTIONS"


async def test_options(gate: Gate) -> None:
    reply = await drive(gate.app, "OPTIONS", f"/v1/topics/{TOPIC}/events")
    assert reply is not None
    assert (reply.status, reply.body, reply.fields["allow"]) == (204, b"", "POST, OPTIONS")


async def test_no_token_and_bad_token_say_one_thing(gate: Gate) -> None:
    without = await gate.event(GOOD, who=None)
    assert without.fields["www-authenticate"] == "Bearer"
    bad = await gate.event(GOOD, who="forged")
    assert bad.fields["www-authenticate"] == 'Bearer error="invalid_token"'
    basic = await gate.event(GOOD, who=None, headers=[("Authorization", "Basic Z29vZA==")])
    assert basic.fields["www-authenticate"] == "Bearer"
    twice = await gate.event(GOOD, headers=[("Authorization", "Bearer good")])
    bodies = []
    for reply in (without, bad, basic, twice):
        problem = check_problem(reply, Code.UNAUTHENTICATED)
        del problem["instance"]
        bodies.append(problem)
    assert bodies == [bodies[0]] * 4
    assert b"forged" not in bad.body


async def test_the_scheme_is_case_insensitive(gate: Gate) -> None:
    reply = await gate.event(GOOD, who=None, headers=[("Authorization", "bearer  good")])
    assert reply.status == 200


async def test_forbidden_looks_the_same_for_what_exists_and_what_does_not(gate: Gate) -> None:
    existing = await gate.event(GOOD, who="poor")
    missing = await gate.post("/v1/topics/customer.nothing/events", GOOD, who="poor")
    for reply, topic in ((existing, TOPIC), (missing, "customer.nothing")):
        check_problem(reply, Code.FORBIDDEN)
        assert reply.fields["www-authenticate"] == f'Bearer error="insufficient_scope", scope="publish:{topic}"'
    assert existing.json.keys() == missing.json.keys()


async def test_unknown_topic_and_unknown_path(gate: Gate) -> None:
    check_problem(await gate.post("/v1/topics/customer.nothing/events", GOOD), Code.UNKNOWN_TOPIC)
    for path in ("/nothing", "/v1/topics/customer.orders/event", "/v2", "/v1/topics/a/b/events"):
        check_problem(await gate.post(path, GOOD), Code.NOT_FOUND)


@pytest.mark.parametrize(
    "topic", ["..", ".", "a%2Fb", "%252e", "__consumer_offsets", "a" * 250, "caf%C3%A9", "", "%00", "a%", "%ff"]
)
async def test_topic_names_that_are_none(gate: Gate, topic: str) -> None:
    check_problem(await gate.post(f"/v1/topics/{topic}/events", GOOD), Code.MALFORMED)


async def test_a_topic_is_decoded_exactly_once(gate: Gate) -> None:
    assert (await gate.post("/v1/topics/customer%2Eorders/events", GOOD)).status == 200
    assert (await gate.post("/v1/topics/customer.orders/events%3Abatch", batch_of(GOOD))).status == 200
    check_problem(await gate.post("/v1/topics/customer.Orders/events", GOOD), Code.UNKNOWN_TOPIC)


@dataclass(frozen=True)
class Media:
    """One Content-Type and Content-Encoding at one endpoint, and whether it is taken."""

    post: str
    media: str | None
    taken: bool
    encoding: str | None = None


@pytest.mark.parametrize(
    "case",
    [
        Media("event", "application/json", taken=True),
        Media("event", "application/json; charset=utf-8", taken=True),
        Media("event", 'Application/JSON;charset="UTF-8"', taken=True),
        Media("event", "application/json", taken=True, encoding="identity"),
        Media("event", "application/json; charset=utf-16", taken=False),
        Media("event", "application/x-ndjson", taken=False),
        Media("event", "application/x-www-form-urlencoded", taken=False),
        Media("event", "json", taken=False),
        Media("event", None, taken=False),
        Media("event", "application/json", taken=False, encoding="br"),
        Media("event", "application/json", taken=False, encoding="deflate"),
        Media("event", "application/json", taken=False, encoding="gzip, gzip"),
        Media("event", "application/json", taken=False, encoding="gzip, zstd"),
        Media("event", "application/json", taken=False, encoding="identity, gzip"),
        Media("batch", "application/x-ndjson", taken=True),
        Media("batch", "application/avro", taken=False),
        Media("validate", "application/x-ndjson; charset=utf-8", taken=True),
        Media("validate", "text/plain", taken=False),
    ],
)
async def test_media_types(gate: Gate, case: Media) -> None:
    post: Callable[..., Awaitable[Reply]] = getattr(gate, case.post)
    body = GOOD if case.media != "application/x-ndjson" else b'{"value":{"n":1}}'
    if case.media is not None and "ndjson" in case.media:
        body = b'{"value":{"n":1}}'
    headers = [("Content-Encoding", case.encoding)] if case.encoding else []
    reply = await post(body, media=case.media, headers=headers)
    if case.taken:
        assert reply.status == 200
    else:
        problem = check_problem(reply, Code.UNSUPPORTED_MEDIA)
        offered = problem["accepted"]
        assert "identity" in offered if case.encoding else "application/json" in offered


async def test_too_large_by_its_declared_length(gate: Gate) -> None:
    """Before a byte is read: the driver would disconnect."""
    reply = await gate.event(b"", headers=[("Content-Length", "1000001")])
    check_problem(reply, Code.TOO_LARGE)
    check_problem(await gate.batch(b"", headers=[("Content-Length", "8388609")]), Code.TOO_LARGE)
    check_problem(await gate.batch(b"", headers=[("Content-Length", "9" * 5000)]), Code.TOO_LARGE)


async def test_the_contracts_own_bound() -> None:
    gate = make_gate(contract(max_event_bytes=10))
    problem = check_problem(await gate.event(b'{"n": 1     }'), Code.TOO_LARGE)
    assert "at most 10" in problem["detail"]
    chunked = await gate.event([b'{"n": 1', b"     }"])
    check_problem(chunked, Code.TOO_LARGE)


async def test_too_many_events_says_how_many() -> None:
    gate = make_gate(max_batch_events=2)
    problem = check_problem(await gate.batch(batch_of(GOOD, GOOD, GOOD)), Code.TOO_LARGE)
    assert problem["maxEvents"] == 2
    lines = check_problem(await gate.batch(b"\n" * 33, media="application/x-ndjson"), Code.TOO_LARGE)
    assert lines["maxEvents"] == 2


async def test_headers_too_large(gate: Gate) -> None:
    check_problem(await gate.event(GOOD, who="x" * 8190), Code.TOO_LARGE, 431)
    check_problem(await gate.event(GOOD, headers=[("X-Padding", "x" * 16_384)]), Code.TOO_LARGE, 431)
    assert gate.tokens.seen == []


async def test_rate_limited(gate: Gate) -> None:
    events = Quota(name="events", burst=100, window_s=1.0, remaining=0, reset_s=2.2)
    volume = Quota(name="bytes", burst=1_048_576, window_s=1.0, remaining=9, reset_s=900.0)
    gate.limiter.next = Allowance(wait_s=2.2, quotas=(events, volume))
    reply = await gate.event(GOOD)
    problem = check_problem(reply, Code.RATE_LIMITED)
    assert reply.fields["ratelimit"] == '"events";r=0;t=3'
    assert reply.fields["ratelimit-policy"] == '"events";q=100;w=1, "bytes";q=1048576;w=1;qu="content-bytes"'
    assert reply.fields["retry-after"] == "3"
    assert problem["retryAfterS"] == 3
    assert gate.publisher.stored == []


async def test_a_cost_above_the_burst_is_no_endless_429(gate: Gate) -> None:
    quota = Quota(name="events", burst=2, window_s=1.0, remaining=2, reset_s=0.0)
    gate.limiter.next = Allowance(max_events=2, quotas=(quota,))
    reply = await gate.batch(batch_of(GOOD, GOOD, GOOD))
    assert check_problem(reply, Code.TOO_LARGE)["maxEvents"] == 2
    assert reply.fields["ratelimit-policy"] == '"events";q=2;w=1'
    assert "retry-after" not in reply.fields


async def test_limits_are_on_every_answer(gate: Gate) -> None:
    gate.limiter.next = Allowance(quotas=(Quota(name="events", burst=100, window_s=2.0, remaining=50, reset_s=2.5),))
    for reply in (
        await gate.event(GOOD),
        await gate.event(BAD),
        await gate.batch(batch_of(GOOD, BAD)),
        await gate.batch(b"{"),
        await gate.event([b"x" * 1_000_001]),
        await gate.event(b"no gzip", headers=[("Content-Encoding", "gzip")]),
        await gate.event(GOOD, headers=[("Event-Version", "0")]),
        await gate.event(GOOD, headers=[("Event-Version", "99")]),
        await gate.event(GOOD, headers=[("Event-Header-traceparent", "x")]),
    ):
        assert reply.fields["ratelimit"] == '"events";r=50;t=3'
        assert reply.fields["ratelimit-policy"] == '"events";q=100;w=2'


async def test_overloaded_and_draining() -> None:
    small = make_gate(capacity_bytes=1000)
    held = small.memory.reserve(990)
    body = GOOD + b" " * 100
    reply = await drive(
        small.app,
        "POST",
        f"/v1/topics/{TOPIC}/events",
        headers=[
            ("authorization", "Bearer good"), ("content-type", "application/json"), ("content-length", str(len(body))),
        ],
        chunks=[body],
    )  # fmt: skip
    assert reply is not None
    check_problem(reply, Code.OVERLOADED)
    assert reply.fields["retry-after"] == "1"
    held.release()
    assert small.memory.used_bytes == 0

    draining = make_gate()
    draining.intake.close()
    check_problem(await draining.event(GOOD), Code.OVERLOADED)


async def test_a_fault_of_ours_says_nothing(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    crashed = await gate.event(GOOD, who="crash")
    check_problem(crashed, Code.INTERNAL)
    gate.publisher.crash = True
    published = await gate.event(GOOD)
    check_problem(published, Code.INTERNAL)
    assert b"secret" not in crashed.body + published.body
    assert b"ZeroDivision" not in crashed.body + published.body
    first, second = caplog.records
    assert "ZeroDivisionError at" in first.getMessage()
    assert "secret" not in caplog.text
    assert getattr(second, "request_id", "") == published.fields["request-id"]
    assert gate.requests == ["rest internal", "rest internal"]


async def test_validate(gate: Gate) -> None:
    one = await gate.validate(GOOD, headers=[("Event-Id", "e1")])
    assert (one.status, one.json) == (
        200, {"topic": TOPIC, "id": "e1", "status": "valid", "version": 2, "schemaId": 12},
    )  # fmt: skip
    check_problem(await gate.validate(BAD), Code.CONTRACT_VIOLATION)
    lines = b'{"id":"a","value":{"n":1}}\n{"id":"b","value":{"n":11}}\n'
    mixed = await gate.validate(lines, media="application/x-ndjson")
    assert mixed.status == 207
    assert [(r["id"], r["status"]) for r in mixed.json["results"]] == [("a", "valid"), ("b", "rejected")]
    assert gate.publisher.stored == []
    assert gate.limiter.asked[-1] == (2, len(lines))


async def test_refusals_are_counted_with_their_events(gate: Gate) -> None:
    """What stops before a verdict is told to `on_refused`, with the topic as named; what was judged is the observer's."""
    await gate.event(GOOD, who=None)
    await gate.post("/v1/topics/made.up/events:batch", batch_of(GOOD, GOOD), who="poor")
    gate.limiter.next = Allowance(wait_s=1.0)
    await gate.batch(batch_of(GOOD, GOOD, GOOD))
    assert gate.observer.lines == 0
    assert gate.refused == [
        (TOPIC, "rest", Code.UNAUTHENTICATED, 1),
        ("made.up", "rest", Code.FORBIDDEN, 1),
        (TOPIC, "rest", Code.RATE_LIMITED, 3),
    ]
    gate.limiter.next = Allowance()
    await gate.batch(batch_of(GOOD, BAD))
    assert len(gate.refused) == 3
    assert gate.observer.lines == 2


async def test_a_limiter_that_breaks_is_a_fault_of_ours(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> Allowance:
        raise ZeroDivisionError

    monkeypatch.setattr(gate.limiter, "take", broken)
    check_problem(await gate.event(GOOD), Code.INTERNAL)


async def test_who_may_not_publish_learns_nothing_of_the_limits() -> None:
    gate = make_gate(contract(roles=("somebody-else",)))
    gate.limiter.next = Allowance(quotas=(Quota(name="events", burst=100, window_s=2.0, remaining=50, reset_s=2.5),))
    for reply in (await gate.event(GOOD), await gate.event(GOOD, who="poor", headers=[("Event-Version", "0")])):
        assert "ratelimit" not in reply.fields
        assert "owner" not in reply.json
