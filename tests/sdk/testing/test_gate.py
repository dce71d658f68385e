"""FakeGate: the real verdict, everything kept, faults on request; and VirtualClock."""

import asyncio
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tidegate import Client, ClientSettings, ContractViolation, OutcomeUnknown, Unavailable
from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.source import encode_source
from tidegate.errors import Code
from tidegate.exceptions import IdReused, UnknownTopic, UnknownVersion
from tidegate.testing import FakeGate, VirtualClock
from tidegate.testing.loading import contracts_of

ROOT = Path(__file__).resolve().parents[3]
TOPIC = "customer.orders"


@pytest.fixture(scope="session")
def contracts() -> tuple[CompiledContract, ...]:
    return contracts_of(ROOT / "schemas", working_copies=False)


@pytest.fixture
def gate(contracts: tuple[CompiledContract, ...]) -> Iterator[FakeGate]:
    with FakeGate(contracts) as made:
        yield made


@pytest.fixture
def order(contracts: tuple[CompiledContract, ...]) -> dict[str, Any]:
    (contract,) = [one for one in contracts if one.topic == TOPIC]
    made: dict[str, Any] = json.loads(contract.newest.codec.example())
    return made


def test_it_keeps_what_was_published(gate: FakeGate, order: dict[str, Any]) -> None:
    receipt = gate.client().publish(TOPIC, order, headers={"origin": "test"})
    assert receipt.status == "stored"
    (event,) = gate.of(TOPIC)
    assert event.value == order
    assert event.id == receipt.id
    assert event.headers == {"origin": "test"}
    assert event.record is not None
    assert event.record[:1] == b"\0", "framed, as Kafka would hold it"
    assert gate.of("customer.cups") == []


def test_it_judges_as_the_gateway_does_also_where_the_client_does_not(gate: FakeGate, order: dict[str, Any]) -> None:
    order.pop(next(iter(order)))
    with pytest.raises(ContractViolation) as local:
        gate.client().publish(TOPIC, order)
    assert gate.requests == 0
    with pytest.raises(ContractViolation) as remote:
        gate.client(settings=ClientSettings(judge=False)).publish(TOPIC, order)
    assert gate.requests == 1
    pointers = [one.pointer for one in remote.value.violations]
    assert pointers == [one.pointer for one in local.value.violations]
    assert gate.events == []


def test_it_knows_its_topics_only(gate: FakeGate) -> None:
    with pytest.raises(UnknownTopic):
        gate.client().publish("no.such", {})


def test_without_contracts_it_stores_anything() -> None:
    with FakeGate() as gate:
        assert gate.client().publish("any.topic", {"a": 1}).version is None
        assert gate.of("any.topic")[0].value == {"a": 1}


def test_a_pinned_version_that_is_not_there(gate: FakeGate, order: dict[str, Any]) -> None:

    with pytest.raises(UnknownVersion):
        gate.client().publish(TOPIC, order, version=9999)


def test_refusals_are_retried_and_take_no_time(gate: FakeGate, order: dict[str, Any]) -> None:
    gate.refuse(Code.OVERLOADED, times=3, retry_after_s=30)
    gate.drop_connection(times=2)
    receipt = gate.client().publish(TOPIC, order, id="e-1")
    assert receipt.status == "stored"
    assert gate.requests == 6
    assert [event.id for event in gate.events] == ["e-1"]
    assert gate.clock.now() >= 90, "virtual seconds: Retry-After was kept"


def test_what_is_never_retried_comes_back_at_once(gate: FakeGate, order: dict[str, Any]) -> None:
    gate.refuse(Code.ID_REUSED)
    with pytest.raises(IdReused):
        gate.client().publish(TOPIC, order)
    assert gate.requests == 1


def test_an_outage_beyond_the_deadline_is_unavailable(gate: FakeGate, order: dict[str, Any]) -> None:
    with gate.away(), pytest.raises(Unavailable):
        gate.client().publish(TOPIC, order)
    assert gate.client().publish(TOPIC, order).status == "stored", "and it is back"


def test_a_lost_answer_is_stored_twice_under_one_id_or_unknown(gate: FakeGate, order: dict[str, Any]) -> None:
    gate.lose_answer()
    gate.client().publish(TOPIC, order, id="e-1")
    assert [event.id for event in gate.events] == ["e-1", "e-1"]
    gate.lose_answer(times=1000)
    with pytest.raises(OutcomeUnknown):
        gate.client().publish(TOPIC, order, id="e-2")


