"""Fault 30, whole: bad events full of markers through every form of input, and no string of theirs in an answer, log or metric.

The same strangers meet `serve` (JSON lines) and `dev` (a line for each event, for people). What http.md lets an answer show (names
of unknown fields, keys of maps that are not sensitive) has a marker of its own, which no log may hold.
"""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import httpx2
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tests.e2e.processes import dev_process, gateway_process

from tidegate.contracts.media import AVRO, AVRO_CONTAINER, AVRO_FRAMED, AVRO_JSON, JSON, PROTOBUF, PROTOBUF_FRAMED
from tidegate_gateway.doors.media import NDJSON

VALUE = "MARKVALUE"
"""In every string, and in every name below a sensitive field: nowhere to be seen again."""
KEY = "MARKKEY"
"""The key of a map that is not sensitive: an answer's pointer may show it, a log may not."""
ORDERS, PROFILES, STATUS = "customer.orders", "customer.profiles", "customer.order-status"

BAD: dict[str, list[dict[str, Any]]] = {
    PROFILES: [
        {"customerId": VALUE, "name": VALUE * 30, "email": VALUE, "birthday": VALUE, "updatedAt": VALUE,
         "address": {"street": VALUE * 30, "postcode": VALUE * 3, "city": VALUE * 30}},
        {"customerId": VALUE, "name": {VALUE: VALUE}, "email": [VALUE], "birthday": {VALUE: {VALUE: VALUE}}, "updatedAt": [VALUE],
         "address": {"street": {VALUE: VALUE}, "postcode": {VALUE: 1}, "city": [VALUE]}},
    ],
    ORDERS: [
        {"orderId": VALUE, "customerId": VALUE + "!", "placedAt": VALUE, "items": [{"coffee": VALUE, "boldness": VALUE}], "total": VALUE,
         "currency": VALUE, "status": VALUE, "payment": {"code": VALUE}, "note": VALUE * 100, "attributes": {KEY: [VALUE], "a": VALUE}},
        {"orderId": [VALUE], "items": VALUE, "total": {"x": VALUE}, "payment": {"Voucher": VALUE}, "note": {VALUE: VALUE}, "attributes": VALUE},
    ],
    STATUS: [
        {"orderId": VALUE, "status": VALUE, "changedAt": VALUE, "coffees": [{"name": VALUE * 20, "boldness": VALUE}],
         "courier": {"company": VALUE, "phone": VALUE}, "attributes": {KEY: [VALUE]}},
        {"orderId": {"x": VALUE}, "changedAt": [VALUE], "courier": {"phone": {VALUE: VALUE}}, "attributes": VALUE},
    ],
}  # fmt: skip
"""By topic: what no contract takes, with markers for values."""


@dataclass(frozen=True)
class Running:
    """A gateway, a token that may do everything, and where its lines go."""

    http: str
    admin: str
    token: str
    log: Path


@pytest.fixture(scope="module", params=["serve", "dev"])
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("markers")
    if request.param == "dev":
        with dev_process(folder) as facts:
            yield Running(facts["http"], facts["admin"], facts["token"], folder / "dev.log")
        return
    with gateway_process(folder, None, more="[server]\ndrain_s = 2\n") as serving:
        roles = ("checkout-producer", "crm-producer")
        yield Running(serving.http, serving.admin, serving.token(roles=roles), serving.log)


@dataclass(frozen=True)
class Sent:
    """One request: where to, as what."""

    topic: str
    media: str
    body: bytes
    tail: str = "events"

    @property
    def path(self) -> str:
        return self.tail if self.tail.startswith("/") else f"/v1/topics/{self.topic}/{self.tail}"


def texts() -> Iterator[Sent]:
    """Everything that is text, and what only looks like it."""
    for topic, values in BAD.items():
        lines = [json.dumps(value).encode() for value in values]
        events = [json.dumps({"value": value, "headers": {"x": VALUE}}).encode() for value in values]
        for line in lines:
            yield Sent(topic, JSON, line)
            yield Sent(topic, JSON, line, "events:validate")
            yield Sent(topic, JSON, line[:-1] + b" oops")
            yield Sent(topic, JSON, line.replace(VALUE.encode(), VALUE.encode() + b"\xff"))
            if topic == ORDERS:
                yield Sent(topic, JSON, line, "/v1/customer/order")
            if topic != STATUS:
                yield Sent(topic, AVRO_JSON, line)
                yield Sent(topic, AVRO_JSON, line, "events:validate")
        yield Sent(topic, JSON, b'{"events":[' + b",".join(events) + b"]}", "events:batch")
        yield Sent(topic, NDJSON, b"\n".join(events), "events:batch")
        yield Sent(topic, NDJSON, b"\n".join(lines), "events:batch?format=values")
        yield Sent(topic, NDJSON, b"\n".join(events), "events:validate")
        for wrong in ("value", "key", "time", "data", "headers", "version", "colour"):
            event = {"value": values[0], wrong: [VALUE]}
            yield Sent(topic, JSON, json.dumps({"events": [event]}).encode(), "events:batch")
        yield Sent(topic, JSON, json.dumps({"events": VALUE}).encode(), "events:batch")


