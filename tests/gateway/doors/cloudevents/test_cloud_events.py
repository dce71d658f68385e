"""CloudEvents at the door: every mode, what is wrong with each attribute, routing, batches over topics (http.md, CloudEvents 1.0.2)."""

import base64
import json
from typing import Any

import pytest
from tests.gateway.doors.rest.conftest import TOPIC, Gate, contract, make_gate

from tidegate.errors import Code
from tidegate_gateway.intake.limits import Allowance
from tidegate_gateway.intake.ports import NotStored, RecordStored
from tidegate_gateway.intake.principal import Principal

PATH = "/v1/events"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
HEADERS = (("ce-specversion", "1.0"), ("ce-id", "a-1"), ("ce-source", "/shop"), ("ce-type", TOPIC))


def envelope(**members: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "a-1", "source": "/shop", "type": TOPIC, "data": {"n": 1}} | members


async def structured(gate: Gate, event: Any, **more: Any) -> Any:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return await gate.post(PATH, body, media=STRUCTURED, **more)


async def batch(gate: Gate, *events: Any, **more: Any) -> Any:
    return await gate.post(PATH, json.dumps(events).encode(), media=BATCH, **more)


@pytest.fixture
def gate() -> Gate:
    return make_gate(contract(), contract("customer.profiles"), contract("stock.levels"))


async def test_binary_mode(gate: Gate) -> None:
    headers = (*HEADERS, ("ce-time", "2027-01-15T08:00:00Z"), ("ce-subject", "a%20%C3%BC"), ("ce-partitionkey", "k"))
    reply = await gate.post(PATH, b'{"n":1}', headers=headers)
    assert (reply.status, reply.json["status"], reply.json["id"], reply.json["topic"]) == (200, "stored", "a-1", TOPIC)
    (record,) = gate.publisher.stored
    assert (record.key, record.timestamp_ms) == (b"k", 1_800_000_000_000)
    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"a-1",
        "ce_source": b"/shop",
        "ce_type": TOPIC.encode(),
        "ce_time": b"2027-01-15T08:00:00Z",
        "ce_subject": "a ü".encode(),
        "ce_partitionkey": b"k",
        "content-type": b"application/avro; framing=confluent",
        "tidegate-id": b"a-1",
        "tidegate-version": b"2",
        "tidegate-time": dict(record.headers)["tidegate-time"],
    }


async def test_binary_mode_takes_encoded_values(gate: Gate) -> None:
    reply = await gate.post(PATH, b"\x05", media="application/avro", headers=HEADERS)
    assert reply.status == 200, reply.body
    framed = await gate.post(PATH, b"\0\0\0\0\x0b\x05", media="application/avro; framing=confluent", headers=HEADERS)
    assert framed.json["version"] == 1
    refused = await gate.post(PATH, b"", media="application/protobuf", headers=HEADERS)
    assert (refused.status, refused.json["code"]) == (415, "unsupported_media")


async def test_structured_mode(gate: Gate) -> None:
    reply = await structured(gate, envelope(colour="red", size=7, fine=True, none=None, datacontenttype="text/json"))
    assert (reply.status, reply.json["id"]) == (200, "a-1")
    headers = dict(gate.publisher.stored[0].headers)
    assert (headers["ce_colour"], headers["ce_size"], headers["ce_fine"]) == (b"red", b"7", b"true")
    assert "ce_none" not in headers
    assert "ce_data" not in headers
    assert "ce_datacontenttype" not in headers


async def test_data_in_base64(gate: Gate) -> None:
    encoded = envelope(data_base64=base64.b64encode(b"\x05").decode(), datacontenttype="application/avro")
    del encoded["data"]
    assert (await structured(gate, encoded)).status == 200
    text = envelope(data_base64=base64.b64encode(b'{"n":2}').decode())
    del text["data"]
    assert (await structured(gate, text)).status == 200


