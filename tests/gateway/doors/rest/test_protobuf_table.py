"""Every oddity of Protobuf, as JSON and as bytes, with its exact verdict through the real door (contracts.md, faults.md 28).

The rows of the codec's own tests, sent as a producer sends them: alone, as a line, in a batch, framed, and as `data`; and a
table of rules, each broken in both forms.
"""

import base64
import json
from functools import cache

import pytest
from tests.contracts.protobuf.conftest import HERE, descriptors
from tests.contracts.protobuf.test_binary import FAULTS, GOOD, UNREADABLE, chunk, nested, number
from tests.contracts.protobuf.test_structure import ACCEPTED, MALFORMED, REFUSED
from tests.gateway.doors.rest.conftest import TOPIC, Gate, make_gate
from tests.gateway.doors.rest.test_table import result, said

from tidegate.contracts.compiled import CompiledContract, compile_contract
from tidegate.contracts.media import JSON, PROTOBUF, PROTOBUF_FRAMED
from tidegate.contracts.source import ContractSource, VersionSource
from tidegate_gateway.doors.media import NDJSON

FRAME = b"\0\0\0\0\x07\0"


@cache
def contract(file: str, message: str) -> CompiledContract:
    text = (HERE / file).read_text()
    version = VersionSource(
        number=1, schema_id=7, format="protobuf", schema=text, descriptors=descriptors(text), message=message, message_index=(0,)
    )  # fmt: skip
    return compile_contract(ContractSource(topic=TOPIC, id="urn:table", versions=(version,)))


@pytest.fixture
def rich_gate() -> Gate:
    """Every kind of field, no rules."""
    return make_gate(contract("rich.proto", "rich.v1.Rich"))


@pytest.fixture
def status_gate() -> Gate:
    """A message with a rule of every kind."""
    return make_gate(contract("status.proto", "coffeeco.v1.OrderStatus"))


def stored(gate: Gate) -> bytes:
    """The value of the one record that was stored."""
    (record,) = gate.publisher.stored
    gate.publisher.stored.clear()
    assert record.value is not None
    return record.value


def test_there_are_three_hundred() -> None:
    rows = [*ACCEPTED, *REFUSED, *MALFORMED, *GOOD, *UNREADABLE, *FAULTS, *RULES, *RULES]
    assert len(rows) >= 300


@pytest.mark.parametrize("body", ACCEPTED)
async def test_accepted_json_stores_the_same_bytes_in_every_form(rich_gate: Gate, body: str) -> None:
    gate, sent = rich_gate, body.strip().encode()
    assert said(await gate.event(body.encode())) == ("ok", ())
    framed = stored(gate)
    assert framed.startswith(FRAME)
    event = b'{"value":' + sent + b"}"
    data = b'{"data":"' + base64.b64encode(framed[6:]) + b'"}'
    for more, media in ((event, NDJSON), (b'{"events":[' + event + b"]}", JSON), (data, NDJSON)):
        assert result(await gate.batch(more, media=media)) == ("ok", ())
        assert stored(gate) == framed
    for binary, media in ((framed[6:], PROTOBUF), (framed, PROTOBUF_FRAMED)):
        assert said(await gate.event(binary, media=media)) == ("ok", ())
        assert stored(gate) == framed


@pytest.mark.parametrize(("body", "pointer", "rule"), REFUSED)
async def test_refused_json(rich_gate: Gate, body: str, pointer: str, rule: str) -> None:
    gate, expected = rich_gate, ("contract_violation", ((rule, pointer),))
    assert said(await gate.event(body.encode())) == expected
    assert result(await gate.batch(body.encode(), media=NDJSON, query="format=values")) == expected
    assert result(await gate.batch(b'{"events":[{"value":' + body.encode() + b"}]}")) == expected
    assert gate.publisher.stored == []


@pytest.mark.parametrize(("body", "rule", "pointer"), MALFORMED, ids=lambda part: str(part)[:40])
async def test_malformed_json(rich_gate: Gate, body: bytes, rule: str, pointer: str) -> None:
    assert said(await rich_gate.event(body)) == ("malformed", ((rule, pointer),))
    assert rich_gate.publisher.stored == []