def bare(schema: Any) -> Any:
    """Without logical types, so that fastavro writes what no contract takes."""
    if isinstance(schema, dict):
        return {name: bare(part) for name, part in schema.items() if name != "logicalType"}
    return [bare(part) for part in schema] if isinstance(schema, list) else schema


def binaries(bundles: dict[str, Any]) -> Iterator[Sent]:
    """Bad events encoded by stock libraries: bare, framed, in a batch and in a container file."""
    profile = {
        "customerId": VALUE, "name": VALUE * 30, "email": VALUE, "birthday": 1, "updatedAt": 0,
        "address": {"street": VALUE * 30, "postcode": VALUE * 3, "city": VALUE * 30},
    }  # fmt: skip
    order = {
        "orderId": VALUE, "customerId": VALUE + "!", "placedAt": 0, "items": [{"coffee": "LUNGO", "boldness": 99}], "total": VALUE.encode(),
        "currency": VALUE, "status": "PAID", "payment": None, "note": VALUE * 100, "attributes": {KEY: VALUE},
    }  # fmt: skip
    for topic, value in ((PROFILES, profile), (ORDERS, order)):
        version = bundles[topic]["versions"][-1]
        schema = fastavro.parse_schema(bare(json.loads(version["schema"])))
        one, file = io.BytesIO(), io.BytesIO()
        fastavro.schemaless_writer(one, schema, value)
        fastavro.writer(file, schema, [value, value])
        yield from forms(topic, AVRO, AVRO_FRAMED, one.getvalue(), b"\0" + version["schemaId"].to_bytes(4, "big"))
        yield Sent(topic, AVRO_CONTAINER, file.getvalue(), "events:batch")
        yield Sent(topic, AVRO_CONTAINER, file.getvalue()[:-20], "events:batch")
    version = bundles[STATUS]["versions"][-1]
    status = proto_class(version)(
        order_id=VALUE, status=3, coffees=[{"name": VALUE * 20, "boldness": 99}], courier={"company": VALUE, "phone": VALUE}, attributes={KEY: VALUE},
    )  # fmt: skip
    frame = b"\0" + version["schemaId"].to_bytes(4, "big") + b"\0"
    yield from forms(STATUS, PROTOBUF, PROTOBUF_FRAMED, status.SerializeToString(), frame)


def proto_class(version: Any) -> Any:
    files, pool = descriptor_pb2.FileDescriptorSet(), descriptor_pool.DescriptorPool()
    files.ParseFromString(base64.b64decode(version["descriptors"]))
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(version["message"]))


def forms(topic: str, plain: str, framed: str, body: bytes, frame: bytes) -> Iterator[Sent]:
    """A binary value in each place that takes one; whole, cut, and with a tail."""
    for tail in ("events", "events:validate"):
        yield Sent(topic, plain, body, tail)
        yield Sent(topic, framed, frame + body, tail)
    for broken in (body[:-7], body + VALUE.encode(), body.replace(VALUE.encode(), b"\xff" + VALUE[1:].encode())):
        yield Sent(topic, plain, broken)
        yield Sent(topic, framed, frame + broken)
    data = {"data": base64.b64encode(body).decode()}
    whole = {"data": base64.b64encode(frame + body).decode(), "framed": True}
    yield Sent(topic, JSON, json.dumps({"events": [data, whole]}).encode(), "events:batch")


def test_30_no_marker_is_seen_again(gate: Running) -> None:
    fields = {"Authorization": f"Bearer {gate.token}"}
    with httpx2.Client(trust_env=False, timeout=10, base_url=f"http://{gate.http}", headers=fields) as http:
        bundles = {topic: http.get(f"/v1/topics/{topic}/bundle").json() for topic in BAD}
        requests = [*texts(), *binaries(bundles)]
        assert len(requests) > 80
        for sent in requests:
            answer = http.post(sent.path, content=sent.body, headers={"Content-Type": sent.media})
            while answer.status_code == 429:  # the orders' own limit
                answer = http.post(sent.path, content=sent.body, headers={"Content-Type": sent.media})
            assert answer.status_code == 400, (sent, answer.text)
            assert VALUE not in answer.text, sent
            assert VALUE not in str(answer.headers), sent
        shown = [http.get(f"http://{gate.admin}/{page}").text for page in ("readyz", "metrics", VALUE)]
        shown += [http.get(path).text for path in ("/docs", f"/docs/topics/{ORDERS}", "/openapi.json")]
    log = gate.log.read_text()
    assert log.count("contract_violation") > 30
    for text in (*shown, log):
        assert VALUE not in text
        assert KEY not in text
