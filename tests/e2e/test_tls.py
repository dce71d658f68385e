"""TLS and mutual TLS at the door, with real certificates and real sockets."""

import datetime as dt
import json
import shutil
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import trustme
from cryptography import x509
from tests.e2e.processes import SCHEMAS, GatewayProcess, gateway_process

WRITER = "spiffe://coffeeco/checkout"
VALIDATE = "/v1/topics/customer.orders/events:validate"
ORDER = {
    "orderId": "2f1c6b0e-0000-4000-8000-000000000001", "customerId": "c-1", "placedAt": "2026-01-31T12:00:00Z",
    "items": [{"coffee": "ESPRESSO", "boldness": 7}], "total": "1",
}  # fmt: skip


@dataclass(frozen=True)
class Files:
    """A server's certificate and key, and what clients need."""

    ca: trustme.CA
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        return {
            "TIDEGATE_HTTP_TLS_CERT": str(self.folder / "cert.pem"),
            "TIDEGATE_HTTP_TLS_KEY": str(self.folder / "key.pem"),
        }

    def serve(self, common_name: str) -> None:
        """Put a certificate of the server in place, as a renewal does: each file whole."""
        issued = self.ca.issue_cert("localhost", "127.0.0.1", common_name=common_name)
        for name, blob in (("key.pem", issued.private_key_pem), ("cert.pem", issued.cert_chain_pems[0])):
            blob.write_to_path(self.folder / f"{name}.new")
            (self.folder / f"{name}.new").replace(self.folder / name)

    def trusting(self, certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        if certificate is not None:
            certificate.configure_cert(context)
        return context


@pytest.fixture(scope="module")
def clients() -> trustme.CA:
    """Who signs the clients' certificates."""
    return trustme.CA(organization_name="clients")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(trustme.CA(), tmp_path)
    made.serve("first")
    return made


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory, clients: trustme.CA) -> Iterator[tuple[GatewayProcess, Files]]:
    """A gateway that wants client certificates; customer.orders names one of them as a writer."""
    folder = tmp_path_factory.mktemp("mutual")
    made = Files(trustme.CA(), folder)
    made.serve("first")
    clients.cert_pem.write_to_path(folder / "clients.pem")
    schemas = Path(shutil.copytree(SCHEMAS, folder / "schemas"))
    contract = schemas / "contracts" / "customer.orders.yaml"
    text = contract.read_text()
    assert "roles: [" in text
    contract.write_text(
        text.replace(
            "roles: [",
            f'roles: [{{role: "client:mtls/{WRITER}", access: write}}, {{role: "client:mtls/shop.example.com", access: write}}, ',
        )
    )
    environ = {**made.environ, "TIDEGATE_HTTP_CLIENT_CA": str(folder / "clients.pem")}
    more = "[server]\ndrain_s = 2\nheader_timeout_s = 1\n"
    with gateway_process(folder, None, contracts=schemas, more=more, environ=environ) as running:
        yield running, made


@contextmanager
def client(context: ssl.SSLContext) -> Iterator[httpx2.Client]:
    with httpx2.Client(verify=context, trust_env=False, timeout=10) as made:
        yield made


def common_name(gateway: GatewayProcess, files: Files) -> str:
    host, port = gateway.http.split(":")
    with (
        socket.create_connection((host, int(port)), timeout=5) as raw,
        files.trusting().wrap_socket(raw, server_hostname="localhost") as tls,
    ):
        der = tls.getpeercert(binary_form=True)
        assert der is not None
        (name,) = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return str(name.value)


def test_an_event_over_tls_and_links_that_say_so(files: Files, tmp_path: Path) -> None:
    with gateway_process(tmp_path, None, environ=files.environ) as gateway, client(files.trusting()) as http:
        fields = {"Authorization": f"Bearer {gateway.token()}"}
        good = http.post(f"https://{gateway.http}{VALIDATE}", json=ORDER, headers=fields)
        assert (good.status_code, good.json()["status"]) == (200, "valid")
        bad = http.post(f"https://{gateway.http}{VALIDATE}", json={}, headers=fields)
        assert bad.json()["type"].startswith(f"https://{gateway.http}/docs/errors/")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = files.trusting()
            context.minimum_version = context.maximum_version = version
            with client(context) as one:
                assert one.get(f"https://{gateway.http}/docs/errors/malformed").status_code == 200
        old = files.trusting()
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with client(old) as one, pytest.raises(httpx2.ConnectError):
            one.get(f"https://{gateway.http}/docs/errors/malformed")