async def test_an_event_without_data_is_a_tombstone(gate: Gate) -> None:
    event = envelope(partitionkey="k")
    del event["data"]
    assert (await structured(gate, event)).status == 200
    (record,) = gate.publisher.stored
    assert (record.key, record.value) == (b"k", None)
    assert "content-type" not in dict(record.headers)
    binary = await gate.post(PATH, b"", media=None, headers=(*HEADERS, ("ce-partitionkey", "k")))
    assert (binary.status, gate.publisher.stored[-1].value) == (200, None), binary.body
    unnamed = await gate.post(PATH, b"{}", media=None, headers=HEADERS)
    assert unnamed.status == 415
    keyless = await structured(gate, envelope(data=None))
    assert keyless.json["errors"][0]["rule"] == "tombstone"


@pytest.mark.parametrize(
    ("change", "pointer", "detail"),
    [
        ({"specversion": "0.3"}, "#/specversion", "is another than 1.0"),
        ({"specversion": None}, "#/specversion", "is missing"),
        ({"id": ""}, "#/id", "is missing"),
        ({"id": "a b"}, "#/id", "is not a usable event id"),
        ({"id": 7.5}, "#/id", "is no attribute's value"),
        ({"source": None}, "#/source", "is missing"),
        ({"type": None}, "#/type", "is missing"),
        ({"subject": {"a": 1}}, "#/subject", "is no attribute's value"),
        ({"Upper": "x"}, "#/Upper", "is no name of an attribute"),
        ({"subject": "a\u0007b"}, "#/subject", "holds a control character"),
        ({"data_base64": "AA=="}, "#/data_base64", "stands beside data"),
        ({"data": "AA", "datacontenttype": "application/avro"}, "#/data", "is JSON, and datacontenttype says"),
        ({"subject": "x" * 9000}, "#", "the attributes are more than"),
        ({f"a{n}": "x" for n in range(40)}, "#", "the attributes are more than"),
    ],
    ids=str,
)
async def test_what_is_wrong_with_an_envelope(gate: Gate, change, pointer, detail) -> None:
    reply = await structured(gate, envelope(**change))
    assert (reply.status, reply.json["code"]) == (400, "malformed"), reply.body
    (error,) = reply.json["errors"]
    assert error["pointer"] == pointer
    assert error["detail"].startswith(detail)
    many = (await batch(gate, envelope(**change), envelope(id="fine"))).json["results"]
    assert [row["status"] for row in many] == ["rejected", "stored"]
    assert many[0]["error"]["errors"] == [error]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "malformed"),
        (b"[]", "type"),
        (b'{"id":"a","id":"b"}', "duplicate_key"),
        (b'{"id":"\xff"}', "encoding"),
        pytest.param(b'{"a":' * 100_000, "depth", id="depth"),
        (b'{"specversion":"1.0","id":"a","source":"s","type":"customer.orders","data_base64":"%"}', "encoding"),
    ],
    ids=str,
)
async def test_what_is_no_envelope(gate: Gate, body, rule) -> None:
    reply = await structured(gate, body)
    assert (reply.status, reply.json["errors"][0]["rule"]) == (400, rule), reply.body


async def test_what_is_wrong_with_headers(gate: Gate) -> None:
    for headers, told in (
        ((), "there is no ce- header"),
        (HEADERS[1:], "the header ce-specversion is missing"),
        ((*HEADERS, ("ce-id", "b")), "the header ce-id stands twice"),
        ((*HEADERS, ("ce-subject", b"\xff")), "the header ce-subject is not UTF-8"),
        ((*HEADERS, ("ce-subject", "%FF")), "the header ce-subject is not UTF-8"),
        ((*HEADERS, ("ce-sub-ject", "x")), "the header ce-sub-ject is no name"),
    ):
        reply = await gate.post(PATH, b'{"n":1}', headers=headers)
        assert reply.status == 400
        assert reply.json["detail"].startswith(told), reply.json["detail"]


async def test_other_media_types_and_parameters(gate: Gate) -> None:
    for media in ("application/cloudevents+avro", "application/cloudevents-batch+protobuf", "application/cloudevents"):
        reply = await gate.post(PATH, b"{}", media=media)
        assert (reply.status, reply.json["accepted"]) == (415, [STRUCTURED, BATCH])
    assert (await structured(gate, envelope(), query="a=b")).status == 400
    assert (await structured(gate, envelope(datacontenttype="text/plain"))).status == 415


