"""The example company's contracts: served whole, read by the standard's own tools, and released as they stand."""

import json
from pathlib import Path

import fastavro
import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.verdict import Encoded, Rejected
from tidegate.repository.folder import load, read

SCHEMAS = Path(__file__).parents[2] / "schemas"
TOPICS = ["customer.order-status", "customer.orders", "customer.profiles"]

ORDER = {
    "orderId": "0b3a2f1e-6f0f-4c1b-9d53-2a1f0c7e9b11",
    "customerId": "c-1042",
    "placedAt": "2026-01-31T12:00:00Z",
    "items": [{"coffee": "ESPRESSO", "boldness": 8, "quantity": 2}, {"coffee": "FILTER", "boldness": 3}],
    "total": "31.40",
}


@pytest.fixture(scope="module")
def contracts() -> dict[str, CompiledContract]:
    loaded = load(SCHEMAS, working_copies=False)
    assert loaded.broken == ()
    return {contract.topic: contract for contract in loaded.contracts}


def test_all_are_served_with_two_versions(contracts: dict[str, CompiledContract]) -> None:
    assert sorted(contracts) == TOPICS
    assert {tuple(contract.versions) for contract in contracts.values()} == {(1, 2)}


def test_nothing_waits_for_its_release() -> None:
    """The working copies are what was released last, so that `dev` and production serve the same."""
    repository = read(SCHEMAS, working_copies=True)
    assert repository.broken == ()
    assert repository.copies == {}


@pytest.mark.parametrize("topic", TOPICS)
def test_the_standards_own_model_reads_each_file(topic: str) -> None:
    document = OpenDataContractStandard.from_file(str(SCHEMAS / "contracts" / f"{topic}.yaml"))
    assert document.schema_ is not None
    assert document.schema_[0].physicalName == topic


@pytest.mark.parametrize("topic", TOPICS)
def test_examples_pass_and_every_field_has_a_doc(contracts: dict[str, CompiledContract], topic: str) -> None:
    for version in contracts[topic].versions.values():
        assert isinstance(version.check(version.codec.example()), Encoded)
    described = contracts[topic].source.descriptions
    assert [f.path for f in contracts[topic].newest.codec.fields() if not f.doc and f.path not in described] == []


def test_frozen_avro_is_self_contained_for_other_libraries(contracts: dict[str, CompiledContract]) -> None:
    frozen = [v.source for c in contracts.values() for v in c.versions.values() if v.source.format == "avro"]
    assert len(frozen) == 4
    for source in frozen:
        fastavro.parse_schema(json.loads(source.schema))


def test_an_order_is_small_and_needs_little(contracts: dict[str, CompiledContract]) -> None:
    """The order of the README and of the benchmark: two items, about 230 bytes."""
    body = json.dumps(ORDER, separators=(",", ":")).encode()
    assert 200 <= len(body) <= 260
    for version in contracts["customer.orders"].versions.values():
        verdict = version.check(body)
        assert isinstance(verdict, Encoded)
        assert verdict.key == str(ORDER["orderId"]).encode()
        assert verdict.time_ms == 1769860800000


def test_rules_of_the_schema_and_of_the_contract_file_hold(contracts: dict[str, CompiledContract]) -> None:
    bad = {**ORDER, "items": [{"coffee": "TEA", "boldness": 11}], "note": "x" * 501}
    verdict = contracts["customer.orders"].newest.check(json.dumps(bad).encode())
    assert isinstance(verdict, Rejected)
    assert [(v.pointer, v.rule) for v in verdict.violations] == [
        ("#/items/0/coffee", "enum"),
        ("#/items/0/boldness", "maximum"),
        ("#/note", "maxLength"),
    ]


def test_profiles_may_be_forgotten_and_orders_may_not(contracts: dict[str, CompiledContract]) -> None:
    key = "0b3a2f1e-6f0f-4c1b-9d53-2a1f0c7e9b11"
    assert contracts["customer.profiles"].newest.check(b"null", key=key) == Encoded(
        value=None, key=key.encode(), time_ms=None
    )
    assert isinstance(contracts["customer.orders"].newest.check(b"null", key=key), Rejected)


def test_personal_data_is_marked(contracts: dict[str, CompiledContract]) -> None:
    sensitive = {f.path for f in contracts["customer.profiles"].newest.codec.fields() if f.sensitive}
    assert {"name", "email", "birthday", "address.street", "address.postcode"} <= sensitive
    assert "customerId" not in sensitive
    assert "courier.phone" in {f.path for f in contracts["customer.order-status"].newest.codec.fields() if f.sensitive}


def test_the_status_contracts_own_rule(contracts: dict[str, CompiledContract]) -> None:
    status = {
        "orderId": ORDER["orderId"],
        "status": "ORDER_STATUS_SHIPPED",
        "changedAt": "2026-01-31T12:00:00Z",
        "coffees": [{"name": "Espresso", "boldness": 8, "quantity": 1}],
    }
    version = contracts["customer.order-status"].newest
    verdict = version.check(json.dumps(status).encode())
    assert isinstance(verdict, Rejected)
    assert [v.rule for v in verdict.violations] == ["order.shipped_has_carrier"]
    assert isinstance(version.check(json.dumps({**status, "pickupPoint": "Station"}).encode()), Encoded)
