"""The producers' lives: one that works, at most one more that ends. Called by `publisher`.

After any failed batch the producer's sequence numbers are of no use for that partition, so the whole producer is replaced: its
batches on the way get a short while, then nothing of it is sent any more, then its sockets close.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from aiokafka.errors import KafkaError

from tidegate_gateway.adapters.kafka.generation import Generation, Landed
from tidegate_gateway.adapters.kafka.settings import KafkaSettings

__all__ = ["Generations"]

_ALIVE = 2
_START_S = 10.0
_GRACE_S = 1.0
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0)

_log = logging.getLogger(__name__)


class Generations:
    """`current` takes new batches; None while a producer is being made."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        landed: Landed,
        freed: Callable[[], None],
        topics: Callable[[], Sequence[str]],
    ) -> None:
        self.current: Generation | None = None
        self._settings = settings
        self._landed = landed
        self._freed = freed
        self._topics = topics
        self._ending: dict[Generation, asyncio.Task[None]] = {}
        self._wanted = asyncio.Event()
        self._made = asyncio.Event()
        self._maker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to make the first producer; never waits."""
        self._wanted.set()
        self._maker = asyncio.create_task(self._make(), name="kafka-generations")

    async def wait_made(self, timeout_s: float) -> None:
        """Wait until there has been a producer, at most so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._made.wait(), timeout_s)

    def follow(self, topics: Sequence[str]) -> None:
        """The topics that exist now; never waits."""
        if self.current is not None:
            self.current.follow(topics)

    def replace(self, generation: Generation, why: str, *, at_once: bool) -> None:
        """End a producer. `at_once`: nothing of it may be sent any more; else what it has gets a second."""
        if at_once:
            generation.seal()
        if generation.retired and generation is not self.current:
            return
        generation.retired = True
        self.current = None
        self._ending[generation] = asyncio.create_task(self._end(generation), name="kafka-generation-end")
        self._wanted.set()
        _log.warning("kafka: the producer is replaced: %s", why)

    def flying(self) -> Sequence[Generation]:
        """All that are alive: the current one, and those that end."""
        return [*self._ending, *([self.current] if self.current is not None else [])]

    async def close(self, timeout_s: float) -> None:
        """Stop all producers, each within `timeout_s`; what they have not sent by then stays unsent."""
        if self._maker is not None:
            self._maker.cancel()
            with suppress(asyncio.CancelledError):
                await self._maker
        last = self.flying()
        self.current = None
        endings = list(self._ending.values())
        for task in endings:
            task.cancel()
        await asyncio.gather(*endings, return_exceptions=True)
        for generation in last:
            generation.seal()
        await asyncio.gather(*(generation.stop(timeout_s) for generation in last))

    async def _make(self) -> None:
        failures = 0
        while True:
            await self._wanted.wait()
            while len(self._ending) >= _ALIVE:
                await asyncio.wait(self._ending.values(), return_when=asyncio.FIRST_COMPLETED)
            generation = Generation(self._settings, landed=self._landed, freed=self._freed)
            try:
                await asyncio.wait_for(generation.start(self._topics()), _START_S)
            except Exception as error:  # whatever aiokafka raises, the next producer must still be made
                expected = isinstance(error, KafkaError | OSError | TimeoutError)
                _log.log(logging.DEBUG if expected else logging.ERROR, "kafka: no producer yet: %r", error)
                await generation.stop(_GRACE_S)
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                failures += 1
                continue
            except asyncio.CancelledError:
                await generation.stop(_GRACE_S)
                raise
            failures = 0
            self._wanted.clear()
            self.current = generation
            self._made.set()
            generation.follow(self._topics())
            self._freed()

    async def _end(self, generation: Generation) -> None:
        """Wait a little for what is written, send nothing more, wait for what hangs, close the sockets."""
        try:
            if not await generation.wait_empty(_GRACE_S):
                generation.seal()
                await generation.wait_empty(3 * self._settings.delivery_timeout_s)
            await generation.stop(_GRACE_S)
            generation.abandon()
        finally:
            self._ending.pop(generation, None)
            self._freed()
