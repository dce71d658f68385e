"""`data` and `framed` of an event in a batch: beside what they may stand, how base64 may be written, and the falsy values."""

import base64

import pytest
from tests.gateway.doors.rest.conftest import Gate, OrderCodec, contract, make_gate
from tests.gateway.doors.rest.test_batch import both_framings

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.media import JSON

FRAME_2 = b"\0\0\0\0\x0c"
FRAME_1 = b"\0\0\0\0\x0b"


def data(value: bytes, more: str = "") -> bytes:
    return b'{"data":"%s"%s}' % (base64.b64encode(value), more.encode())


@pytest.mark.parametrize(
    ("event", "version"),
    [
        (data(b"\x05"), 2),
        (data(b"\x05", ',"framed":false'), 2),
        (data(b"\x05", ',"framed":null'), 2),
        (data(b"\x05", ',"version":1'), 1),
        (data(FRAME_2 + b"\x05", ',"framed":true'), 2),
        (data(FRAME_1 + b"\x05", ',"framed":true'), 1),
        (data(FRAME_1 + b"\x05", ',"framed":true,"version":1'), 1),
        (b'{"value":{"n":5},"framed":false}', 2),
        (b'{"value":{"n":5},"data":null,"framed":null}', 2),
    ],
)
async def test_taken(gate: Gate, event: bytes, version: int) -> None:
    (result,) = await both_framings(gate, event)
    assert (result["status"], result["version"]) == ("stored", version)


@pytest.mark.parametrize(
    ("event", "pointer", "rule"),
    [
        (b'{"data":"BQ==","value":{"n":1}}', "#/data", "malformed"),
        (b'{"data":"BQ==","value":null}', "#/data", "malformed"),
        (b'{"data":null}', "#/value", "malformed"),
        (b'{"framed":true}', "#/framed", "malformed"),
        (b'{"framed":true,"value":{"n":1}}', "#/framed", "malformed"),
        (b'{"data":"BQ=="', "#", "malformed"),
        (b'{"data":5}', "#/data", "type"),
        (b'{"data":{"n":5}}', "#/data", "type"),
        (b'{"data":"B"}', "#/data", "encoding"),
        (b'{"data":"%%"}', "#/data", "encoding"),
        (b'{"data":"B Q="}', "#/data", "encoding"),
        (b'{"data":"BQ==BQ=="}', "#/data", "encoding"),
        (b'{"data":"+_8="}', "#/data", "encoding"),
        (b'{"data":"BQ","keyBytes":"%%"}', "#/keyBytes", "encoding"),
        (b'{"data":"BQ==","framed":1}', "#/framed", "type"),
        (b'{"data":"BQ==","framed":"true"}', "#/framed", "type"),
        (b'{"data":"BQ==","data":"BQ=="}', "#/data", "duplicate_key"),
        (b'{"data":"BQ","data":"BQ"}', "#/data", "duplicate_key"),
        (b'{"data":"BQ==","framed":false,"framed":false}', "#/framed", "duplicate_key"),
        (b'{"data":""}', "#", "encoding"),
        (data(FRAME_2 + b"\x05"), "#", "encoding"),
        (data(b"\x05", ',"framed":true'), "#", "encoding"),
        (data(FRAME_1 + b"\x05", ',"framed":true,"version":2'), "#", "encoding"),
        (data(b"\0\0\0\0\x63\x05", ',"framed":true'), "#", "encoding"),
    ],
)
async def test_refused(gate: Gate, event: bytes, pointer: str, rule: str) -> None:
    if not event.endswith(b"}"):
        results = (await gate.batch(event, media="application/x-ndjson")).json["results"]
    else:
        results = await both_framings(gate, event)
    (result,) = results
    assert (result["status"], result["error"]["code"]) == ("rejected", "malformed")
    violation = result["error"]["errors"][0]
    assert (violation["pointer"], violation["rule"]) == (pointer, rule)
    assert gate.publisher.stored == []


@pytest.mark.parametrize(
    ("text", "key"), [("-_8=", b"\xfb\xff"), ("-_8", b"\xfb\xff"), ("+/8", b"\xfb\xff"), ("", b"")]
)
async def test_base64_of_either_alphabet_padded_or_not(gate: Gate, text: str, key: bytes) -> None:
    """As ProtoJSON takes it, and our codecs take bytes."""
    event = b'{"id":"a","keyBytes":"%s","data":"BQ","headers":{"h":"v"},"time":"2026-01-31T12:00:00Z"}' % text.encode()
    (result,) = await both_framings(gate, event)
    assert (result["status"], result["id"]) == ("stored", "a")
    record = gate.publisher.stored[0]
    assert (record.key, record.value, record.timestamp_ms) == (key, b"framed\x05", 1_769_860_800_000)
    assert dict(record.headers)["h"] == b"v"


async def test_a_violation_within_data_points_into_the_value(gate: Gate) -> None:
    (result,) = await both_framings(gate, data(b"\x0b"))
    assert (result["error"]["code"], result["error"]["errors"][0]["pointer"]) == ("contract_violation", "#/n")


async def test_data_where_the_contract_takes_json_alone() -> None:
    source = contract().source
    codec = OrderCodec(media_types=frozenset({JSON}))
    versions = {version.number: CompiledVersion(source.topic, version, codec) for version in source.versions}
    (result,) = await both_framings(make_gate(CompiledContract(source, versions)), data(b"\x05"))
    assert (result["status"], result["error"]["code"]) == ("rejected", "unsupported_media")
    assert result["error"]["detail"] == "version 2 of customer.orders does not take application/avro"


FALSY = [
    (b"{}", "contract_violation", "required"), (b"0", "contract_violation", "type"), (b"false", "contract_violation", "type"),
    (b'""', "contract_violation", "type"), (b"[]", "contract_violation", "type"), (b"null", "contract_violation", "tombstone"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "code", "rule"), FALSY)
async def test_falsy_values_are_values(gate: Gate, value: bytes, code: str, rule: str) -> None:
    """Each is judged as what it is, in every form; only null is a tombstone, and wants a key."""
    single = await gate.event(value)
    assert (single.json["code"], single.json["errors"][0]["rule"]) == (code, rule)
    (event,) = await both_framings(gate, b'{"value":' + value + b"}")
    assert (event["error"]["code"], event["error"]["errors"][0]["rule"]) == (code, rule)
    line = await gate.batch(value, media="application/x-ndjson", query="format=values")
    assert line.json["results"][0]["error"]["errors"][0]["rule"] == rule
    assert gate.publisher.stored == []


async def test_tombstones_of_a_batch(gate: Gate) -> None:
    for event, key in (
        (b'{"key":"k","value":null}', b"k"),
        (b'{"key":"","value":null}', b""),
        (b'{"keyBytes":"AA==","value":null}', b"\0"),
    ):
        (result,) = await both_framings(gate, event)
        assert result["status"] == "stored"
        assert {(record.key, record.value) for record in gate.publisher.stored} == {(key, None)}
        gate.publisher.stored.clear()


async def test_an_empty_binary_body_is_no_tombstone(gate: Gate) -> None:
    reply = await gate.event(b"", media="application/avro", headers=[("Event-Key", "k")])
    assert (reply.status, reply.json["code"]) == (400, "malformed")
    assert gate.publisher.stored == []
