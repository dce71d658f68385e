"""gRPC's official interoperability tests, by the client of grpc-go, on our own HTTP/2 and gRPC: plain and over TLS."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from tests.e2e.clients.toolchains import built_in_time, fetched, needs
from tests.e2e.interop import interop_service
from tests.gateway.doors.rpc.conftest import RpcGate, opened

from tidegate_gateway.edge.grpc.settings import RpcSettings
from tidegate_gateway.edge.tls import TlsSettings
from tidegate_gateway.rpc_server import RpcServer

MODULE = Path(__file__).parent / "clients" / "interop"
COMMAND = "google.golang.org/grpc/interop/client"
BUILD_S = 90.0
CASES = (
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    "unimplemented_method",
    "unimplemented_service",
    "rpc_soak",
    "channel_soak",
)
OVER_TLS = ("large_unary", "ping_pong", "custom_metadata")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """grpc-go's interop client, built now."""
    go = needs("go")
    folder = tmp_path_factory.mktemp("interop")
    shutil.copytree(MODULE, folder, dirs_exist_ok=True)
    fetched([go, "mod", "download"], folder, "the interop client's module")
    built_in_time([go, "build", "-trimpath", "-o", f"{folder}/client", COMMAND], folder, BUILD_S)
    return folder / "client"


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[RpcServer]:
    """One that serves the test service beside its own."""
    async with opened() as gate:
        yield serving(gate, tmp_path)


def serving(gate: RpcGate, folder: Path) -> RpcServer:
    gate.server._methods.swap((*gate.server._own, interop_service(folder)))
    return gate.server


async def ran(client: Path, port: RpcServer, case: str, *more: str) -> None:
    host, _, number = port.address.rpartition(":")
    process = await asyncio.create_subprocess_exec(
        client,
        f"--server_host={host}",
        f"--server_port={number}",
        f"--test_case={case}",
        "--additional_metadata=authorization:Bearer good",
        "--soak_max_failures=0",
        "--soak_per_iteration_max_acceptable_latency_ms=20000",
        "--soak_overall_timeout_seconds=60",
        *more,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, f"{case}: {said.decode()}"


@pytest.mark.parametrize("case", CASES)
async def test_a_case_of_grpcs_own(client: Path, port: RpcServer, case: str) -> None:
    await ran(client, port, case)
    await asyncio.wait_for(asyncio.gather(*port._calls, return_exceptions=True), 10)
    assert port._crowd.calls == port._crowd.streams == 0


@pytest.mark.parametrize("case", OVER_TLS)
async def test_a_case_over_tls(client: Path, tmp_path: Path, case: str) -> None:
    ca = trustme.CA()
    issued = ca.issue_cert("interop.example.com")
    cert, key, root = (tmp_path / name for name in ("cert.pem", "key.pem", "ca.pem"))
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    ca.cert_pem.write_to_path(root)
    tls = TlsSettings(cert=cert, key=key, protocol="h2")
    async with opened(rpc=RpcSettings(tls=tls)) as gate:
        trusting = ("--use_tls", "--use_test_ca", f"--ca_file={root}", "--server_host_override=interop.example.com")
        await ran(client, serving(gate, tmp_path), case, *trusting)