def test_one_event_fails_alone(gate: FakeGate, order: dict[str, Any]) -> None:
    gate.fail_event("b", Code.BROKER_UNAVAILABLE)
    client = gate.client()
    futures = [client.submit(TOPIC, order, id=one) for one in "abc"]
    assert [future.result(5).status for future in futures] == ["stored"] * 3
    assert sorted(event.id for event in gate.events) == ["a", "b", "c"]


def test_clear_forgets_all_but_contracts(gate: FakeGate, order: dict[str, Any]) -> None:
    gate.client().publish(TOPIC, order)
    gate.refuse(Code.OVERLOADED)
    gate.clear()
    assert (gate.events, gate.requests) == ([], 0)
    gate.client().publish(TOPIC, order)
    assert gate.requests == 1


async def test_the_asynchronous_client(gate: FakeGate, order: dict[str, Any]) -> None:
    gate.refuse(Code.OVERLOADED, times=2)
    async with gate.async_client() as client:
        receipts = await asyncio.gather(*(client.publish(TOPIC, order) for _ in range(3)))
    assert {receipt.status for receipt in receipts} == {"stored"}


def test_an_application_that_makes_its_own_client(gate: FakeGate, order: dict[str, Any]) -> None:
    with Client("https://prod.example.com", "token", transport=gate.transport, clock=gate.clock) as client:
        client.publish(TOPIC, order)
    assert len(gate.events) == 1


def test_from_bundles_and_from_a_folder(
    contracts: tuple[CompiledContract, ...], order: dict[str, Any], tmp_path: Path
) -> None:
    bodies = {contract.topic: encode_source(contract.source) for contract in contracts if contract.topic == TOPIC}
    with FakeGate.from_bundles(bodies) as gate:
        assert gate.client().publish(TOPIC, order).status == "stored"
    with pytest.raises(ValueError, match="is no folder"):
        FakeGate.from_folder(tmp_path / "nowhere")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "a.b.yaml").write_text("status: activ\n")
    with pytest.raises(ValueError, match=r"a\.b\.yaml"):
        FakeGate.from_folder(tmp_path)


def test_an_encoded_event_says_where_to_look() -> None:
    with FakeGate() as gate:
        gate.client().publish("t", b"\0\0", media_type="application/avro")
        with pytest.raises(ValueError, match="look at its body"):
            _ = gate.events[0].value
        assert gate.events[0].body == b"\0\0"


@pytest.mark.parametrize("attempt", range(5))
def test_a_clock_that_stands_still_until_it_is_moved(attempt: int) -> None:
    clock = VirtualClock(auto=False)
    with FakeGate(clock=clock) as gate:
        client = gate.client(settings=ClientSettings(judge=False))
        with gate.away():
            future = client.submit("t", {"a": 1})
            clock.advance(10)
            assert gate.requests > 1, "it was tried, and tried again"
            assert not future.done()
        assert clock.now() == 10
        clock.advance(60)
        assert future.result(5).status == "stored"


async def test_the_same_on_one_loop() -> None:
    clock = VirtualClock(auto=False)
    gate = FakeGate(clock=clock)
    async with gate.async_client(settings=ClientSettings(judge=False)) as client:
        with gate.away():
            future = await client.submit("t", {"a": 1})
            await clock.advance_async(10)
            assert gate.requests > 1
        await clock.advance_async(60)
        assert (await future).status == "stored"


def test_the_fixture_of_the_plugin_in_a_project_of_a_user(tmp_path: Path, order: dict[str, Any]) -> None:
    """A user's own project: its test file, its ini, nothing else."""
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\ntidegate_contracts = {os.path.relpath(ROOT / 'schemas', tmp_path)}\n"
    )
    (tmp_path / "test_mine.py").write_text(
        "import pytest\n"
        "from tidegate import ContractViolation\n"
        f"def test_mine(fake_gate):\n    fake_gate.client().publish({TOPIC!r}, {order!r})\n    assert len(fake_gate.events) == 1\n"
        f"def test_wrong(fake_gate):\n    with pytest.raises(ContractViolation):\n        fake_gate.client().publish({TOPIC!r}, {{}})\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tidegate.testing_plugin", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # the others of this environment take seconds
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_is_found_by_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "sdk" / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["entry-points"]["pytest11"]["tidegate"] == "tidegate.testing_plugin"


def test_the_plugin_costs_a_project_that_does_not_use_it_nothing() -> None:
    program = (
        "import sys, tidegate.testing_plugin; print([name for name in sys.modules if name.startswith('tidegate.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['tidegate.testing_plugin']"
