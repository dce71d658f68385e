"""ODCS files: what is taken, what is refused, and where."""

from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from open_data_contract_standard.model import OpenDataContractStandard

from tidegate.contracts.source import Limits, Owner, ServiceLevel, Support
from tidegate.repository.broken import Problems, Refused
from tidegate.repository.contract_file import ContractFile, is_topic, read_contract

FULL = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:test:shop.orders
name: Orders
version: 2.0.0
status: deprecated
domain: shop
description: {purpose: What was ordered.}
team: {name: checkout, members: [{username: ada}]}
support: [{channel: "#data", url: "https://chat.example.com"}, {channel: mail}]
roles: [{role: producer, access: write}, {role: analyst, access: read}, {role: "client:shop/web", access: write}]
slaProperties: [{property: freshness, value: 60, unit: s}, {property: exact, value: true}]
servers: [{server: prod, type: kafka, host: "kafka.example.com"}]
schema:
  - name: Order
    physicalName: shop.orders
    physicalType: topic
    authoritativeDefinitions:
      - {type: tutorial, url: "https://docs.example.com"}
      - {type: avro, url: avro/shop/order.avsc}
    customProperties:
      - {property: key, value: orderId}
      - {property: eventTime, value: at.time}
      - {property: compatibility, value: FULL}
      - {property: unknownFields, value: drop}
      - {property: onInvalid, value: reject}
      - {property: inputs, value: pinned}
      - {property: tombstones, value: allow}
      - {property: limits, value: {eventsPerSecond: 5, burstSeconds: 1.5}}
      - {property: topicLimits, value: {bytesPerSecond: 1000}}
      - {property: maxEventBytes, value: 65536}
    properties:
      - name: orderId
        description: The key.
        logicalTypeOptions: {minLength: 1, pattern: "^a"}
      - name: items
        logicalType: array
        logicalTypeOptions: {maxItems: 5}
        items:
          logicalType: object
          properties:
            - {name: note, classification: PII}
            - {name: coffee, classification: public}
"""

LEAST = """\
schema:
  - physicalName: shop.orders
    authoritativeDefinitions:
      - {type: avro, url: avro/shop/order.avsc}
