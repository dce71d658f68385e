"""Which paths a contract may name as its own, and who keeps one that two contracts name."""

from collections.abc import Callable

import pytest
from tests.sdk.repository.conftest import Shop

from tidegate.repository.folder import load, read
from tidegate.repository.routes import RESERVED, route_fault, route_owners

AddTopic = Callable[[Shop, str], None]


def with_route(shop: Shop, topic: str, route: str, status: str = "active") -> None:
    name = f"contracts/{topic}.yaml"
    shop.edit(
        name,
        "      - {property: key, value: orderId}\n",
        f"      - {{property: key, value: orderId}}\n      - {{property: route, value: {route}}}\n",
    )
    shop.edit(name, "kind: DataContract\n", f"kind: DataContract\nstatus: {status}\n")


@pytest.mark.parametrize(
    "path", ["/v1/customer/order", "/v1/orders", "/v1/a.b/c-d/e_f~1", "/v1/topics-of-mine", "/v1/..a/x"]
)
def test_paths_that_can_be_routes(path: str) -> None:
    assert route_fault(path) == ""


@pytest.mark.parametrize(
    "path",
    ["", "/", "/v1", "/v1/", "v1/orders", "/v2/orders", "/orders", "/v1//orders", "/v1/orders/", "/v1/a/../b", "/v1/./b", "/v1/a%20b",
     "/v1/a b", "/v1/ä", "/v1/a:validate", "/v1/{topic}", "/v1/a?b", "/v1/a#b", "/v1/topics", "/v1/topics/x/events", "/v1/events", "/v1/" + "a" * 200],
)  # fmt: skip
def test_paths_that_can_be_none(path: str) -> None:
    assert route_fault(path)


def test_the_gateways_own_paths_are_reserved() -> None:
    assert {"topics", "events"} == RESERVED


def test_a_route_stays_with_who_serves_it() -> None:
    claims = [("a", "/v1/x"), ("b", "/v1/x"), ("c", "/v1/y")]
    assert route_owners(claims, {}) == {"/v1/x": "a", "/v1/y": "c"}
    assert route_owners(claims, {"/v1/x": "b"}) == {"/v1/x": "b", "/v1/y": "c"}
    assert route_owners(claims, {"/v1/x": "gone"}) == {"/v1/x": "a", "/v1/y": "c"}


def test_a_bad_route_is_named_at_its_place(shop: Shop) -> None:
    with_route(shop, "shop.orders", "/v1/topics/mine")
    (row,) = read(shop.folder, working_copies=True).broken
    assert str(row).startswith('contracts/shop.orders.yaml:12:34: "/v1/topics/mine" can be no route: /v1/topics is')


def test_the_later_of_two_is_broken_and_names_the_other(shop: Shop, add_topic: AddTopic) -> None:
    add_topic(shop, "shop.a")
    with_route(shop, "shop.orders", "/v1/shop/order")
    with_route(shop, "shop.a", "/v1/shop/order")
    repository = read(shop.folder, working_copies=True)
    assert [contract.topic for contract in repository.contracts] == ["shop.a"]
    (row,) = repository.broken
    assert (row.file, row.line, row.topic) == ("contracts/shop.orders.yaml", 12, "shop.orders")
    assert row.detail == 'the route "/v1/shop/order" is already that of contracts/shop.a.yaml'


def test_a_newcomer_takes_no_route_that_is_served(shop: Shop, add_topic: AddTopic) -> None:
    with_route(shop, "shop.orders", "/v1/shop/order")
    before = load(shop.folder, working_copies=True)
    add_topic(shop, "shop.a")
    with_route(shop, "shop.a", "/v1/shop/order")
    after = load(shop.folder, working_copies=True, known={c.topic: c for c in before.contracts})
    assert [contract.topic for contract in after.contracts] == ["shop.orders"]
    assert [row.topic for row in after.broken] == ["shop.a"]


def test_a_draft_takes_nobodys_route(shop: Shop, add_topic: AddTopic) -> None:
    add_topic(shop, "shop.a")
    with_route(shop, "shop.a", "/v1/shop/order", status="draft")
    with_route(shop, "shop.orders", "/v1/shop/order")
    repository = read(shop.folder, working_copies=True)
    assert [contract.topic for contract in repository.contracts] == ["shop.orders"]


def test_the_route_is_no_part_of_the_fingerprint(shop: Shop) -> None:
    (without,) = read(shop.folder, working_copies=True).contracts
    with_route(shop, "shop.orders", "/v1/shop/order")
    (named,) = read(shop.folder, working_copies=True).contracts
    assert named.route == "/v1/shop/order"
    assert named.versions[0].fingerprint == without.versions[0].fingerprint
