"""A KafkaPublisher for the length of a test, and waits that a busy machine holds."""

import asyncio
import time
from collections.abc import Callable

from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings

NOISE_S = 5.0
"""What a machine with more to do than this test may add to any wait. The figures themselves are measured by tests/faults."""


async def until(true: Callable[[], bool], within_s: float, what: str = "it") -> float:
    """Wait for what must become true within so many seconds, and the noise; how long it took."""
    started_s = time.perf_counter()
    while not true():
        if time.perf_counter() - started_s > within_s + NOISE_S:
            raise AssertionError(f"{what} is not so within {within_s} s")
        await asyncio.sleep(0.05)
    return time.perf_counter() - started_s


class running:  # noqa: N801 -- read as a verb: `async with running(bootstrap, topic)`
    """A started KafkaPublisher that watches some topics; closed at the end."""

    def __init__(self, bootstrap: str, *topics: str, **options: float | str) -> None:
        self._settings = KafkaSettings(bootstrap_servers=bootstrap, **options)  # type: ignore[arg-type]  # by name
        self._topics = topics
        self._publisher: KafkaPublisher | None = None

    async def __aenter__(self) -> KafkaPublisher:
        self._publisher = KafkaPublisher(self._settings)
        await self._publisher.start()
        await self._publisher.watch_topics(self._topics)
        return self._publisher

    async def __aexit__(self, *error: object) -> None:
        if self._publisher is not None:
            await self._publisher.close(5)