"""


@dataclass
class Outcome:
    contract: ContractFile | None
    rows: list[str]


def read(text: str, topic: str = "shop.orders") -> Outcome:
    problems = Problems("c.yaml", topic)
    try:
        return Outcome(read_contract(text, topic, problems), [])
    except Refused:
        return Outcome(None, [str(row) for row in problems.rows])


def test_everything_that_is_taken() -> None:
    contract = read(FULL).contract
    assert contract is not None
    live = contract.live
    assert (live.topic, live.id, live.name, live.version) == ("shop.orders", "urn:test:shop.orders", "Orders", "2.0.0")
    assert (live.status, live.domain, live.purpose) == ("deprecated", "shop", "What was ordered.")
    assert live.owner == Owner(team="checkout", channel="#data", url="https://chat.example.com")
    assert live.support == (Support(channel="#data", url="https://chat.example.com"), Support(channel="mail"))
    assert live.roles == ("producer", "client:shop/web")
    assert live.service_levels == (
        ServiceLevel(property="freshness", value="60", unit="s"),
        ServiceLevel(property="exact", value="true"),
    )
    assert (live.compatibility, live.inputs, live.max_event_bytes) == ("FULL", "pinned", 65536)
    assert live.limits == Limits(events_per_second=5.0, burst_seconds=1.5)
    assert live.topic_limits == Limits(bytes_per_second=1000.0)
    assert live.sensitive == ("items.note",)
    assert live.descriptions == {"orderId": "The key."}
    assert live.document == FULL
    assert (contract.key, contract.event_time) == ("orderId", "at.time")
    assert (contract.unknown_fields, contract.tombstones) == ("drop", "allow")
    assert {row.path: row.keywords for row in contract.properties if row.keywords} == {
        "orderId": {"minLength": 1, "pattern": "^a"},
        "items": {"maxItems": 5},
    }
    OpenDataContractStandard.from_string(FULL)


def test_defaults() -> None:
    contract = read(LEAST).contract
    assert contract is not None
    assert (contract.key, contract.event_time, contract.unknown_fields, contract.tombstones) == (
        None,
        None,
        "reject",
        "reject",
    )
    assert (contract.live.compatibility, contract.live.inputs, contract.live.status) == (
        "FULL_TRANSITIVE",
        "any",
        "active",
    )
    assert (contract.live.limits, contract.live.topic_limits, contract.live.max_event_bytes) == (None, None, None)


@pytest.mark.parametrize(
    ("old", "new", "row"),
    [
        ("status: deprecated", "status: activ", 'c.yaml:6:9: status is "activ"; did you mean "active"?'),
        ("status: deprecated", "status: proposed", 'c.yaml:6:9: status is "proposed"; one of active, deprecated, draft, retired'),
        ("domain: shop", "domian: shop", 'c.yaml:7:1: a contract has no "domian"; did you mean "domain"?'),
        ("domain: shop", "name: shop", 'c.yaml:7:1: "name" is given twice'),
        ("version: 2.0.0", "version: 2.0", "c.yaml:5:10: version is a number to YAML, and must be text: put it in quotes"),
        ("apiVersion: v3.1.0", "apiVersion: v2.0.0", 'c.yaml:1:13: apiVersion is "v2.0.0"; '),
        ("kind: DataContract", "kind: Data", 'c.yaml:2:7: kind is "Data"; '),
        ("access: read", "access: raed", 'c.yaml:11:66: access is "raed"; did you mean "read"?'),
        ("{role: analyst, access: read}", "{role: analyst}", "c.yaml:11:42: a role has a role"),
        ("client:shop/web", "client:web", "c.yaml:11:80: a client's role is client:<issuer name>/<subject>"),
        ("{channel: mail}", "{chanel: mail}", 'c.yaml:10:65: a support channel has no "chanel"; did you mean "channel"?'),
        ("username: ada", "usrname: ada", 'c.yaml:9:35: a team member has no "usrname"; did you mean "username"?'),
        ("unit: s", "units: s", 'c.yaml:12:50: a service level has no "units"; did you mean "unit"?'),
        ("host:", "hots:", 'c.yaml:13:39: a server has no "hots"; did you mean "host"?'),
        ("purpose:", "porpose:", 'c.yaml:8:15: description has no "porpose"; did you mean "purpose"?'),
        ("physicalType: topic", "physicaltype: topic", 'c.yaml:17:5: schema[0] has no "physicaltype"; did you mean "physicalType"?'),
        ("physicalName: shop.orders", "physicalName: shop.order", 'c.yaml:16:19: the topic is "shop.order", so'),
        ("physicalName: shop.orders", "physicalName: shop/orders", 'c.yaml:16:19: "shop/orders" can be no topic: '),
        ("    physicalName: shop.orders\n", "", "c.yaml:15:5: schema[0].physicalName is missing"),
        ("type: avro", "type: arvo", 'c.yaml:20:16: type is "arvo"; did you mean "avro"?'),
        ("avro/shop/order.avsc", "avro/../order.avsc", 'c.yaml:20:27: "avro/../order.avsc" is not a .avsc file below avro/'),
        ("avro/shop/order.avsc", "/avro/shop/order.avsc", 'c.yaml:20:27: "/avro/shop/order.avsc" is not'),
        ("property: compatibility", "property: compatibilty", 'c.yaml:24:20: no custom property is called "compatibilty"; did you mean "compatibility"?'),
        ("property: inputs", "property: key", 'c.yaml:27:20: "key" is given twice'),
        ("value: FULL}", "value: FUL}", 'c.yaml:24:42: compatibility is "FUL"; did you mean "FULL"?'),
        ("value: FULL}", "value: WIRE_JSON}", 'c.yaml:24:42: compatibility is "WIRE_JSON"; one of'),
        ("value: drop", "value: keep", 'c.yaml:25:42: unknownFields "keep" is for Protobuf only: Avro has no place for them'),
        ("value: drop", "value: dorp", 'c.yaml:25:42: unknownFields is "dorp"; did you mean "drop"?'),
        ("onInvalid, value: reject", "onInvalid, value: quarantine", 'c.yaml:26:38: onInvalid "quarantine" is not served by this build yet'),
        ("onInvalid, value: reject", "onInvalid, value: rejct", 'c.yaml:26:38: onInvalid is "rejct"; did you mean "reject"?'),
        ("property: inputs, value: pinned", "property: dedupeWindow, value: 600", 'c.yaml:27:20: "dedupeWindow" is not served by this build yet'),
        ("property: inputs, value: pinned", "property: dedupeWindow, value: 6", 'c.yaml:27:20: "dedupeWindow" is not served by this build yet'),
        ("value: pinned", "value: pined", 'c.yaml:27:35: inputs is "pined"; did you mean "pinned"?'),
        ("value: allow", "value: alow", 'c.yaml:28:39: tombstones is "alow"; did you mean "allow"?'),
        ("eventsPerSecond: 5", "eventPerSecond: 5", 'c.yaml:29:36: limits has no "eventPerSecond"; did you mean "eventsPerSecond"?'),
        ("eventsPerSecond: 5", "eventsPerSecond: 0", "c.yaml:29:53: limits.eventsPerSecond is not above 0"),
        ("eventsPerSecond: 5, ", "", "c.yaml:29:35: limits bounds nothing"),
        ("value: 65536", "value: 0", "c.yaml:31:42: maxEventBytes is not an integer from 1 to"),
        ("value: orderId", "value: order-id", "c.yaml:22:32: key is not a field path"),
        ("minLength: 1", "minLenght: 1", 'c.yaml:35:30: logicalTypeOptions has no "minLenght"; did you mean "minLength"?'),
        ("minLength: 1", "minLength: -1", "c.yaml:35:41: minLength is not an integer from 0 to"),
        ("minLength: 1", "minimum: x", "c.yaml:35:39: minimum is not a number"),
        ("minLength: 1", "minimum: .inf", "c.yaml:35:39: minimum is "),
        ("minLength: 1", "multipleOf: 0", "c.yaml:35:42: multipleOf is not above 0"),
        ("minLength: 1", "uniqueItems: 1", "c.yaml:35:43: uniqueItems is not true or false"),
        ("minLength: 1", "format: emial", 'c.yaml:35:38: format is "emial"; did you mean "email"?'),
        ("logicalType: array", "logicalType: aray", 'c.yaml:37:22: logicalType is "aray"; did you mean "array"?'),
        ("classification: PII", "clasification: PII", 'c.yaml:42:28: a property has no "clasification"; did you mean "classification"?'),
        ("name: coffee", "name: note", 'c.yaml:43:22: a second property "note"'),
        ("logicalType: object", "classification: pii", "c.yaml:40:27: items cannot carry classification"),
    ],
)  # fmt: skip
def test_each_slip_is_named_at_its_place(old: str, new: str, row: str) -> None:
    assert old in FULL
    rows = read(FULL.replace(old, new, 1)).rows
    assert rows[0].startswith(row), rows
    assert len(rows) == 1


def test_all_problems_at_once_in_the_order_found() -> None:
    text = FULL.replace("status: deprecated", "status: x").replace("value: allow", "value: y")
    text = text.replace("property: inputs, value: pinned", "property: dedupeWindow, value: 6")
    assert [row.split(": ")[0] for row in read(text).rows] == ["c.yaml:27:20", "c.yaml:6:9", "c.yaml:28:39"]


def test_options_outside_the_schema_are_misplaced_and_those_of_other_tools_are_not_ours() -> None:
    misplaced = LEAST + "customProperties:\n  - {property: maxEventByte, value: 1}\n"
    assert read(misplaced).rows == [
        'c.yaml:6:16: "maxEventByte": the gateway\'s options belong into schema[0].customProperties'
    ]
    assert read(LEAST + "customProperties:\n  - {property: costCentre, value: 1}\n").contract


def test_rules_of_protobuf_contracts_live_in_the_schema() -> None:
    text = """\
