"""What a contract file says for all versions at once, changed: only git remembers it, so each is compared in a real repository."""

import pytest
from tests.sdk.check.conftest import Shop, row

from tidegate.check.finding import Finding

FILE = "contracts/shop.orders.yaml"


def terms(shop: Shop) -> list[Finding]:
    """What is told of the contract file against main."""
    return [one for one in shop.examine(against="main").findings if one.place.file.startswith("contracts/")]


def test_a_lowered_bound_on_events_refuses_those_that_passed(shop: Shop) -> None:
    shop.contract(maxEventBytes="65536")
    shop.commit()
    shop.contract(maxEventBytes="65535")
    assert shop.errors() == [], "it is live, so that only git remembers it"
    (found,) = terms(shop)
    assert (found.severity, row(found)) == ("error", (FILE, 8, "producer/event-bytes"))
    assert found.message == (
        "an event may have 65,535 bytes and had 65,536 bytes in main: larger events are refused, of every version"
    )
    assert shop.errors("shop.orders", against="main") == [row(found)]


@pytest.mark.parametrize(("before", "after"), [("9", "9"), ("9", "10"), ("9", None), (None, None)])
def test_a_bound_that_stays_or_is_raised_is_fine(shop: Shop, before: str | None, after: str | None) -> None:
    shop.contract(**({"maxEventBytes": before} if before else {}))
    shop.commit()
    shop.contract(**({"maxEventBytes": after} if after else {}), route="/v1/shop/order")
    assert terms(shop) == []


def test_a_first_bound_may_be_below_the_gateways(shop: Shop) -> None:
    shop.commit()
    shop.contract(maxEventBytes="100")
    (found,) = terms(shop)
    assert (found.severity, found.rule) == ("warning", "producer/event-bytes")
    assert found.message.startswith(
        "an event may have 100 bytes and had the gateway's bound in main: larger events may be"
    )


def test_a_version_that_is_named_saves_no_event_from_a_live_bound(shop: Shop) -> None:
    shop.contract(maxEventBytes="100", inputs="pinned")
    shop.commit()
    shop.contract(maxEventBytes="10", inputs="pinned")
    (found,) = terms(shop)
    assert (found.severity, found.rule) == ("warning", "producer/event-bytes")


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_what_was_not_taken_is_not_lost(shop: Shop, status: str) -> None:
    path = shop.folder / FILE
    shop.contract(maxEventBytes="100")
    path.write_text(f"status: {status}\n" + path.read_text())
    shop.commit()
    path.write_text(path.read_text().replace("value: 100", "value: 10"))
    assert terms(shop) == []


def test_producers_that_name_no_version_are_told_before_they_must(shop: Shop) -> None:
    shop.contract(inputs="any")
    shop.commit()
    shop.contract(inputs="pinned")
    (found,) = terms(shop)
    assert (found.severity, row(found)) == ("warning", (FILE, 8, "producer/pinned"))
    assert found.message == "inputs were any in main and are pinned now: producers that name no version are refused"
    shop.commit()
    shop.contract()
    assert terms(shop) == []


@pytest.mark.parametrize(("after", "line", "said"), [("/v1/shop/sale", 8, "/v1/shop/sale"), (None, 1, "none")])
def test_a_route_that_is_gone(shop: Shop, after: str | None, line: int, said: str) -> None:
    shop.contract(route="/v1/shop/order")
    shop.commit()
    shop.contract(**({"route": after} if after else {}))
    (found,) = terms(shop)
    assert (found.severity, row(found)) == ("warning", (FILE, line, "producer/route"))
    assert found.message == (
        f"the route was /v1/shop/order in main and is {said} now: producers that post there get 404"
    )
