"""What the SDK costs, beside what its verdict alone costs, in one run: `python -m tests.bench.sdk [--dev] [--events N]`.

CPU is the process's or the thread's, the best of many short rounds; ratios hold where absolute figures of a busy machine do not.
`--dev` starts `tidegate-gateway dev` and publishes to it by `publish_many`.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec
from tests.bench.gateway import without_limits
from tests.e2e.processes import SCHEMAS, dev_process

from tidegate.client import Client
from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.source import encode_source
from tidegate.repository.folder import load
from tidegate.settings import ClientSettings
from tidegate.transport.memory import MemoryTransport
from tidegate.transport.port import Bundle

TOPIC = "customer.orders"
ROUNDS = 40
EACH = 2000


def best_us(work: Callable[[], object], count: int, clock: Callable[[], float], rounds: int = ROUNDS) -> float:
    """The least time of an event over the rounds, in microseconds."""
    least = float("inf")
    for _ in range(rounds):
        begun = clock()
        work()
        least = min(least, clock() - begun)
    return least / count * 1e6


def memory_client(contract: CompiledContract, **settings: Any) -> Client:
    bundles = {contract.topic: Bundle(body=encode_source(contract.source), etag='"1"')}
    return Client(
        "https://gate.example.com",
        settings=ClientSettings(**settings),
        transport=lambda: MemoryTransport(bundles=bundles, keep=False),
    )


def submits(contract: CompiledContract, value: dict[str, Any]) -> None:
    encode, version = msgspec.json.Encoder().encode, contract.newest

    def verdicts() -> None:
        for _ in range(EACH):
            version.check(encode(value))

    def futures() -> None:
        for _ in range(EACH):
            Future[int]()

    gate = memory_client(contract)
    gate.publish(TOPIC, value)

    def submit() -> None:
        for _ in range(EACH):
            gate.submit(TOPIC, value)

    def submit_and_deliver() -> None:
        submit()
        gate.flush()

    size = len(encode(value))
    verdict_us = best_us(verdicts, EACH, time.thread_time)
    future_us = best_us(futures, EACH, time.thread_time)
    submit_us = best_us(submit, EACH, time.thread_time)
    gate.flush()
    whole_us = best_us(submit_and_deliver, EACH, time.process_time)
    begun = time.perf_counter()
    count = 60_000
    for _ in range(count):
        gate.submit(TOPIC, value)
    submitted_s = time.perf_counter() - begun
    gate.flush()
    delivered_s = time.perf_counter() - begun
    gate.close()
    print(f"a dict of {size} bytes: encode and verdict {verdict_us:.1f} us, a Future {future_us:.1f} us")
    print(f"submit: {submit_us:.1f} us of CPU on the caller's thread ({submit_us / verdict_us:.1f} x the verdict)")
    print(f"submit to receipt on the memory transport: {whole_us:.1f} us of CPU, all threads")
    print(f"one thread: {count / submitted_s:,.0f} submits/s, {count / delivered_s:,.0f} delivered/s (wall clock)")


def many(contract: CompiledContract, value: dict[str, Any], events: int) -> None:
    gate = memory_client(contract)
    gate.publish(TOPIC, value)
    gate.publish_many(TOPIC, (value for _ in range(EACH)))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    least = float("inf")
    for _ in range(5):
        begun = time.process_time()
        gate.publish_many(TOPIC, (value for _ in range(events // 5)))
        least = min(least, (time.process_time() - begun) / (events // 5))
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    gate.close()
    print(
        f"publish_many on the memory transport: {least * 1e6:.1f} us of CPU an event; memory grew by {grown_kb / 1024:.0f} MB over {events:,}"
    )


def resident_mb(pid: int) -> float:
    """What a process holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


class Watch:
    """Progress of a `publish_many`: notes what client and gateway hold at each tenth of it."""

    def __init__(self, events: int, gateway: int) -> None:
        self.events = events
        self.gateway = gateway
        self.client_mb: list[float] = []
        self.gateway_mb: list[float] = []

    def __call__(self, done: int, _taken: int) -> None:
        if done >= (len(self.client_mb) + 1) * self.events // 10:
            self.client_mb.append(resident_mb(os.getpid()))
            self.gateway_mb.append(resident_mb(self.gateway))


def against_dev(schemes: list[str], topic: str, value: dict[str, Any], events: int) -> None:
    """Each scheme with a `dev` of its own; contracts without limits, or those would be what is measured."""
    for scheme in schemes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with (
                dev_process(folder, "--quiet", "--contracts", str(without_limits(folder))) as facts,
                Client(f"{scheme}://{facts[scheme]}", facts["token"]) as gate,
            ):
                gate.publish_many(topic, (value for _ in range(EACH)))
                watch = Watch(events, int(facts["pid"]))
                begun, wall = time.process_time(), time.perf_counter()
                summary = gate.publish_many(topic, (value for _ in range(events)), progress=watch)
                cpu_us = (time.process_time() - begun) / events * 1e6
                rate = events / (time.perf_counter() - wall)
                assert summary.stored == events, summary
                print(
                    f"publish_many of {events:,} to dev over {scheme}: {cpu_us:.1f} us of client CPU an event, {rate:,.0f}/s"
                )
                for who, held in (("client", watch.client_mb), ("gateway", watch.gateway_mb)):
                    print(f"  {who}, MB resident at each tenth: " + " ".join(f"{mb:.0f}" for mb in held))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="publish to tidegate-gateway dev too")
    parser.add_argument(
        "--events", type=int, default=100_000, metavar="N", help="of each publish_many (default: 100,000)"
    )
    parser.add_argument("--only-dev", choices=("http", "grpc"), help="nothing but `publish_many` to dev, over this")
    options = parser.parse_args()
    contracts = {contract.topic: contract for contract in load(SCHEMAS, working_copies=False).contracts}
    value = json.loads(contracts[TOPIC].newest.codec.example())
    if options.only_dev is None:
        submits(contracts[TOPIC], value)
        many(contracts[TOPIC], value, options.events)
    schemes = [options.only_dev] if options.only_dev else ["http", "grpc"] if options.dev else []
    against_dev(schemes, TOPIC, value, options.events)


if __name__ == "__main__":
    main()
