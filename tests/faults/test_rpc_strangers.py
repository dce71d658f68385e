"""Fault 32: rapid reset, 10,000 streams and other floods on the gRPC port cost a producer beside them next to nothing, and end nothing."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles

import grpc
import pytest
from tests.e2e.processes import ROOT, GatewayProcess, gateway_process
from tests.faults.form import FORM
from tests.faults.rpc_strangers import CONNECTIONS, SHAPES, STREAMS
from tests.faults.strangers import order
from tests.faults.watch import rss_bytes

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.ingest.v1 import ingest_pb2_grpc as stubs

ATTEMPTS = 3
"""The machine has other work: an attempt counts where both halves were measured in the same weather."""
WINDOWS = FORM.count(2, 10)
WINDOW_S = FORM.seconds(0.5, 1.0)
_LEAST_BOUND_S = FORM.seconds(0.25, 0.05)
"""Below it a machine with other work tells nothing; the long form has windows enough to look closer."""
_BURNS = "import os; os.nice(19)\nwhile os.getppid() == {parent}: pass"
"""Takes as much of the machine as the strangers do: what they take of the processor, no gateway can give back."""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with gateway_process(tmp_path_factory.mktemp("rpc"), None) as running:
        yield running


@asynccontextmanager
async def burning() -> AsyncIterator[None]:
    """A process that only computes, for as long as the block lasts."""
    burner = await asyncio.create_subprocess_exec(sys.executable, "-c", _BURNS.format(parent=os.getpid()))
    try:
        yield
    finally:
        burner.kill()
        await burner.wait()


class RpcProducer:
    """Publishes one event after another by unary calls on one channel, and notes how long each took.

    By the client that knows no event loop: grpc.aio's shares one poller among all loops that a process ever had, and the tests
    before this one had many.
    """

    def __init__(self, gate: GatewayProcess) -> None:
        self.channel = grpc.insecure_channel(gate.facts["grpc"], options=[("grpc.use_local_subchannel_pool", 1)])
        self.metadata = (("authorization", f"Bearer {gate.token()}"),)

    async def p99_of_windows(self, windows: int = WINDOWS) -> float:
        """The median of the windows' 99th percentiles, in seconds. Whatever is not stored raises."""
        publish = stubs.IngestServiceStub(self.channel).Publish  # type: ignore[no-untyped-call]  # generated
        found = []
        for _ in range(windows):
            waits, ends = [], time.monotonic() + WINDOW_S
            while time.monotonic() < ends or len(waits) < 5:
                request = pb.PublishRequest(topic="customer.orders", events=[pb.Event(json=order())])
                began = time.monotonic()
                response = await asyncio.to_thread(publish, request, metadata=self.metadata, timeout=30.0)
                waits.append(time.monotonic() - began)
                assert response.results[0].status == pb.STATUS_STORED
                await asyncio.sleep(0.01)
            found.append(quantiles(waits, n=100)[98])
        return median(found)


LEAST = {"resets": 2_000, "streams": CONNECTIONS * STREAMS, "windows": 100, "bombs": 100}
"""So many are sent, or it was no flood; 500 of all others."""


@pytest.mark.parametrize("shape", SHAPES)
async def test_32_a_producer_s_p99_beside_strangers_is_below_twice_its_own(gate: GatewayProcess, shape: str) -> None:
    producer = RpcProducer(gate)
    before = rss_bytes(gate.pid)
    command = [sys.executable, "-m", "tests.faults.rpc_strangers", gate.facts["grpc"], shape]
    lasting_s, token = str(WINDOWS * WINDOW_S + 1.5), gate.token(sub="turned-bad")
    try:
        await producer.p99_of_windows(1)  # topics are known, connections are there
        for _ in range(ATTEMPTS):
            async with burning():
                alone_s = await producer.p99_of_windows()
            strangers = await asyncio.create_subprocess_exec(
                *command, lasting_s, token, cwd=ROOT, stdout=asyncio.subprocess.PIPE
            )
            assert strangers.stdout is not None
            try:
                assert await asyncio.wait_for(strangers.stdout.readline(), 30) == b"come\n"
                await asyncio.sleep(0.5)
                beside_s = await producer.p99_of_windows()
            finally:
                sent, _ = await asyncio.wait_for(strangers.communicate(), 60)
            assert int(sent) >= LEAST.get(shape, 500)
            if beside_s < max(2 * alone_s, _LEAST_BOUND_S):
                break
        else:
            pytest.fail(f"p99 {beside_s * 1000:.0f} ms beside them, {alone_s * 1000:.0f} ms alone")
    finally:
        producer.channel.close()
    newcomer = RpcProducer(gate)  # nor do they leave anything behind that a new connection would wait for
    try:
        await newcomer.p99_of_windows(1)
    finally:
        newcomer.channel.close()
    assert gate.process.poll() is None
    assert rss_bytes(gate.pid) - before < 150_000_000
    assert "Traceback" not in Path(gate.log).read_text("utf-8", "replace")