@pytest.mark.parametrize("body", GOOD, ids=lambda body: body.hex() or "empty")
async def test_accepted_bytes_are_stored_as_they_came(rich_gate: Gate, body: bytes) -> None:
    for sent, media in ((body, PROTOBUF), (FRAME + body, PROTOBUF_FRAMED)):
        assert said(await rich_gate.event(sent, media=media)) == ("ok", ())
        assert stored(rich_gate) == FRAME + body
    for data, flag in ((body, b""), (FRAME + body, b',"framed":true')):
        event = b'{"data":"' + base64.b64encode(data) + b'"' + flag + b"}"
        assert result(await rich_gate.batch(event, media=NDJSON)) == ("ok", ())
        assert stored(rich_gate) == FRAME + body


def short(part: object) -> str:
    return part.hex()[:40] if isinstance(part, bytes) else str(part)[:40]


@pytest.mark.parametrize(("body", "path", "rule", "at"), UNREADABLE, ids=short)
async def test_bytes_that_are_no_message(rich_gate: Gate, body: bytes, path: str, rule: str, at: int | None) -> None:
    expected = ("malformed", ((rule, "#" + path),))
    reply = await rich_gate.event(body, media=PROTOBUF)
    assert said(reply) == expected
    assert at is None or reply.json["errors"][0]["byteOffset"] == at
    assert said(await rich_gate.event(FRAME + body, media=PROTOBUF_FRAMED)) == expected
    event = b'{"data":"' + base64.b64encode(body) + b'"}'
    assert result(await rich_gate.batch(event, media=NDJSON)) == expected
    assert rich_gate.publisher.stored == []


@pytest.mark.parametrize(("body", "path", "rule", "at"), FAULTS, ids=short)
async def test_bytes_that_break_the_contract(
    rich_gate: Gate, body: bytes, path: str, rule: str, at: int | None
) -> None:
    expected = ("contract_violation", ((rule, "#" + path),))
    reply = await rich_gate.event(body, media=PROTOBUF)
    assert said(reply) == expected
    assert at is None or reply.json["errors"][0]["byteOffset"] == at
    event = b'{"data":"' + base64.b64encode(body) + b'"}'
    assert result(await rich_gate.batch(event, media=NDJSON)) == expected
    assert rich_gate.publisher.stored == []


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (nested(27, 200), "depth"),
        (nested(20, 200), "depth"),
        (b"\x9b\x3f" * 200 + b"\x9c\x3f" * 200, "depth"),
        (chunk(1, b"\xff"), "encoding"),
        (chunk(1, b"\xc0\xaf"), "encoding"),
        (chunk(1, b"\xed\xa0\x80"), "encoding"),
        (chunk(1, b"\xf4\x90\x80\x80"), "encoding"),
        (chunk(23, chunk(1, b"\xff")), "encoding"),
        *[
            ((chunk(1, b"abc") + number(3, 300) + b"\x31" + bytes(8))[:cut], "malformed")
            for cut in (1, 2, 4, 6, 7, 9, 12)
        ],
    ],
    ids=short,
)
async def test_fault_28_depth_utf8_truncation(rich_gate: Gate, body: bytes, rule: str) -> None:
    """faults.md 28: refused as bytes that are no message, alone and framed."""
    for sent, media in ((body, PROTOBUF), (FRAME + body, PROTOBUF_FRAMED)):
        code, ((said_rule, _pointer),) = said(await rich_gate.event(sent, media=media))
        assert (code, said_rule) == ("malformed", rule)


