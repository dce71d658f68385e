"""Values of every kind become bytes (sdk.md: dict, dataclass, msgspec Struct, pydantic model, Protobuf message, encoded bytes)."""

import dataclasses
import math
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
import pydantic
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from tidegate.contracts.media import AVRO, JSON, PROTOBUF
from tidegate.shell.values import Unencodable, encoded


@dataclasses.dataclass
class Plain:
    name: str
    at: datetime


class Lean(msgspec.Struct, rename="camel"):
    order_id: UUID
    price: Decimal


class Model(pydantic.BaseModel):
    order_id: str = pydantic.Field(alias="orderId")
    day: datetime


AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, None, "ü"]}, '{"a":[1,null,"ü"]}'),
        (MappingProxyType({"a": 1}), '{"a":1}'),
        (Plain(name="Ada", at=AT), '{"name":"Ada","at":"2026-01-31T12:00:00Z"}'),
        (
            Lean(order_id=UUID(int=1), price=Decimal("1.50")),
            '{"orderId":"00000000-0000-0000-0000-000000000001","price":"1.50"}',
        ),
        (Model(orderId="o", day=AT), '{"orderId":"o","day":"2026-01-31T12:00:00Z"}'),
        (None, "null"),
    ],
)
def test_objects_become_json(value: object, expected: str) -> None:
    assert encoded(value, None) == (expected.encode(), JSON)


def test_a_protobuf_message_becomes_its_bytes() -> None:
    assert encoded(StringValue(value="x"), None) == (b"\n\x01x", PROTOBUF)


@pytest.mark.parametrize("data", [b"\x01", bytearray(b"\x01"), memoryview(b"\x01")])
def test_bytes_are_taken_as_they_are(data: Any) -> None:
    assert encoded(data, AVRO) == (b"\x01", AVRO)
    assert encoded(data, None) == (b"\x01", JSON)


@pytest.mark.parametrize(
    "value",
    [
        {"a": math.nan},
        {"a": [{"b": math.inf}]},
        {"a": None, "b": -math.inf},
        {"a": object()},
        {1.5j: 1},
        Plain(name=math.nan, at=AT),  # type: ignore[arg-type]  # what an application may do
    ],
)
def test_what_json_cannot_say_is_refused_and_never_made_null(value: object) -> None:
    with pytest.raises(Unencodable):
        encoded(value, None)


def test_a_loop_is_refused_and_no_crash() -> None:
    loop: dict[str, object] = {}
    loop["me"] = loop
    with pytest.raises(Unencodable):
        encoded(loop, None)
