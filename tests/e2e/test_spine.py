"""An event's whole way, from an HTTP request to real Kafka, read back by a stock consumer and decoded by stock libraries."""

import base64
import gzip
import io
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import fastavro
import httpx2
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.json_format import MessageToDict
from tests.e2e.processes import GatewayProcess
from tests.kafka.reading import ReadRecord

pytestmark = pytest.mark.kafka

ORDERS = "/v1/topics/customer.orders"
Post = Callable[..., httpx2.Response]
ReadAll = Callable[[str], list[ReadRecord]]


def order(**changes: Any) -> dict[str, Any]:
    return {
        "orderId": str(uuid.uuid4()),
        "customerId": "c-1",
        "placedAt": "2026-01-31T12:00:00.250Z",
        "items": [{"coffee": "ESPRESSO", "boldness": 7}, {"coffee": "FILTER", "boldness": 3, "quantity": 2}],
        "total": "12.50",
        "payment": {"code": "SPRING26", "amount": "5.00"},
        "attributes": {"channel": "web"},
        **changes,
    }


def by_key(records: list[ReadRecord]) -> dict[bytes | None, ReadRecord]:
    return {record.key: record for record in records}


def source(http: httpx2.Client, gateway: GatewayProcess, topic: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {gateway.token()}"}
    return http.get(f"http://{gateway.http}/v1/topics/{topic}/bundle", headers=headers).json()


def schemas(http: httpx2.Client, gateway: GatewayProcess, topic: str) -> dict[int, Any]:
    """A topic's Avro schemas by the id in the frame, parsed by fastavro."""
    versions = source(http, gateway, topic)["versions"]
    return {version["schemaId"]: fastavro.parse_schema(json.loads(version["schema"])) for version in versions}


def decoded(by_id: dict[int, Any], value: bytes) -> dict[str, Any]:
    """The Avro value of a record, by fastavro, to its last byte."""
    assert value[0] == 0
    stream = io.BytesIO(value[5:])
    read = fastavro.schemaless_reader(stream, by_id[int.from_bytes(value[1:5], "big")], None)
    assert stream.read() == b""
    assert isinstance(read, dict)
    return read


def test_a_batch_of_a_thousand_with_three_bad_events(
    gateway: GatewayProcess, post: Post, http: httpx2.Client, read_all: ReadAll
) -> None:
    events = [{"id": f"e-{n}", "value": order(attributes={"n": str(n)})} for n in range(1000)]
    events[17]["value"]["items"][1]["boldness"] = 11
    del events[500]["value"]["customerId"]
    events[999]["value"]["totl"] = events[999]["value"].pop("total")
    response = post(gateway, f"{ORDERS}/events:batch", {"events": events})

    assert response.status_code == 207
    receipt = response.json()
    assert receipt["topic"] == "customer.orders"
    results = receipt["results"]
    assert [result["id"] for result in results] == [f"e-{n}" for n in range(1000)]
    rejected = {n: result["error"] for n, result in enumerate(results) if result["status"] != "stored"}
    pointers = {n: [(v["pointer"], v["rule"]) for v in error["errors"]] for n, error in rejected.items()}
    assert pointers == {
        17: [("#/items/1/boldness", "maximum")],
        500: [("#/customerId", "required")],
        999: [("#/totl", "unknown_field"), ("#/total", "required")],
    }
    assert all(error["code"] == "contract_violation" and error["status"] == 400 for error in rejected.values())

    by_id = schemas(http, gateway, "customer.orders")
    records = by_key(read_all("customer.orders"))
    assert not any(events[n]["value"]["orderId"].encode() in records for n in rejected)
    for n, (event, result) in enumerate(zip(events, results, strict=True)):
        if n in rejected:
            continue
        record = records[event["value"]["orderId"].encode()]
        assert (record.partition, record.offset) == (result["partition"], result["offset"])
        headers = dict(record.headers)
        assert headers["tidegate-id"] == event["id"].encode()
        assert headers["tidegate-version"] == str(result["version"]).encode()
        assert record.timestamp_ms == 1769860800250
        assert record.value is not None
        sent = event["value"]
        assert decoded(by_id, record.value) == {
            "orderId": uuid.UUID(sent["orderId"]),
            "customerId": "c-1",
            "placedAt": datetime(2026, 1, 31, 12, 0, 0, 250000, UTC),
            "items": [
                {"coffee": "ESPRESSO", "boldness": 7, "quantity": 1},
                {"coffee": "FILTER", "boldness": 3, "quantity": 2},
            ],
            "total": Decimal("12.50"),
            "currency": "EUR",
            "status": "PLACED",
            "payment": {"code": "SPRING26", "amount": Decimal("5.00")},
            "note": None,
            "attributes": {"n": str(n)},
        }


def test_one_event_with_everything_beside_its_value(gateway: GatewayProcess, post: Post, read_all: ReadAll) -> None:
    event = order()
    del event["attributes"]  # version 1 has none
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    response = post(
        gateway, f"{ORDERS}/events", event, Event_Id="my-id", Event_Key=event["orderId"], Event_Version="1", Event_Header_Source="web", traceparent=trace
    )  # fmt: skip
    assert response.status_code == 200, response.text
    receipt = response.json()
    assert (receipt["id"], receipt["version"], receipt["topic"]) == ("my-id", 1, "customer.orders")
    record = by_key(read_all("customer.orders"))[event["orderId"].encode()]
    headers = dict(record.headers)
    assert (headers["source"], headers["tidegate-id"], headers["tidegate-version"]) == (b"web", b"my-id", b"1")
    assert headers["traceparent"] == trace.encode()


@pytest.mark.parametrize("compress", [False, True])
def test_lines_of_events(gateway: GatewayProcess, post: Post, read_all: ReadAll, compress: bool) -> None:
    good = [order(), order()]
    lines = [
        json.dumps({"value": good[0]}),
        "",
        "{broken",
        json.dumps({"value": good[1], "colour": 1}),
        json.dumps({"value": good[1]}),
    ]
    body = "\n".join(lines).encode()
    headers = {"Content_Encoding": "gzip"} if compress else {}
    response = post(
        gateway,
        f"{ORDERS}/events:batch",
        gzip.compress(body) if compress else body,
        Content_Type="application/x-ndjson",
        **headers,
    )
    assert response.status_code == 207
    results = response.json()["results"]
    assert [result["status"] for result in results] == ["stored", "rejected", "rejected", "stored"]
    assert [result["error"]["code"] for result in results[1:3]] == ["malformed", "malformed"]
    keys = by_key(read_all("customer.orders"))
    assert all(event["orderId"].encode() in keys for event in good)


def test_protobuf_events(gateway: GatewayProcess, post: Post, http: httpx2.Client, read_all: ReadAll) -> None:
    event = {
        "orderId": str(uuid.uuid4()), "status": "ORDER_STATUS_SHIPPED", "changedAt": "2026-01-31T12:00:00Z",
        "coffees": [{"name": "Sidamo", "boldness": 5, "quantity": 2}], "courier": {"company": "Fast", "phone": "+49 30 1234"}, "attributes": {"a": "b"},
    }  # fmt: skip
    response = post(gateway, "/v1/topics/customer.order-status/events", event)
    assert response.status_code == 200, response.text
    value = by_key(read_all("customer.order-status"))[event["orderId"].encode()].value
    assert value is not None
    (version,) = [
        v
        for v in source(http, gateway, "customer.order-status")["versions"]
        if v["schemaId"] == int.from_bytes(value[1:5], "big")
    ]
    files = descriptor_pb2.FileDescriptorSet()
    files.ParseFromString(base64.b64decode(version["descriptors"]))
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName(version["message"]))()
    assert value[5] == 0
    message.ParseFromString(value[6:])
    assert MessageToDict(message) == event

    bad = post(
        gateway,
        "/v1/topics/customer.order-status/events",
        {**event, "courier": {"company": ""}, "coffees": [], "status": "NO"},
    )
    assert bad.status_code == 400
    assert {v["pointer"] for v in bad.json()["errors"]} >= {"#/courier/company", "#/coffees", "#/status"}