def test_plain_http_on_the_tls_port_gets_nothing_and_a_stalled_handshake_ends(files: Files, tmp_path: Path) -> None:
    more = "[server]\nheader_timeout_s = 1\n"
    with gateway_process(tmp_path, None, environ=files.environ, more=more) as gateway:
        host, port = gateway.http.split(":")
        for sent in (b"GET /docs HTTP/1.1\r\nHost: gate\r\n\r\n", b"", b"\x16\x03\x01\x02\x00\x01"):
            began = time.monotonic()
            with socket.create_connection((host, int(port)), timeout=10) as sock:
                sock.sendall(sent)
                assert b"HTTP" not in ended(sock)
            assert time.monotonic() - began < 5
        with client(files.trusting()) as http:
            assert http.get(f"https://{gateway.http}/docs/errors/malformed").status_code == 200


def test_a_renewed_certificate_counts_at_once_and_drops_nobody(files: Files, tmp_path: Path) -> None:
    with gateway_process(tmp_path, None, environ=files.environ) as gateway, client(files.trusting()) as http:
        url = f"https://{gateway.http}/docs/errors/malformed"
        stream = http.get(url).extensions["network_stream"]
        assert common_name(gateway, files) == "first"
        files.serve("second")
        wait_until(lambda: common_name(gateway, files) == "second")
        assert http.get(url).extensions["network_stream"] is stream, "the connection under way stays"
        (files.folder / "key.pem").write_text("broken")
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: "cannot be used" in gateway.log.read_text())
        assert common_name(gateway, files) == "second"
        files.serve("third")
        wait_until(lambda: common_name(gateway, files) == "third")


def test_a_certificate_is_a_principal(mutual: tuple[GatewayProcess, Files], clients: trustme.CA) -> None:
    gateway, files = mutual
    base = f"https://{gateway.http}"
    shop = clients.issue_cert("shop.example.com")
    with client(files.trusting(shop)) as http:
        assert http.post(f"{base}{VALIDATE}", json=ORDER).status_code == 200
        missing = http.post(f"{base}/v1/topics/no.such/events:validate", json={})
        without_roles = http.post(f"{base}/v1/topics/customer.order-status/events:validate", json={})
        others = http.post(f"{base}/v1/topics/customer.profiles/events:validate", json={})
        assert {r.status_code for r in (missing, without_roles, others)} == {403}
        for topic, answer in (
            ("no.such", missing),
            ("customer.order-status", without_roles),
            ("customer.profiles", others),
        ):
            assert without_ids(answer, topic) == without_ids(missing, "no.such"), "missing and forbidden look the same"
        assert http.get(f"{base}/v1/topics/customer.orders").status_code == 200
        assert http.get(f"{base}/v1/topics/customer.profiles").status_code == 403
        assert [row["topic"] for row in http.get(f"{base}/v1/topics").json()["topics"]] == ["customer.orders"]
    with client(files.trusting(clients.issue_cert("stranger.example.com"))) as http:
        assert http.post(f"{base}{VALIDATE}", json=ORDER).status_code == 403


def test_a_uri_names_a_workload(mutual: tuple[GatewayProcess, Files], clients: trustme.CA) -> None:
    gateway, files = mutual
    workload = uri_certificate(clients, WRITER)
    with client(files.trusting(workload)) as http:
        assert http.post(f"https://{gateway.http}{VALIDATE}", json=ORDER).status_code == 200


