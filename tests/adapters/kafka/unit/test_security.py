"""SASL and TLS judged together: every combination that cannot be meant is named by its option; files too; no secret is shown."""

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tidegate_gateway.adapters.kafka.connecting import login_arguments
from tidegate_gateway.adapters.kafka.security import Security, tls_context
from tidegate_gateway.adapters.kafka.settings import KafkaSettings

LOGIN = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "gate", "sasl_password": "sesame"}


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({}, ()),
        (LOGIN | {"security_protocol": "SASL_PLAINTEXT"}, ()),
        ({"security_protocol": "SSL"}, ()),
        (
            {"security_protocol": "TLS"},
            ('security_protocol: "TLS" is not one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL',),
        ),
        (
            {"security_protocol": "SASL_SSL"},
            (
                "sasl_mechanism: is missing: one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, as security_protocol is SASL_SSL",
                "sasl_username: is missing, as security_protocol is SASL_SSL",
                "sasl_password: is missing: give it, or sasl_password_file, as security_protocol is SASL_SSL",
            ),
        ),
        (
            LOGIN | {"security_protocol": "SASL_SSL", "sasl_mechanism": "GSSAPI"},
            ('sasl_mechanism: "GSSAPI" is not one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512',),
        ),
        (
            {"sasl_username": "gate"},
            ("sasl_username: is given, and security_protocol PLAINTEXT has no login: set SASL_SSL or SASL_PLAINTEXT",),
        ),
        (
            {"security_protocol": "SSL", "sasl_password": "sesame"},
            ("sasl_password: is given, and security_protocol SSL has no login: set SASL_SSL",),
        ),
        ({"ssl_ca": "ca.pem"}, ("ssl_ca: is given, and security_protocol PLAINTEXT has no TLS: set SSL",)),
        (
            LOGIN | {"security_protocol": "SASL_PLAINTEXT", "ssl_ca": "ca.pem"},
            ("ssl_ca: is given, and security_protocol SASL_PLAINTEXT has no TLS: set SASL_SSL",),
        ),
        (
            {"security_protocol": "SSL", "ssl_cert": "c.pem"},
            ("ssl_key: is missing: the key of ssl_cert (it may be the same file)",),
        ),
        ({"security_protocol": "SSL", "ssl_key": "k.pem"}, ("ssl_cert: is missing: the certificate of ssl_key",)),
        (
            {"security_protocol": "SSL", "ssl_key_password": "x"},
            ("ssl_key_password: is given, and there is no ssl_key",),
        ),
    ],
)
def test_combinations(options: dict[str, str], wrong: tuple[str, ...]) -> None:
    assert Security(**options).validate() == wrong
    settings = KafkaSettings(bootstrap_servers="k:1", security=Security(**options))
    assert settings.validate() == wrong


class Files:
    """A certificate, its key, the key of another, an encrypted key, and files that are none of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ca = trustme.CA()
        issued, other = ca.issue_cert("client.example.com"), ca.issue_cert("other.example.com")
        private = load_pem_private_key(issued.private_key_pem.bytes(), None)
        encryption = BestAvailableEncryption(b"open")
        self.write("ca", ca.cert_pem.bytes())
        self.write("cert", issued.cert_chain_pems[0].bytes())
        self.write("key", issued.private_key_pem.bytes())
        self.write("both", issued.private_key_pem.bytes() + issued.cert_chain_pems[0].bytes())
        self.write("other", other.private_key_pem.bytes())
        self.write("locked", private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        self.write("noise", b"no certificate")
        self.write("empty", b"")

    def write(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    def security(self, **names: str) -> Security:
        paths = {
            f"ssl_{option}": name if option == "key_password" else str(self.folder / name)
            for option, name in names.items()
        }
        return Security(security_protocol="SSL", **paths)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("pem"))


@pytest.mark.parametrize(
    "names",
    [
        {"ca": "ca"},
        {"ca": "ca", "cert": "cert", "key": "key"},
        {"cert": "both", "key": "both"},
        {"cert": "cert", "key": "locked", "key_password": "open"},
    ],
)
def test_files_that_fit(files: Files, names: dict[str, str]) -> None:
    security = files.security(**names)
    assert security.validate() == ()
    context = tls_context(security)
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"ca": "nowhere"}, "ssl_ca: {}/nowhere cannot be read: No such file or directory"),
        ({"ca": "empty"}, "ssl_ca: {}/empty is empty"),
        ({"ca": "noise"}, "ssl_ca: {}/noise holds no certificate in PEM form"),
        ({"ca": "key"}, "ssl_ca: {}/key holds no certificate in PEM form"),
        ({"cert": "noise", "key": "key"}, "ssl_cert: {}/noise holds no certificate in PEM form"),
        ({"cert": "cert", "key": "noise"}, "ssl_key: {}/noise holds no private key in PEM form"),
        ({"cert": "cert", "key": "other"}, "ssl_key: {}/other is not the key of the certificate in {}/cert"),
        ({"cert": "cert", "key": "locked", "key_password": "shut"}, "ssl_key_password: does not open {}/locked"),
        ({"cert": "cert", "key": "locked"}, "ssl_key: {}/locked cannot be used: it is damaged, or encrypted"),
    ],
)  # fmt: skip
def test_files_that_do_not(files: Files, names: dict[str, str], said: str) -> None:
    (wrong,) = files.security(**names).validate()
    assert wrong.startswith(said.replace("{}", str(files.folder)))


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    files = Files(tmp_path)
    security = files.security(ca="ca")
    before = tls_context(security)
    assert tls_context(security) is before
    files.write("ca", trustme.CA().cert_pem.bytes())
    assert tls_context(security) is not before
    (tmp_path / "ca").unlink()
    with pytest.raises(FileNotFoundError):
        tls_context(security)


def test_no_secret_is_shown() -> None:
    security = Security(security_protocol="SASL_PLAINTEXT", ssl_key_password="opensesame", **LOGIN)
    shown = repr(KafkaSettings(bootstrap_servers="k:1", security=security)) + str(security)
    assert "sesame" not in shown
    assert "gate" in shown


def test_what_aiokafka_is_told() -> None:
    security = Security(security_protocol="SASL_PLAINTEXT", **LOGIN)
    arguments = login_arguments(KafkaSettings(bootstrap_servers="k:1", security=security))
    assert arguments == {
        "client_id": "tidegate-gateway",
        "security_protocol": "SASL_PLAINTEXT",
        "ssl_context": None,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "gate",
        "sasl_plain_password": "sesame",
    }
    plain = login_arguments(KafkaSettings(bootstrap_servers="k:1"))
    assert (plain["sasl_plain_username"], plain["ssl_context"]) == (None, None)
