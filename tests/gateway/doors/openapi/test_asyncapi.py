"""The description of the topics for consumers: what a record holds, by contract and version, and who sees it."""

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from tests.gateway.doors.conftest import OLD_SCHEMA, SCHEMA, orders

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.source import TopicSettings
from tidegate_gateway.doors.rest.asyncapi import topics_description

Ask = Callable[..., Awaitable[httpx2.Response]]
Document = dict[str, Any]


@pytest.fixture
async def document(ask: Ask) -> Document:
    answer = await ask("/asyncapi.json", "reader")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    decoded: Document = answer.json()
    return decoded


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from [str(inner)] if name == "$ref" else references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_reference_leads_somewhere(document: Document) -> None:
    assert document["asyncapi"] == "3.0.0"
    found = list(references(document))
    assert found
    for reference in found:
        at: Any = document
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]


def test_a_topic_says_what_its_records_hold(document: Document) -> None:
    channel = document["channels"]["customer.orders"]
    assert channel["address"] == "customer.orders"
    assert channel["x-owner"] == "checkout"
    assert list(channel["messages"]) == ["v2", "v1"]
    new, old = channel["messages"].values()
    assert (new["payload"]["schema"], old["payload"]["schema"]) == (json.loads(SCHEMA), json.loads(OLD_SCHEMA))
    assert new["payload"]["schemaFormat"].startswith("application/vnd.apache.avro")
    assert (new["name"], new["x-schema-id"], old["x-schema-id"]) == ("Order", 12, 11)
    binding = new["bindings"]["kafka"]
    assert (binding["schemaIdLocation"], binding["schemaIdPayloadEncoding"]) == ("payload", "confluent")
    assert "orderId" in binding["key"]["description"]
    assert "key" not in old["bindings"]["kafka"]
    headers = document["components"]["messageTraits"]["record"]["headers"]
    assert set(headers["required"]) == {"tidegate-id", "tidegate-version", "tidegate-time"}


def test_a_protobuf_schema_is_its_text_and_what_is_retired_is_not_written(document: Document) -> None:
    channel = document["channels"]["customer.order-status"]
    (message,) = channel["messages"].values()
    assert message["payload"]["schema"].startswith('syntax = "proto3"')
    assert message["contentType"] == "application/x-protobuf"
    assert channel["x-status"] == "retired"
    assert set(document["operations"]) == {"publish.customer.orders", "publish.stock.levels"}


def test_what_the_contract_says_of_its_topic_is_told() -> None:
    one = orders()
    source = msgspec.structs.replace(one.source, kafka=TopicSettings(partitions=6, replication_factor=3))
    document: Any = topics_description((CompiledContract(source, one.versions),), "https://gate.example.com")
    binding = document["channels"]["customer.orders"]["bindings"]["kafka"]
    assert (binding["partitions"], binding["replicas"]) == (6, 3)


@pytest.mark.parametrize(
    ("token", "topics"),
    [(None, set()), ("orders", {"customer.orders"}), ("nothing", set()), ("other", {"stock.levels"})],
)
async def test_it_shows_what_the_caller_may_see(ask: Ask, token: str | None, topics: set[str]) -> None:
    assert set((await ask("/asyncapi.json", token)).json()["channels"]) == topics


async def test_public_contracts_are_shown_to_all_and_it_is_not_sent_twice(ask_public: Ask) -> None:
    first = await ask_public("/asyncapi.json")
    assert len(first.json()["channels"]) == 3
    again = await ask_public("/asyncapi.json", If_None_Match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


async def test_a_bad_token_is_refused(ask: Ask) -> None:
    assert (await ask("/asyncapi.json", "none")).status_code == 401
