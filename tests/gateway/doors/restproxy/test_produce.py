"""Kafka REST v2 produce at the door, by the table of its documented embedded formats; coffeeco's real contracts, publisher in memory."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.gateway.doors.rest.conftest import Gate, drive, make_gate

from tidegate.errors import Code
from tidegate_gateway.contracts_folder import read_catalogue
from tidegate_gateway.intake.catalogue import Catalogue
from tidegate_gateway.intake.limits import Allowance
from tidegate_gateway.intake.ports import NotStored, Unknown

SCHEMAS = Path(__file__).parents[4] / "schemas"
ORDER_ID = "2f1c6b0e-1111-4000-8000-000000000001"
ORDER = {
    "orderId": ORDER_ID,
    "customerId": "c-1",
    "placedAt": "2026-01-31T12:00:00.250Z",
    "items": [{"coffee": "ESPRESSO", "boldness": 7}],
    "total": "12.50",
    "payment": None,
}
STEP = {
    "orderId": ORDER_ID,
    "status": "ORDER_STATUS_ROASTING",
    "changedAt": "2026-01-31T12:00:00Z",
    "coffees": [{"name": "Espresso", "boldness": 8, "quantity": 1}],
}


@pytest.fixture(scope="session")
def coffeeco() -> Catalogue:
    return read_catalogue(SCHEMAS, working_copies=False)


@pytest.fixture
def gate(coffeeco: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = make_gate()
    gate.catalogue.swap(coffeeco)
    # The roles of the contracts are not what these tests are about.
    monkeypatch.setattr("tidegate_gateway.intake.path.authorize_roles", lambda *_: None)
    return gate


async def produce(gate: Gate, topic: str, form: str, body: Any, **more: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await gate.post(f"/topics/{topic}", content, media=f"application/vnd.kafka.{form}.v2+json", **more)


async def test_json(gate: Gate) -> None:
    reply = await produce(
        gate, "customer.orders", "json", {"records": [{"value": ORDER}, {"key": ORDER_ID, "value": ORDER}]}
    )
    assert (reply.status, reply.fields["content-type"]) == (200, "application/vnd.kafka.v2+json")
    assert reply.json == {
        "key_schema_id": None,
        "value_schema_id": None,
        "offsets": [{"partition": 0, "offset": n, "error_code": None, "error": None} for n in (0, 1)],
    }
    assert [record.key for record in gate.publisher.stored] == [ORDER_ID.encode()] * 2


async def test_avro_by_schema_text_and_by_id(gate: Gate, coffeeco: Catalogue) -> None:
    versions = coffeeco.contracts["customer.orders"].versions
    schema = json.loads(versions[2].source.schema)
    for names in (
        {"value_schema": json.dumps(schema)},
        {"value_schema_id": versions[2].schema_id, "key_schema": '"string"'},
        {"value_schema": versions[2].source.schema, "key_schema": '"string"'},
        {},
    ):
        body = {
            **names,
            "records": [{"key": {"string": ORDER_ID} if "key_schema" in names else None, "value": example(coffeeco)}],
        }
        reply = await produce(gate, "customer.orders", "avro", body)
        assert reply.status == 200, reply.body
        assert reply.json["value_schema_id"] == versions[2].schema_id
        assert (reply.json["key_schema_id"] is not None) is ("key_schema" in names)


def example(coffeeco: Catalogue) -> Any:
    """A valid order in the Avro specification's JSON, made by fastavro from the contract's own example."""
    import io

    import fastavro

    version = coffeeco.contracts["customer.orders"].versions[2]
    stored = version.check(json.dumps(ORDER).encode())
    schema = fastavro.parse_schema(json.loads(version.source.schema))
    value = fastavro.schemaless_reader(io.BytesIO(stored.value[5:]), schema, None)
    out = io.StringIO()
    fastavro.json_writer(out, schema, [value])
    return json.loads(out.getvalue())


async def test_protobuf(gate: Gate) -> None:
    reply = await produce(
        gate, "customer.order-status", "protobuf", {"value_schema_id": 6, "records": [{"value": STEP}]}
    )
    assert (reply.status, reply.json["value_schema_id"]) == (200, 6)


async def test_binary_is_the_record_as_it_stands_in_kafka(gate: Gate, coffeeco: Catalogue) -> None:
    stored = coffeeco.contracts["customer.orders"].versions[2].check(json.dumps(ORDER).encode())
    value, key = (base64.b64encode(part).decode() for part in (stored.value, ORDER_ID.encode()))
    reply = await produce(gate, "customer.orders", "binary", {"records": [{"key": key, "value": value}]})
    assert reply.status == 200, reply.body
    assert gate.publisher.stored[0].value == stored.value
    bare = await produce(gate, "customer.orders", "binary", {"records": [{"value": base64.b64encode(b"{}").decode()}]})
    assert (bare.status, bare.json["error_code"]) == (422, 42205)
    for wrong in ({"value": "%"}, {"value": 7}, {"key": "%", "value": value}):
        reply = await produce(gate, "customer.orders", "binary", {"records": [wrong]})
        assert reply.json["errors"][0]["rule"] == "encoding"


async def test_null_is_a_tombstone(gate: Gate) -> None:
    key = "0190d0f2-7b1c-7c3a-9a52-5b1f3f2f1a11"
    for record in ({"key": key, "value": None}, {"key": key}):
        reply = await produce(gate, "customer.profiles", "json", {"records": [record]})
        assert reply.status == 200, reply.body
        assert gate.publisher.stored[-1].value is None
    refused = await produce(gate, "customer.orders", "json", {"records": [{"key": ORDER_ID, "value": None}]})
    assert refused.json["errors"][0]["rule"] == "tombstone"


async def test_partitions(gate: Gate) -> None:
    await produce(gate, "customer.orders", "json", {"records": [{"value": ORDER, "partition": 2}, {"value": ORDER}]})
    assert [record.partition for record in gate.publisher.stored] == [2, None]
    await produce(gate, "customer.orders/partitions/1", "json", {"records": [{"value": ORDER}]})
    assert gate.publisher.stored[-1].partition == 1
    both = await produce(gate, "customer.orders/partitions/1", "json", {"records": [{"value": ORDER, "partition": 2}]})
    assert both.json["errors"][0]["pointer"] == "#/partition"


async def test_some_stored_is_207_with_codes(gate: Gate) -> None:
    gate.publisher.script = [NotStored(Code.BROKER_UNAVAILABLE, "away", 1.0)]
    records = [{"value": ORDER}, {"value": {**ORDER, "orderId": "x"}}, {"value": ORDER}, 7]
    reply = await produce(gate, "customer.orders", "json", {"records": records})
    assert reply.status == 207
    assert [row["error_code"] for row in reply.json["offsets"]] == [2, 1, None, 1]
    assert reply.json["offsets"][1]["problem"]["errors"][0]["pointer"] == "#/orderId"


async def test_none_stored_is_never_200(gate: Gate) -> None:
    bad = {"records": [{"value": {**ORDER, "orderId": "x"}}]}
    reply = await produce(gate, "customer.orders", "json", bad)
    assert (reply.status, reply.json["error_code"], reply.json["message"]) == (422, 42205, "orderId is not a uuid")
    assert reply.json["errors"][0]["pointer"] == "#/orderId"
    for outcome, status in (
        (NotStored(Code.BROKER_UNAVAILABLE, "away", 3.0), 503),
        (NotStored(Code.OVERLOADED, "full", 3.0), 503),
        (Unknown("who knows"), 504),
    ):
        gate.publisher.script = [outcome]
        reply = await produce(gate, "customer.orders", "json", {"records": [{"value": ORDER}]})
        assert (reply.status, reply.json["error_code"]) == (status, 50003)
        assert int(reply.fields["retry-after"]) >= 1
    gate.publisher.script = [NotStored(Code.BROKER_UNAVAILABLE, "away", 3.0)]
    mixed = await produce(gate, "customer.orders", "json", {"records": [{"value": ORDER}, {"value": {}}]})
    assert mixed.status == 207


async def test_a_schema_that_is_not_the_contracts(gate: Gate) -> None:
    record = {"records": [{"value": {}}]}
    other = json.dumps({"type": "record", "name": "Order", "namespace": "coffeeco.customer", "fields": []})
    reply = await produce(gate, "customer.orders", "avro", {"value_schema": other, **record})
    assert (reply.status, reply.json["error_code"]) == (422, 42205)
    assert "READER_FIELD_MISSING_DEFAULT_VALUE: orderId" in {row["detail"] for row in reply.json["errors"]}
    for names in (
        {"value_schema": "no schema"},
        {"value_schema_id": 4711},
        {"value_schema_id": 6},
        {"key_schema": '{"type":"record"}'},
    ):
        reply = await produce(gate, "customer.orders", "avro", {**names, **record})
        assert (reply.status, reply.json["error_code"]) == (422, 42205)
    assert gate.publisher.stored == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"[]", 400), (b"{}", 400), (b'{"records": {}}', 400), (b'{"records": [], "records": []}', 400),
        (b'{"value_schema_id": 1, "records": [], "value_schema_id": 2}', 400),
        (b'{"records": []}', 200), (b'{"records": [], "other": 1}', 200), (b'{"value_schema_id": "1", "records": []}', 400),
    ],
    ids=str,
)  # fmt: skip
async def test_bodies(gate: Gate, body, status) -> None:
    reply = await produce(gate, "customer.orders", "json", body)
    assert reply.status == status
    if status == 400:
        assert reply.json["error_code"] == 400
        assert reply.json["errors"]


@pytest.mark.parametrize(
    "record",
    [
        {"value": ORDER, "extra": 1},
        {"value": ORDER, "key": 1.5},
        {"value": ORDER, "key": True},
        {"value": ORDER, "key": {"a": {}}},
        {"value": ORDER, "partition": "1"},
        [],
    ],
    ids=lambda record: str(record)[-30:],
)
async def test_records_that_cannot_be_read(gate: Gate, record) -> None:
    reply = await produce(gate, "customer.orders", "json", {"records": [record, {"value": ORDER}]})
    assert [row["error_code"] for row in reply.json["offsets"]] == [1, None]
    assert reply.json["offsets"][0]["problem"]["code"] == "malformed"


async def test_a_body_without_records_says_so(gate: Gate) -> None:
    reply = await produce(gate, "customer.orders", "json", {"value_schema_id": 1})
    assert reply.json["message"] == "records is missing"


async def test_a_schema_laid_out_otherwise_is_compared_once(gate: Gate, coffeeco: Catalogue, monkeypatch) -> None:
    text = json.dumps(json.loads(coffeeco.contracts["customer.orders"].version(1).source.schema), indent=3)
    body = {"value_schema": text, "records": []}
    assert (await produce(gate, "customer.orders", "avro", body)).json["value_schema_id"] == 1
    monkeypatch.setattr("tidegate_gateway.doors.registry.resolving.find", None)
    assert (await produce(gate, "customer.orders", "avro", body)).json["value_schema_id"] == 1


async def test_a_schema_that_is_too_long_or_comes_too_thick(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    long = await produce(gate, "customer.orders", "avro", {"value_schema": " " * 300_000, "records": []})
    assert (long.status, long.json["error_code"]) == (422, 42205)
    assert "more than 262144 characters" in long.json["message"]
    monkeypatch.setattr("tidegate_gateway.doors.registry.turns._MOST", 0)
    busy = await produce(gate, "customer.orders", "avro", {"value_schema": '"int"', "records": []})
    assert (busy.status, busy.json["code"], busy.fields["retry-after"]) == (503, "overloaded", "1")
    assert gate.memory.used_bytes == 0


async def test_a_member_that_stands_twice(gate: Gate) -> None:
    body = b'{"records": [{"key": "a", "key": "b", "value": {}}]}'
    reply = await produce(gate, "customer.orders", "json", body)
    assert reply.json["errors"][0]["rule"] == "duplicate_key"


async def test_integer_keys_are_their_decimals(gate: Gate) -> None:
    reply = await produce(gate, "customer.profiles", "json", {"records": [{"key": 7, "value": None}]})
    assert reply.json["errors"][0]["rule"] == "key"  # a uuid is wanted, and 7 is none


async def test_refusals_before_the_body(gate: Gate) -> None:
    records = {"records": []}
    for topic, form, who, status, code in (
        ("customer.orders", "json", None, 401, 40101),
        ("customer.orders", "json", "bad", 401, 40101),
        ("stock.levels", "json", "good", 403, 40301),
        ("customer.missing", "json", "good", 404, 40401),
        ("customer.orders", "xml", "good", 415, 415),
        ("customer.orders", "protobuf", "good", 415, 415),
        ("a b", "json", "good", 400, 400),
    ):
        reply = await produce(gate, topic.replace(" ", "%20"), form, records, who=who)
        assert (reply.status, reply.json["error_code"]) == (status, code), reply.body
        assert reply.json["message"]


async def test_limits(gate: Gate) -> None:
    gate.limiter.next = Allowance(wait_s=2.0)
    reply = await produce(gate, "customer.orders", "json", {"records": [{"value": ORDER}]})
    assert (reply.status, reply.json["error_code"]) == (429, 42901)
    assert int(reply.fields["retry-after"]) >= 2


async def test_paths_and_methods(gate: Gate) -> None:
    got = await drive(gate.app, "GET", "/topics/customer.orders")
    assert got is not None
    assert (got.status, got.fields["allow"]) == (405, "POST, OPTIONS")
    for partition in ("x", "1.5", "-1", "٣", "9" * 20):
        wrong = await produce(gate, f"customer.orders/partitions/{quote(partition)}", "json", {"records": []})
        assert (wrong.status, wrong.json["error_code"]) == (400, 400)
    for path in ("/topics", "/topics/a/b", "/topics/a/partitions/1/2"):
        other = await drive(gate.app, "POST", path)
        assert other is not None
        assert other.status in {404, 405}
