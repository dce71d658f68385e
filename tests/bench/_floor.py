"""The floor of any Python gateway for batches: decode the body, encode every event, hand batches to aiokafka; nothing else.

No HTTP, no token, no rule, no id, no receipt. `python3 -m tests.bench._floor BOOTSTRAP TOPIC BATCHES` reads one batch body
from stdin and prints microseconds of CPU an event.
"""

import asyncio
import sys
import time

import msgspec
import uvloop
from aiokafka import AIOKafkaProducer
from tests.e2e.processes import SCHEMAS

from tidegate.contracts.compiled import CompiledVersion
from tidegate.repository.folder import load


class _Event(msgspec.Struct):
    value: msgspec.Raw


class _Batch(msgspec.Struct):
    events: list[_Event]


async def _run(bootstrap: str, topic: str, batches: int, body: bytes, version: CompiledVersion) -> float:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, acks="all", max_batch_size=1_000_000
    )
    await producer.start()
    decoder = msgspec.json.Decoder(_Batch)
    check = version.codec.check
    in_flight: list[asyncio.Future[object]] = []
    try:
        await producer.partitions_for(topic)
        started, events = time.process_time(), 0
        for _ in range(batches):
            builder = producer.create_batch()
            for event in decoder.decode(body).events:
                payload = check(bytes(event.value), "application/json")
                builder.append(timestamp=payload.time_ms, key=payload.key, value=payload.value, headers=[])  # type: ignore[union-attr]
                events += 1
            in_flight.append(await producer.send_batch(builder, topic, partition=0))
            await asyncio.sleep(0)
        await asyncio.gather(*in_flight)
        return (time.process_time() - started) / events * 1e6
    finally:
        await producer.stop()


def main() -> None:
    """Measure, and print one number."""
    bootstrap, topic, batches = sys.argv[1:4]
    body = sys.stdin.buffer.read()
    (contract,) = [c for c in load(SCHEMAS, working_copies=False).contracts if c.topic == topic]
    uvloop.run(_run(bootstrap, topic, 3, body, contract.newest))
    print(uvloop.run(_run(bootstrap, topic, int(batches), body, contract.newest)))


if __name__ == "__main__":
    main()
