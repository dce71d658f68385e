"""The order of one key at the Publisher port, where the order of the calls is known: many calls under way, each made once, and Kafka
stops in between. Over HTTP nobody can tell which of two connections was read first."""

import asyncio
import time

import pytest
from tests.adapters.publisher.running import running
from tests.faults.checker import NO_ORDER, Sent
from tests.faults.contracts import ORDERS
from tests.faults.faults import Frozen
from tests.faults.form import FORM
from tests.faults.rig import Rig

from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.intake.ports import NotStored, Outcome, Record, RecordStored, Unknown

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_DEADLINE_S = 2.0
_BATCH_BYTES = 20_000
_LARGE = 30
"""Records of a large call: three pieces of `_BATCH_BYTES` and more."""


async def test_what_is_acknowledged_stands_in_the_order_of_the_calls(one_node: Rig) -> None:
    """One record a call, and now and then thirty, which go in several pieces: none is stored once an earlier one of its call was not."""
    key = f"one-key-{time.time_ns()}"
    frozen = Frozen(one_node.cluster.nodes[0])
    async with running(
        one_node.cluster.bootstrap, ORDERS.name, delivery_timeout_s=_DEADLINE_S, batch_bytes=_BATCH_BYTES
    ) as publisher:
        calls = [asyncio.create_task(_publish(publisher, key, place)) for place in range(100)]
        await asyncio.gather(*calls)
        try:
            frozen.begin()
            ends_s = time.monotonic() + FORM.seconds(3, 10)
            while time.monotonic() < ends_s:
                calls.append(asyncio.create_task(_publish(publisher, key, len(calls))))
                await asyncio.sleep(0.005)
        finally:
            frozen.heal()
        ends_s = time.monotonic() + 30
        while not await _stored(calls, publisher, key):
            assert time.monotonic() < ends_s, "nothing is stored any more"
            await asyncio.sleep(0.05)
        told = [event for call in calls for event in await call]
    events = [event for event, _ in told]
    one_node.sent += events
    verdict = await asyncio.to_thread(one_node.check)
    assert verdict.clean, verdict.wrong()
    offsets = [outcome.offset for _, outcome in told if isinstance(outcome, RecordStored) and outcome.offset >= 0]
    assert offsets == sorted(offsets)
    codes = {outcome.code for _, outcome in told if isinstance(outcome, NotStored)}
    assert "after_failure" in codes, "no call had a later piece"
    for call in calls:
        outcomes = [isinstance(outcome, RecordStored) for _, outcome in await call]
        assert outcomes == sorted(outcomes, reverse=True), "stored behind a failure of its call"


async def _stored(calls: "list[asyncio.Task[list[tuple[Sent, Outcome]]]]", publisher: KafkaPublisher, key: str) -> bool:
    """One more call; whether it was stored."""
    calls.append(asyncio.create_task(_publish(publisher, key, len(calls))))
    return all(isinstance(outcome, RecordStored) for _, outcome in await calls[-1])


async def _publish(publisher: KafkaPublisher, key: str, place: int) -> list[tuple[Sent, Outcome]]:
    count = _LARGE if place % 10 == 0 else 1
    events = [Sent(id=f"{key}-{place}-{number}", topic=ORDERS.name, key=key, number=NO_ORDER) for number in range(count)]  # fmt: skip
    now_ms = int(time.time() * 1000)
    pad = b"x" * (2_000 if count > 1 else 100)
    records = [Record(key.encode(), pad, (("tidegate-id", event.id.encode()),), now_ms) for event in events]
    outcomes = await publisher.publish(ORDERS.name, records, timeout_s=_DEADLINE_S)
    for event, outcome in zip(events, outcomes, strict=True):
        match outcome:
            case RecordStored():
                event.stored.append((outcome.partition, outcome.offset))
            case Unknown():
                event.unknown += 1
            case _:
                event.refused += 1
    return list(zip(events, outcomes, strict=True))
