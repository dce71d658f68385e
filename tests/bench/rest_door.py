"""What the REST door itself costs: the ASGI application in process, its codec and ports as cheap as can be.

    python -m tests.bench.rest_door [--profile]

Prints microseconds of CPU, and the ratio to a bare ASGI callable that reads the body and answers one object. The verdict,
Kafka and the server are measured by `gateway.py`; here is what is left of the way: heads, bodies, answers, the intake.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.types import ASGIApp, Message
from tests.bench._bare import bare
from tests.gateway.doors.rest.conftest import TOPIC, make_gate

VALUE = {
    "n": 1, "orderId": "5b1e2c1e-3b0a-4e0e-9c1e-1a2b3c4d5e6f", "placedAt": "2026-01-31T12:00:00Z",
    "items": [{"coffee": "ESPRESSO", "boldness": 7}, {"coffee": "FILTER", "boldness": 3}], "total": "12.50",
}  # fmt: skip
ONE = json.dumps(VALUE, separators=(",", ":")).encode()
BATCH = 1000
MANY = json.dumps({"events": [{"id": f"e{i}", "value": VALUE} for i in range(BATCH)]}, separators=(",", ":")).encode()
LINES = b"\n".join(json.dumps({"id": f"e{i}", "value": VALUE}).encode() for i in range(BATCH))
ROUNDS = 5
Run = Callable[[int], Coroutine[object, None, None]]


def requests(app: ASGIApp, tail: str, body: bytes, media: str) -> Run:
    """Sends the same request again and again, as httptools would hand it over."""
    path = f"/v1/topics/{TOPIC}/{tail}"
    headers = [
        (b"host", b"127.0.0.1:8080"), (b"user-agent", b"bench"), (b"accept", b"*/*"),
        (b"authorization", b"Bearer good"), (b"content-type", media.encode()),
        (b"content-length", b"%d" % len(body)),
    ]  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(f"answered {message['status']}")

    async def run(times: int) -> None:
        for _ in range(times):
            scope = {
                "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path,
                "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
            }  # fmt: skip
            await app(scope, receive, send)

    return run


async def cpu_us(run: Run, times: int) -> float:
    """Microseconds of CPU a request: the best of some rounds, so that a neighbour's work does not count."""
    await run(times // 10 + 1)
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        await run(times)
        best = min(best, time.process_time() - started)
    return best / times * 1e6


def profiled(run: Run, times: int) -> None:
    """Where the time goes, to stdout."""
    profile = cProfile.Profile()
    profile.enable()
    asyncio.run(run(times))
    profile.disable()
    pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(28)


class Forgetful(list[Any]):
    """A list that keeps nothing: what the fakes note for tests would make each garbage collection longer."""

    def append(self, _item: object) -> None:
        """Forget it."""


async def measure() -> None:
    """The table."""
    gate = make_gate()
    gate.publisher.stored = Forgetful()
    gate.tokens.seen = Forgetful()
    gate.limiter.asked = Forgetful()
    floor = await cpu_us(requests(bare, "events", ONE, "application/json"), 5000)
    one = await cpu_us(requests(gate.app, "events", ONE, "application/json"), 5000)
    as_json = await cpu_us(requests(gate.app, "events:batch", MANY, "application/json"), 20)
    as_lines = await cpu_us(requests(gate.app, "events:batch", LINES, "application/x-ndjson"), 20)
    codec = await verdict_us(gate.app)
    print(f"bare ASGI callable, one request   {floor:8.1f} us")
    print(f"one event                         {one:8.1f} us   {one / floor:6.1f} times the bare callable")
    print(f"batch of {BATCH}, JSON, an event     {as_json / BATCH:8.2f} us")
    print(f"batch of {BATCH}, NDJSON, an event   {as_lines / BATCH:8.2f} us")
    print(f"of which the fake codec           {codec:8.2f} us")


async def verdict_us(app: ASGIApp) -> float:
    """What the fake codec takes of an event: no part of the door."""
    version = make_gate().catalogue.current.contracts[TOPIC].newest
    started = time.process_time()
    for _ in range(20_000):
        version.check(ONE)
    return (time.process_time() - started) / 20_000 * 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", action="store_true")
    if parser.parse_args().profile:
        profiled(requests(make_gate().app, "events", ONE, "application/json"), 5000)
        profiled(requests(make_gate().app, "events:batch", MANY, "application/json"), 20)
    else:
        asyncio.run(measure())
