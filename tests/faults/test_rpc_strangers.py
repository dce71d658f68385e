"""Fault 32: HTTP/2 rapid reset and 10,000 streams on the gRPC port fail no call of a good producer, and delay it; paths that are none cost it little."""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import grpc
import pytest
from tests.e2e.processes import ROOT, GatewayProcess, gateway_process
from tests.faults.form import FORM
from tests.faults.rpc_strangers import CONNECTIONS, STREAMS
from tests.faults.strangers import order
from tests.faults.watch import rss_bytes

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.ingest.v1 import ingest_pb2_grpc as stubs

ATTEMPTS = 3
"""The machine has other work: an attempt counts where both halves were measured in the same weather."""
FLOODED_S = 10.0
"""Calls that are reset at once, or opened by the ten thousand, stand before a producer's in gRPC's queue, and each is looked at: it waits for seconds while some ten
thousand come every second, and none of its calls fails. Twice the time alone is not reached here (OPERATIONS, "gRPC")."""
WINDOWS = FORM.count(2, 10)
WINDOW_S = 1.0


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with gateway_process(tmp_path_factory.mktemp("rpc"), None) as running:
        yield running


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


@pytest.mark.parametrize(("shape", "least"), [("resets", 2_000), ("streams", CONNECTIONS * STREAMS), ("paths", 500)])
async def test_32_strangers_fail_no_call_of_a_good_producer(gate: GatewayProcess, shape: str, least: int) -> None:
    producer = RpcProducer(gate)
    before = rss_bytes(gate.pid)
    try:
        await producer.p99_of_windows(1)  # topics are known, connections are there
        for _ in range(ATTEMPTS):
            alone_s = await producer.p99_of_windows()
            command = [sys.executable, "-m", "tests.faults.rpc_strangers", gate.facts["grpc"], shape]
            strangers = await asyncio.create_subprocess_exec(
                *command, str(WINDOWS * WINDOW_S + 2), cwd=ROOT, stdout=asyncio.subprocess.PIPE
            )
            try:
                await asyncio.sleep(1.0)
                beside_s = await producer.p99_of_windows()
            finally:
                opened, _ = await asyncio.wait_for(strangers.communicate(), 60)
            assert int(opened) >= least
            if beside_s < max(2 * alone_s, FLOODED_S if shape != "paths" else 0.25):
                break
        else:
            pytest.fail(f"p99 {beside_s * 1000:.0f} ms beside them, {alone_s * 1000:.0f} ms alone")
    finally:
        producer.channel.close()
    assert gate.process.poll() is None
    assert rss_bytes(gate.pid) - before < 150_000_000
    assert "Traceback" not in Path(gate.log).read_text("utf-8", "replace")
