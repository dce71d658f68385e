"""The cost of a verdict on a small order, beside decoding alone and beside the usual libraries. Run by hand; prints us."""

import io
import json
import timeit
from typing import Any

import fastavro
import msgspec

from tidegate.contracts.avro.codec import compile_avro
from tidegate.contracts.codec import Payload
from tidegate.contracts.media import AVRO, AVRO_FRAMED, AVRO_JSON
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Rejected

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "coffeeco.customer",
    "fields": [
        {"name": "orderId", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "userId", "type": "string", "minLength": 1, "maxLength": 40},
        {"name": "placedAt", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "channel", "type": {"type": "enum", "name": "Channel", "symbols": ["WEB", "APP", "SHOP"]}},
        {
            "name": "items",
            "minItems": 1,
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "Item",
                    "fields": [
                        {"name": "sku", "type": "string"},
                        {"name": "quantity", "type": "int", "minimum": 1, "maximum": 99},
                        {"name": "boldness", "type": "int", "minimum": 1, "maximum": 10},
                    ],
                },
            },
        },
    ],
}
ORDER = {
    "orderId": "0190b5c2-7e1a-7c3d-9f00-0123456789ab",
    "userId": "u-1842",
    "placedAt": "2026-01-31T12:00:00Z",
    "note": None,
    "channel": "WEB",
    "items": [
        {"sku": "COF-001", "quantity": 2, "boldness": 7},
        {"sku": "COF-002", "quantity": 1, "boldness": 3},
    ],
}
FAULTY = ORDER | {
    "placedAt": "yesterday",
    "channel": "WEEB",
    "items": [{"sku": 1, "quantity": 0, "boldness": 11}, {"sku": "COF-002", "quantity": 1, "boldness": 3}],
}


def _microseconds(statement: str, **names: object) -> float:
    return min(timeit.repeat(statement, globals=names, number=1000, repeat=200)) / 1000 * 1e6


def _usual(body: bytes, schema: dict[str, Any]) -> bytes:
    value = json.loads(body)
    value["placedAt"] = 1769860800000
    fastavro.validate(value, schema, raise_errors=True)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


def main() -> None:
    """Measures and prints."""
    body, faulty = msgspec.json.encode(ORDER), msgspec.json.encode(FAULTY)
    codec = compile_avro(VersionSource(number=1, schema_id=7, format="avro", schema=json.dumps(SCHEMA)), frozenset())
    good, bad = codec.check(body, "application/json"), codec.check(faulty, "application/json")
    assert isinstance(good, Payload), good
    assert isinstance(bad, Rejected)
    assert len(bad.violations) == 5, bad
    decode = _microseconds("decode(body)", decode=msgspec.json.Decoder().decode, body=body)
    check = _microseconds("check(body, 'application/json')", check=codec.check, body=body)
    refuse = _microseconds("check(body, 'application/json')", check=codec.check, body=faulty)
    tagged = msgspec.json.encode(ORDER | {"placedAt": 1769860800000})
    for name, form in ((AVRO, good.value[5:]), (AVRO_FRAMED, good.value), (AVRO_JSON, tagged)):
        assert codec.check(form, name) == good
        took = _microseconds("check(body, name)", check=codec.check, body=form, name=name)
        print(f"{name}: {len(form)} bytes, {took:.2f} us = {took / check:.1f} x plain JSON")
    parsed = fastavro.parse_schema(SCHEMA)
    usual = _microseconds("usual(body, schema)", usual=_usual, body=body, schema=parsed)
    print(f"{len(body)} bytes; msgspec decode {decode:.2f} us")
    print(
        f"check {check:.2f} us = {check / decode:.1f} x decode; five violations {refuse:.2f} us = {refuse / check:.1f} x"
    )
    print(f"json + fastavro validate + write {usual:.2f} us = {usual / check:.1f} x check")


if __name__ == "__main__":
    main()
