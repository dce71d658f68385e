"""TLS and mutual TLS on the gRPC port, with real certificates and stock clients; and a port that is taken."""

import json
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from tests.e2e.processes import SCHEMAS, GatewayProcess, gateway_process
from tests.e2e.test_tls import uri_certificate

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.ingest.v1 import ingest_pb2_grpc as stubs

WRITER = "spiffe://coffeeco/checkout"
ORDER = {
    "orderId": "2f1c6b0e-0000-4000-8000-000000000001", "customerId": "c-1", "placedAt": "2026-01-31T12:00:00Z",
    "items": [{"coffee": "ESPRESSO", "boldness": 7}], "total": "1",
}  # fmt: skip
ASKED = pb.ValidateRequest(topic="customer.orders", events=[pb.Event(json=json.dumps(ORDER).encode())])


def pem(blob: trustme.Blob) -> bytes:
    return bytes(blob.bytes())


class Port:
    """A gateway whose gRPC port wants client certificates of `clients`; its own is `ca`'s."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca, self.clients = trustme.CA(), trustme.CA(organization_name="clients")
        self.renew()
        self.clients.cert_pem.write_to_path(folder / "clients.pem")

    def renew(self) -> None:
        """A new certificate of the server's, each file put in place whole."""
        issued = self.ca.issue_cert("localhost", "127.0.0.1")
        for name, blob in (("key.pem", issued.private_key_pem), ("cert.pem", issued.cert_chain_pems[0])):
            blob.write_to_path(self.folder / f"{name}.new")
            (self.folder / f"{name}.new").replace(self.folder / name)

    @property
    def environ(self) -> dict[str, str]:
        named = {"TLS_CERT": "cert.pem", "TLS_KEY": "key.pem", "CLIENT_CA": "clients.pem"}
        return {f"TIDEGATE_GRPC_{name}": str(self.folder / file) for name, file in named.items()}

    @contextmanager
    def stub(
        self, gateway: GatewayProcess, certificate: trustme.LeafCert | None, ca: trustme.CA | None = None
    ) -> Iterator[Any]:
        own = (None, None)
        if certificate is not None:
            own = (pem(certificate.private_key_pem), b"".join(map(pem, certificate.cert_chain_pems)))  # type: ignore[assignment]
        trust = pem((ca or self.ca).cert_pem)
        credentials = grpc.ssl_channel_credentials(trust, *own)
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.secure_channel(gateway.facts["grpc"], credentials, options=options) as channel:
            yield stubs.IngestServiceStub(channel)  # type: ignore[no-untyped-call]  # generated


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Port:
    return Port(tmp_path_factory.mktemp("rpc-tls"))


@pytest.fixture(scope="module")
def gateway(port: Port) -> Iterator[GatewayProcess]:
    schemas = Path(shutil.copytree(SCHEMAS, port.folder / "schemas"))
    contract = schemas / "contracts" / "customer.orders.yaml"
    text = contract.read_text()
    contract.write_text(text.replace("roles: [", f'roles: [{{role: "client:mtls/{WRITER}", access: write}}, '))
    more = "[server]\ndrain_s = 2\n"
    with gateway_process(port.folder, None, contracts=schemas, more=more, environ=port.environ) as running:
        yield running


def validate(stub: Any, *metadata: tuple[str, str]) -> Any:
    return stub.Validate(ASKED, metadata=metadata, timeout=15)


def test_the_certificate_is_the_principal(port: Port, gateway: GatewayProcess) -> None:
    with port.stub(gateway, uri_certificate(port.clients, WRITER)) as stub:
        assert validate(stub).results[0].status == pb.STATUS_VALID
        assert [row.topic for row in stub.ListTopics(pb.ListTopicsRequest(), timeout=15).topics] == ["customer.orders"]


def test_a_certificate_that_no_contract_names(port: Port, gateway: GatewayProcess) -> None:
    with port.stub(gateway, port.clients.issue_cert("stranger.example.com")) as stub:
        with pytest.raises(grpc.RpcError) as caught:
            validate(stub)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        token = ("authorization", f"Bearer {gateway.token()}")
        assert validate(stub, token).results[0].status == pb.STATUS_VALID  # the token counts where there is one


def test_a_bad_token_beside_a_good_certificate_is_unauthenticated(port: Port, gateway: GatewayProcess) -> None:
    with port.stub(gateway, uri_certificate(port.clients, WRITER)) as stub:
        with pytest.raises(grpc.RpcError) as caught:
            validate(stub, ("authorization", "Bearer nothing"))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("who", ["nobody", "another authority", "plain text"])
def test_no_connection_without_a_certificate_of_ours(port: Port, gateway: GatewayProcess, who: str) -> None:
    token = ("authorization", f"Bearer {gateway.token()}")
    if who == "plain text":
        with grpc.insecure_channel(gateway.facts["grpc"]) as channel, pytest.raises(grpc.RpcError) as caught:
            validate(stubs.IngestServiceStub(channel), token)  # type: ignore[no-untyped-call]  # generated
    else:
        certificate = None if who == "nobody" else uri_certificate(trustme.CA(), WRITER)
        with port.stub(gateway, certificate) as stub, pytest.raises(grpc.RpcError) as caught:
            validate(stub, token)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_failed_handshakes_write_no_line_of_grpcs_own(port: Port, gateway: GatewayProcess) -> None:
    with grpc.insecure_channel(gateway.facts["grpc"]) as channel, pytest.raises(grpc.RpcError):
        validate(stubs.IngestServiceStub(channel))  # type: ignore[no-untyped-call]  # generated
    lines = gateway.log.read_text().splitlines()
    assert lines
    assert all(json.loads(line)["logger"] for line in lines)


def test_a_renewed_certificate_counts_without_a_restart(port: Port, gateway: GatewayProcess) -> None:
    port.ca = trustme.CA(organization_name="another")
    with port.stub(gateway, uri_certificate(port.clients, WRITER)) as stub, pytest.raises(grpc.RpcError):
        validate(stub)
    port.renew()
    ends = time.monotonic() + 10
    while True:
        with port.stub(gateway, uri_certificate(port.clients, WRITER)) as stub:
            try:
                assert validate(stub).results[0].status == pb.STATUS_VALID
                break
            except grpc.RpcError:
                assert time.monotonic() < ends


def test_a_port_that_is_taken_is_said(command: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        busy = command("dev", "--http-port", "0", "--grpc-port", port, "--admin-port", "0")
    assert busy.returncode == 3
    assert f"cannot listen on 127.0.0.1:{port} for gRPC" in busy.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('tls_key = "k.pem"', "grpc.tls_key needs grpc.tls_cert"),
        ('tls_cert = "no.pem"\ntls_key = "no.pem"', "grpc.tls_cert"),
        ("max_calls = 0", "grpc.max_calls"),
        ("max_call = 3", "max_calls"),
    ],
)
def test_what_is_wrong_in_the_section_is_said(command: Any, tmp_path: Path, lines: str, said: str) -> None:
    config = tmp_path / "tidegate.toml"
    config.write_text(
        f'[grpc]\n{lines}\n[kafka]\nembedded = true\n[[auth.issuers]]\nissuer = "https://x"\njwks_file = "keys.json"\n'
    )
    done = command("check-config", "--config", str(config))
    assert done.returncode == 1
    assert said in done.stdout + done.stderr
