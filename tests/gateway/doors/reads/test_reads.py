"""Who sees which contract, what is told of it, and that a bundle is fetched once."""

import re
from collections.abc import Awaitable, Callable

import httpx2
import msgspec
import pytest
from tests.gateway.doors.conftest import OLD_SCHEMA, SCHEMA

from tidegate.contracts.source import decode_source
from tidegate.wire.problem import Problem
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.reads import Bundles, matches
from tidegate_gateway.intake.catalogue import Catalogue

Ask = Callable[..., Awaitable[httpx2.Response]]
SUFFIXES = ("", "/contract", "/schemas/latest", "/bundle")
SEEN = {
    "reader": ["customer.order-status", "customer.orders", "stock.levels"],
    "everything": ["customer.order-status", "customer.orders", "stock.levels"],
    "customer": ["customer.order-status", "customer.orders"],
    "orders": ["customer.orders"],
    "other": ["stock.levels"],
    "nothing": [],
}


def problem(answer: httpx2.Response) -> Problem:
    assert answer.headers["content-type"] == "application/problem+json"
    return msgspec.json.decode(answer.content, type=Problem)


@pytest.mark.parametrize(("token", "topics"), SEEN.items())
async def test_the_list_holds_what_the_token_covers(ask: Ask, token: str, topics: list[str]) -> None:
    answer = await ask("/v1/topics", token)
    assert answer.status_code == 200
    assert [row["topic"] for row in answer.json()["topics"]] == topics


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("token", SEEN)
async def test_rights_are_the_same_for_every_part_of_a_contract(ask: Ask, token: str, suffix: str) -> None:
    for topic in SEEN["reader"]:
        answer = await ask(f"/v1/topics/{topic}{suffix}", token)
        assert answer.status_code == (200 if topic in SEEN[token] else 403)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("token", [None, "bad"])
async def test_without_a_good_token_nothing_is_told(ask: Ask, token: str | None, suffix: str) -> None:
    answers = [await ask(f"/v1/topics/{topic}{suffix}", token) for topic in ("customer.orders", "no.such")]
    assert [answer.status_code for answer in answers] == [401, 401]
    bodies = [re.sub(r"urn:uuid:[0-9a-f-]+", "", answer.text) for answer in answers]
    assert bodies[0] == bodies[1]
    assert answers[0].headers["www-authenticate"] == ('Bearer error="invalid_token"' if token else "Bearer")


async def test_a_topic_that_is_not_covered_looks_the_same_whether_it_exists(ask: Ask) -> None:
    there, not_there = [problem(await ask(f"/v1/topics/{topic}", "other")) for topic in ("customer.orders", "no.such")]
    assert there.status == not_there.status == 403
    assert there.detail.replace("customer.orders", "no.such") == not_there.detail
    assert there.code == "forbidden"


async def test_who_may_know_is_told_that_there_is_none(ask: Ask) -> None:
    answer = problem(await ask("/v1/topics/customer.nothing", "customer"))
    assert (answer.status, answer.code) == (404, "unknown_topic")


@pytest.mark.parametrize("topic", ["__consumer_offsets", "..%20", "a" * 250, "caf%C3%A9", "a%252Fb"])
async def test_what_can_be_no_topic_is_refused(ask: Ask, topic: str) -> None:
    assert (await ask(f"/v1/topics/{topic}", "reader")).status_code == 400


@pytest.mark.parametrize("token", [None, "bad"])
async def test_public_contracts_need_no_token(ask_public: Ask, token: str | None) -> None:
    assert len((await ask_public("/v1/topics", token)).json()["topics"]) == 3
    assert (await ask_public("/v1/topics/customer.orders/bundle", token)).status_code == 200
    assert (await ask_public("/v1/topics/no.such", token)).status_code == 404


async def test_basic_credentials_are_for_the_pages_only(ask: Ask) -> None:
    assert (await ask("/v1/topics", "reader", basic=True)).status_code == 401


async def test_a_topic_is_told_whole(ask: Ask) -> None:
    view = (await ask("/v1/topics/customer.orders", "orders")).json()
    assert view["name"] == "Customer <orders>"
    assert view["key"] == "orderId"
    assert view["eventTime"] == "placedAt"
    assert view["limits"] == {"eventsPerSecond": 500, "bytesPerSecond": 1000000}
    assert view["owner"] == {"team": "checkout", "channel": "#checkout-data", "url": "https://chat.example.com"}
    assert [(row["version"], row["schemaId"]) for row in view["versions"]] == [(2, 12), (1, 11)]
    assert view["example"]["note"] == "it's $HOME `x` <b>é"
    assert view["links"]["docs"] == "https://gate.example.com/docs/topics/customer.orders"
    assert view["versions"][0]["schema"] == "https://gate.example.com/v1/topics/customer.orders/schemas/2"


