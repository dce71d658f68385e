"""Producers under faults: each has a key, sends one event at a time and repeats it with the same id until it is stored.

A thread with an event loop of its own, so that a test can kill and wait in the meantime. What every attempt was told goes
into the ledger of `checker.Sent` and into `Attempt`s. Called by the tests and the soak.
"""

import asyncio
import json
import random
import threading
import time
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Self

from tests.faults.answers import batch_request, code_of, note, note_batch, out_of_turn
from tests.faults.checker import NO_ORDER, Sent
from tests.faults.http1 import Answer, Connection, post
from tests.faults.rpc import RpcConnection

__all__ = ["Attempt", "Load", "Stream"]

_CLIENT_PATIENCE_S = 12.0
"""A client waits so much longer than the gateway may take: what takes longer is seen, not cut."""
_KEYS = 3
_LAST_TRIES_S = 15.0
_TICK_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """So many producers of a topic; each pauses about `pause_s` between events of about `pad_bytes`, and `retry_s` before the same again.

    `outstanding`: so many events of its key at a time. `batch`: it sends so many events of three keys in one request instead. `rpc`: by
    gRPC.
    """

    topic: str
    producers: int
    pause_s: float = 0.1
    pad_bytes: int = 60
    retry_s: tuple[float, float] = (0.2, 0.6)
    outstanding: int = 1
    batch: int = 0
    rpc: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request: when it was sent (`time.monotonic`), how long its answer took, what the client itself was late by."""

    at_s: float
    wait_s: float
    own_lag_s: float
    status: int
    retry_after_s: int
    code: str
    topic: str

    @property
    def ok(self) -> bool:
        """Acknowledged."""
        return 200 <= self.status < 300


class Load:
    """`with Load(...) as load:` sends until the block ends, then lets every producer finish its event.

    `deadline_s` is what the gateway promises for one request. `attempts` and `ledger` grow while it runs, and `out_of_turn`: ids that
    were stored although an earlier event of their key in the same request was not.
    """

    def __init__(
        self,
        address: str,
        token: str,
        streams: Iterable[Stream],
        *,
        seed: int,
        deadline_s: float,
        name: str = "p",
        rpc_address: str = "",
    ) -> None:
        self.attempts: list[Attempt] = []
        self.ledger: list[Sent] = []
        self.out_of_turn: list[str] = []
        self._address, self._rpc_address, self._token, self._streams = address, rpc_address, token, tuple(streams)
        self._random = random.Random(seed)
        self._timeout_s = deadline_s + _CLIENT_PATIENCE_S
        self._name = f"{name}{seed}"
        self._stopping = threading.Event()
        self._gives_up_at_s = float("inf")
        self._lag_s = 0.0
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self, last_tries_s: float = _LAST_TRIES_S) -> None:
        """No new events; what is under way is repeated at most so long. May be called twice."""
        self._gives_up_at_s = min(self._gives_up_at_s, time.monotonic() + last_tries_s)
        self._stopping.set()
        self._thread.join(last_tries_s + self._timeout_s + 10)
        assert not self._thread.is_alive(), "the load does not end"
        if self._failure is not None:
            raise self._failure

    def since(self, from_s: float, to_s: float = float("inf"), topic: str | None = None) -> list[Attempt]:
        """Attempts that were sent between two moments, of one topic or all, in the order of their answers."""
        return [a for a in list(self.attempts) if from_s <= a.at_s < to_s and topic in (None, a.topic)]

    def wait_stored(self, count: int, within_s: float) -> None:
        """Wait until so many more attempts than now were acknowledged. Raises AssertionError."""
        begin = len(self.attempts)
        ends = time.monotonic() + within_s
        while sum(attempt.ok for attempt in self.attempts[begin:]) < count:
            assert time.monotonic() < ends, f"fewer than {count} events were stored within {within_s} s"
            assert self._thread.is_alive(), "the load has ended"
            time.sleep(0.05)

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as failure:
            self._failure = failure

    async def _all(self) -> None:
        ticking = asyncio.create_task(self._tick())
        try:
            async with asyncio.TaskGroup() as group:
                for place, stream in enumerate(self._streams):
                    for number in range(stream.producers):
                        key = f"{self._name}-{stream.topic}-{place}-{number}"
                        if stream.batch:
                            group.create_task(self._produce_batches(stream, key))
                        for line in range(0 if stream.batch else stream.outstanding):
                            group.create_task(self._produce(stream, key, line))
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        """How late this loop is, of late: a wait that it measures is too long by as much."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK_S)
            self._lag_s = max(time.monotonic() - before - _TICK_S, self._lag_s * 0.7)

    async def _produce(self, stream: Stream, key: str, line: int) -> None:
        """One event after the other. Beside others of the same key there is no order that anybody was promised."""
        dice = random.Random(f"{key}-{line}")
        connection = Connection(self._address)
        rpc = RpcConnection(self._rpc_address, self._token) if stream.rpc else None
        await asyncio.sleep(dice.uniform(0, stream.pause_s))
        number = 0
        while not self._stopping.is_set():
            place = number if stream.outstanding == 1 else NO_ORDER
            event = Sent(id=f"{key}-{line}-{number}", topic=stream.topic, key=key, number=place)
            self.ledger.append(event)
            body = json.dumps({"producer": key, "number": number, "pad": _pad(stream, dice)}).encode()
            request = post(f"/v1/topics/{event.topic}/events", body, self._token, event.id)
            while not event.stored and time.monotonic() < self._gives_up_at_s:
                if rpc is not None:
                    asking = rpc.publish(event, body, self._timeout_s)
                else:
                    asking = connection.ask(request, self._timeout_s)
                note(event, await self._ask(asking, stream.topic))
                if not event.stored:
                    await asyncio.sleep(dice.uniform(*stream.retry_s))
            number += 1
            await asyncio.sleep(stream.pause_s * dice.uniform(0.5, 1.5))
        connection.close()
        if rpc is not None:
            rpc.close()

    async def _produce_batches(self, stream: Stream, key: str) -> None:
        """Batches of some keys' events, in turn; what was not stored of one is sent again, in its order, before the next."""
        dice = random.Random(key)
        connection = Connection(self._address)
        await asyncio.sleep(dice.uniform(0, stream.pause_s))
        number = 0
        while not self._stopping.is_set():
            left: list[tuple[Sent, str]] = []
            for place in range(stream.batch):
                own = f"{key}-{place % _KEYS}"
                event = Sent(id=f"{own}-{number}", topic=stream.topic, key=own, number=number)
                left.append((event, _pad(stream, dice)))
                number += 1
            self.ledger += [event for event, _ in left]
            while left and time.monotonic() < self._gives_up_at_s:
                request = batch_request(stream.topic, self._token, left)
                answer = await self._ask(connection.ask(request, self._timeout_s), stream.topic)
                events = [event for event, _ in left]
                note_batch(events, answer)
                self.out_of_turn += out_of_turn(events)
                left = [one for one in left if not one[0].stored]
                if left:
                    await asyncio.sleep(dice.uniform(*stream.retry_s))
            await asyncio.sleep(stream.pause_s * dice.uniform(0.5, 1.5))
        connection.close()

    async def _ask(self, asking: Awaitable[Answer], topic: str) -> Answer:
        at_s = time.monotonic()
        answer = await asking
        self.attempts.append(
            Attempt(
                at_s, time.monotonic() - at_s, self._lag_s, answer.status, answer.retry_after_s, code_of(answer), topic
            )
        )
        return answer


def _pad(stream: Stream, dice: random.Random) -> str:
    return "x" * int(stream.pad_bytes * dice.uniform(0.5, 1.5))
