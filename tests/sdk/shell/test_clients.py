"""Both clients, one body: what sdk.md's rows promise, on a gateway in memory."""

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.sdk.delivery.conftest import failed, refusal, stored
from tests.sdk.shell.conftest import TOPIC, Gate

from tidegate import exceptions
from tidegate.contracts.media import AVRO
from tidegate.errors import Code
from tidegate.settings import DropReport, WhenFull
from tidegate.transport.memory import MemoryTransport
from tidegate.transport.port import Answer, BundleAnswer, NoBundle, Receipted, Request, Unreached

Order = dict[str, Any]


async def test_publish_judges_sends_and_gives_the_receipt(gate: Gate, order: Order) -> None:
    receipt = await gate.face.publish(TOPIC, order)
    assert (receipt.status, receipt.offset) == ("stored", 0)
    ((event,),) = [request.events for request in gate.transport.requests]
    assert event.id == receipt.id
    assert event.version == 2, "sent with the version judged by"
    assert json.loads(event.body) == order


async def test_a_local_rejection_lists_every_violation_and_sends_nothing(gate: Gate, order: Order) -> None:
    with pytest.raises(exceptions.ContractViolation) as caught:
        await gate.face.publish(TOPIC, {**order, "orderId": 7, "moonPhase": 1})
    pointers = {violation.pointer for violation in caught.value.violations}
    assert {"#/orderId", "#/moonPhase"} <= pointers
    assert all(
        violation.docs.startswith("https://gate.example.com/docs/topics/") for violation in caught.value.violations
    )
    assert caught.value.code is Code.CONTRACT_VIOLATION
    assert gate.transport.requests == []
    assert gate.face.stats().rejected == 1


async def test_validate_judges_and_sends_nothing(gate: Gate, order: Order) -> None:
    await gate.face.validate(TOPIC, order)
    with pytest.raises(exceptions.ContractViolation):
        await gate.face.validate(TOPIC, {})
    with pytest.raises(LookupError, match="no contract"):
        await gate.face.validate("nobody.knows", {})
    assert gate.transport.requests == []


async def test_submits_travel_in_batches_and_flush_waits_for_their_receipts(gate: Gate, order: Order) -> None:
    face = gate.reopen(linger_s=5)
    futures = [await face.submit(TOPIC, order) for _ in range(20)]
    assert await face.flush() == 0
    assert [future.result().status for future in futures] == ["stored"] * 20
    assert len(gate.transport.requests) < 5


async def test_a_batch_goes_by_count_without_lingering(gate: Gate, order: Order) -> None:
    face = gate.reopen(linger_s=60, batch_events=5)
    futures = [await face.submit(TOPIC, order) for _ in range(5)]
    async with asyncio.timeout(10):
        await asyncio.gather(*futures)
    assert [len(request.events) for request in gate.transport.requests] == [5]


async def test_publish_does_not_linger(gate: Gate, order: Order) -> None:
    face = gate.reopen(linger_s=60)
    async with asyncio.timeout(10):
        await face.publish(TOPIC, order)


async def test_no_contract_at_hand_sends_unjudged_and_counts(gate: Gate) -> None:
    receipt = await gate.face.publish("nobody.knows", {"a": 1})
    assert receipt.status == "stored"
    ((event,),) = [request.events for request in gate.transport.requests]
    assert event.version is None
    assert gate.face.stats().unjudged == 1


async def test_judge_false_asks_for_no_contract(gate: Gate) -> None:
    face = gate.reopen(judge=False)
    await face.publish(TOPIC, {"anything": 1})
    assert gate.transport.bundle_requests == 0


async def test_a_contract_is_fetched_once_and_kept(gate: Gate, order: Order) -> None:
    for _ in range(5):
        await gate.face.publish(TOPIC, order)
    assert gate.transport.bundle_requests == 1


