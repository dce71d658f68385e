"""Every form of input on its way to real Kafka: what a stock consumer reads is the frame and the very bytes that were sent."""

import base64
import gzip
import io
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import fastavro
import httpx2
import pytest
import zstandard
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tests.e2e.processes import GatewayProcess
from tests.kafka.reading import ReadRecord, read_topic

from tidegate.contracts.media import AVRO, AVRO_CONTAINER, AVRO_FRAMED, AVRO_JSON, JSON, PROTOBUF, PROTOBUF_FRAMED
from tidegate_gateway.doors.media import NDJSON

pytestmark = pytest.mark.kafka

ORDERS, STATUS, PROFILES = "customer.orders", "customer.order-status", "customer.profiles"
FORMS = (
    "avro", "avro framed", "avro of version 1", "avro json", "avro gzip", "avro framed zstd", "data in a batch", "framed data in a batch",
    "a container file", "a container file, deflated and gzipped", "lines of values", "lines of values, zstd", "protobuf", "protobuf framed",
    "protobuf zstd", "protobuf data in a batch", "framed protobuf data in a batch",
)  # fmt: skip
TOMBSTONES = ("json", "an event of a batch", "a line of events")


@dataclass(frozen=True)
class Sent:
    """A record that must be there: its topic, key and value; where its answer said it is."""

    topic: str
    key: bytes
    value: bytes | None
    place: tuple[int, int] = (-1, -1)


