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
        self._hurry = asyncio.Event()
        self._trying: asyncio.Timeout | None = None
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Begin to make the first producer; never waits."""
        self._wanted.set()
        self._maker = asyncio.create_task(self._make(), name="kafka-generations")

    async def wait_made(self, timeout_s: float) -> None:
        """Wait until there has been a producer, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._made.wait()

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
        """The brokers came back: a producer with new connections, made at once. What is half made has the old ones."""
        if self.current is not None:
            self.replace(self.current, why)
        self._hurry.set()
        if self._trying is not None and not self._trying.expired():
            self._trying.reschedule(self._loop.time())

    def flying(self) -> Sequence[Generation]:
        """All that are alive: the current one, and those that end."""
        return [*self._ending, *([self.current] if self.current is not None else [])]

    async def close(self, timeout_s: float) -> None:
        """Stop all producers, each within `timeout_s`; what they have not sent by then stays unsent."""
        last, self.current = self.current, None
        tasks = [*([self._maker] if self._maker is not None else []), *self._ending.values()]
        for task in tasks:
            task.cancel()
        if last is not None:
            last.seal()
            tasks.append(asyncio.create_task(last.stop(timeout_s), name="kafka-generation-end"))
        await asyncio.gather(*tasks, return_exceptions=True)
        for generation in tuple(self._ending):  # its task was cancelled before it began
            await generation.stop(timeout_s)
            self._ending.pop(generation, None)

    async def _make(self) -> None:
        failures = 0
        while True:
            await self._wanted.wait()
            await self._rest(failures)
            try:
                failures = 0 if await self._make_one() else failures + 1
            except Exception:  # else there would never be another producer
                _log.exception("kafka: a producer was not put in place")
                failures += 1

    async def _make_one(self) -> bool:
        """Put a new producer in the place of the current one; False where there can be none now."""
        await self._end_oldest()
        generation = await self._try()
        if generation is None:
            return False
        self._wanted.clear()
        self._made_s = self._loop.time()
        before, self.current = self.current, generation
        if before is not None:
            self._retire(before)
        self._made.set()
        self._loop.call_soon(self._changed)
        generation.follow(self._topics())
        return True

    async def _rest(self, failures: int) -> None:
        """A while after the last producer, or the last try; not before brokers answer. `renew` ends it."""
        rest_s = (
            _BACKOFF_S[min(failures, len(_BACKOFF_S)) - 1] if failures else self._made_s + _REST_S - self._loop.time()
        )
        await self._pause(rest_s)
        while not self._up():
            self._hurry.clear()
            await self._pause(_LOOK_S)

    async def _pause(self, most_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, most_s)):
                await self._hurry.wait()

    async def _try(self) -> Generation | None:
        """A started producer, or None where there can be none now: then nothing of it is left."""
        self._hurry.clear()
        generation: Generation | None = None
        started = False
        try:
            generation = self._new()
            async with asyncio.timeout(_START_S) as self._trying:
                await generation.start(self._topics())
            started = True
        except Exception as error:  # whatever aiokafka raises, the next producer must still be made
            expected = isinstance(error, KafkaError | OSError)
            _log.log(logging.DEBUG if expected else logging.ERROR, "kafka: no producer yet: %r", error)
        finally:
            self._trying = None
            if generation is not None and not started:
                await generation.stop(_CLOSE_S)
        return generation if started else None

    async def _end_oldest(self) -> None:
        """At most two live: what ends must end now, before another is made. It has no more than 5 s for that."""
        for generation in tuple(self._ending):
            generation.seal()
        if self._ending:
            await asyncio.wait(self._ending.values(), timeout=_ANSWER_S + 8 * _CLOSE_S)

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
        finally:
            try:
                await generation.stop(_CLOSE_S)
            finally:
                self._ending.pop(generation, None)
                self._changed()
