"""The servers that `grpc_floor` measures answer what they are sent: a benchmark runs by hand, and what it is built on changes without it."""

import grpc
import pytest
from tests.bench.grpc_floor import AIO, LOADS, OWN, Server, serving

CALLS = 8


@pytest.mark.parametrize("server", [OWN, AIO], ids=lambda server: server.name)
def test_a_server_of_the_floor_echoes_under_each_load(server: Server) -> None:
    with serving(server) as (_, port):
        for work, _ in LOADS.values():
            with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
                work(channel, CALLS)
