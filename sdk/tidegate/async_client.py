"""`AsyncClient`: publishing from one event loop. A thin shell: encodes and judges where it is called, delivers in a task of the same loop.

What is the same for `Client` stands in `shell`; what is decided, in `engine` and the modules that it joins.
"""

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from tidegate.exceptions import Closed, OutcomeUnknown, QueueFull, error_of
from tidegate.outgoing import OnSettled, Outcome, Outgoing, Undelivered
from tidegate.publishers import AsyncTopicPublisher
from tidegate.settings import ClientSettings, WhenFull
from tidegate.shell.admission import EventFacts, facts_of
from tidegate.shell.clock import Clock, SystemClock
from tidegate.shell.core import Core
from tidegate.shell.driver import Driver
from tidegate.shell.endpoint import endpoint_of
from tidegate.shell.lifecycle import remember
from tidegate.shell.shelf import Shelved
from tidegate.shell.tokens import TokenSource, tokens_of
from tidegate.stats import Stats, stats_of
from tidegate.tally import Progress, Summary, Tally
from tidegate.transport.port import MakeTransport
from tidegate.wire.results import ResultLine

__all__ = ["AsyncClient"]

T = TypeVar("T")

_YIELD_EVERY = 64
_PROGRESS_S = 0.1
_log = logging.getLogger("tidegate")


