"""The official CloudEvents SDK on both ends: events that it makes, sent over HTTP, and the records in real Kafka, which it parses."""

import io
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import fastavro
import httpx2
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from tests.e2e.processes import GatewayProcess
from tests.kafka.reading import ReadRecord

pytestmark = pytest.mark.kafka

ReadAll = Callable[[str], list[ReadRecord]]


class Undecoded(JSONFormat):
    """The value as bytes: it is the contract's encoding, which a consumer reads by its schema id."""

    def read_data(self, body: bytes, *_: Any) -> bytes:
        return body


def order_event(number: str, **attributes: Any) -> CloudEvent:
    order = {
        "orderId": number,
        "customerId": "c-1",
        "placedAt": "2026-01-31T12:00:00.250Z",
        "items": [{"coffee": "ESPRESSO", "boldness": 7}],
        "total": "12.50",
    }
    base = {
        "id": f"ce-{number}",
        "source": "/shop/ü",
        "type": "customer.orders",
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "time": datetime(2026, 1, 31, 12, tzinfo=UTC),
        "colour": "blau %",
    }
    return CloudEvent(base | attributes, order)


@pytest.mark.parametrize("to_http", [to_binary_event, to_structured_event])
def test_an_event_of_the_sdk_arrives_whole(
    gateway: GatewayProcess, http: httpx2.Client, read_all: ReadAll, to_http: Callable[..., Any]
) -> None:
    number = str(uuid.uuid4())
    message = to_http(order_event(number))
    headers = {**message.headers, "Authorization": f"Bearer {gateway.token()}"}
    answer = http.post(f"http://{gateway.http}/v1/events", content=message.body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == f"ce-{number}"

    record = next(record for record in read_all("customer.orders") if record.key == number.encode())
    stored = KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value or b"")
    read = from_binary(stored, Undecoded())
    assert (read.get_id(), read.get_source(), read.get_type()) == (f"ce-{number}", "/shop/ü", "customer.orders")
    assert read.get_time() == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert read.get_extension("colour") == "blau %"
    assert read.get_datacontenttype() == "application/avro; framing=confluent"

    schema_id = int.from_bytes(record.value[1:5], "big")
    url = f"http://{gateway.http}/registry/schemas/ids/{schema_id}/schema"
    schema = fastavro.parse_schema(json.loads(http.get(url, headers={"Authorization": headers["Authorization"]}).text))
    assert fastavro.schemaless_reader(io.BytesIO(record.value[5:]), schema, None)["orderId"] == uuid.UUID(number)


def test_a_batch_for_two_topics(gateway: GatewayProcess, http: httpx2.Client, read_all: ReadAll) -> None:
    number = str(uuid.uuid4())
    order = json.loads(to_structured_event(order_event(number)).body)
    step = {
        **order,
        "id": "step-1",
        "type": "urn:coffeeco:customer.order-status",
        "data": {
            "orderId": number,
            "status": "ORDER_STATUS_ROASTING",
            "changedAt": "2026-01-31T12:00:00Z",
            "coffees": [{"name": "Espresso", "boldness": 8, "quantity": 1}],
        },
    }
    headers = {"Authorization": f"Bearer {gateway.token()}", "Content-Type": "application/cloudevents-batch+json"}
    answer = http.post(f"http://{gateway.http}/v1/events", content=json.dumps([order, step]), headers=headers)
    assert answer.status_code == 200, answer.text
    assert [row["topic"] for row in answer.json()["results"]] == ["customer.orders", "customer.order-status"]
    for topic in ("customer.orders", "customer.order-status"):
        assert any(record.key == number.encode() for record in read_all(topic))
