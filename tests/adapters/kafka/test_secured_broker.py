"""TLS and logins against a real broker: what is right is stored, and what is wrong is said in plain words, once."""

import asyncio
import logging
import time
import uuid
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from tests.adapters.publisher.running import until
from tests.kafka.reading import read_topic
from tests.kafka.secured_kafka import KEY_PASSWORD, PASSWORD, PLAIN_PASSWORD, USER, SecuredKafka

from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.security import Security
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.intake.ports import Record, RecordStored

pytestmark = pytest.mark.kafka

SCRAM = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": USER, "sasl_password": PASSWORD}


@pytest.fixture(scope="module")
def topic(secured: SecuredKafka) -> str:
    name = f"secured.{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": secured.plaintext})
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])[name].result(20)
    return name


class secured_publisher:  # noqa: N801 -- read as a verb
    """A publisher by the listener and the options of its security."""

    def __init__(self, server: str, topic: str, protocol: str, **options: Any) -> None:
        security = Security(security_protocol=protocol, **{name: str(value) for name, value in options.items()})
        self._settings, self._topic = KafkaSettings(bootstrap_servers=server, security=security), topic

    async def __aenter__(self) -> KafkaPublisher:
        self._publisher = KafkaPublisher(self._settings)
        await self._publisher.start()
        await self._publisher.watch_topics([self._topic])
        return self._publisher

    async def __aexit__(self, *error: object) -> None:
        await self._publisher.close(2)


@pytest.mark.parametrize(
    ("listener", "protocol", "options"),
    [
        ("tls", "SSL", {}),
        ("mutual_tls", "SSL", {"client": "key"}),
        ("mutual_tls", "SSL", {"client": "locked_key"}),
        ("sasl_tls", "SASL_SSL", SCRAM),
        ("sasl_tls", "SASL_SSL", SCRAM | {"sasl_mechanism": "SCRAM-SHA-256"}),
        ("sasl_plaintext", "SASL_PLAINTEXT", SCRAM),
        ("sasl_plaintext", "SASL_PLAINTEXT", SCRAM | {"sasl_mechanism": "PLAIN", "sasl_password": PLAIN_PASSWORD}),
    ],
    ids=["tls", "mutual", "mutual-locked-key", "scram-512", "scram-256", "scram-in-the-clear", "plain"],
)
async def test_events_are_stored(
    secured: SecuredKafka, topic: str, listener: str, protocol: str, options: dict[str, Any]
) -> None:
    options = dict(options)
    if protocol.endswith("SSL"):
        options["ssl_ca"] = secured.ca
    if key := options.pop("client", None):
        options |= {"ssl_cert": secured.client.cert, "ssl_key": getattr(secured.client, key)}
        options |= {"ssl_key_password": KEY_PASSWORD} if key == "locked_key" else {}
    value = uuid.uuid4().bytes
    async with secured_publisher(getattr(secured, listener), topic, protocol, **options) as publisher:
        await until(lambda: publisher.ready()[0], 5, "ready")
        (outcome,) = await publisher.publish(topic, [Record(b"k", value, (), int(time.time() * 1000))], timeout_s=20)
    assert isinstance(outcome, RecordStored)
    assert value in [read.value for read in await asyncio.to_thread(read_topic, secured.plaintext, topic)]


@pytest.mark.parametrize(
    ("listener", "protocol", "options", "said"),
    [
        ("sasl_tls", "SASL_SSL", SCRAM | {"sasl_password": "wrong"}, 'refuses the login of "gate" (SCRAM-SHA-512)'),
        ("sasl_tls", "SASL_SSL", SCRAM | {"sasl_username": "nobody"}, 'refuses the login of "nobody"'),
        (
            "sasl_plaintext", "SASL_PLAINTEXT", SCRAM | {"sasl_mechanism": "PLAIN", "sasl_password": "wrong"},
            'refuses the login of "gate" (PLAIN)',
        ),
        ("tls", "SSL", {"ssl_ca": "other_ca"}, "is not trusted: unable to get local issuer certificate"),
        ("tls", "SSL", {"ssl_ca": ""}, "the system's authorities; ssl_ca names others"),
        ("mutual_tls", "SSL", {}, "wants a client certificate (ssl_cert, ssl_key)"),
        ("mutual_tls", "SSL", {"client": "stranger"}, "refuses our certificate (ssl_cert)"),
        ("plaintext", "SSL", {}, "does it want another security_protocol than SSL?"),
        ("tls", "PLAINTEXT", {}, "does it want another security_protocol than PLAINTEXT?"),
        ("sasl_plaintext", "PLAINTEXT", {}, "does it want another security_protocol than PLAINTEXT?"),
        ("plaintext", "SASL_PLAINTEXT", SCRAM, "asks for no login, and security_protocol is SASL_PLAINTEXT"),
    ],
    ids=[
        "wrong-password", "wrong-user", "wrong-plain", "untrusted-ca", "system-ca", "no-client-certificate",
        "strange-client-certificate", "plaintext-listener", "tls-listener", "sasl-listener", "no-sasl-listener",
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_in_plain_words_once(
    secured: SecuredKafka,
    topic: str,
    caplog: pytest.LogCaptureFixture,
    listener: str,
    protocol: str,
    options: dict[str, Any],
    said: str,
) -> None:
    caplog.set_level(logging.INFO, "tidegate_gateway")
    options = dict(options)
    if protocol.endswith("SSL"):
        options["ssl_ca"] = getattr(secured, options.get("ssl_ca", "ca") or "none", "")
    if who := options.pop("client", None):
        options |= {"ssl_cert": getattr(secured, who).cert, "ssl_key": getattr(secured, who).key}
    async with secured_publisher(getattr(secured, listener), topic, protocol, **options) as publisher:
        await until(lambda: said in publisher.ready()[1], 5, said)
        await asyncio.sleep(1.1)  # another look
        ok, detail = publisher.ready()
    assert not ok
    assert said in detail
    assert getattr(secured, listener) in detail
    lines = [line.getMessage() for line in caplog.records if line.name.endswith("kafka.cluster")]
    assert sum(said in line for line in lines) == 1
    assert not any(PASSWORD in line.getMessage() or line.getMessage() == "wrong" for line in caplog.records)


async def test_the_name_in_the_certificate_counts(secured: SecuredKafka, topic: str) -> None:
    """Host names are verified too: the certificate is for 127.0.0.1, and the same broker answers as localhost."""
    by_name = secured.tls.replace("127.0.0.1", "localhost")
    async with secured_publisher(by_name, topic, "SSL", ssl_ca=secured.ca) as publisher:
        ok, detail = publisher.ready()
    assert not ok
    assert "Hostname mismatch" in detail