async def test_the_contract_is_found_by_type_or_dataschema(gate: Gate) -> None:
    link = "https://gate.example.com/v1/topics/customer.profiles/schemas"
    for change, topic, version in (
        ({"type": TOPIC}, TOPIC, 2),
        ({"type": f"urn:{TOPIC}"}, TOPIC, 2),
        ({"type": "com.example.changed", "dataschema": f"{link}/1"}, "customer.profiles", 1),
        ({"type": "customer.profiles", "dataschema": f"{link}/latest"}, "customer.profiles", 2),
        ({"type": TOPIC, "dataschema": "https://elsewhere.example.com/x"}, TOPIC, 2),
    ):
        reply = await structured(gate, envelope(**change))
        assert (reply.json["topic"], reply.json["version"]) == (topic, version), reply.body
    contradicting = await structured(gate, envelope(dataschema=f"{link}/1"))
    assert contradicting.json["errors"][0]["pointer"] == "#/dataschema"
    for no_link in ("http://[x", f"{link}/1/more", f"{link}/1a"):
        assert (await structured(gate, envelope(dataschema=no_link))).json["topic"] == TOPIC
    impossible = await structured(gate, envelope(type="x", dataschema=f"{link}/9999999999"))
    assert (impossible.status, impossible.json["errors"][0]["pointer"]) == (400, "#/dataschema")
    above = await structured(gate, envelope(type="x", dataschema=f"{link}/3"))
    assert (above.status, above.json["code"]) == (503, "version_not_here_yet")


async def test_who_may_not_learns_nothing(gate: Gate) -> None:
    for kind in ("stock.levels", "stock.missing", "urn:stock.levels", "urn:stock.missing", "no topic"):
        reply = await structured(gate, envelope(type=kind))
        assert (reply.status, reply.json["code"]) == (403, "forbidden")
    assert (await structured(gate, envelope(), who="bad")).status == 401
    link = f"https://gate.example.com/v1/topics/{TOPIC}/schemas/1"
    for kind in ("stock.levels", "stock.missing", "urn:stock.levels"):
        assert (await structured(gate, envelope(type=kind, dataschema=link))).json["topic"] == TOPIC
    missing = await structured(gate, envelope(type="customer.missing"))
    assert missing.status == 404


async def test_a_batch_for_one_topic_is_a_receipt(gate: Gate) -> None:
    reply = await batch(gate, envelope(), envelope(id="a-2", data={"n": 99}), envelope(id="a-3"))
    assert (reply.status, reply.json["topic"]) == (207, TOPIC)
    assert [(row["id"], row["status"]) for row in reply.json["results"]] == [
        ("a-1", "stored"), ("a-2", "rejected"), ("a-3", "stored"),
    ]  # fmt: skip
    assert gate.requests[-1] == "rest mixed"


async def test_a_batch_for_several_topics_names_them(gate: Gate) -> None:
    events = [
        envelope(id="1"),
        envelope(id="2", type="customer.profiles"),
        envelope(id="3", data={}),
        envelope(id="4", type="stock.levels"),
        envelope(id="5", type="customer.missing"),
        envelope(id="6", specversion="x"),
    ]
    reply = await batch(gate, *events)
    assert reply.status == 207
    assert "topic" not in reply.json
    assert [(row.get("topic"), row["id"], row["status"]) for row in reply.json["results"]] == [
        (TOPIC, "1", "stored"),
        ("customer.profiles", "2", "stored"),
        (TOPIC, "3", "rejected"),
        ("stock.levels", "4", "rejected"),
        ("customer.missing", "5", "rejected"),
        (None, "6", "rejected"),
    ]
    assert [row["error"]["code"] for row in reply.json["results"] if row["status"] == "rejected"] == [
        "contract_violation", "forbidden", "unknown_topic", "malformed",
    ]  # fmt: skip


async def test_all_for_one_reason_has_its_status(gate: Gate) -> None:
    gate.publisher.script = [NotStored(Code.BROKER_UNAVAILABLE, "away", 3.0)] * 2
    reply = await batch(gate, envelope(), envelope(type="customer.profiles"))
    assert (reply.status, {row["status"] for row in reply.json["results"]}) == (503, {"failed"})
    assert int(reply.fields["retry-after"]) >= 3
    gate.publisher.script = [NotStored(Code.BROKER_UNAVAILABLE, "away", 3.0), RecordStored(0, 1)]
    assert (await batch(gate, envelope(), envelope(type="customer.profiles"))).status == 207


