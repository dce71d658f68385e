"""A stranger's day in some seconds: everything hostile that the other tests send one by one, all at once and again and again.

Runs as `python -m tests.faults.day HOST:PORT SECONDS TOKEN`, a process of its own beside the gateway; TOKEN is a good one, of a producer
gone bad. At its end it prints what each kind of attempt was answered, as JSON. Used by `test_edge_day` and by the bench of the same name.
Each kind sends so many requests a second, whatever the answers do: a day is no flood, against which no single process stands.
"""

import asyncio
import gzip
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import zstandard
from tests.faults.strangers import PATH, SHAPES, head, order, stay_of

__all__ = ["ATTEMPTS", "Attempt", "day"]

_A_SECOND = 15
_SLOW = 60
"""Slow and idle connections at any time, beside the attempts."""
_JSON = "Content-Type: application/json"


@dataclass(frozen=True)
class Attempt:
    """One kind of attempt: the bytes to send, made of the good token, and every status that may answer them."""

    sent: Callable[[str], bytes]
    statuses: frozenset[int]


def _post(body: bytes, *fields: str, token: str = "", path: str = PATH) -> bytes:
    rows = [_JSON] if not any(field.startswith("Content-Type") for field in fields) else []
    if token:
        rows.append(f"Authorization: Bearer {token}")
    return head(*rows, f"Content-Length: {len(body)}", *fields, path=path) + body


def _noise(length: int) -> str:
    return "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))


_GZIP = gzip.compress(b" " * 50_000_000, 9)[:60_000]
_ZSTD = zstandard.ZstdCompressor(write_content_size=False).compress(b" " * 50_000_000)
_WRONG = json.dumps(
    json.loads(order()) | {"items": [{"coffee": "TEA", "boldness": 1000 + n} for n in range(500)]}
).encode()
_BATCH = f"{PATH}:batch"

ATTEMPTS = {
    "no token": Attempt(lambda _: _post(order()), frozenset({401})),
    "a token of noise": Attempt(lambda _: _post(order(), token=_noise(300)), frozenset({401})),
    "a token that is nearly good": Attempt(lambda token: _post(order(), token=token[:-8] + _noise(8)), frozenset({401})),
    "a token of 8 KB": Attempt(lambda _: _post(order(), token="ey" + _noise(8000)), frozenset({401})),
    "a token too large": Attempt(lambda _: _post(order(), token=_noise(9000)), frozenset({431})),
    "ever new topics": Attempt(
        lambda token: _post(order(), token=token, path=f"/v1/topics/day.{_noise(20)}/events"), frozenset({404})
    ),
    "topics without a right": Attempt(lambda token: _post(order(), token=token, path=f"/v1/topics/{_noise(9)}/events"), frozenset({403})),
    "ever new paths": Attempt(lambda _: _post(b"", path=f"/{_noise(30)}"), frozenset({404})),
    "a gzip bomb": Attempt(lambda token: _post(_GZIP, "Content-Encoding: gzip", token=token), frozenset({413, 429})),
    "a zstd bomb": Attempt(lambda token: _post(_ZSTD, "Content-Encoding: zstd", token=token), frozenset({413, 429})),
    "a body that will never come": Attempt(lambda _: head(_JSON, f"Content-Length: {10**15}"), frozenset({413})),
    "ten thousand open brackets": Attempt(lambda token: _post(b"[" * 10_000, token=token), frozenset({400, 429})),
    "five hundred violations": Attempt(lambda token: _post(_WRONG, token=token), frozenset({400, 429})),
    "ever so many empty events": Attempt(
        lambda token: _post(b'{"events":[' + b"{}," * 20_000 + b"{}]}", token=token, path=_BATCH), frozenset({413})
    ),
    "two lengths": Attempt(lambda _: head("Content-Length: 5", "Transfer-Encoding: chunked"), frozenset({400})),
    "a head of 20 KB": Attempt(lambda _: head(f"X: {_noise(20_000)}"), frozenset({431})),
    "no HTTP": Attempt(lambda _: b"\x16\x03\x01\x02\x00 " + _noise(40).encode() + b"\r\n\r\n", frozenset({400})),
}  # fmt: skip


async def day(address: str, token: str, lasting_s: float) -> dict[str, dict[str, int]]:
    """All of it for so long: how often each kind was answered how (`0`: not at all)."""
    ends = time.monotonic() + lasting_s
    answers = {name: Counter[str]() for name in ATTEMPTS}

    async def attempts(name: str, attempt: Attempt) -> None:
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < ends:
                group.create_task(_once(address, attempt.sent(token), answers[name]))
                await asyncio.sleep(1 / _A_SECOND)

    async def slow(number: int) -> None:
        shape = list(SHAPES.values())[number % len(SHAPES)]
        while (left_s := ends - time.monotonic()) > 0:
            with suppress(OSError):
                await stay_of(address, shape, left_s)
            await asyncio.sleep(0.05)

    kinds = (attempts(name, attempt) for name, attempt in ATTEMPTS.items())
    await asyncio.gather(*kinds, *(slow(number) for number in range(_SLOW)))
    return {name: dict(counted) for name, counted in answers.items()}


async def _once(address: str, sent: bytes, counted: Counter[str]) -> None:
    """One connection, one attempt; its status, or 0 where the connection ended or 15 seconds passed without one."""
    host, port = address.rsplit(":", 1)
    status = "0"
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(15):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(sent)
                status = (await reader.readexactly(12))[9:].decode("latin-1")
            finally:
                writer.close()
    counted[status] += 1


if __name__ == "__main__":
    os.nice(19)  # what is measured is the gateway beside them, not who gets the processor
    print(json.dumps(asyncio.run(day(sys.argv[1], sys.argv[3], float(sys.argv[2])))))
