"""CPU of a bare gRPC echo a call: the gateway's own HTTP/2 and gRPC beside grpcio's asyncio server, and the h2 library where it is installed.

    python3 .ci/task.py bench grpc_floor [--quick]

Servers in processes of their own, in turns of one run, the best of some rounds; the client is grpcio's, without an event loop, in this process, whose CPU is
not counted. h2 is no dependency of anything here: install it beside the rest for its rows. DESIGN, decision 17, is what this is for: the
bound is that a call of ours costs at most half of grpc.aio's.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from tests.bench._load import cpu_seconds
from tests.e2e.processes import ROOT, first_line

METHOD = "/tests.Echo/Echo"
MESSAGE = b"x" * 150
METADATA = (("authorization", "Bearer " + "x" * 400),)
"""As long as a small token: a head that repeats is most of what a client says."""
START_S, CALL_S = 30.0, 30.0
AT_ONCE = 64
BOUND = 0.5


@dataclass(frozen=True)
class Server:
    """What is measured: `name` as `_grpc_echo` knows it."""

    name: str
    title: str


OWN = Server("own", "edge/http2 and edge/grpc")
AIO = Server("aio", "grpc.aio")
H2 = Server("h2", "h2")


@contextmanager
def serving(server: Server) -> Iterator[tuple[int, int]]:
    """The process's id and its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench._grpc_echo", server.name], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        line = first_line(process, START_S)
        assert line, f"{server.title} did not start"
        yield process.pid, int(line)
    finally:
        process.kill()
        process.communicate()


def one_by_one(channel: grpc.Channel, calls: int) -> None:
    """A call, its answer, the next call."""
    echo = channel.unary_unary(METHOD)
    for _ in range(calls):
        assert echo(MESSAGE, metadata=METADATA, timeout=CALL_S) == MESSAGE


def at_once(channel: grpc.Channel, calls: int) -> None:
    """So many calls under way that each turn of the server's loop meets several."""
    echo = channel.unary_unary(METHOD)
    left = calls
    while left > 0:
        asked = [echo.future(MESSAGE, metadata=METADATA, timeout=CALL_S) for _ in range(min(AT_ONCE, left))]
        left -= len(asked)
        assert all(answer.result() == MESSAGE for answer in asked)


LOADS = {"4 connections, one by one": (one_by_one, 4), f"1 connection, {AT_ONCE} at once": (at_once, 1)}


def cost_us(server: Server, load: str, calls: int) -> float:
    """The server's CPU a call, in microseconds."""
    work, connections = LOADS[load]
    with serving(server) as (pid, port):
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [grpc.insecure_channel(f"127.0.0.1:{port}", options=options) for _ in range(connections)]
        try:
            for channel in channels:
                work(channel, 100)
            each = calls // connections
            before = cpu_seconds(pid)
            with ThreadPoolExecutor(connections) as pool:
                for worker in [pool.submit(work, channel, each) for channel in channels]:
                    worker.result()
            return (cpu_seconds(pid) - before) / (each * connections) * 1e6
        finally:
            for channel in channels:
                channel.close()


def main() -> int:
    """Run everything once; exit code 1 where the bound is missed."""
    quick = "--quick" in sys.argv
    calls, rounds = (4_000, 3) if quick else (16_000, 5)
    servers = [OWN, AIO] + [H2] * (importlib.util.find_spec("h2") is not None)
    missed = False
    print(f"{len(MESSAGE)} bytes a message, {len(METADATA[0][1])} of metadata; Python {sys.version.split()[0]}")
    print(f"{'CPU us a call':<34}{'best':>9}{'worst':>9}{'to grpc.aio':>14}")
    for load in LOADS:
        figures: dict[Server, list[float]] = {server: [] for server in servers}
        for _ in range(rounds):
            for server in servers:
                figures[server].append(cost_us(server, load, calls))
        print(load)
        for server, all_us in figures.items():
            ratio = min(all_us) / min(figures[AIO])
            print(f"  {server.title:<32}{min(all_us):>9.1f}{max(all_us):>9.1f}{ratio:>14.2f}")
        missed = missed or min(figures[OWN]) > BOUND * min(figures[AIO])
    print(f"bound: at most {BOUND} of grpc.aio: {'MISSED' if missed else 'ok'}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