def test_a_profile_and_its_tombstone(gateway: GatewayProcess, post: Post, read_all: ReadAll) -> None:
    token = gateway.token(roles=("crm-producer",))
    profile = {
        "customerId": str(uuid.uuid4()),
        "name": "Ada",
        "email": "ada@example.com",
        "updatedAt": "2026-01-31T12:00:00Z",
        "shoe": 42,
    }
    stored = post(gateway, "/v1/topics/customer.profiles/events", profile, token=token)
    assert stored.status_code == 200, stored.text
    assert stored.json()["dropped"] == 1
    gone = post(gateway, "/v1/topics/customer.profiles/events", b"null", token=token, Event_Key=profile["customerId"])
    assert gone.status_code == 200, gone.text
    values = [record.value for record in read_all("customer.profiles") if record.key == profile["customerId"].encode()]
    assert values[-1] is None
    without_key = post(gateway, "/v1/topics/customer.profiles/events", b"null", token=token)
    assert (without_key.status_code, without_key.json()["errors"][0]["rule"]) == (400, "tombstone")
    bad = post(gateway, "/v1/topics/customer.profiles/events", {**profile, "email": "topsecret"}, token=token)
    assert bad.status_code == 400
    assert "topsecret" not in bad.text
    assert bad.json()["errors"][0]["found"] == "string"


