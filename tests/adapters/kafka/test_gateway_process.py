"""The gateway as its operators run it, on a broker that asks who is there: topics created, events stored, faults said."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest
from confluent_kafka.admin import AdminClient
from tests.e2e.processes import SCHEMAS, gateway_process
from tests.kafka.reading import read_topic
from tests.kafka.secured_kafka import PASSWORD, USER, SecuredKafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def contracts_with(folder: Path, value: str) -> Path:
    """The example company's schemas; the contract of orders says how its topic is made."""
    schemas = folder / "schemas"
    shutil.copytree(SCHEMAS, schemas)
    file = schemas / "contracts" / "customer.orders.yaml"
    text = file.read_text("utf-8")
    assert "customProperties:\n" in text
    row = f"customProperties:\n      - {{property: kafka, value: {value}}}\n"
    file.write_text(text.replace("customProperties:\n", row, 1), "utf-8")
    return schemas


def login(secured: SecuredKafka, password_file: Path) -> dict[str, str]:
    return {
        "TIDEGATE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "TIDEGATE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "TIDEGATE_KAFKA_SASL_USERNAME": USER,
        "TIDEGATE_KAFKA_SASL_PASSWORD_FILE": str(password_file),
        "TIDEGATE_KAFKA_SSL_CA": str(secured.ca),
        "TIDEGATE_KAFKA_CREATE_TOPICS": "true",
    }


def readiness(admin: str) -> dict[str, Any]:
    checks: dict[str, Any] = json.loads(httpx2.get(f"http://{admin}/readyz", timeout=10).content)["checks"]
    return checks


def test_it_logs_in_over_tls_creates_its_topics_and_stores(secured: SecuredKafka, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD + "\n", "utf-8")
    schemas = contracts_with(tmp_path, "{partitions: 4, config: {retention.ms: 7200000}}")
    environ = login(secured, tmp_path / "password")
    with gateway_process(tmp_path, secured.sasl_tls, contracts=schemas, environ=environ) as gateway:
        assert readiness(gateway.admin)["kafka"]["ok"], readiness(gateway.admin)
        answer = httpx2.post(
            f"http://{gateway.http}/v1/topics/customer.orders/events",
            content=json.dumps(order()),
            headers={"Authorization": f"Bearer {gateway.token()}", "Content-Type": "application/json"},
            timeout=20,
        )
        assert answer.status_code in {200, 201, 202}, answer.text
    assert len(read_topic(secured.plaintext, "customer.orders")) == 1
    topics = AdminClient({"bootstrap.servers": secured.plaintext}).list_topics(timeout=10).topics
    assert len(topics["customer.orders"].partitions) == 4
    log = gateway.log.read_text("utf-8")
    assert PASSWORD not in log
    assert "password" not in log


def test_a_wrong_password_is_no_failed_start_and_one_line_says_it(secured: SecuredKafka, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("not it", "utf-8")
    environ = login(secured, tmp_path / "password")
    with gateway_process(tmp_path, secured.sasl_tls, environ=environ) as gateway:
        kafka = readiness(gateway.admin)["kafka"]
        assert not kafka["ok"]
        assert f'refuses the login of "{USER}" (SCRAM-SHA-512): user name or password is wrong' in kafka["detail"]
    lines = [line for line in gateway.log.read_text("utf-8").splitlines() if "refuses the login" in line]
    assert len(lines) == 1
    assert "not it" not in gateway.log.read_text("utf-8")


def order() -> dict[str, Any]:
    return {
        "orderId": str(uuid.uuid4()),
        "customerId": "c-1",
        "placedAt": "2026-01-31T12:00:00Z",
        "items": [{"coffee": "ESPRESSO", "boldness": 7}],
        "total": "1",
    }
