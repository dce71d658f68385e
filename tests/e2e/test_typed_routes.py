"""A contract's own route: the single endpoint of its topic by another name, down to the bytes in Kafka."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from tests.e2e.processes import GatewayProcess
from tests.kafka.reading import ReadRecord

ROUTE = "/v1/customer/order"
GENERIC = "/v1/topics/customer.orders/events"
Post = Callable[..., httpx2.Response]
ReadAll = Callable[[str], list[ReadRecord]]


def order(**changes: Any) -> dict[str, Any]:
    return {
        "orderId": str(uuid.uuid4()),
        "customerId": "c-1",
        "placedAt": "2026-01-31T12:00:00.250Z",
        "items": [{"coffee": "ESPRESSO", "boldness": 7}],
        "total": "12.50",
        **changes,
    }


@pytest.mark.kafka
def test_both_give_the_same_record(gateway: GatewayProcess, post: Post, read_all: ReadAll) -> None:
    event = order(attributes={"channel": "web"}, note="ünï")
    ids = [f"typed-{uuid.uuid4()}", f"generic-{uuid.uuid4()}"]
    answers = [
        post(gateway, path, event, Event_Id=event_id, Event_Header_Source="shop", Event_Version="2").json()
        for path, event_id in zip((ROUTE, GENERIC), ids, strict=True)
    ]
    assert [(answer["status"], answer["topic"], answer["version"]) for answer in answers] == [
        ("stored", "customer.orders", 2)
    ] * 2
    records = {dict(r.headers)["tidegate-id"].decode(): r for r in read_all("customer.orders") if r.headers}
    typed, generic = (records[event_id] for event_id in ids)
    own = {"tidegate-id", "tidegate-time", "traceparent"}
    assert (typed.key, typed.value, typed.timestamp_ms, typed.partition) == (
        generic.key,
        generic.value,
        generic.timestamp_ms,
        generic.partition,
    )
    assert [h for h in typed.headers if h[0] not in own] == [h for h in generic.headers if h[0] not in own]


@pytest.mark.kafka
def test_both_refuse_alike(gateway: GatewayProcess, post: Post, http: httpx2.Client) -> None:
    def told(path: str, body: Any, **more: str) -> tuple[int, dict[str, Any]]:
        answer = post(gateway, path, body, **more)
        problem = json.loads(answer.content)
        own = {"instance", "retryAfterS"}  # the request, and a jittered wait
        return answer.status_code, {name: problem[name] for name in problem if name not in own}

    bodies: list[tuple[Any, dict[str, str]]] = [
        (order(items=[{"coffee": "TEA", "boldness": 11}]), {}),
        (b"{", {}),
        (order(), {"Event_Version": "9"}),
        (order(), {"Content_Type": "text/plain"}),
        (order(), {"token": "bad"}),
        (order(), {"token": gateway.token("publish:other")}),
    ]
    for body, more in bodies:
        assert told(ROUTE, body, **more) == told(GENERIC, body, **more)
    assert http.get(f"http://{gateway.http}{ROUTE}").status_code == 405
    allowed = http.options(f"http://{gateway.http}{ROUTE}")
    assert (allowed.status_code, allowed.headers["allow"]) == (204, "POST, OPTIONS")


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/customer/%6Frder", 200),
        ("/v1/customer%2Forder", 404),
        ("/v1/customer/%256Frder", 404),
        ("/v1/customer/order/", 404),
        ("/v1/customer/Order", 404),
        ("/v1/customer/order/events", 404),
    ],
)
def test_a_route_is_compared_after_one_decoding(gateway: GatewayProcess, post: Post, path: str, status: int) -> None:
    assert post(gateway, path, order()).status_code == status