async def test_many_at_once_fetch_one_contract(gate: Gate, order: Order) -> None:
    await asyncio.gather(*(gate.face.publish(TOPIC, order) for _ in range(8)))
    assert gate.transport.bundle_requests == 1
    assert gate.face.stats().unjudged == 0


async def test_a_pinned_version_is_judged_and_sent_as_such(gate: Gate, order: Order) -> None:
    await gate.face.publish(TOPIC, order, version=2)
    await gate.face.publish(TOPIC, order, version=99)
    versions = [event.version for request in gate.transport.requests for event in request.events]
    assert versions == [2, 99], "one that is not known here is the gateway's to judge"
    assert gate.face.stats().unjudged == 1


async def test_version_not_here_yet_is_waited_for(gate: Gate, order: Order) -> None:
    calls: list[Request] = []

    def answer(request: Request) -> Answer:
        calls.append(request)
        if len(calls) < 3:
            return Receipted(lines=[failed(event, Code.VERSION_NOT_HERE_YET) for event in request.events])
        return gate.transport.stored(request)

    receipt = await gate.reopen(answer).publish(TOPIC, order, version=3)
    assert receipt.status == "stored"
    assert len({request.events[0].id for request in calls}) == 1, "the same id each time"


async def test_quarantine_is_not_rejected_locally(gate: Gate) -> None:
    bundle = gate.bundles[TOPIC]
    tree = json.loads(bundle.body)
    tree["onInvalid"] = "quarantine"
    gate.bundles[TOPIC] = msgspec.structs.replace(bundle, body=json.dumps(tree).encode())
    assert (await gate.face.publish(TOPIC, {"bad": 1})).status == "stored"


async def test_a_stale_bundle_is_revalidated_before_a_rejection(gate: Gate, order: Order) -> None:
    """The contract became wider meanwhile: what the old one refuses is sent."""
    await gate.face.publish(TOPIC, order)
    place = gate.face.client._core.place(TOPIC)
    place.freshness.checked_at -= 1000
    with pytest.raises(exceptions.ContractViolation):
        await gate.face.publish(TOPIC, {**order, "brandNew": 1})
    assert gate.transport.bundle_requests == 2, "looked at before it was rejected"
    with pytest.raises(exceptions.ContractViolation):
        await gate.face.publish(TOPIC, {**order, "brandNew": 1})
    assert gate.transport.bundle_requests == 2, "fresh now"
    tree = json.loads(gate.bundles[TOPIC].body)
    for version in tree["versions"]:
        version["unknownFields"] = "drop"
    gate.bundles[TOPIC] = msgspec.structs.replace(gate.bundles[TOPIC], body=json.dumps(tree).encode(), etag='"new"')
    place.freshness.checked_at -= 1000
    assert (await gate.face.publish(TOPIC, {**order, "brandNew": 1})).status == "stored"


async def test_contracts_on_disk_judge_while_the_gateway_is_away(gate: Gate, order: Order, tmp_path: Path) -> None:
    face = gate.reopen(cache_dir=tmp_path)
    await face.publish(TOPIC, order)
    await face.close()
    away = gate.reopen(lambda _: Unreached(reason="away", maybe_stored=False), cache_dir=tmp_path)
    gate.transport.bundles = {}
    await away.validate(TOPIC, order)
    with pytest.raises(exceptions.ContractViolation):
        await away.validate(TOPIC, {})


