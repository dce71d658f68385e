"""Fault 24: names that are no topic's, or not the caller's: 400 or 403, and what is missing looks like what is forbidden."""

import json
import socket
from collections.abc import Iterator

import httpx2
import pytest
from tests.e2e.processes import GatewayProcess

ORDER = json.dumps({"orderId": "x"}).encode()
TAILS = ("events", "events:batch", "events:validate")


@pytest.fixture(scope="module")
def gate(edge: GatewayProcess) -> GatewayProcess:
    return edge


@pytest.fixture
def http(gate: GatewayProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=10, base_url=f"http://{gate.http}") as client:
        yield client


def send(
    http: httpx2.Client, gate: GatewayProcess, topic: str, tail: str, *scopes: str, body: bytes = ORDER
) -> httpx2.Response:
    fields = {"Authorization": f"Bearer {gate.token(*scopes)}", "Content-Type": "application/json"}
    # As raw bytes: a client library would tidy `..` away.
    url = httpx2.URL(f"http://{gate.http}", raw_path=f"/v1/topics/{topic}/{tail}".encode())
    return http.post(url, content=body, headers=fields)


NO_NAMES = [
    "%2e%2e", "..%2f..%2fetc", "a%2Fb", "a%5Cb", "%00", "a%00b", "a%20b", "a%0d%0ab", "customer%2Eorders%2F..",
    "%63ustomer.orders%252F", "customer.orders%252e", "caf%C3%A9", "%EF%BC%A3ustomer.orders", "%FF%FE", "__consumer_offsets",
    "__transaction_state", "%5F%5Fconsumer_offsets", "a" * 250, "a:b", "a,b", "*", "%2A", "customer.orders;v=1", "%E2%80%AEsredro",
]  # fmt: skip


@pytest.mark.parametrize("topic", NO_NAMES)
@pytest.mark.parametrize("tail", TAILS)
def test_24_what_is_no_topic_is_refused(http: httpx2.Client, gate: GatewayProcess, topic: str, tail: str) -> None:
    answer = send(http, gate, topic, tail, "publish:*")
    assert answer.status_code in {400, 403}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in {"malformed", "forbidden"}


@pytest.mark.parametrize("topic", [".", ".."])
@pytest.mark.parametrize("tail", TAILS)
def test_24_dots_are_not_walked(gate: GatewayProcess, topic: str, tail: str) -> None:
    """Client libraries tidy such paths; a stranger's does not."""
    host, port = gate.http.split(":")
    rows = (
        f"POST /v1/topics/{topic}/{tail} HTTP/1.1", "Host: gate", f"Authorization: Bearer {gate.token()}",
        "Content-Type: application/json", "Content-Length: 2", "Connection: close",
    )  # fmt: skip
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall("\r\n".join(rows).encode() + b"\r\n\r\n{}")
        answer = sock.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"malformed"' in answer


@pytest.mark.parametrize(
    "topic", ["Customer.Orders", "CUSTOMER.ORDERS", "customer.orders.", "customer..orders", "customer_orders"]
)
def test_24_names_are_compared_exactly(http: httpx2.Client, gate: GatewayProcess, topic: str) -> None:
    assert send(http, gate, topic, "events", "publish:customer.orders").status_code == 403


def test_24_a_name_is_decoded_once(http: httpx2.Client, gate: GatewayProcess) -> None:
    assert (
        send(http, gate, "%63ustomer%2Eorders", "events:validate", "publish:customer.orders").json()["topic"]
        == "customer.orders"
    )
    assert send(http, gate, "%2563ustomer.orders", "events:validate", "publish:customer.orders").status_code == 400


@pytest.mark.parametrize("scopes", [("publish:customer.orders",), ("contracts:read",), ("publish:other.*",)])
@pytest.mark.parametrize("tail", TAILS)
def test_24_missing_and_forbidden_look_the_same(
    http: httpx2.Client, gate: GatewayProcess, scopes: tuple[str, ...], tail: str
) -> None:
    there, missing = "customer.profiles", "customer.profilex"
    answers = [send(http, gate, topic, tail, *scopes) for topic in (there, missing)]
    assert [answer.status_code for answer in answers] == [403, 403]
    texts = []
    for topic, answer in zip((there, missing), answers, strict=True):
        problem = answer.json()
        del problem["instance"]
        fields = {name: value for name, value in answer.headers.items() if name not in {"date", "request-id"}}
        texts.append(json.dumps([problem, fields], sort_keys=True).replace(topic, "TOPIC"))
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "path",
    ["/v1/topics/{}", "/v1/topics/{}/contract", "/v1/topics/{}/bundle", "/v1/topics/{}/schemas/1", "/docs/topics/{}"],
)
def test_24_reading_tells_nothing_either(http: httpx2.Client, gate: GatewayProcess, path: str) -> None:
    fields = {"Authorization": f"Bearer {gate.token('publish:customer.orders')}"}
    answers = [http.get(path.format(topic), headers=fields) for topic in ("customer.profiles", "customer.profilex")]
    assert [answer.status_code for answer in answers] == [403, 403]
    problems = [{**answer.json(), "instance": ""} for answer in answers]
    assert json.dumps(problems[0]).replace("customer.profiles", "T") == json.dumps(problems[1]).replace(
        "customer.profilex", "T"
    )


def test_24_an_event_of_a_batch_cannot_name_another_topic(http: httpx2.Client, gate: GatewayProcess) -> None:
    """A request has one topic, which the token was asked for: an event that names one is refused by itself."""
    events = {
        "events": [
            {"topic": "customer.profiles", "value": {}},
            {"value": {}, "headers": {"topic": "customer.profiles"}},
        ]
    }
    answer = send(
        http, gate, "customer.orders", "events:batch", "publish:customer.orders", body=json.dumps(events).encode()
    )
    results = answer.json()["results"]
    assert answer.json()["topic"] == "customer.orders"
    assert [result["status"] for result in results] == ["rejected", "rejected"]
    assert results[0]["error"]["code"] == "malformed"
    assert all(result["error"]["topic"] == "customer.orders" for result in results)