class Door:
    """Sends, and keeps what Kafka must hold for it."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http
        self.sent: dict[str, list[Sent]] = {}

    def newest(self, topic: str) -> Any:
        return self.version(topic, -1)

    def version(self, topic: str, index: int) -> Any:
        return self._http.get(f"/v1/topics/{topic}/bundle").json()["versions"][index]

    def post(self, name: str, wanted: list[Sent], body: bytes, media: str, tail: str = "events", **more: str) -> None:
        """Send one request, which must store exactly what is wanted, in its order."""
        fields = {"Content-Type": media, **{key.replace("_", "-"): value for key, value in more.items()}}
        answer = self._http.post(f"/v1/topics/{wanted[0].topic}/{tail}", content=body, headers=fields)
        assert answer.status_code == 200, (name, answer.text)
        receipt = answer.json()
        results = receipt.get("results", [receipt])
        assert [result["status"] for result in results] == ["stored"] * len(wanted), name
        places = [(result["partition"], result["offset"]) for result in results]
        self.sent[name] = [replace(one, place=place) for one, place in zip(wanted, places, strict=True)]


def order(**changes: Any) -> dict[str, Any]:
    """As fastavro takes it, in bare types."""
    return {
        "orderId": str(uuid.uuid4()), "customerId": "c-1", "placedAt": int(time.time() * 1000), "total": b"\x04\xe2", "currency": "EUR",
        "items": [{"coffee": "ESPRESSO", "boldness": 7, "quantity": 1}], "status": "PLACED", "payment": None, "note": "süß",
        "attributes": {"channel": "web"}, **changes,
    }  # fmt: skip


def bare(schema: Any) -> Any:
    """Without logical types: fastavro then writes bytes as bytes, and no more."""
    if isinstance(schema, dict):
        return {name: bare(part) for name, part in schema.items() if name != "logicalType"}
    return [bare(part) for part in schema] if isinstance(schema, list) else schema


def encoded(schema: Any, value: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, schema, value)
    return stream.getvalue()


def batch(*events: dict[str, Any]) -> bytes:
    return json.dumps({"events": events}).encode()


def base64_of(body: bytes) -> str:
    return base64.b64encode(body).decode()


def send_avro(door: Door) -> None:
    newest, oldest = door.newest(ORDERS), door.version(ORDERS, 0)
    schema, old = (fastavro.parse_schema(bare(json.loads(one["schema"]))) for one in (newest, oldest))
    frame, old_frame = (b"\0" + one["schemaId"].to_bytes(4, "big") for one in (newest, oldest))

    def made(by: Any = schema, head: bytes = frame) -> tuple[Sent, bytes, dict[str, Any]]:
        value = order()
        body = encoded(by, value)
        return Sent(ORDERS, value["orderId"].encode(), head + body), body, value

    one, body, _ = made()
    door.post("avro", [one], body, AVRO)
    one, body, _ = made()
    door.post("avro framed", [one], frame + body, AVRO_FRAMED)
    one, body, _ = made(old, old_frame)
    door.post("avro of version 1", [one], body, AVRO, Event_Version=str(oldest["number"]))
    one, body, _ = made()
    door.post("avro gzip", [one], gzip.compress(body), AVRO, Content_Encoding="gzip")
    one, body, _ = made()
    door.post("avro framed zstd", [one], zstandard.compress(frame + body), AVRO_FRAMED, Content_Encoding="zstd")
    one, body, _ = made()
    door.post("data in a batch", [one], batch({"data": base64_of(body)}), JSON, "events:batch")
    one, body, _ = made(old, old_frame)
    event = {"data": base64_of(old_frame + body), "framed": True}
    door.post("framed data in a batch", [one], batch(event), JSON, "events:batch")

    one, _, value = made()
    text = io.StringIO()
    fastavro.json_writer(text, schema, [value])
    door.post("avro json", [one], text.getvalue().encode(), AVRO_JSON)

    for name, codec in (("a container file", "null"), ("a container file, deflated and gzipped", "deflate")):
        some = [made() for _ in range(3)]
        file = io.BytesIO()
        fastavro.writer(file, schema, [value for _, _, value in some], codec=codec)
        wanted, encoding = [one for one, _, _ in some], {"Content_Encoding": "gzip"} if codec == "deflate" else {}
        data = gzip.compress(file.getvalue()) if encoding else file.getvalue()
        door.post(name, wanted, data, AVRO_CONTAINER, "events:batch", **encoding)

    for name in ("lines of values", "lines of values, zstd"):
        some = [made() for _ in range(3)]
        lines = b"\n".join(plain(value) for _, _, value in some)
        zipped = "zstd" in name
        door.post(
            name, [one for one, _, _ in some], zstandard.compress(lines) if zipped else lines, NDJSON, "events:batch?format=values",
            **({"Content_Encoding": "zstd"} if zipped else {}),
        )  # fmt: skip


def plain(value: dict[str, Any]) -> bytes:
    """The same order as people write it."""
    placed = (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(value["placedAt"] // 1000)) + f".{value['placedAt'] % 1000:03}Z"
    )
    return json.dumps({**value, "placedAt": placed, "total": "12.50"}, ensure_ascii=False).encode()


def send_protobuf(door: Door) -> None:
    version = door.newest(STATUS)
    files, pool = descriptor_pb2.FileDescriptorSet(), descriptor_pool.DescriptorPool()
    files.ParseFromString(base64.b64decode(version["descriptors"]))
    for file in files.file:
        pool.Add(file)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName(version["message"]))
    frame = b"\0" + version["schemaId"].to_bytes(4, "big") + b"\0"  # the first message of its file

    def made() -> tuple[Sent, bytes]:
        key = str(uuid.uuid4())
        status = message(
            order_id=key, status=3, coffees=[{"name": "Sidamo", "boldness": 5, "quantity": 2}], pickup_point="Berlin", attributes={"a": "b"}
        )  # fmt: skip
        status.changed_at.FromMilliseconds(int(time.time() * 1000))
        body = status.SerializeToString()
        return Sent(STATUS, key.encode(), frame + body), body

    one, body = made()
    door.post("protobuf", [one], body, PROTOBUF)
    one, body = made()
    door.post("protobuf framed", [one], frame + body, PROTOBUF_FRAMED)
    one, body = made()
    door.post("protobuf zstd", [one], zstandard.compress(body), PROTOBUF, Content_Encoding="zstd")
    one, body = made()
    door.post("protobuf data in a batch", [one], batch({"data": base64_of(body)}), JSON, "events:batch")
    one, body = made()
    event = {"data": base64_of(frame + body), "framed": True}
    door.post("framed protobuf data in a batch", [one], batch(event), JSON, "events:batch")


def send_tombstones(door: Door) -> None:
    keys = [str(uuid.uuid4()) for _ in TOMBSTONES]
    wanted = [[Sent(PROFILES, key.encode(), None)] for key in keys]
    door.post("json", wanted[0], b"null", JSON, Event_Key=keys[0])
    door.post("an event of a batch", wanted[1], batch({"key": keys[1], "value": None}), JSON, "events:batch")
    line = json.dumps({"key": keys[2], "value": None}).encode()
    door.post("a line of events", wanted[2], line, NDJSON, "events:batch")


@pytest.fixture(scope="module")
def door(gateway: GatewayProcess) -> Door:
    """Everything sent, once."""
    token = gateway.token(roles=("checkout-producer", "crm-producer"), sub="every-form")
    fields = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=f"http://{gateway.http}", timeout=30.0, trust_env=False, headers=fields) as http:
        made = Door(http)
        send_avro(made)
        send_protobuf(made)
        send_tombstones(made)
        return made


@pytest.fixture(scope="module")
def records(door: Door, kafka: str) -> Callable[[str], list[ReadRecord]]:
    """A topic's records, read once after everything was sent."""
    read = {topic: read_topic(kafka, topic) for topic in (ORDERS, STATUS, PROFILES)}
    return lambda topic: read[topic]


@pytest.mark.parametrize("form", [*FORMS, *TOMBSTONES])
def test_what_was_sent_is_what_is_read(door: Door, records: Callable[[str], list[ReadRecord]], form: str) -> None:
    for sent in door.sent[form]:
        (found,) = [record for record in records(sent.topic) if record.key == sent.key]
        assert found.value == sent.value
        assert (found.partition, found.offset) == sent.place
        assert {"tidegate-id", "tidegate-version", "tidegate-time"} <= {name for name, _ in found.headers}


def test_every_form_was_sent(door: Door) -> None:
    assert set(door.sent) == {*FORMS, *TOMBSTONES}
