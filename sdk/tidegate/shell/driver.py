"""Drives an engine on an event loop: takes events over, sends what is due, brings answers back. One for each client and loop.

Both shells run it: `Client` on a loop in a thread of its own, `AsyncClient` on its user's. Nothing is decided here.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine

from tidegate.engine import Engine, Shipment
from tidegate.outgoing import Generation, Outgoing
from tidegate.shell.clock import Clock
from tidegate.shell.inbox import Inbox
from tidegate.shell.tokens import NoToken, Tokens, unsendable
from tidegate.shell.tracing import Tracing
from tidegate.transport.port import Answer, BundleAnswer, NoBundle, Request, Transport, Unreached

__all__ = ["Driver"]

_log = logging.getLogger("tidegate")


class Driver:
    """Runs until it is cancelled."""

    def __init__(
        self,
        engine: Engine,
        inbox: Inbox,
        transport: Transport,
        tokens: Tokens,
        clock: Clock,
        tracing: Tracing,
        on_lost: Callable[[str, int], None],
    ) -> None:
        """`on_lost` is told why and how many events were lost that nobody waits for, or were dropped for room."""
        self._engine = engine
        self._inbox = inbox
        self._transport = transport
        self._tokens = tokens
        self._clock = clock
        self._tracing = tracing
        self._on_lost = on_lost
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flushes: list[tuple[tuple[Generation, ...], Callable[[], None]]] = []

    @property
    def wake(self) -> Callable[[], None]:
        """Wakes the driver; on its own loop only."""
        return self._wake.set

    async def run(self) -> None:
        """The loop, until it is cancelled. What is in flight then goes back to the engine."""
        engine, inbox, clock = self._engine, self._inbox, self._clock
        try:
            while True:
                self._wake.clear()
                arrived = inbox.drain()
                now = clock.now()
                if arrived:
                    self._accept(arrived)
                for shipment in engine.due(now):
                    self._start(shipment)
                self._tell_flushed()
                due = engine.next_due(now)
                inbox.engine_holds(engine.events, engine.size_bytes, due, engine.filling)
                if inbox.empty:
                    await clock.wait(self._wake, due)
                else:  # it came while we looked elsewhere, and relied on that
                    await asyncio.sleep(0)
        finally:
            await self._stop()

    async def _stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)
        self._engine.recall("the request was cancelled")  # of those whose task never began to run
        self._inbox.engine_holds(self._engine.events, self._engine.size_bytes, None)
        await self._transport.aclose()

    def _accept(self, arrived: list[Outgoing]) -> None:
        dropped = self._engine.counters.dropped
        self._engine.accept(arrived)
        if self._engine.counters.dropped > dropped:
            self._on_lost("the queue was full", self._engine.counters.dropped - dropped)

    def _start(self, shipment: Shipment) -> None:
        self.background(self._ship(shipment))

    async def _ship(self, shipment: Shipment) -> None:
        token: str | None = None
        try:
            with self._tracing.request(shipment.topic, shipment.events) as traceparent:
                try:
                    token = await self._token()
                except NoToken as error:
                    answer: Answer = Unreached(reason=str(error), maybe_stored=False)
                else:
                    request = Request(
                        topic=shipment.topic, events=shipment.events, token=token, traceparent=traceparent
                    )
                    answer = await self._send(request, shipment.timeout_s)
        except asyncio.CancelledError:
            self._engine.returned(shipment, "the request was cancelled")
            raise
        except Exception as error:  # whatever fails, a shipment comes back, or its lane would wait for ever
            _log.exception("tidegate: a fault beside the transport")
            answer = Unreached(reason=f"the client failed: {type(error).__name__}", maybe_stored=True)
        try:
            if self._engine.answered(shipment, answer, self._clock.now()):
                self._tokens.refused(token)
            for lost in self._engine.take_lost():
                self._on_lost(lost.reason, 1)
        finally:
            self._wake.set()

    async def _token(self) -> str | None:
        """The token for a request. Raises `NoToken` alone, whatever an application's source of tokens raises."""
        try:
            token = await self._tokens.get()
        except NoToken:
            raise
        except Exception as error:
            raise NoToken(f"the source of tokens raised {type(error).__name__}") from error
        if token is not None and (wrong := unsendable(token)) is not None:
            raise NoToken(wrong)
        return token

    async def _send(self, request: Request, timeout_s: float) -> Answer:
        try:
            return await self._transport.send(request, timeout_s)
        except Exception as error:  # a transport raises nothing; if one does, delivery goes on
            _log.exception("tidegate: the transport failed in a way that it should have answered")
            return Unreached(reason=f"the transport failed: {type(error).__name__}", maybe_stored=True)

    async def bundle(self, topic: str, etag: str | None, timeout_s: float) -> BundleAnswer:
        """Asks for a contract's bundle."""
        try:
            token = await self._token()
        except NoToken as error:
            return NoBundle(reason=str(error))
        return await self._transport.bundle(topic, etag, token, timeout_s)

    def background(self, work: Coroutine[None, None, object]) -> None:
        """Has `work` done beside delivery; it ends with the driver."""

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            work.close()  # a task that is cancelled before it ever ran has not touched it

        task = asyncio.get_running_loop().create_task(_alone(work))
        self._tasks.add(task)
        task.add_done_callback(over)

    def flush(self, done: Callable[[], None]) -> None:
        """Sends without lingering; `done` is called when everything that was submitted before has its outcome."""
        arrived = self._inbox.drain()
        if arrived:
            self._accept(arrived)
        self._flushes.append((self._engine.flush(), done))
        self._wake.set()

    def _tell_flushed(self) -> None:
        if not self._flushes:
            return
        done = [tell for generations, tell in self._flushes if not any(one.left for one in generations)]
        self._flushes = [row for row in self._flushes if any(one.left for one in row[0])]
        for tell in done:
            tell()


async def _alone(work: Coroutine[None, None, object]) -> None:
    """A task whose fault is logged and stops nothing else."""
    try:
        await work
    except Exception:
        _log.exception("tidegate: a fault of ours beside delivery")
