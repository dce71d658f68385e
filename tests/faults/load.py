"""Producers under faults: each has a key, sends one event at a time and repeats it with the same id until it is stored.

A thread with an event loop of its own, so that a test can kill and wait in the meantime. What every attempt was told goes
into the ledger of `checker.Sent` and into `Attempt`s. Called by the tests and the soak.
"""

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Self

from tests.faults.checker import Sent
from tests.faults.http1 import CUT, REFUSED, SILENT, Answer, Connection, post

__all__ = ["Attempt", "Load", "Stream"]

_CLIENT_PATIENCE_S = 12.0
"""A client waits so much longer than the gateway may take: what takes longer is seen, not cut."""
_LAST_TRIES_S = 15.0
_TICK_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """So many producers of a topic; each pauses about `pause_s` between events of about `pad_bytes`, and `retry_s` before the same again."""

    topic: str
    producers: int
    pause_s: float = 0.1
    pad_bytes: int = 60
    retry_s: tuple[float, float] = (0.2, 0.6)


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

    `deadline_s` is what the gateway promises for one request. `attempts` and `ledger` grow while it runs.
    """

    def __init__(
        self, address: str, token: str, streams: Iterable[Stream], *, seed: int, deadline_s: float, name: str = "p"
    ) -> None:
        self.attempts: list[Attempt] = []
        self.ledger: list[Sent] = []
        self._address, self._token, self._streams = address, token, tuple(streams)
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
                for stream in self._streams:
                    for number in range(stream.producers):
                        group.create_task(self._produce(stream, f"{self._name}-{stream.topic}-{number}"))
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        """How late this loop is, of late: a wait that it measures is too long by as much."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK_S)
            self._lag_s = max(time.monotonic() - before - _TICK_S, self._lag_s * 0.7)

    async def _produce(self, stream: Stream, key: str) -> None:
        dice = random.Random(f"{key}")
        connection = Connection(self._address)
        await asyncio.sleep(dice.uniform(0, stream.pause_s))
        number = 0
        while not self._stopping.is_set():
            event = Sent(id=f"{key}-{number}", topic=stream.topic, key=key, number=number)
            self.ledger.append(event)
            pad = "x" * int(stream.pad_bytes * dice.uniform(0.5, 1.5))
            body = json.dumps({"producer": key, "number": number, "pad": pad}).encode()
            await self._store(connection, event, body, partial(dice.uniform, *stream.retry_s))
            number += 1
            await asyncio.sleep(stream.pause_s * dice.uniform(0.5, 1.5))
        connection.close()

    async def _store(self, connection: Connection, event: Sent, body: bytes, rest_s: Callable[[], float]) -> None:
        """Try until it is stored, or nobody waits any more."""
        request = post(f"/v1/topics/{event.topic}/events", body, self._token, event.id)
        while True:
            at_s = time.monotonic()
            answer = await connection.ask(request, self._timeout_s)
            note(event, answer)
            self.attempts.append(
                Attempt(
                    at_s, time.monotonic() - at_s, self._lag_s, answer.status, answer.retry_after_s,
                    _code(answer), event.topic,
                )
            )  # fmt: skip
            if 200 <= answer.status < 300 or time.monotonic() > self._gives_up_at_s:
                return
            await asyncio.sleep(rest_s())


def note(event: Sent, answer: Answer) -> None:
    """Write down what an answer says of the event."""
    if 200 <= answer.status < 300:
        receipt = json.loads(answer.body)
        event.stored.append((receipt["partition"], receipt["offset"]))
    elif answer.status in {504, 500, CUT, SILENT}:
        event.unknown += 1
        event.cut += answer.status == CUT
    elif answer.status != REFUSED:
        event.refused += 1


def _code(answer: Answer) -> str:
    names = {REFUSED: "connection refused", CUT: "connection cut", SILENT: "no answer"}
    if answer.status < 0:
        return names[answer.status]
    return "" if answer.status < 300 else str(json.loads(answer.body).get("code"))
