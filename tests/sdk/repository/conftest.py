"""A small schemas folder to break in one place at a time."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:test:shop.orders
schema:
  - name: Order
    physicalName: shop.orders
    authoritativeDefinitions:
      - {type: avro, url: avro/shop/order.avsc}
    customProperties:
      - {property: key, value: orderId}
"""

ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "orderId", "type": "string"},
        {"name": "items", "type": {"type": "array", "items": "shop.Item"}},
    ],
}

ITEM = {
    "type": "record",
    "name": "Item",
    "namespace": "shop",
    "fields": [{"name": "boldness", "type": "int", "minimum": 1, "maximum": 10}],
}

PROTO = """\
syntax = "proto3";

package shop.v1;

import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";

message Before {}

// A step of an order.
message Step {
  string order_id = 1 [(buf.validate.field).string.min_len = 1];
  google.protobuf.Timestamp changed_at = 2;
  map<string, Detail> details = 3;

  message Detail {
    string text = 1;
  }
}
"""

PROTO_CONTRACT = """\
schema:
  - physicalName: shop.steps
    authoritativeDefinitions:
      - {type: protobuf, url: proto/shop/v1/step.proto#shop.v1.Step}
    customProperties:
      - {property: key, value: order_id}
"""


class Shop:
    """A schemas folder under construction."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: str | bytes | Mapping[str, object]) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), encoding="utf-8")

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = self.text(name)
        assert old in text
        self.write(name, text.replace(old, new))

    def contract(self, text: str, topic: str = "shop.orders") -> None:
        self.write(f"contracts/{topic}.yaml", text)

    def files(self) -> dict[str, bytes]:
        return {p.relative_to(self.folder).as_posix(): p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}


@pytest.fixture
def empty(tmp_path: Path) -> Shop:
    """A folder with contracts/ and nothing in it."""
    (tmp_path / "schemas" / "contracts").mkdir(parents=True)
    return Shop(tmp_path / "schemas")


@pytest.fixture
def shop(empty: Shop) -> Shop:
    """One sound Avro contract, shop.orders, whose items are in a file of their own."""
    empty.contract(CONTRACT)
    empty.write("avro/shop/order.avsc", ORDER)
    empty.write("avro/shop/item.avsc", ITEM)
    return empty


@pytest.fixture
def proto_shop(empty: Shop) -> Shop:
    """One sound Protobuf contract, shop.steps."""
    empty.contract(PROTO_CONTRACT, "shop.steps")
    empty.write("proto/shop/v1/step.proto", PROTO)
    return empty


@pytest.fixture
def add_topic() -> Callable[[Shop, str], None]:
    """Adds a second contract over the same schema files."""

    def add(shop: Shop, topic: str) -> None:
        shop.contract(CONTRACT.replace("shop.orders", topic), topic)

    return add