def test_who_sends_a_token_too_means_the_token(mutual: tuple[GatewayProcess, Files], clients: trustme.CA) -> None:
    gateway, files = mutual
    url = f"https://{gateway.http}{VALIDATE}"
    with client(files.trusting(clients.issue_cert("shop.example.com"))) as http:
        assert http.post(url, json=ORDER, headers={"Authorization": "Bearer no.good.token"}).status_code == 401
        poor = gateway.token("publish:other")
        assert http.post(url, json=ORDER, headers={"Authorization": f"Bearer {poor}"}).status_code == 403
    with client(files.trusting(clients.issue_cert("stranger.example.com"))) as http:
        assert http.post(url, json=ORDER, headers={"Authorization": f"Bearer {gateway.token()}"}).status_code == 200


def test_certificates_that_do_not_pass(mutual: tuple[GatewayProcess, Files], clients: trustme.CA) -> None:
    gateway, files = mutual
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    expired = clients.issue_cert("shop.example.com", not_before=yesterday - dt.timedelta(days=2), not_after=yesterday)
    of_another = trustme.CA(organization_name="clients").issue_cert("shop.example.com")
    for certificate in (None, expired, of_another):
        with client(files.trusting(certificate)) as http, pytest.raises(httpx2.TransportError):
            http.post(f"https://{gateway.http}{VALIDATE}", json=ORDER)
    with client(files.trusting(clients.issue_cert("shop.example.com"))) as http:
        assert http.post(f"https://{gateway.http}{VALIDATE}", json=ORDER).status_code == 200


def test_files_that_make_no_tls_are_configuration_errors_with_their_line(
    files: Files, tmp_path: Path, command: Callable[..., object]
) -> None:
    other = trustme.CA().issue_cert("localhost")
    other.private_key_pem.write_to_path(tmp_path / "other.pem")
    (tmp_path / "empty.pem").write_text("")
    cert, key = files.folder / "cert.pem", files.folder / "key.pem"
    table = {
        f'tls_cert = "{cert}"': (2, "http.tls_cert needs http.tls_key beside it"),
        f'tls_cert = "{cert}"\ntls_key = "{tmp_path / "other.pem"}"': (3, "is not the key of the certificate"),
        f'tls_cert = "{tmp_path / "none.pem"}"\ntls_key = "{key}"': (2, "cannot be read: No such file"),
        f'tls_cert = "{tmp_path / "empty.pem"}"\ntls_key = "{key}"': (2, "holds no certificate in PEM"),
        f'tls_cert = "{cert}"\ntls_key = "{tmp_path / "empty.pem"}"': (3, "holds no private key in PEM"),
        f'tls_cert = "{cert}"\ntls_key = "{key}"\nclient_ca = "{tmp_path / "empty.pem"}"': (4, "holds no certificate in PEM"),
        f'client_ca = "{cert}"': (2, "http.client_ca needs http.tls_cert beside it"),
        'trusted_proxies = ["10.0.0.0/33"]': (2, "no address and no CIDR range"),
    }  # fmt: skip
    for text, (line, says) in table.items():
        config = tmp_path / "tidegate.toml"
        config.write_text(f"[http]\n{text}\n[kafka]\nembedded = true\n")
        done = command("check-config", "--config", str(config))
        assert done.returncode != 0  # type: ignore[attr-defined]  # a CompletedProcess
        told = done.stdout + done.stderr  # type: ignore[attr-defined]  # a CompletedProcess
        assert f"tidegate.toml:{line}: " in told, told
        assert says in told


def uri_certificate(ca: trustme.CA, uri: str) -> trustme.LeafCert:
    """trustme makes no URIs: one signed with its CA's key."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    signer = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("not-this-one.example.com"), x509.UniformResourceIdentifier(uri)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .sign(signer, hashes.SHA256())  # type: ignore[arg-type]  # trustme's keys are EC
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return trustme.LeafCert(pem, certificate.public_bytes(serialization.Encoding.PEM), [])


def without_ids(answer: httpx2.Response, topic: str) -> str:
    problem = answer.json()
    del problem["instance"]
    return json.dumps(problem).replace(topic, "TOPIC") + str(answer.headers.get("www-authenticate"))


def ended(sock: socket.socket) -> bytes:
    data = b""
    try:
        while piece := sock.recv(4096):
            data += piece
    except ConnectionResetError:
        pass
    return data


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.1)