def test_validate_publishes_nothing(gateway: GatewayProcess, post: Post, read_all: ReadAll) -> None:
    event = order()
    response = post(gateway, f"{ORDERS}/events:validate", event)
    assert (response.status_code, response.json()["status"]) == (200, "valid")
    assert event["orderId"].encode() not in by_key(read_all("customer.orders"))


def test_who_may_not(gateway: GatewayProcess, post: Post) -> None:
    assert post(gateway, f"{ORDERS}/events", order(), token="nonsense").status_code == 401
    assert post(gateway, f"{ORDERS}/events", order(), token=gateway.token("publish:other")).status_code == 403
    assert post(gateway, f"{ORDERS}/events", order(), token=gateway.token(roles=("reader",))).status_code == 403
    assert (
        post(gateway, f"{ORDERS}/events", order(), token=gateway.token(roles=("reader",), sub="web-shop")).status_code
        == 200
    )
    missing, hidden = (
        post(gateway, f"/v1/topics/{t}/events", order(), token=gateway.token("publish:x"))
        for t in ("no.such", "customer.profiles")
    )
    assert missing.status_code == hidden.status_code == 403
    assert (
        missing.text.replace("no.such", "T").split("instance")[0]
        == hidden.text.replace("customer.profiles", "T").split("instance")[0]
    )


def test_one_oversized_event_among_good_ones(gateway: GatewayProcess, post: Post, read_all: ReadAll) -> None:
    good = order()
    events = [{"value": good}, {"value": order(attributes={"x": "y" * 70_000})}]
    response = post(gateway, f"{ORDERS}/events:batch", {"events": events})
    assert response.status_code == 207
    stored, large = response.json()["results"]
    assert (stored["status"], large["error"]["code"], large["error"]["status"]) == ("stored", "too_large", 413)
    assert good["orderId"].encode() in by_key(read_all("customer.orders"))


def test_a_wrong_clock_harms_nobody_else(gateway: GatewayProcess, post: Post) -> None:
    """A timestamp far ahead is refused by real Kafka; with idempotence that would poison the partition (traps)."""
    far = order(placedAt="2099-01-01T00:00:00Z")
    refused = post(gateway, f"{ORDERS}/events", far)
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["rule"] == "event_time"
    for _ in range(12):
        assert post(gateway, f"{ORDERS}/events", order()).status_code == 200


def test_every_docs_link_of_an_error_opens_at_its_anchor(
    gateway: GatewayProcess, post: Post, http: httpx2.Client
) -> None:
    bad = post(
        gateway,
        f"{ORDERS}/events",
        {"items": [{"coffee": "TEA", "boldness": 11}], "total": "1.234", "payment": {"code": 1}, "nope": 1},
    )
    problem = bad.json()
    links = [problem["type"], problem["docs"], *(violation["docs"] for violation in problem["errors"])]
    assert len(links) > 6
    headers = {"Authorization": f"Bearer {gateway.token()}"}
    for link in links:
        url, _, anchor = link.partition("#")
        page = http.get(url, headers=headers)
        assert page.status_code == 200, url
        if anchor:
            assert f'id="{anchor}"' in page.text, link


def test_readiness_and_metrics(gateway: GatewayProcess, post: Post, http: httpx2.Client) -> None:
    assert http.get(f"http://{gateway.admin}/livez").status_code == 200
    ready = http.get(f"http://{gateway.admin}/readyz")
    assert ready.status_code == 200
    checks = ready.json()["checks"]
    assert (checks["kafka"]["ok"], checks["contracts"], checks["keys"]["ok"]) == (
        True,
        {"ok": True, "served": 3, "broken": []},
        True,
    )
    assert http.get(f"http://{gateway.http}/readyz").status_code == 404
    post(gateway, f"{ORDERS}/events", order())
    metrics = http.get(f"http://{gateway.admin}/metrics").text
    assert 'tidegate_events_total{door="rest",outcome="stored",topic="customer.orders"}' in metrics
    assert "tidegate_kafka_ready 1.0" in metrics