async def test_a_limit_of_one_topic_leaves_the_others(gate: Gate) -> None:
    gate.limiter.next = Allowance(wait_s=2.0)
    reply = await batch(gate, envelope(), envelope(type="customer.profiles"))
    assert (reply.status, {row["error"]["code"] for row in reply.json["results"]}) == (429, {"rate_limited"})


async def test_an_empty_batch(gate: Gate) -> None:
    reply = await batch(gate)
    assert (reply.status, reply.json) == (200, {"results": []})


async def test_too_many_and_too_large() -> None:
    gate = make_gate(max_batch_events=2, max_event_bytes=200)
    reply = await batch(gate, *(envelope(id=str(n)) for n in range(3)))
    assert (reply.status, reply.json["maxEvents"]) == (413, 2)
    large = await structured(gate, envelope(data={"n": 1, "x": "y" * 300}))
    assert large.status == 413
    binary = await gate.post(PATH, b'{"n":1}' + b" " * 300, headers=HEADERS)
    assert binary.status == 413


async def test_a_token_is_asked_for_before_the_body(gate: Gate) -> None:
    reply = await gate.post(PATH, [b"x" * 100_000], media=BATCH, who=None)
    assert (reply.status, reply.fields["www-authenticate"]) == (401, "Bearer")


async def test_methods(gate: Gate) -> None:
    from tests.gateway.doors.rest.conftest import drive

    got = await drive(gate.app, "GET", PATH)
    assert got is not None
    assert (got.status, got.fields["allow"]) == (405, "POST, OPTIONS")


async def test_hostile_topics_in_dataschema_break_no_json(gate: Gate) -> None:
    link = 'https://x/v1/topics/"%0a%22,{}/schemas/1'
    reply = await batch(gate, envelope(type="x", dataschema=link), envelope())
    assert [row["status"] for row in reply.json["results"]] == ["rejected", "stored"]


async def test_percent_encoded_and_quoted_headers(gate: Gate) -> None:
    """HTTP binding 1.0.2, section 3.1.3.2: a quoted string is unescaped first, then one round of percent-decoding."""
    for sent, kept in (
        ("%22a%22", '"a"'),
        ('"a \\"b\\" %25"', 'a "b" %'),
        ('say "hi"', 'say "hi"'),
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \u20ac \U0001f600"),
    ):
        reply = await gate.post(PATH, b'{"n":1}', headers=(*HEADERS, ("ce-subject", sent)))
        assert reply.status == 200, reply.body
        assert dict(gate.publisher.stored[-1].headers)["ce_subject"].decode() == kept


async def test_events_that_belong_to_no_topic_are_counted(gate: Gate) -> None:
    await batch(gate, envelope(id={}), envelope(type="no topic"), envelope())
    assert [row[0::2] for row in gate.refused] == [("", Code.MALFORMED), ("", Code.FORBIDDEN)]


async def test_what_cannot_be_an_id_is_not_repeated(gate: Gate) -> None:
    wrong = json.dumps(envelope(id="x" * 129)).encode()
    reply = await gate.post(PATH, b'[%b,{"id":{},"id":{}}]' % wrong, media=BATCH)
    assert [row["id"] for row in reply.json["results"]] == ["", ""]


async def test_who_may_publish_nowhere_is_refused_before_the_body(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = Principal.of(issuer="dev", subject="x", scopes=frozenset({"contracts:read"}), roles=frozenset())

    async def authenticate(*_: object) -> Principal:
        return nobody

    monkeypatch.setattr(gate.intake, "authenticate", authenticate)
    for media in (STRUCTURED, BATCH):
        reply = await gate.post(PATH, [b"x" * 100_000], media=media)
        assert (reply.status, reply.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize("body", [b"[{}]", b"{", b"[" + json.dumps(envelope()).encode() + b"]"], ids=str)
async def test_memory_is_given_back(gate: Gate, body) -> None:
    for media in (STRUCTURED, BATCH):
        await gate.post(PATH, body, media=media)
    assert gate.memory.used_bytes == 0
