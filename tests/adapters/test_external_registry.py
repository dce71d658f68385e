"""Ids of another registry: asked when contracts load, once a version; what it does not have, or says wrong, breaks a contract clearly."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tidegate.contracts.codec import ContractError
from tidegate_gateway.adapters.external_registry import ExternalRegistry, RegistrySettings
from tidegate_gateway.contracts_folder import read_catalogue
from tidegate_gateway.doors.registry.protobuf_schemas import served_proto

SCHEMAS = Path(__file__).parents[2] / "schemas"
URL = "https://registry.example.com/api"


class Registry:
    """Answers lookups with ids from 1,000 up, or as a test says."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], str]] = []
        self.answer: httpx2.Response | Exception | None = None
        self.ids: dict[str, int] = {}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        self.asked.append((request.url.path, body, request.headers.get("authorization", "")))
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return self.answer
        return httpx2.Response(200, json={"id": self.ids.setdefault(body["schema"], 1000 + len(self.ids))})


@pytest.fixture
def registry() -> Registry:
    return Registry()


def adapter(registry: Registry, **settings: str) -> ExternalRegistry:
    return ExternalRegistry(RegistrySettings(url=URL, **settings), served_proto, httpx2.MockTransport(registry))


def test_every_version_gets_its_id_and_is_framed_with_it(registry: Registry) -> None:
    with_ids = adapter(registry, username="me", password="secret")
    catalogue = read_catalogue(SCHEMAS, working_copies=False, with_ids=with_ids)
    assert not catalogue.broken
    for contract in catalogue.contracts.values():
        for version in contract.versions.values():
            assert version.schema_id >= 1000
            stored = version.check(version.codec.example())
            assert stored.value[1:5] == version.schema_id.to_bytes(4, "big")
    assert {path for path, _, _ in registry.asked} == {
        f"/api/subjects/{topic}-value" for topic in ("customer.orders", "customer.profiles", "customer.order-status")
    }
    assert all(authorization.startswith("Basic ") for _, _, authorization in registry.asked)


def test_what_was_found_is_not_asked_again(registry: Registry) -> None:
    with_ids = adapter(registry)
    first = read_catalogue(SCHEMAS, working_copies=False, with_ids=with_ids)
    registry.answer = httpx2.ConnectError("away")
    again = read_catalogue(SCHEMAS, working_copies=False, known=first.contracts, with_ids=with_ids)
    assert not again.broken
    assert again.contracts["customer.orders"].versions == first.contracts["customer.orders"].versions


def test_protobuf_is_asked_for_as_consumers_get_it_and_as_it_stands(registry: Registry) -> None:
    registry.answer = httpx2.Response(404, json={"error_code": 40403, "message": "Schema not found"})
    read_catalogue(SCHEMAS, working_copies=False, with_ids=adapter(registry))
    texts = [body["schema"] for path, body, _ in registry.asked if "order-status" in path]
    assert ["buf/validate" in text for text in texts[:2]] == [False, True]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx2.Response(404, json={}), "does not have version 1 under customer.orders-value: register it there"),
        (httpx2.Response(401, json={}), "answers 401 for customer.orders-value"),
        (httpx2.Response(200, content=b"<html>"), "answers no id"),
        (httpx2.Response(200, json={"id": 2**31}), "which fits no frame"),
        (httpx2.Response(200, json={"id": 0}), "which fits no frame"),
        (httpx2.ConnectError("no"), "cannot be reached: ConnectError"),
    ],
)
def test_what_goes_wrong_breaks_the_contract(registry: Registry, answer, told) -> None:
    registry.answer = answer
    catalogue = read_catalogue(SCHEMAS, working_copies=False, with_ids=adapter(registry))
    assert not catalogue.contracts
    assert any(told in row.detail for row in catalogue.broken), catalogue.broken


def test_the_adapter_says_the_same(registry: Registry) -> None:
    registry.answer = httpx2.Response(404, json={})
    source = read_catalogue(SCHEMAS, working_copies=False).contracts["customer.orders"].source
    with pytest.raises(ContractError, match="register it there"):
        adapter(registry)(source)
