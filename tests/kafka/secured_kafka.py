"""A real broker that asks who is there: TLS, mutual TLS and logins, each on a port of its own. Used by tests/adapters/kafka."""

import time
from dataclasses import dataclass
from pathlib import Path

import trustme
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.kafka.real_kafka import KafkaCluster, free_ports

USER = "gate"
PASSWORD = "open sesame, \u00e9 and 'quotes'"
PLAIN_PASSWORD = "plain-secret"
KEY_PASSWORD = "opens the key"


@dataclass(frozen=True)
class Identity:
    """PEM files of one certificate: `cert`, its `key` (PKCS 8), and the same key encrypted with `KEY_PASSWORD`."""

    cert: Path
    key: Path
    locked_key: Path


@dataclass(frozen=True)
class SecuredKafka:
    """Each listener as `host:port`. `ca` signed the broker's certificate and `client`'s; `other_ca` nobody's here."""

    plaintext: str
    tls: str
    mutual_tls: str
    sasl_tls: str
    sasl_plaintext: str
    ca: Path
    other_ca: Path
    client: Identity
    stranger: Identity


def secure(cluster: KafkaCluster, folder: Path) -> SecuredKafka:
    """Start a running cluster of one node anew, with the listeners that ask."""
    node = cluster.nodes[0]
    ours, others = trustme.CA(), trustme.CA()
    broker = _identity(ours, folder, "127.0.0.1")
    ca, other_ca = folder / "ca.pem", folder / "other-ca.pem"
    ours.cert_pem.write_to_path(str(ca))
    others.cert_pem.write_to_path(str(other_ca))
    store = folder / "broker-store.pem"
    store.write_bytes(broker.key.read_bytes() + broker.cert.read_bytes())
    protocols = {"TLS": "SSL", "MUTUAL": "SSL", "SASLTLS": "SASL_SSL", "SASLPLAIN": "SASL_PLAINTEXT"}
    ports = dict(zip(protocols, free_ports(len(protocols)), strict=True))
    node.stop()
    file = node.folder / "server.properties"
    lines = file.read_text("utf-8").splitlines()
    added = "".join(f",{name}://127.0.0.1:{port}" for name, port in ports.items())
    mapped = "".join(f",{name}:{protocol}" for name, protocol in protocols.items())
    kept = [
        line + (added if line.startswith(("listeners=", "advertised.listeners=")) else "")
        + (mapped if line.startswith("listener.security.protocol.map=") else "")
        for line in lines
    ]  # fmt: skip
    file.write_text("\n".join([*kept, *_tls_lines(store, ca), *_sasl_lines()]) + "\n", "utf-8")
    cluster.start()
    _add_scram_user(cluster.bootstrap)
    return SecuredKafka(
        plaintext=cluster.bootstrap,
        tls=f"127.0.0.1:{ports['TLS']}",
        mutual_tls=f"127.0.0.1:{ports['MUTUAL']}",
        sasl_tls=f"127.0.0.1:{ports['SASLTLS']}",
        sasl_plaintext=f"127.0.0.1:{ports['SASLPLAIN']}",
        ca=ca,
        other_ca=other_ca,
        client=_identity(ours, folder, "client.example.com"),
        stranger=_identity(others, folder, "stranger.example.com"),
    )


def _tls_lines(store: Path, ca: Path) -> list[str]:
    lines = [
        f"listener.name.{name}.ssl.{option}"
        for name in ("tls", "mutual", "sasltls")
        for option in (
            "keystore.type=PEM", f"keystore.location={store}", "truststore.type=PEM", f"truststore.location={ca}",
        )
    ]  # fmt: skip
    return [*lines, "listener.name.mutual.ssl.client.auth=required"]


def _sasl_lines() -> list[str]:
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    lines = []
    for name in ("sasltls", "saslplain"):
        lines += [
            f"listener.name.{name}.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
            f"listener.name.{name}.scram-sha-256.sasl.jaas.config={scram}",
            f"listener.name.{name}.scram-sha-512.sasl.jaas.config={scram}",
            f'listener.name.{name}.plain.sasl.jaas.config={plain} user_{USER}="{PLAIN_PASSWORD}";',
        ]
    return lines


def _add_scram_user(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        wanted = UserScramCredentialUpsertion(USER, ScramCredentialInfo(mechanism, 4096), PASSWORD.encode())
        for last in (False, False, False, True):  # its port answers a moment before the controller does
            try:
                admin.alter_user_scram_credentials([wanted])[USER].result(20)
                break
            except KafkaException:
                if last:
                    raise
                time.sleep(1)


def _identity(ca: trustme.CA, folder: Path, name: str) -> Identity:
    issued = ca.issue_cert(name)
    cert, key, locked = (folder / f"{name}{suffix}" for suffix in (".pem", ".key", ".locked.key"))
    cert.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    private = load_pem_private_key(issued.private_key_pem.bytes(), None)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    encryption = BestAvailableEncryption(KEY_PASSWORD.encode())
    locked.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return Identity(cert, key, locked)
