"""So many publishes at once, each on a connection of its own, in a process of its own: `python -m tests.faults.burst`.

Reads one JSON object on stdin and writes one on stdout; `run_burst` is its caller's side. All connections are open
before the first event is sent, so that seconds are those of the events alone.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.answers import note
from tests.faults.checker import Sent
from tests.faults.http1 import Connection, post

__all__ = ["Burst", "run_burst"]

_OPENING = 200
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What came of it: seconds from the first event sent to the last answer, each event, the longest wait."""

    seconds: float
    statuses: Counter[int]
    longest_s: float
    sent: list[Sent]

    @property
    def stored_per_s(self) -> float:
        """Events acknowledged a second."""
        return self.statuses[200] / self.seconds


def run_burst(address: str, token: str, topic: str, *, connections: int, each: int, name: str) -> Burst:
    """`connections` at once, each sending `each` events one after the other."""
    asked = {
        "address": address,
        "token": token,
        "topic": topic,
        "connections": connections,
        "each": each,
        "name": name,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.burst"], input=json.dumps(asked), capture_output=True, text=True,
        timeout=2 * _PATIENCE_S, check=False, cwd=Path.cwd(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    statuses = Counter({int(status): count for status, count in told["statuses"].items()})
    return Burst(
        seconds=told["seconds"],
        statuses=statuses,
        longest_s=told["longest_s"],
        sent=[Sent(**{**event, "stored": [tuple(place) for place in event["stored"]]}) for event in told["sent"]],
    )


async def _run(asked: dict) -> dict:  # type: ignore[type-arg]  # the JSON object of `run_burst`
    path = f"/v1/topics/{asked['topic']}/events"
    opened = [Connection(asked["address"]) for _ in range(asked["connections"])]
    for start in range(0, len(opened), _OPENING):
        assert all(await asyncio.gather(*(one.open() for one in opened[start : start + _OPENING]))), "no connection"
    sent: list[Sent] = []
    waits: list[float] = []
    statuses: Counter[int] = Counter()

    async def produce(connection: Connection, key: str) -> None:
        for number in range(asked["each"]):
            event = Sent(id=f"{key}-{number}", topic=asked["topic"], key=key, number=number)
            sent.append(event)
            body = b'{"producer":"%s","number":%d}' % (key.encode(), number)
            at_s = time.monotonic()
            answer = await connection.ask(post(path, body, asked["token"], event.id), _PATIENCE_S)
            waits.append(time.monotonic() - at_s)
            statuses[answer.status] += 1
            note(event, answer)

    began_s = time.monotonic()
    await asyncio.gather(*(produce(one, f"{asked['name']}-{place}") for place, one in enumerate(opened)))
    seconds = time.monotonic() - began_s
    for one in opened:
        one.close()
    return {
        "seconds": seconds,
        "statuses": statuses,
        "longest_s": max(waits),
        "sent": [asdict(event) for event in sent],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_run(json.load(sys.stdin)))))
