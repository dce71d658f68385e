"""Field paths: what a contract file may name."""

from typing import Any

import pytest
from tests.sdk.repository.conftest import Shop

from tidegate.contracts.protobuf.linking import linked
from tidegate.repository.broken import Place, Problems
from tidegate.repository.fields import avro_fields, protobuf_fields
from tidegate.repository.proto_files import ProtoFiles


def record(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields.items()]}


def test_arrays_maps_and_unions_are_looked_through() -> None:
    schema = record(
        "a.Root",
        plain="int",
        items={"type": "array", "items": record("Item", n="int")},
        by_name={"type": "map", "values": ["null", "a.Item"]},
        either=["null", record("Left", left="int"), {"type": record("Right", right="int")}],
        again="Left",
    )
    assert avro_fields(schema) == {
        "plain", "items", "items.n", "by_name", "by_name.n", "either", "either.left", "either.right", "again", "again.left",
    }  # fmt: skip


def test_a_recursive_type_is_listed_once() -> None:
    schema = record("Node", value="int", next=["null", "Node"], other=record("Other", node="Node"))
    assert avro_fields(schema) == {"value", "next", "other", "other.node"}


@pytest.mark.parametrize(
    "value",
    [None, 1, "x", {}, {"type": "record"}, {"type": "record", "fields": [1, {"name": 2}]}, [[]], {"type": ["x"]}],
)
def test_what_is_no_schema_has_no_fields(value: Any) -> None:
    assert avro_fields(value) == frozenset()


def test_protobuf_fields_by_both_names(proto_shop: Shop) -> None:
    asked = Place(file="contracts/shop.steps.yaml")
    schema = ProtoFiles(proto_shop.folder).read("proto/shop/v1/step.proto", "shop.v1.Step", asked, Problems("c"))
    step, _pool = linked(schema.descriptors, "shop.v1.Step")
    assert step is not None
    assert protobuf_fields(step) == {
        "order_id", "orderId", "changed_at", "changedAt", "details", "details.text",
    }  # fmt: skip