schema:
  - physicalName: shop.orders
    authoritativeDefinitions:
      - {type: protobuf, url: "proto/a.proto#a.B"}
    properties:
      - name: x
        logicalTypeOptions: {minLength: 1}
"""
    (row,) = read(text).rows
    assert row.startswith("c.yaml:7:29: logicalTypeOptions: the rules of a Protobuf contract live in its schema")
    contract = read(text.replace("minLength: 1", "")).contract
    assert contract is not None
    assert (contract.definition.path, contract.definition.message) == ("proto/a.proto", "a.B")
    assert contract.live.compatibility == "WIRE_JSON"
    assert read(text.replace("#a.B", "")).rows[0].startswith("c.yaml:4:31: a Protobuf url ends in #")


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("", "c.yaml:1:1: is no contract: the document is not a mapping"),
        ("- a\n", "c.yaml:1:1: is no contract: the document is not a mapping"),
        ("a: [", "c.yaml:2:1: is not YAML: "),
        ("a: 1\n---\nb: 1\n", "c.yaml:2:1: holds a second document"),
        ("a: \x00", "c.yaml:1:1: is not YAML: "),
        ("name: x\n", "c.yaml:1:1: schema is missing"),
        ("schema: []\n", "c.yaml:1:9: schema has 0 entries"),
        ("schema: [{}, {}]\n", "c.yaml:1:9: schema has 2 entries"),
        ("schema: x\n", "c.yaml:1:9: schema is not a list"),
        ("<<: {}\n" + LEAST, "c.yaml:1:1: merge keys"),
        ("[a]: 1\n" + LEAST, "c.yaml:1:1: a contract has a key that is not text"),
        ("name: !!python/object x\n" + LEAST, "c.yaml:1:7: name is not text"),
        (LEAST + "slaProperties: [{property: a, value: !!int x}]\n", "c.yaml:5:38: value is a value that"),
        (LEAST + "slaProperties: [{property: a, value: {}}]\n", "c.yaml:5:38: value is not a single value"),
        ("a: " + "[" * 5000, "c.yaml:1:43: is nested deeper than 40"),
        ("a: &a [*a]\n", "c.yaml:1:4: is too large or too deep once its aliases are followed"),
    ],
)
def test_documents_that_are_none(text: str, row: str) -> None:
    assert read(text).rows[0].startswith(row)


def test_an_alias_bomb_is_refused_and_a_plain_alias_is_read() -> None:
    bomb = "tags:\n  - &a [x, x, x, x, x, x, x, x, x, x]\n"
    for name, inner in zip("bcdefgh", "abcdefg", strict=True):
        bomb += f"  - &{name} [{', '.join(['*' + inner] * 10)}]\n"
    assert "too large or too deep" in read(bomb + LEAST).rows[0]
    shared = "support: [{channel: &c data}]\nteam: {name: *c}\n"
    contract = read(shared + LEAST).contract
    assert contract is not None
    assert contract.live.owner == Owner(team="data", channel="data")


@pytest.mark.parametrize(
    ("name", "good"),
    [("a", True), ("A.b_c-9", True), ("x" * 249, True), ("x" * 250, False), ("", False), (".", False), ("..", False),
     ("__x", False), ("_x", True), ("a b", False), ("ä", False), ("a\n", False)],
)  # fmt: skip
def test_topic_names(name: str, good: bool) -> None:
    assert is_topic(name) is good


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_mutation_of_a_contract_raises(data: st.DataObject) -> None:
    text = FULL
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 30)))
        text = (
            text[:start]
            + data.draw(st.text(max_size=8) | st.sampled_from([": ", "- ", "{", "]", "*a", "&a ", "!!"]))
            + text[end:]
        )
    outcome = read(text)
    assert (outcome.contract is None) == bool(outcome.rows)


@given(st.text(max_size=80))
@example("\ud800")
@example("? ")
@example("%TAG ! x")
@example("a: 2001-99-99")
@settings(max_examples=100, deadline=None)
def test_no_text_raises(text: str) -> None:
    outcome = read(text)
    assert outcome.contract is None
    assert outcome.rows