async def test_only_failed_events_go_again_with_the_same_ids(gate: Gate, order: Order) -> None:
    seen: list[list[str]] = []

    def answer(request: Request) -> Answer:
        seen.append([event.id for event in request.events])
        if len(seen) == 1:
            lines = [stored(event) for event in request.events]
            lines[1] = failed(request.events[1], Code.BROKER_UNAVAILABLE)
            return Receipted(lines=lines)
        return gate.transport.stored(request)

    face = gate.reopen(answer, lanes=1, linger_s=5)
    futures = [await face.submit(TOPIC, order, id=f"e{n}") for n in range(3)]
    await face.flush()
    await asyncio.gather(*futures)
    assert seen == [["e0", "e1", "e2"], ["e1"]]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (Code.FORBIDDEN, exceptions.Forbidden),
        (Code.RETIRED, exceptions.Retired),
        (Code.TOO_LARGE, exceptions.TooLarge),
        (Code.UNAUTHENTICATED, exceptions.Unauthenticated),
        (Code.CONTRACT_VIOLATION, exceptions.ContractViolation),
        (Code.ID_REUSED, exceptions.IdReused),
    ],
)
async def test_what_the_gateway_refuses_is_raised_by_its_class(
    gate: Gate, order: Order, code: Code, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await gate.reopen(lambda _: refusal(code)).publish(TOPIC, order)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(Code.RATE_LIMITED), exceptions.RateLimited),
        (refusal(Code.OVERLOADED), exceptions.Overloaded),
        (Unreached(reason="refused", maybe_stored=False), exceptions.Unavailable),
        (Unreached(reason="reset", maybe_stored=True), exceptions.OutcomeUnknown),
        (refusal(Code.OUTCOME_UNKNOWN), exceptions.OutcomeUnknown),
    ],
)
async def test_after_the_deadline_the_last_failure_is_raised(
    gate: Gate, order: Order, answer: Answer, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await gate.reopen(lambda _: answer, deadline_s=0.5).publish(TOPIC, order)


async def test_a_timeout_of_the_caller_leaves_the_event_on_its_way(gate: Gate, order: Order) -> None:
    answers: list[Answer] = [Unreached(reason="away", maybe_stored=False)] * 3

    face = gate.reopen(lambda request: answers.pop() if answers else gate.transport.stored(request), linger_s=1)
    with pytest.raises(exceptions.OutcomeUnknown):
        await face.publish(TOPIC, order, timeout_s=0)
    assert await face.flush() == 0
    assert face.stats().delivered == 1


async def test_a_full_queue_raises_by_policy(gate: Gate, order: Order) -> None:
    face = gate.reopen(queue_events=3, linger_s=60, when_full=WhenFull.RAISE)
    for _ in range(3):
        await face.submit(TOPIC, order)
    with pytest.raises(exceptions.QueueFull, match="3 events"):
        await face.submit(TOPIC, order)
    assert await face.flush() == 0
    await face.submit(TOPIC, order)


async def test_a_queue_is_bounded_by_bytes_too(gate: Gate, order: Order) -> None:
    face = gate.reopen(queue_bytes=7500, linger_s=60, when_full=WhenFull.RAISE)
    for _ in range(3):
        await face.submit(TOPIC, order)
    with pytest.raises(exceptions.QueueFull, match="7500 bytes"):
        await face.submit(TOPIC, order)


async def test_block_waits_for_room_and_gives_up_in_time(gate: Gate, order: Order) -> None:
    face = gate.reopen(queue_events=2, linger_s=0.05, when_full=WhenFull.BLOCK)
    futures = [await face.submit(TOPIC, order) for _ in range(10)]
    await asyncio.gather(*futures)
    slow = gate.reopen(queue_events=2, linger_s=60, block_timeout_s=0.05)
    await slow.submit(TOPIC, order)
    await slow.submit(TOPIC, order)
    with pytest.raises(exceptions.QueueFull):
        await slow.submit(TOPIC, order)


async def test_drop_oldest_counts_and_reports(gate: Gate, order: Order) -> None:
    reports: list[DropReport] = []
    face = gate.reopen(
        queue_events=5, linger_s=60, batch_events=2, when_full="drop_oldest", on_drop=reports.append,
        answer=lambda _: Unreached(reason="away", maybe_stored=False),
    )  # fmt: skip
    futures = [await face.submit(TOPIC, order) for _ in range(30)]
    await face.flush(0.2)
    dropped = face.stats().dropped
    assert dropped >= 20
    assert sum(report.count for report in reports) == dropped
    lost = [future for future in futures if future.done() and isinstance(future.exception(), exceptions.NotDelivered)]
    assert len(lost) == dropped
    await face.close(0)
    assert sum(report.count for report in reports) == 30, "what was left at close is reported too"


async def test_publish_many_takes_any_iterable_and_keeps_going_over_bad_events(gate: Gate, order: Order) -> None:
    told: list[tuple[int, int]] = []
    face = gate.reopen(queue_events=100)
    values = (order if n % 100 else {"bad": n} for n in range(2000))
    summary = await face.publish_many(TOPIC, values, progress=lambda done, taken: told.append((done, taken)))
    assert (summary.stored, summary.rejected, summary.failed) == (1980, 20, 0)
    assert summary.events == 2000
    assert [failure.index for failure in summary.failures] == list(range(0, 2000, 100))
    assert all(isinstance(failure.error, exceptions.ContractViolation) for failure in summary.failures)
    assert told[-1] == (2000, 2000)


async def test_publish_many_drops_nothing_of_its_own_whatever_the_policy(gate: Gate, order: Order) -> None:
    face = gate.reopen(queue_events=20, when_full=WhenFull.DROP_OLDEST)
    summary = await face.publish_many(TOPIC, (order for _ in range(500)))
    assert summary.stored == 500
    assert face.stats().dropped == 0


async def test_a_gateway_that_has_no_contract_to_give_is_waited_for_once(gate: Gate) -> None:
    class Silent(MemoryTransport):
        async def bundle(self, topic: str, etag: str | None, token: str | None, timeout_s: float) -> BundleAnswer:
            self.bundle_requests += 1
            await asyncio.sleep(min(timeout_s, 0.2))
            return NoBundle(reason="no answer")

    transport = Silent()
    face = gate.reopen()
    face.client._transport = lambda: transport
    face.client._start()
    await face.publish("t", {"n": 1})
    face.client._core.place("t").freshness.ask_at = 0.0
    gate.transport.bundles = {}
    async with asyncio.timeout(10):
        for n in range(20):
            await face.submit("t", {"n": n})
        await face.flush()
    assert transport.bundle_requests == 2, "once waited for, once in the background"
    assert face.stats().unjudged == 21


async def test_publish_many_of_nothing(gate: Gate) -> None:
    assert (await gate.face.publish_many(TOPIC, [])).events == 0


async def test_close_delivers_what_was_queued(gate: Gate, order: Order) -> None:
    face = gate.reopen(linger_s=60)
    futures = [await face.submit(TOPIC, order) for _ in range(7)]
    assert await face.close() == 0
    assert all(future.done() for future in futures)
    assert gate.transport.closed
    with pytest.raises(exceptions.Closed):
        await face.submit(TOPIC, order)
    assert await face.close() == 0, "twice is fine"


async def test_close_is_bounded_and_says_what_is_left(gate: Gate, order: Order) -> None:
    """No process that never ends because a collector is down, and no flush that takes minutes."""
    reports: list[DropReport] = []
    face = gate.reopen(lambda _: Unreached(reason="away", maybe_stored=False), on_drop=reports.append)
    futures = [await face.submit(TOPIC, order) for _ in range(3)]
    async with asyncio.timeout(20):
        assert await face.close(0.2) == 3
    assert [report.count for report in reports] == [3]
    for future in futures:
        with pytest.raises(exceptions.NotDelivered):
            await future


async def test_a_transport_that_breaks_its_word_stops_nothing(gate: Gate, order: Order) -> None:
    calls = 0

    def answer(request: Request) -> Answer:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ZeroDivisionError
        return gate.transport.stored(request)

    assert (await gate.reopen(answer).publish(TOPIC, order)).status == "stored"


async def test_members_of_an_event_travel_and_bad_ones_are_refused(gate: Gate, order: Order) -> None:
    await gate.face.publish(TOPIC, order, id="my-id", headers={"Source": "till 7"}, time="2026-01-31T12:00:00Z")
    ((event,),) = [request.events for request in gate.transport.requests]
    assert (event.id, event.headers, event.time) == ("my-id", {"Source": "till 7"}, "2026-01-31T12:00:00Z")
    for bad in ({"id": "two words"}, {"headers": {"traceparent": "x"}}):
        with pytest.raises(exceptions.Malformed):
            await gate.face.publish(TOPIC, order, **bad)
    with pytest.raises(exceptions.ContractViolation):
        await gate.face.publish(TOPIC, order, key="another")


@dataclasses.dataclass
class Loose:
    a: int


@pytest.mark.parametrize("value", ["text", 5, [1], object(), Loose])
async def test_what_is_no_event_is_a_type_error(gate: Gate, value: object) -> None:
    with pytest.raises(TypeError, match="an event is a dict"):
        await gate.face.publish("nobody.knows", value)


async def test_bytes_say_what_they_are(gate: Gate, order: Order) -> None:
    await gate.face.publish(TOPIC, json.dumps(order).encode())
    with pytest.raises(exceptions.Malformed):
        await gate.face.publish(TOPIC, b"\x00\x01", media_type=AVRO)
    with pytest.raises(ValueError, match="media_type is one of"):
        await gate.face.publish(TOPIC, b"", media_type="text/html")
    with pytest.raises(TypeError, match="encoded bytes"):
        await gate.face.publish(TOPIC, order, media_type=AVRO)


@pytest.mark.parametrize("topic", ["", "a/b", "..", "__x", "a" * 250, "ä"])
async def test_no_topic_s_name_reaches_a_url(gate: Gate, topic: str) -> None:
    with pytest.raises(ValueError, match="topic's name"):
        await gate.face.publish(topic, {})


async def test_a_refused_token_is_asked_for_once_more(gate: Gate, order: Order) -> None:
    tokens = iter(["old", "new", "newer"])
    seen: list[str | None] = []

    def answer(request: Request) -> Answer:
        seen.append(request.token)
        return refusal(Code.UNAUTHENTICATED) if request.token == "old" else gate.transport.stored(request)

    face = gate.reopen(answer, token=lambda: next(tokens), judge=False)
    await face.publish(TOPIC, order)
    assert seen == ["old", "new"]


async def test_a_forbidden_token_is_not_refreshed(gate: Gate, order: Order) -> None:
    calls: list[int] = []

    def token() -> str:
        calls.append(1)
        return "t"

    with pytest.raises(exceptions.Forbidden):
        await gate.reopen(lambda _: refusal(Code.FORBIDDEN), token=token, judge=False).publish(TOPIC, order)
    assert len(calls) == 1


async def test_a_token_that_is_not_to_be_had_is_an_outage_and_no_crash(gate: Gate, order: Order) -> None:
    def token() -> str:
        raise OSError("the vault is away: secret=hunter2")

    with pytest.raises(exceptions.Unavailable) as caught:
        await gate.reopen(token=token, deadline_s=0.2).publish(TOPIC, order)
    assert "hunter2" not in str(caught.value)
    assert gate.transport.requests == []


class FaultyTokens:
    """An application's own source of tokens, against the port's word."""

    async def get(self) -> str:
        raise RuntimeError("the vault is away: secret=hunter2")

    def refused(self, token: str | None) -> None:
        """Never called."""


@pytest.mark.parametrize("token", [FaultyTokens(), lambda: "line\nbreak", lambda: b"bytes"])
async def test_whatever_a_source_of_tokens_does_every_event_has_its_outcome(
    gate: Gate, order: Order, token: object
) -> None:
    with pytest.raises(exceptions.Unavailable, match="token") as caught:
        await gate.reopen(token=token, deadline_s=0.2).publish(TOPIC, order)
    assert "hunter2" not in str(caught.value)
    assert gate.transport.requests == []
