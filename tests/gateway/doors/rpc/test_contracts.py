"""ListTopics and GetContract: what a caller may see, as over HTTP."""

from typing import Any

import grpc
import pytest
from tests.gateway.doors.rest.conftest import BASE_URL, TOPIC, contract
from tests.gateway.doors.rpc.conftest import Opener, RpcGate, bearer, refused

from tidegate.contracts.source import encode_source
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.doors.rest.reads import etag_of


async def listed(door: RpcGate, who: str | None = "good", **asked: Any) -> pb.ListTopicsResponse:
    response: pb.ListTopicsResponse = await door.stub.ListTopics(pb.ListTopicsRequest(**asked), metadata=bearer(who))
    return response


async def got(door: RpcGate, topic: str = TOPIC, who: str | None = "good", **asked: Any) -> pb.GetContractResponse:
    request = pb.GetContractRequest(topic=topic, **asked)
    response: pb.GetContractResponse = await door.stub.GetContract(request, metadata=bearer(who))
    return response


@pytest.fixture
async def several(open_door: Opener) -> RpcGate:
    topics = [f"customer.t{n:02}" for n in range(25)]
    return await open_door(*(contract(topic) for topic in topics), contract("stock.levels", name="Stock"))


async def test_a_caller_sees_what_it_may_publish_to(several: RpcGate) -> None:
    topics = [row.topic for row in (await listed(several)).topics]
    assert topics == [f"customer.t{n:02}" for n in range(25)]
    assert [row.topic for row in (await listed(several, who="poor")).topics] == []


async def test_a_row_says_what_a_producer_asks_first(door: RpcGate) -> None:
    (row,) = (await listed(door)).topics
    assert (row.topic, row.status, row.format, list(row.versions)) == (TOPIC, "active", "avro", [1, 2])
    assert (row.owner.team, row.docs) == ("orders", f"{BASE_URL}/docs/topics/{TOPIC}")


async def test_pages(several: RpcGate) -> None:
    seen, token, pages = [], "", 0
    while pages == 0 or token:
        page = await listed(several, page_size=10, page_token=token)
        seen += [row.topic for row in page.topics]
        token, pages = page.next_page_token, pages + 1
    assert (pages, seen) == (3, [f"customer.t{n:02}" for n in range(25)])
    assert (await refused(listed(several, page_size=-1))).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_bundle_is_the_one_of_the_rest_door(door: RpcGate) -> None:
    response = await got(door)
    source = door.gate.catalogue.current.contracts[TOPIC].source
    assert response.bundle == encode_source(source)
    assert response.etag == etag_of(response.bundle)
    assert response.document == source.document
    again = await got(door, if_none_match=response.etag)
    assert (again.bundle, again.document, again.etag) == (b"", "", response.etag)


async def test_who_may_not_read(several: RpcGate) -> None:
    assert (await refused(got(several, "stock.levels"))).code is grpc.StatusCode.PERMISSION_DENIED
    assert (await refused(got(several, "stock.nothing"))).code is grpc.StatusCode.PERMISSION_DENIED
    assert (await refused(got(several, "customer.nothing"))).code is grpc.StatusCode.NOT_FOUND
    assert (await refused(got(several, "../x"))).code is grpc.StatusCode.INVALID_ARGUMENT
    assert (await refused(got(several, who=None))).code is grpc.StatusCode.UNAUTHENTICATED
    assert several.gate.refused == []  # no event was refused


async def test_public_contracts_need_no_token(open_door: Opener) -> None:
    door = await open_door(contract(), contract("stock.levels"), public=True)
    assert [row.topic for row in (await listed(door, who=None)).topics] == [TOPIC, "stock.levels"]
    assert (await got(door, "stock.levels", who=None)).bundle


async def test_they_are_answered_while_there_is_no_room_for_events(open_door: Opener) -> None:
    door = await open_door(capacity_bytes=1000)
    door.gate.memory.reserve(1000)
    assert (await listed(door)).topics


@pytest.mark.parametrize("method", ["ListTopics", "GetContract"])
async def test_requests_that_are_none(door: RpcGate, method: str) -> None:
    error = await refused(door.raw(f"/tidegate.ingest.v1.IngestService/{method}", b"\xff"))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")
