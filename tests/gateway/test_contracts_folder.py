"""A schemas folder as a snapshot: nobody's contract or route is taken because a file broke."""

import shutil
from pathlib import Path

import pytest

from tidegate_gateway.contracts_folder import read_catalogue, watched_paths

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
ROUTE = "      - {property: route, value: /v1/customer/order}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))


def edit(folder: Path, topic: str, old: str, new: str) -> None:
    path = folder / "contracts" / f"{topic}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_folder_that_is_away_takes_no_contract_down(folder: Path) -> None:
    before = read_catalogue(folder, working_copies=False)
    shutil.rmtree(folder)
    after = read_catalogue(folder, working_copies=False, known=before.contracts)
    assert after.contracts == before.contracts
    (row,) = after.broken
    assert row.detail.endswith("; served as before it broke")
    assert read_catalogue(folder, working_copies=False).contracts == {}


def test_routes_come_and_go_with_their_contracts(folder: Path) -> None:
    first = read_catalogue(folder, working_copies=False)
    assert first.routes == {b"/v1/customer/order": "customer.orders"}
    edit(folder, "customer.orders", "/v1/customer/order}", "/v1/order}")
    second = read_catalogue(folder, working_copies=False, known=first.contracts)
    assert second.routes == {b"/v1/order": "customer.orders"}
    assert second.contracts["customer.orders"].newest is first.contracts["customer.orders"].newest
    edit(folder, "customer.orders", ROUTE.replace("customer/", ""), "")
    assert read_catalogue(folder, working_copies=False, known=second.contracts).routes == {}


def test_the_route_of_a_contract_that_broke_stays_its_own(folder: Path) -> None:
    first = read_catalogue(folder, working_copies=False)
    edit(folder, "customer.orders", "status: active", "status: activ")
    edit(folder, "customer.profiles", "      - {property: key,", f"{ROUTE}      - {{property: key,")
    second = read_catalogue(folder, working_copies=False, known=first.contracts)
    assert second.routes == first.routes
    assert second.contracts["customer.profiles"] is first.contracts["customer.profiles"]
    told = {row.contract: row.detail for row in second.broken}
    assert told["customer.profiles"] == (
        "its route is that of contracts/customer.orders.yaml, which is served as before it broke; served as before"
    )
    edit(folder, "customer.orders", "status: activ\n", "status: active\n")
    third = read_catalogue(folder, working_copies=False, known=second.contracts)
    assert third.routes == first.routes
    assert [row.detail for row in third.broken] == [
        'the route "/v1/customer/order" is already that of contracts/customer.orders.yaml; served as before it broke'
    ]


def test_schemas_being_edited_are_watched_in_dev_only(folder: Path) -> None:
    served = {path.name for path in watched_paths(folder, working_copies=False)}
    assert served == {"contracts", "released", "released.lock"}
    assert {path.name for path in watched_paths(folder, working_copies=True)} - served == {"avro", "proto"}
