"""The producers' lives: one that works, at most one more that is made or ends. Called by `publisher`.

After any failed batch the producer's sequence numbers are of no use for that partition; aiokafka has no way to mend them but a new
producer. The partition waits for that one, and all others go on with the old until it is there: a new producer takes a
while where a broker hangs. Then new batches go to the new one; what the old has on its way has its time, and its sockets close
before those partitions move.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from aiokafka.errors import KafkaError

from tidegate_gateway.adapters.kafka.accumulator import Place
from tidegate_gateway.adapters.kafka.generation import Generation
from tidegate_gateway.adapters.kafka.settings import KafkaSettings

__all__ = ["Generations", "Make"]

_START_S = 10.0
_ANSWER_S = 1.0
_CLOSE_S = 0.5
_LOOK_S = 0.1
_REST_S = 1.0
"""Between two producers, so that a partition that always fails does not make the brokers busy with producer ids."""

_BACKOFF_S = (0.2, 0.5, 1.0, 2.0)

_log = logging.getLogger(__name__)

Make = Callable[[], Generation]
"""Makes a producer that is not started."""


class Generations:
    """`current` takes new batches; None while there is none that could."""

    def __init__(
        self,
        settings: KafkaSettings,
        make: Make,
        *,
        changed: Callable[[], None],
        topics: Callable[[], Sequence[str]],
        up: Callable[[], bool],
    ) -> None:
        """`changed` is called where another producer takes the batches, or one ended. `up`: whether brokers answer; no producer is
        made while none does (with a wrong password each try would be a failed login)."""
        self.current: Generation | None = None
        self._settings = settings
        self._new = make
        self._changed = changed
        self._topics = topics
        self._up = up
        self._ending: dict[Generation, asyncio.Task[None]] = {}
        self._wanted = asyncio.Event()
        self._made = asyncio.Event()
        self._made_s = float("-inf")
        self._maker: asyncio.Task[None] | None = None
        self._cancelled: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

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

    def spoil(self, generation: Generation, place: Place, why: str) -> None:
        """A batch of the partition failed: the partition waits for a new producer, the others do not."""
        generation.spoil(place)
        self.replace(generation, why)

    def replace(self, generation: Generation, why: str) -> None:
        """Make a successor, and go on with this one until it is there."""
        if generation is not self.current or self._wanted.is_set():
            return
        self._wanted.set()
        _log.warning("kafka: the producer is replaced: %s", why)

    def drop(self, generation: Generation, why: str) -> None:
        """A producer that is of no use to anybody: nothing more of it is sent, a successor is made."""
        self.replace(generation, why)
        if generation is self.current:
            self.current = None
            self._retire(generation)
        generation.seal()

    def renew(self, why: str) -> None:
        """The brokers came back: a producer with new connections, made at once."""
        if self.current is not None:
            self.replace(self.current, why)
        self._made_s = float("-inf")
        if self._maker is not None and self._wanted.is_set():
            self._maker.cancel()
            self._cancelled.add(self._maker)
            self._maker.add_done_callback(self._cancelled.discard)
            self._maker = asyncio.create_task(self._make(), name="kafka-generations")

    def flying(self) -> Sequence[Generation]:
        """All that are alive: the current one, and those that end."""
        return [*self._ending, *([self.current] if self.current is not None else [])]

    async def close(self, timeout_s: float) -> None:
        """Stop all producers, each within `timeout_s`; what they have not sent by then stays unsent."""
        makers = [*self._cancelled, *([self._maker] if self._maker is not None else [])]
        last = self.flying()
        self.current = None
        tasks = [*makers, *self._ending.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for generation in last:
            generation.seal()
        await asyncio.gather(*(generation.stop(timeout_s) for generation in last))
        for generation in last:
            generation.abandon()

    async def _make(self) -> None:
        failures = 0
        while True:
            await self._wanted.wait()
            while not self._up():  # noqa: ASYNC110 -- a return is told by `renew`, which starts this anew
                await asyncio.sleep(_LOOK_S)
            await asyncio.sleep(max(0.0, self._made_s + _REST_S - self._loop.time()))
            await self._end_oldest()
            generation = await self._try()
            if generation is None:
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                failures += 1
                continue
            failures = 0
            self._wanted.clear()
            self._made_s = self._loop.time()
            before, self.current = self.current, generation
            if before is not None:
                self._retire(before)
            self._made.set()
            generation.follow(self._topics())
            self._changed()

    async def _try(self) -> Generation | None:
        """A started producer, or None where there can be none now."""
        generation: Generation | None = None
        try:
            generation = self._new()
            await asyncio.wait_for(generation.start(self._topics()), _START_S)
        except Exception as error:  # whatever aiokafka raises, the next producer must still be made
            expected = isinstance(error, KafkaError | OSError | TimeoutError)
            _log.log(logging.DEBUG if expected else logging.ERROR, "kafka: no producer yet: %r", error)
        except asyncio.CancelledError:
            if generation is not None:
                await generation.stop(_CLOSE_S)
            raise
        else:
            return generation
        if generation is not None:
            await generation.stop(_CLOSE_S)
        return None

    async def _end_oldest(self) -> None:
        """At most two live: what ends must end now, and a new producer does not wait long for it."""
        for generation in self._ending:
            generation.seal()
        if self._ending:
            await asyncio.wait(self._ending.values(), timeout=_ANSWER_S + 3 * _CLOSE_S)

    def _retire(self, generation: Generation) -> None:
        generation.retired = True
        self._ending[generation] = asyncio.create_task(self._end(generation), name="kafka-generation-end")

    async def _end(self, generation: Generation) -> None:
        """What is on its way has until its deadline; then nothing more is sent, and the sockets close."""
        try:
            now_s = self._loop.time()
            latest_s = max(
                (piece.deadline_s for flight in generation.flights.values() for piece in flight.pieces), default=now_s
            )
            await generation.wait_settled(latest_s - now_s)
            generation.seal()
            await generation.wait_empty(_ANSWER_S)
            await generation.stop(_CLOSE_S)
            generation.abandon()
        finally:
            self._ending.pop(generation, None)
            self._changed()
