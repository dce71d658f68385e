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


SERVICE = "coffeeco.customer.v1.CustomerService"
SERVICE_FILE = "proto/coffeeco/customer/v1/customer_service.proto"


def test_services_are_read_where_a_door_serves_them(folder: Path) -> None:
    first = read_catalogue(folder, working_copies=False, services={})
    assert first.broken == ()
    assert list(first.services) == [SERVICE]
    assert read_catalogue(folder, working_copies=False).services == {}
    again = read_catalogue(folder, working_copies=False, known=first.contracts, services=first.services)
    assert again.services == first.services


def test_a_broken_service_stays_and_is_named(folder: Path) -> None:
    first = read_catalogue(folder, working_copies=False, services={})
    path = folder / SERVICE_FILE
    path.write_text(path.read_text().replace('topic: "customer.order-status"', 'topic: "customer.orders"', 1))
    second = read_catalogue(folder, working_copies=False, known=first.contracts, services=first.services)
    assert second.services == first.services
    (row,) = second.broken
    assert (row.contract, row.file, row.line, row.column) == (SERVICE_FILE, SERVICE_FILE, 15, 18)
    assert row.detail.startswith("CustomerService.TrackOrder: the contract of customer.orders is Avro")
    assert row.detail.endswith("; served as before it broke")
    alone = read_catalogue(folder, working_copies=False, services={})
    assert alone.services == {}
    assert sorted(alone.contracts) == sorted(first.contracts), "no contract is lost with it"


def test_a_service_stays_with_its_broken_contract(folder: Path) -> None:
    """What is served as before it broke has its service as before."""
    first = read_catalogue(folder, working_copies=False, services={})
    edit(folder, "customer.order-status", "status: active", "status: activ")
    second = read_catalogue(folder, working_copies=False, known=first.contracts, services=first.services)
    assert list(second.services) == [SERVICE]
    assert [row.file for row in second.broken] == ["contracts/customer.order-status.yaml"]


def test_a_folder_that_is_away_takes_no_service_down(folder: Path) -> None:
    first = read_catalogue(folder, working_copies=False, services={})
    shutil.rmtree(folder)
    second = read_catalogue(folder, working_copies=False, known=first.contracts, services=first.services)
    assert second.services == first.services


def test_a_retired_contracts_service_answers_for_it(folder: Path) -> None:
    """It is served, so that callers hear `retired` and not that nothing is there."""
    edit(folder, "customer.order-status", "status: active", "status: retired")
    assert list(read_catalogue(folder, working_copies=False, services={}).services) == [SERVICE]


def test_services_are_watched_where_a_door_serves_them(folder: Path) -> None:
    served = watched_paths(folder, working_copies=False, services=True)
    assert {path.name for path in served} - {path.name for path in watched_paths(folder, working_copies=False)} == {
        "proto"
    }