SOUND = {
    "orderId": "0190d0f2-7b1c-7c3a-9a52-5b1f3f2f1a11",
    "status": "STATUS_PLACED",
    "changedAt": "2026-01-31T12:00:00Z",
    "items": [{"sku": "arabica", "quantity": 2}],
    "courier": "bike",
}
ABSENT = "absent"
RULES: list[tuple[str, object, str, str]] = [
    ("orderId", "no-uuid", "string.uuid", "#/orderId"),
    ("orderId", ABSENT, "string.uuid_empty", "#/orderId"),
    ("status", "STATUS_UNSPECIFIED", "enum.not_in", "#/status"),
    ("status", ABSENT, "enum.not_in", "#/status"),
    ("status", 7, "enum.defined_only", "#/status"),
    ("status", "STATUS_SHIPPED", "", ""),
    ("changedAt", ABSENT, "required", "#/changedAt"),
    ("items", [], "repeated.min_items", "#/items"),
    ("items", ABSENT, "repeated.min_items", "#/items"),
    ("items", [{"sku": "a", "quantity": 1}] * 31, "repeated.max_items", "#/items"),
    ("items", [{"sku": "a", "quantity": 1}] * 30, "", ""),
    ("items", [{"sku": "", "quantity": 1}], "string.min_len", "#/items/0/sku"),
    ("items", [{"sku": "ééééééé", "quantity": 1}], "string.max_bytes", "#/items/0/sku"),
    ("items", [{"sku": "éééééé", "quantity": 1}], "", ""),
    ("items", [{"sku": "a", "quantity": 1}, {"sku": "a", "quantity": 0}], "int32.gte_lte", "#/items/1/quantity"),
    ("items", [{"sku": "a", "quantity": 11}], "int32.gte_lte", "#/items/0/quantity"),
    ("items", [{"sku": "a", "quantity": 10}], "", ""),
    ("items", [{"sku": "a"}], "int32.gte_lte", "#/items/0/quantity"),
    ("courier", ABSENT, "required", "#"),
    ("courier", "x", "string.min_len", "#/courier"),
    ("attributes", {"far too long": "x"}, "string.max_len", "#/attributes/far%20too%20long"),
    ("attributes", {"k": ""}, "string.min_len", "#/attributes/k"),
    ("attributes", {"k": "v"}, "", ""),
    ("card", "12345", "string.max_len", "#/card"),
    ("card", "1234", "", ""),
    ("stars", 0, "int32.gt_lt", "#/stars"),
    ("stars", 6, "int32.gt_lt", "#/stars"),
    ("stars", 5, "", ""),
    ("tags", ["a", "a"], "repeated.unique", "#/tags"),
    ("tags", ["a", "B"], "string.pattern", "#/tags/1"),
    ("tags", ["a", "b"], "", ""),
]
"""A field, its value, and what must be said of it; nothing: accepted."""


def with_field(field: str, value: object) -> bytes:
    event = {name: part for name, part in SOUND.items() if name != field}
    return json.dumps(event if value is ABSENT else {**event, field: value}).encode()


@pytest.mark.parametrize(("field", "value", "rule", "pointer"), RULES, ids=lambda part: str(part)[:40])
async def test_a_rule_says_the_same_of_json_and_of_bytes(
    status_gate: Gate, field: str, value: object, rule: str, pointer: str
) -> None:
    body = with_field(field, value)
    expected = ("contract_violation", ((rule, pointer),)) if rule else ("ok", ())
    reply = await status_gate.event(body)
    assert said(reply) == expected
    message = contract("status.proto", "coffeeco.v1.OrderStatus").newest.codec._type  # type: ignore[attr-defined]
    binary = message.from_json(body).to_binary()
    assert said(await status_gate.event(binary, media=PROTOBUF)) == expected
    assert said(await status_gate.event(FRAME + binary, media=PROTOBUF_FRAMED)) == expected
    if field == "card":
        assert b"12345" not in reply.body


async def test_a_rule_of_the_whole_message(status_gate: Gate) -> None:
    event = {name: part for name, part in SOUND.items() if name != "courier"} | {
        "status": "STATUS_SHIPPED",
        "locker": 5,
    }
    reply = await status_gate.event(json.dumps(event).encode())
    assert said(reply) == ("contract_violation", (("status.shipped_has_courier", "#"),))
    assert reply.json["errors"][0]["detail"] == "a shipped order needs a courier"
