"""Faults 29 and 30: an answer lists 25 violations and counts the rest; nothing of what was sent is in an answer or a log."""

import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import quote

import httpx2
import pytest
from tests.e2e.processes import GatewayProcess

SECRET = "s3cr3t-do-not-show"
HOSTILE = f"{SECRET}\r\n\x1b[31m\x00\u2028\u202e\"'{{}}"
BATCH = "/v1/topics/customer.orders/events:batch"
ONE = "/v1/topics/customer.orders/events"
GOOD = {
    "orderId": "2f1c6b0e-0000-4000-8000-000000000001", "customerId": "c-1", "placedAt": "2026-01-31T12:00:00Z",
    "items": [{"coffee": "ESPRESSO", "boldness": 7}], "total": "1",
}  # fmt: skip


@pytest.fixture(scope="module")
def gate(edge: GatewayProcess) -> GatewayProcess:
    return edge


@pytest.fixture
def http(gate: GatewayProcess) -> Iterator[httpx2.Client]:
    fields = {"Authorization": f"Bearer {gate.token()}", "Content-Type": "application/json"}
    with httpx2.Client(trust_env=False, timeout=10, base_url=f"http://{gate.http}", headers=fields) as client:
        yield client


def test_29_five_hundred_violations_are_25_and_a_count(http: httpx2.Client) -> None:
    items = [{"coffee": "ESPRESSO", "boldness": 1000 + n} for n in range(500)]
    problem = http.post(f"{ONE[:-6]}events:validate", json=GOOD | {"items": items}).json()
    assert problem["code"] == "contract_violation"
    assert (len(problem["errors"]), problem["omitted"]) == (25, 476)  # and one for as many items


SENT = {
    "a string of the wrong type": (ONE, GOOD | {"items": HOSTILE}),
    "a symbol that is none": (ONE, GOOD | {"items": [{"coffee": HOSTILE, "boldness": 7}]}),
    "a time that is none": (ONE, GOOD | {"placedAt": HOSTILE}),
    "a number in text": (ONE, GOOD | {"total": HOSTILE}),
    "a bad id": (ONE, GOOD | {"orderId": HOSTILE}),
    "an event's id": (BATCH, {"events": [{"id": HOSTILE, "value": GOOD}]}),
    "an event's key": (BATCH, {"events": [{"key": HOSTILE, "value": GOOD}]}),
    "an event's time": (BATCH, {"events": [{"time": HOSTILE, "value": GOOD}]}),
    "an event's header": (BATCH, {"events": [{"headers": {"x": HOSTILE, "ce_id": HOSTILE}, "value": GOOD}]}),
    "no batch": (BATCH, {"events": HOSTILE}),
    "not JSON": (ONE, f'{{"orderId": "{SECRET}" oops'),
    "not UTF-8": (ONE, b'{"orderId": "' + SECRET.encode() + b'\xff"}'),
}  # fmt: skip
HEADERS = {
    "Event-Id": SECRET + "\t" + "x" * 200, "Event-Time": SECRET, "Event-Version": SECRET, "Event-Header-ce_id": SECRET,
    "Idempotency-Key": f'"{SECRET}', "traceparent": SECRET, "Content-Encoding": SECRET, "Content-Type": f"application/{SECRET}",
}  # fmt: skip


@pytest.mark.parametrize("name", SENT)
def test_30_answers_hold_nothing_of_what_was_sent(http: httpx2.Client, name: str) -> None:
    path, body = SENT[name]
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    answer = http.post(path, content=content)
    # An id is the event's own name in a receipt; what holds controls is no id and is not taken for one.
    assert SECRET not in answer.text
    assert SECRET not in str(answer.headers)
    assert answer.status_code in {200, 207, 400}
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("name", HEADERS)
def test_30_nor_of_headers(http: httpx2.Client, name: str) -> None:
    answer = http.post(ONE, content=b"{}", headers={name: HEADERS[name]})
    assert answer.status_code in {400, 415}
    assert SECRET not in answer.text.replace("Event-Header-", "")


@pytest.mark.parametrize("token", [SECRET, f"{SECRET}.{SECRET}.{SECRET}", "eyJhbGciOiJub25lIn0.e30."])
def test_30_nor_of_tokens(http: httpx2.Client, token: str) -> None:
    answer = http.post(ONE, content=b"{}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert token not in answer.text
    assert token not in str(answer.headers)


def raw(gate: GatewayProcess, sent: bytes) -> bytes:
    host, port = gate.http.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(sent)
        return sock.recv(65536)


def test_30_nor_of_requests_that_cannot_be_read(gate: GatewayProcess) -> None:
    for sent in (
        f"GET /{SECRET}\x01 HTTP/1.1\r\nHost: gate\r\n\r\n",
        f"{SECRET} / HTTP/1.1\r\nHost: gate\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: {SECRET} x\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: gate\r\nX: {SECRET}\x1b[31m\r\n\r\n",
    ):
        answer = raw(gate, sent.encode())
        assert b" 400 " in answer
        assert SECRET.encode() not in answer


def test_30_every_log_line_is_one_json_object_without_any_of_it(gate: GatewayProcess, http: httpx2.Client) -> None:
    """After everything above, and hostile text wherever a log may take something from a request."""
    hostile = quote('\r\n\x1b[31m{"level":"forged"}')
    for path in (
        f"/v1/topics/{hostile}/events",
        f"/docs/topics/{hostile}",
        f"/{hostile}",
        f"{ONE}?{hostile}={hostile}",
    ):
        http.post(path, content=b"{}")
        http.get(path)
    http.post(
        ONE, json=GOOD | {"placedAt": HOSTILE}, headers={"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}
    )
    lines = gate.log.read_bytes().splitlines()
    assert len(lines) > 5
    for line in lines:
        entry = json.loads(line)
        assert {"time", "level", "logger", "message"} <= entry.keys()
        assert entry["level"] != "forged"
        assert re.fullmatch(rb"[\x20-\x7e]*", line)
        assert SECRET.encode() not in line
        assert b"Traceback" not in line
        assert b"eyJ" not in line