class AsyncClient:
    """Publishes to one gateway from one event loop at a time. Made once and kept.

    Starts nothing before its first event. Where its loop was closed, what was queued goes on with the next loop that uses it. After a
    fork the child's copy starts empty.
    """

    def __init__(
        self,
        url: str,
        token: TokenSource = None,
        *,
        settings: ClientSettings | None = None,
        transport: MakeTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        """As `Client`. Raises `ValueError` for a URL or settings that cannot be."""
        self._endpoint = endpoint_of(url)
        self._settings = settings or ClientSettings()
        wrong = self._settings.validate()
        if wrong:
            raise ValueError("; ".join(wrong))
        self._tokens = tokens_of(token)
        self._transport = transport
        self._clock = clock or SystemClock()
        self._closed = False
        self._start()
        remember(self)

    def _start(self) -> None:
        self._core = Core(self._endpoint, self._settings, self._transport, self._tokens, self._clock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._driver: Driver | None = None
        self._task: asyncio.Task[None] | None = None
        self._looking: dict[str, asyncio.Lock] = {}

    def forked(self) -> None:
        """For `lifecycle`: this process is a forked child; the queue and the connections are the parent's."""
        self._start()

    # publishing

    async def publish(
        self,
        topic: str,
        value: object,
        *,
        key: str | bytes | None = None,
        id: str | None = None,  # noqa: A002 -- the event's id, as everywhere
        headers: dict[str, str] | None = None,
        time: str | None = None,
        version: int | None = None,
        media_type: str | None = None,
        timeout_s: float | None = None,
    ) -> ResultLine:
        """As `Client.publish`. Cancelled, it stops waiting; delivery goes on."""
        facts = facts_of(key, id, headers, time, version, media_type)
        future = await self._submit(topic, value, facts, urgent=True)
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(future)
        except TimeoutError as error:
            raise OutcomeUnknown(f"{topic}: no receipt within {timeout_s} s; delivery goes on", topic=topic) from error

    async def submit(
        self,
        topic: str,
        value: object,
        *,
        key: str | bytes | None = None,
        id: str | None = None,  # noqa: A002 -- the event's id, as everywhere
        headers: dict[str, str] | None = None,
        time: str | None = None,
        version: int | None = None,
        media_type: str | None = None,
    ) -> "asyncio.Future[ResultLine]":
        """As `Client.submit`; waits for the topic's contract at first, and for room in the queue."""
        return await self._submit(topic, value, facts_of(key, id, headers, time, version, media_type), urgent=False)

    async def publish_many(
        self,
        topic: str,
        values: Iterable[object] | AsyncIterable[object],
        *,
        progress: Progress | None = None,
        version: int | None = None,
    ) -> Summary:
        """As `Client.publish_many`; takes asynchronous iterables too, and lets the loop run in between."""
        tally = Tally()
        facts = facts_of(None, None, None, None, version, None)
        told_at = self._clock.now()
        index = 0
        async for value in _each(values):
            made = await self._admit(topic, value, facts, tally.settled, index, urgent=False)
            if isinstance(made, Undelivered):
                tally.refused(index, topic, made)
            else:
                tally.taken += 1
                await self._enqueue(made, patient=True)
            index += 1
            if not index % _YIELD_EVERY:
                await asyncio.sleep(0)
                if progress is not None and self._clock.now() - told_at >= _PROGRESS_S:
                    told_at = self._clock.now()
                    progress(tally.seen, index)
        await self._wait_for(tally, progress, index)
        return tally.summary()

    async def _wait_for(self, tally: Tally, progress: Progress | None, events: int) -> None:
        finished = asyncio.Event()
        tally.when_all = finished.set
        if self._driver is not None:
            self._driver.flush(_nobody)
        while tally.done < tally.taken:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if progress is None else _PROGRESS_S):
                    await finished.wait()
            if progress is not None:
                progress(tally.seen, events)

    async def validate(
        self,
        topic: str,
        value: object,
        *,
        key: str | bytes | None = None,
        version: int | None = None,
        media_type: str | None = None,
    ) -> None:
        """As `Client.validate`."""
        facts = facts_of(key, None, None, None, version, media_type)
        made = await self._admit(topic, value, facts, _forget, None, urgent=False)
        if isinstance(made, Undelivered):
            raise error_of(made, topic, "")
        if not made.judged:
            why = self._core.place(topic).why or "no version of its contract takes this"
            raise LookupError(f"{topic} cannot be judged here: {why}")

    def topic(self, name: str, kind: type[T]) -> "AsyncTopicPublisher[T]":
        """A publisher of one topic that takes values of one type."""
        return AsyncTopicPublisher(self, name, kind)

    # the way of an event

    async def _submit(
        self, topic: str, value: object, facts: EventFacts | None, *, urgent: bool
    ) -> "asyncio.Future[ResultLine]":
        future: asyncio.Future[ResultLine] = asyncio.get_running_loop().create_future()
        made = await self._admit(topic, value, facts, _resolve, future, urgent=urgent)
        if isinstance(made, Undelivered):
            self._core.counters.rejected += 1
            raise error_of(made, topic, facts.id or "" if facts is not None else "")
        await self._enqueue(made, patient=False)
        return future

    async def _admit(
        self,
        topic: str,
        value: object,
        facts: EventFacts | None,
        on_settled: OnSettled,
        target: object,
        *,
        urgent: bool,
    ) -> Outgoing | Undelivered:
        core = self._core
        now = self._clock.now()
        place = core.place(topic)
        if core.wants_contract(place, now):
            await self._look(place, now)
            now = self._clock.now()
        made = core.admission.admit(place, value, facts, now, on_settled, target, urgent=urgent)
        if type(made) is Undelivered and core.doubtful(place, now) and await self._ask(place):
            made = core.admission.admit(place, value, facts, now, on_settled, target, urgent=urgent)
        return made

    async def _look(self, place: Shelved, now: float) -> None:
        """Gets the contract: waits for the first look, has later ones made while events go on with what is there."""
        if place.contract is None and not place.freshness.failures:
            async with self._looking.setdefault(place.topic, asyncio.Lock()):
                if self._core.wants_contract(place, now):
                    await self._ask(place)
            return
        place.freshness.asked(now)
        driver = self._running()
        driver.background(self._core.fetch(driver, place, self._settings.contract_timeout_s))

    async def _ask(self, place: Shelved) -> bool:
        return await self._core.fetch(self._running(), place, self._settings.contract_timeout_s)

    async def _enqueue(self, event: Outgoing, *, patient: bool) -> None:
        self._running()
        inbox = self._core.inbox
        if inbox.put(event, patient=patient):
            return
        if inbox.closed:
            raise Closed("the client is closed", topic=event.topic, event_id=event.id)
        may_wait = patient or self._settings.when_full == WhenFull.BLOCK
        try:
            async with asyncio.timeout(None if patient else self._settings.block_timeout_s):
                while may_wait:
                    room = asyncio.Event()
                    inbox.when_room(room.set, event.size_bytes)
                    await room.wait()
                    if inbox.closed:
                        raise Closed("the client was closed", topic=event.topic, event_id=event.id)
                    if inbox.put(event, patient=patient):
                        return
        except TimeoutError:
            pass
        raise QueueFull(
            f"{event.topic}: the queue is full ({self._settings.queue_events} events, {self._settings.queue_bytes} bytes)",
            topic=event.topic,
            event_id=event.id,
        )

    def _running(self) -> Driver:
        """The driver of the running loop, started at first use. Raises `Closed`, or `RuntimeError` where another loop still runs it."""
        loop = asyncio.get_running_loop()
        if self._driver is not None and self._loop is loop and self._task is not None and not self._task.done():
            return self._driver
        if self._closed:
            raise Closed("the client is closed")
        if self._loop is not None and self._loop is not loop and self._loop.is_running():
            raise RuntimeError("an AsyncClient belongs to one event loop at a time; the one that used it still runs")
        self._core.engine.recall("the event loop that sent it ended")
        self._loop = loop
        self._looking = {}
        self._core.load()
        self._driver = self._core.driver()
        self._core.inbox.wake = self._driver.wake
        self._task = loop.create_task(self._driver.run())
        self._task.add_done_callback(self._ended)
        return self._driver

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Delivery ended: by `close`, or its loop was ended under it, perhaps before it ever ran. Nothing may be left without a word."""
        core = self._core
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("tidegate: delivery stopped by a fault of ours", exc_info=error)
            core.give_up("delivery stopped by a fault of ours")
        elif core.inbox.events and not self._closed:
            left = core.inbox.events
            _log.warning(
                "tidegate: the event loop ended with %d events that have no outcome; close the client first", left
            )

    # ending

    def stats(self) -> Stats:
        """What was counted since the client was made."""
        return stats_of(self._core)

    async def flush(self, timeout_s: float = 30.0) -> int:
        """As `Client.flush`."""
        if self._driver is None:
            return 0
        flushed = asyncio.Event()
        self._running().flush(flushed.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await flushed.wait()
                return 0
        return max(1, self._core.inbox.events)

    async def close(self, timeout_s: float = 5.0) -> int:
        """As `Client.close`."""
        if self._closed:
            return 0
        self._core.inbox.close()
        if self._driver is not None and timeout_s > 0:
            await self.flush(timeout_s)
        self._closed = True
        if self._task is not None and self._loop is asyncio.get_running_loop():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._core.engine.recall("the event loop that sent it ended")
        return self._core.give_up("the client was closed before they were delivered")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _each(values: Iterable[object] | AsyncIterable[object]) -> AsyncIterator[object]:
    if isinstance(values, AsyncIterable):
        async for value in values:
            yield value
    else:
        for value in values:
            yield value


def _resolve(event: Outgoing, outcome: Outcome) -> None:
    """Gives a future its outcome. It may have been cancelled, or its loop closed: the event went out all the same."""
    future: asyncio.Future[ResultLine] = event.target
    with suppress(asyncio.InvalidStateError, RuntimeError):
        if isinstance(outcome, Undelivered):
            future.set_exception(error_of(outcome, event.topic, event.id))
            future.exception()  # who submits and forgets has the counters; asyncio need not log each
        else:
            future.set_result(outcome)


def _forget(event: Outgoing, outcome: Outcome) -> None:
    """The outcome of an event that is never sent."""


def _nobody() -> None:
    """Nobody is to be told."""
