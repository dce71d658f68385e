"""Snapshots of the contracts: what is found in one, and that a swap changes none that was taken."""

from dataclasses import FrozenInstanceError
from types import MappingProxyType
from typing import Literal, cast

import pytest

from tidegate.contracts.codec import Codec
from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.source import ContractSource, VersionSource
from tidegate.errors import Code
from tidegate_gateway.intake.catalogue import BrokenContract, Catalogue, CatalogueHolder, find_contract, find_version
from tidegate_gateway.intake.faults import Fault

TOPIC = "customer.orders"
NEVER_ASKED = cast("Codec", object())
"""Nothing here judges an event."""


def anything(_topic: str) -> bool:
    return True


def contract(
    *numbers: int, status: Literal["active", "retired"] = "active", inputs: Literal["any", "pinned"] = "any"
) -> CompiledContract:
    versions = tuple(VersionSource(number=n, schema_id=n + 1, format="avro", schema="") for n in numbers)
    source = ContractSource(topic=TOPIC, id="orders", status=status, inputs=inputs, versions=versions)
    return CompiledContract(source, {v.number: CompiledVersion(TOPIC, v, NEVER_ASKED) for v in versions})


def catalogue(found: CompiledContract) -> Catalogue:
    return Catalogue(contracts=MappingProxyType({TOPIC: found}))


def code_of(found: CompiledContract, number: int | None) -> Code:
    with pytest.raises(Fault) as caught:
        find_version(found, number)
    return caught.value.code


def test_an_empty_catalogue_knows_no_topic() -> None:
    with pytest.raises(Fault) as caught:
        find_contract(Catalogue(), TOPIC, anything)
    assert (caught.value.code, caught.value.topic) == (Code.UNKNOWN_TOPIC, TOPIC)


def test_a_contract_is_found_by_its_exact_topic() -> None:
    served = contract(1)
    assert find_contract(catalogue(served), TOPIC, anything) is served
    with pytest.raises(Fault):
        find_contract(catalogue(served), TOPIC.upper(), anything)


def test_a_retired_contract_takes_nothing() -> None:
    with pytest.raises(Fault) as caught:
        find_contract(catalogue(contract(1, status="retired")), TOPIC, anything)
    assert caught.value.code is Code.RETIRED


def test_the_newest_version_is_taken_where_none_is_named() -> None:
    assert find_version(contract(1, 3, 2), None).number == 3
    assert find_version(contract(1, 3, 2), 2).number == 2


def test_a_working_copy_is_the_newest() -> None:
    served = contract(0, 1, 2)
    assert find_version(served, None).number == 0
    assert find_version(served, 2).number == 2


def test_a_version_above_the_newest_may_come_and_one_below_will_not() -> None:
    served = contract(2, 4)
    assert code_of(served, 5) is Code.VERSION_NOT_HERE_YET
    assert code_of(served, 3) is Code.UNKNOWN_VERSION
    assert code_of(served, 1) is Code.UNKNOWN_VERSION
    with pytest.raises(Fault, match="it has 2, 4"):
        find_version(served, 3)


def test_a_version_that_is_not_here_yet_says_when_to_come_back() -> None:
    with pytest.raises(Fault) as caught:
        find_version(contract(1), 2)
    assert caught.value.retry_after_s == 5.0


def test_a_pinned_contract_wants_the_version_named() -> None:
    served = contract(1, 2, inputs="pinned")
    assert find_version(served, 2).number == 2
    assert code_of(served, None) is Code.UNKNOWN_VERSION


def test_a_swap_changes_no_snapshot_that_was_taken() -> None:
    old, new = catalogue(contract(1)), catalogue(contract(1, 2))
    holder = CatalogueHolder(old)
    taken = holder.current
    holder.swap(new)
    assert holder.current is new
    assert find_version(find_contract(taken, TOPIC, anything), None).number == 1


def test_a_snapshot_cannot_be_changed() -> None:
    snapshot = Catalogue(broken=(BrokenContract(contract="bad", file="a.yaml", line=1, column=2, detail="no topic"),))
    with pytest.raises(FrozenInstanceError):
        snapshot.broken = ()  # type: ignore[misc]  # that it cannot be set is what is tested
    with pytest.raises(TypeError):
        Catalogue().contracts[TOPIC] = contract(1)  # type: ignore[index]  # as above


def test_several_faults_of_one_contract_are_one_broken_contract() -> None:
    rows = [("t", "contracts/t.yaml", 1), ("t", "avro/t.avsc", 4), ("u", "contracts/u.yaml", 1)]
    broken = tuple(BrokenContract(contract=c, file=f, line=n, column=1, detail="no") for c, f, n in rows)
    assert Catalogue(broken=broken).broken_count == 2


def test_a_topic_that_was_meant_is_said_to_those_who_may_see_it() -> None:
    served = catalogue(contract(1))
    for topic, sees, hint in (
        ("customer.ordres", anything, f': did you mean "{TOPIC}"?'),
        ("customer.ordres", str.isupper, ""),
        ("customer.refunds", anything, ""),  # no more alike than topics of one domain are
    ):
        with pytest.raises(Fault) as caught:
            find_contract(served, topic, sees)
        assert caught.value.detail == f"no contract for the topic {topic} is served here{hint}"
