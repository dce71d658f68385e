"""A schema that cannot be shown costs nobody else the registry: it alone is left out, and a log line names it."""

import logging
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import msgspec
import pytest
from google.protobuf import descriptor_pb2
from tests.gateway.doors.registry.conftest import Ask

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate_gateway.doors.registry.snapshot import Snapshots, snapshot_of
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.intake.catalogue import Catalogue

TOPIC = "customer.order-status"


def a_map_without_its_field(file: descriptor_pb2.FileDescriptorProto) -> None:
    file.message_type[0].nested_type.add(name="LostEntry").options.map_entry = True


def a_field_of_an_unknown_kind(file: descriptor_pb2.FileDescriptorProto) -> None:
    file.message_type[0].field[0].oneof_index = 99


def an_import_that_is_not_there(file: descriptor_pb2.FileDescriptorProto) -> None:
    file.dependency.append("shop/lost.proto")


def damaged(contract: CompiledContract, harm: Callable[[descriptor_pb2.FileDescriptorProto], None]) -> CompiledContract:
    """The contract with a newest version that no compiler would have made; the older one is as it was."""
    newest = contract.newest
    files = descriptor_pb2.FileDescriptorSet.FromString(newest.source.descriptors)
    harm(files.file[-1])
    number = newest.number + 1
    source = msgspec.structs.replace(newest.source, number=number, schema_id=900, descriptors=files.SerializeToString())
    versions = {number: CompiledVersion(contract.topic, source, newest.codec), **contract.versions}
    return CompiledContract(contract.source, versions)


@pytest.mark.parametrize("harm", [a_map_without_its_field, a_field_of_an_unknown_kind, an_import_that_is_not_there])
def test_one_version_that_cannot_be_shown_fails_alone(
    coffeeco: Catalogue, harm: Callable[[descriptor_pb2.FileDescriptorProto], None], caplog: pytest.LogCaptureFixture
) -> None:
    whole = snapshot_of(coffeeco.contracts.values())
    contracts = {**coffeeco.contracts, TOPIC: damaged(coffeeco.contracts[TOPIC], harm)}
    number = coffeeco.contracts[TOPIC].newest.number + 1
    with caplog.at_level(logging.ERROR):
        found = snapshot_of(contracts.values())
    assert found == whole, "what others and its older versions need is all there"
    (record,) = caplog.records
    assert record.getMessage() == f"version {number} of {TOPIC} is not in the registry: its schema cannot be shown"
    assert record.__dict__["topic"] == TOPIC
    assert record.__dict__["detail"]


def test_a_contract_of_which_nothing_can_be_shown(coffeeco: Catalogue, caplog: pytest.LogCaptureFixture) -> None:
    contract = coffeeco.contracts[TOPIC]
    source = msgspec.structs.replace(contract.newest.source, descriptors=b"\xff")
    broken = CompiledContract(contract.source, {1: CompiledVersion(TOPIC, source, contract.newest.codec)})
    found = snapshot_of([*(one for one in coffeeco.contracts.values() if one.topic != TOPIC), broken])
    assert not any(subject.startswith(TOPIC) for subject in found.subjects)
    assert "customer.orders-value" in found.subjects
    assert [record.name for record in caplog.records] == ["tidegate.registry"]


async def test_it_is_told_once_while_the_contract_stays(coffeeco: Catalogue, caplog: pytest.LogCaptureFixture) -> None:
    contracts = {**coffeeco.contracts, TOPIC: damaged(coffeeco.contracts[TOPIC], a_map_without_its_field)}
    snapshots = Snapshots()
    for _ in range(2):
        await snapshots.of(Catalogue(contracts=MappingProxyType(dict(contracts))))
    assert len(caplog.records) == 1


async def test_consumers_ask_on(registry_deps: RestDeps, ask_registry: Ask, coffeeco: Catalogue) -> None:
    broken = damaged(coffeeco.contracts[TOPIC], a_map_without_its_field)
    registry_deps.intake.catalogue.swap(
        replace(coffeeco, contracts=MappingProxyType({**coffeeco.contracts, TOPIC: broken}))
    )
    assert (await ask_registry("/schemas/ids/900")).json()["error_code"] == 40403
    kept = coffeeco.contracts[TOPIC].newest
    assert (await ask_registry(f"/schemas/ids/{kept.schema_id}")).status_code == 200
    assert (await ask_registry(f"/subjects/{TOPIC}-value/versions")).json() == [1, 2]
    latest = await ask_registry(f"/subjects/{TOPIC}-value/versions/latest")
    assert latest.json()["version"] == kept.number
    assert (await ask_registry("/subjects/customer.orders-value/versions/latest")).status_code == 200
