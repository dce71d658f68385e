"""Stock Python serialisers and deserialisers on the registry API, in every setting by which they find an id; events from REST, read from real Kafka."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from tests.e2e.processes import GatewayProcess
from tests.kafka.reading import ReadRecord

from tidegate_gateway.proto_texts import compile_proto_text

pytestmark = pytest.mark.kafka

Post = Callable[..., httpx2.Response]
ReadAll = Callable[[str], list[ReadRecord]]

ORDERS = SerializationContext("customer.orders", MessageField.VALUE)
STATUS = SerializationContext("customer.order-status", MessageField.VALUE)


@pytest.fixture
def registry(gateway: GatewayProcess) -> Iterator[SchemaRegistryClient]:
    """The token is the password of Basic authentication."""
    with SchemaRegistryClient(
        {"url": f"http://{gateway.http}/registry/", "basic.auth.user.info": f"consumer:{gateway.token()}"}
    ) as client:
        yield client


@pytest.fixture
def order_class(gateway: GatewayProcess, http: httpx2.Client) -> Any:
    """A class generated from the text that the registry serves, as a consumer's build would. (The client keeps a text that it
    got once, and its Protobuf serialiser then takes it for a descriptor: so not by the client.)"""
    url = f"http://{gateway.http}/registry/subjects/customer.order-status-value/versions/latest/schema"
    served = http.get(url, headers={"Authorization": f"Bearer {gateway.token()}"}).text
    pool = descriptor_pool.DescriptorPool()
    stamp = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(stamp)
    pool.Add(stamp)
    file = descriptor_pb2.FileDescriptorProto.FromString(compile_proto_text(served, {}))
    file.name = "consumer/order.proto"
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("coffeeco.customer.v1.Order"))


def published_order(gateway: GatewayProcess, post: Post, read_all: ReadAll) -> tuple[str, bytes]:
    """An order through REST, and its value in Kafka."""
    number = str(uuid.uuid4())
    order = {
        "orderId": number,
        "customerId": "c-1",
        "placedAt": "2026-01-31T12:00:00.250Z",
        "items": [{"coffee": "ESPRESSO", "boldness": 7}],
        "total": "12.50",
        "payment": {"code": "SPRING26", "amount": "5.00"},
    }
    answer = post(gateway, "/v1/topics/customer.orders/events", order)
    assert answer.status_code == 200, answer.text
    return number, next(record.value for record in read_all("customer.orders") if record.key == number.encode())


def published_status(gateway: GatewayProcess, post: Post, read_all: ReadAll) -> tuple[str, bytes]:
    number = str(uuid.uuid4())
    step = {
        "orderId": number,
        "status": "ORDER_STATUS_ROASTING",
        "changedAt": "2026-01-31T12:00:00Z",
        "coffees": [{"name": "Espresso", "boldness": 8, "quantity": 1}],
    }
    answer = post(gateway, "/v1/topics/customer.order-status/events", step)
    assert answer.status_code == 200, answer.text
    return number, next(record.value for record in read_all("customer.order-status") if record.key == number.encode())


@pytest.mark.parametrize("settings", [{}, {"use.latest.version": True}])
def test_a_stock_deserialiser_reads_avro(registry, gateway, post, read_all, settings) -> None:
    number, value = published_order(gateway, post, read_all)
    read = AvroDeserializer(registry, conf=settings)(value, ORDERS)
    assert read["orderId"] == uuid.UUID(number)
    assert read["items"][0]["boldness"] == 7


@pytest.mark.parametrize("settings", [{}, {"use.latest.version": True}])
def test_a_stock_deserialiser_reads_protobuf(registry, gateway, post, read_all, order_class, settings) -> None:
    number, value = published_status(gateway, post, read_all)
    conf = {"use.deprecated.format": False, **settings}
    read = ProtobufDeserializer(order_class, conf, registry)(value, STATUS)
    assert (read.order_id, read.coffees[0].name, read.changed_at.seconds) == (number, "Espresso", 1_769_860_800)


@pytest.mark.parametrize(
    "settings",
    [
        {"auto.register.schemas": True},
        {"auto.register.schemas": True, "normalize.schemas": True},
        {"auto.register.schemas": False},
        {"auto.register.schemas": False, "use.latest.version": True},
        {"auto.register.schemas": False, "use.schema.id": 2},
    ],
    ids=str,
)
def test_a_stock_serialiser_finds_the_id_of_avro(registry, gateway, post, read_all, settings) -> None:
    _, value = published_order(gateway, post, read_all)
    schema = registry.get_latest_version("customer.orders-value").schema
    read = AvroDeserializer(registry)(value, ORDERS)
    assert AvroSerializer(registry, schema.schema_str, conf=settings)(read, ORDERS) == value


@pytest.mark.parametrize(
    "settings",
    [
        {"auto.register.schemas": True},
        {"auto.register.schemas": False},
        {"auto.register.schemas": False, "use.latest.version": True},
        {"auto.register.schemas": False, "use.schema.id": 6},
    ],
    ids=str,
)
def test_a_stock_serialiser_finds_the_id_of_protobuf(registry, gateway, post, read_all, order_class, settings) -> None:
    _, value = published_status(gateway, post, read_all)
    conf = {"use.deprecated.format": False, **settings}
    read = ProtobufDeserializer(order_class, {"use.deprecated.format": False}, registry)(value, STATUS)
    assert ProtobufSerializer(order_class, registry, conf)(read, STATUS) == value


def test_a_schema_of_ones_own_is_not_registered(registry) -> None:
    new = json.dumps({"type": "record", "name": "Mine", "fields": [{"name": "a", "type": "int"}]})
    with pytest.raises(SchemaRegistryError, match="read-only"):
        AvroSerializer(registry, new)({"a": 1}, ORDERS)
    with pytest.raises((SerializationError, SchemaRegistryError)):
        AvroSerializer(registry, new, conf={"auto.register.schemas": False})({"a": 1}, ORDERS)
    with pytest.raises((SerializationError, SchemaRegistryError)):
        AvroSerializer(registry, new, conf={"subject.name.strategy": record_subject_name_strategy})({"a": 1}, ORDERS)


def test_what_the_client_can_ask(registry) -> None:
    assert "customer.orders-value" in registry.get_subjects()
    assert registry.get_versions("customer.orders-value") == [1, 2]
    latest = registry.get_latest_version("customer.orders-value")
    assert registry.get_schema(latest.schema_id).schema_str == latest.schema.schema_str
    assert registry.lookup_schema("customer.orders-value", latest.schema).version == 2
    assert registry.register_schema("customer.orders-value", latest.schema) == latest.schema_id
    assert registry.get_compatibility("customer.orders-value") == "FULL_TRANSITIVE"
    assert registry.get_compatibility() == "FULL_TRANSITIVE"
    assert registry.test_compatibility("customer.orders-value", latest.schema)
    assert not registry.test_compatibility("customer.orders-value", Schema('"int"', "AVRO"))
    with pytest.raises(SchemaRegistryError) as refused:
        registry.delete_subject("customer.orders-value")
    assert (refused.value.http_status_code, refused.value.error_code) == (405, 40501)


def test_a_wrong_token_is_refused(gateway: GatewayProcess) -> None:
    url = f"http://{gateway.http}/registry"
    with (
        SchemaRegistryClient({"url": url, "basic.auth.user.info": "consumer:no.good"}) as client,
        pytest.raises(SchemaRegistryError) as refused,
    ):
        client.get_schema(1)
    assert refused.value.http_status_code == 401
