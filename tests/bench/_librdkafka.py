"""librdkafka behind asyncio in the fewest lines that are honest: what a second adapter's way of sending would cost. Used by `publisher`.

Bounded queue, a thread that polls, callbacks brought to the loop in bunches. No part of the product: DESIGN.md says why.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from functools import partial

from confluent_kafka import KafkaError, Message, Producer

from tidegate_gateway.intake.ports import Record

_POLL_S = 0.1


class Librdkafka:
    """A producer for one partition of one topic; `send` raises KafkaError's text where an event was not stored."""

    def __init__(self, bootstrap: str, topic: str, *, linger_ms: float) -> None:
        self._topic = topic
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": linger_ms,
                "message.timeout.ms": 30_000,
                "queue.buffering.max.kbytes": 131_072,
            }
        )
        self._told: deque[tuple[asyncio.Future[int], str, int]] = deque()
        self._waking = False
        self._ended = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="librdkafka-poll", daemon=True)
        self._poller.start()

    async def send(self, records: Sequence[Record]) -> None:
        """Store some records."""
        futures: list[asyncio.Future[int]] = []
        for record in records:
            future: asyncio.Future[int] = self._loop.create_future()
            futures.append(future)
            self._producer.produce(
                self._topic,
                record.value,
                record.key,
                0,
                partial(self._delivered, future),
                timestamp=record.timestamp_ms,
                headers=list(record.headers),
            )
        for future in futures:
            await future

    async def close(self) -> None:
        """Stop polling, and wait for it."""
        self._ended.set()
        await asyncio.to_thread(self._poller.join)

    def _poll(self) -> None:
        while not self._ended.is_set():
            self._producer.poll(_POLL_S)

    def _delivered(self, future: "asyncio.Future[int]", error: KafkaError | None, message: Message) -> None:
        self._told.append((future, "" if error is None else error.str(), message.offset() or 0))
        if not self._waking:
            self._waking = True
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._waking = False
        while self._told:
            future, why, offset = self._told.popleft()
            if why:
                future.set_exception(RuntimeError(why))
            else:
                future.set_result(offset)