async def test_every_link_of_a_topic_leads_somewhere(ask: Ask) -> None:
    links = (await ask("/v1/topics/customer.orders", "orders")).json()["links"]
    for name in ("self", "contract", "bundle", "schema", "docs"):
        path = links[name].removeprefix("https://gate.example.com")
        assert (await ask(path, "orders")).status_code == 200
    for name in ("events", "batch", "validate"):
        path = links[name].removeprefix("https://gate.example.com")
        assert (await ask(path, "orders")).status_code == 405


async def test_a_retired_contract_can_still_be_read(ask: Ask) -> None:
    assert (await ask("/v1/topics/customer.order-status", "reader")).json()["status"] == "retired"


async def test_the_contract_file_is_its_text(ask: Ask) -> None:
    answer = await ask("/v1/topics/customer.orders/contract", "reader")
    assert answer.headers["content-type"] == "application/yaml"
    assert answer.content == "id: urn:test # ü\n".encode()


@pytest.mark.parametrize(
    ("path", "media_type", "text"),
    [
        ("customer.orders/schemas/1", "application/json", OLD_SCHEMA),
        ("customer.orders/schemas/2", "application/json", SCHEMA),
        ("customer.orders/schemas/latest", "application/json", SCHEMA),
        ("customer.order-status/schemas/0", "text/plain; charset=utf-8", 'syntax = "proto3"; // ü\n'),
        ("customer.order-status/schemas/latest", "text/plain; charset=utf-8", 'syntax = "proto3"; // ü\n'),
    ],
)
async def test_a_schema_is_its_text(ask: Ask, path: str, media_type: str, text: str) -> None:
    answer = await ask(f"/v1/topics/{path}", "reader")
    assert (answer.headers["content-type"], answer.content) == (media_type, text.encode())


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [
        ("3", 404, "unknown_version"),
        ("0", 404, "unknown_version"),
        ("9999999999", 404, "unknown_version"),
        ("99999999999", 400, "malformed"),
        ("-1", 400, "malformed"),
        ("two", 400, "malformed"),
        ("%D9%A1", 400, "malformed"),
        ("Latest", 400, "malformed"),
    ],
)
async def test_a_version_that_is_none(ask: Ask, version: str, status: int, code: str) -> None:
    answer = problem(await ask(f"/v1/topics/customer.orders/schemas/{version}", "reader"))
    assert (answer.status, answer.code) == (status, code)


async def test_a_bundle_is_the_source_and_is_not_sent_twice(ask: Ask, deps: RestDeps) -> None:
    first = await ask("/v1/topics/customer.orders/bundle", "orders")
    assert decode_source(first.content) == deps.intake.catalogue.current.contracts["customer.orders"].source
    assert re.fullmatch(r'"[0-9a-f]{32}"', first.headers["etag"])
    assert "private" in first.headers["cache-control"]
    again = await ask("/v1/topics/customer.orders/bundle", "orders", If_None_Match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


async def test_a_kept_bundle_is_not_for_strangers(ask: Ask) -> None:
    etag = (await ask("/v1/topics/customer.orders/bundle", "orders")).headers["etag"]
    assert (await ask("/v1/topics/customer.orders/bundle", "other", If_None_Match=etag)).status_code == 403


def test_a_bundle_is_made_once_for_a_snapshot(deps: RestDeps) -> None:
    bundles, holder = Bundles(deps), deps.intake.catalogue
    before = holder.current.contracts
    orders = before["customer.orders"]
    made = bundles.of(orders)
    assert bundles.of(orders) is made
    holder.swap(Catalogue(contracts={"stock.levels": before["stock.levels"]}))
    bundles.of(before["stock.levels"])
    holder.swap(Catalogue(contracts=before))
    assert bundles.of(orders) is not made
    assert bundles.of(orders).etag == made.etag


@pytest.mark.parametrize(
    ("sent", "same"),
    [
        (None, False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
        ("", False),
    ],
)
def test_if_none_match(sent: str | None, same: bool) -> None:
    assert matches(sent, '"a"') is same


@pytest.mark.parametrize("path", ["/v1/topics", "/v1/topics/customer.orders", "/v1/topics/customer.orders/contract"])
async def test_every_read_has_an_etag(ask: Ask, path: str) -> None:
    etag = (await ask(path, "reader")).headers["etag"]
    assert (await ask(path, "reader", If_None_Match=f"W/{etag}")).status_code == 304


@pytest.mark.parametrize("path", ["/v1/topics/", "/v1/topics/customer.orders/", "/v1/topics/a%2Fb", "/v1/nothing"])
async def test_other_paths_are_not_found(ask: Ask, path: str) -> None:
    assert problem(await ask(path, "reader")).code == "not_found"


async def test_a_head_past_its_bounds_is_431(ask: Ask) -> None:
    assert (await ask("/v1/topics", "x" * 9000)).status_code == 431
