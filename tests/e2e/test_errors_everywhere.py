"""What FastAPI, Starlette and uvicorn would answer by themselves is a problem on both ports; pages carry security headers; no CORS."""

import json
import re
import socket
from collections.abc import Iterator

import httpx2
import pytest
from tests.e2e.processes import GatewayProcess, gateway_process


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    more = "[server]\ndrain_s = 2\n"
    environ = {"TIDEGATE_HTTP_TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.1"}
    with gateway_process(tmp_path_factory.mktemp("errors"), None, more=more, environ=environ) as running:
        yield running


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=10) as client:
        yield client


def problem_of(answer: httpx2.Response) -> dict[str, object]:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = dict(answer.json())
    assert problem["status"] == answer.status_code
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", str(problem["instance"]))
    assert str(problem["type"]).endswith(f"/docs/errors/{problem['code']}")
    assert "server" not in answer.headers
    return problem


MISSING = [
    "/nothing", "/v1", "/v1/", "/v1/topics/", "/v1/topics/customer.orders/", "/v1/topics/customer.orders/events/", "//v1/topics",
    "/v1//topics", "/%2Fv1/topics", "/v1%2Ftopics", "/V1/topics", "/openapi.json/", "/docs/errors/malformed/", "/livez", "/readyz",
    "/metrics", "/favicon.ico", "/%00", "/%FF", "/.git/config", "/v1/topics/customer.orders/schemas", "/redoc", "/docs/oauth2-redirect",
]  # fmt: skip


@pytest.mark.parametrize("path", MISSING)
def test_a_path_that_is_not_there_is_a_problem(gate: GatewayProcess, http: httpx2.Client, path: str) -> None:
    url = httpx2.URL(f"http://{gate.http}", raw_path=path.encode())
    answer = http.get(url, headers={"Authorization": f"Bearer {gate.token()}"})
    problem = problem_of(answer)
    assert (answer.status_code, problem["code"]) in {(404, "not_found"), (400, "malformed")}
    head = http.head(url)
    assert (head.status_code, head.content) == (answer.status_code, b"") or head.status_code == 401


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/docs", "/openapi.json", "/v1/topics", "/livez/", "//livez", "/metrics/x", "/%2Flivez"]
)
def test_the_admin_port_answers_problems_too(gate: GatewayProcess, http: httpx2.Client, path: str) -> None:
    answer = http.get(httpx2.URL(f"http://{gate.admin}", raw_path=path.encode()))
    assert (answer.status_code, problem_of(answer)["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_the_admin_port_names_its_methods(gate: GatewayProcess, http: httpx2.Client, path: str, method: str) -> None:
    answer = http.request(method, f"http://{gate.admin}{path}")
    assert (answer.status_code, problem_of(answer)["code"]) == (405, "malformed")
    assert {name.strip() for name in answer.headers["allow"].split(",")} == {"GET", "HEAD"}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/topics", {"GET", "HEAD"}),
        ("/v1/topics/customer.orders", {"GET", "HEAD"}),
        ("/openapi.json", {"GET", "HEAD"}),
        ("/docs", {"GET", "HEAD"}),
        ("/v1/topics/customer.orders/events", {"POST", "OPTIONS"}),
        ("/v1/customer/order", {"POST", "OPTIONS"}),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_a_method_that_is_not_allowed_is_a_problem_with_allow(
    gate: GatewayProcess, http: httpx2.Client, path: str, allowed: set[str], method: str
) -> None:
    answer = http.request(method, f"http://{gate.http}{path}")
    assert (answer.status_code, problem_of(answer)["code"]) == (405, "malformed")
    assert {name.strip() for name in answer.headers["allow"].split(",")} == allowed


@pytest.mark.parametrize("port", ["http", "admin"])
def test_what_is_no_http_is_a_problem(gate: GatewayProcess, port: str) -> None:
    host, number = getattr(gate, port).split(":")
    with socket.create_connection((host, int(number)), timeout=10) as sock:
        sock.sendall(b"hello\r\n\r\n")
        data = sock.makefile("rb").read()
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["code"] == "malformed"


@pytest.mark.parametrize(
    "path",
    [
        "/docs",
        "/docs/topics/customer.orders",
        "/docs/errors/malformed",
        "/docs/style.css",
        "/docs/errors/none",
        "/docs/nothing",
    ],
)
def test_pages_carry_security_headers(gate: GatewayProcess, http: httpx2.Client, path: str) -> None:
    answer = http.get(
        f"http://{gate.http}{path}", headers={"Authorization": f"Bearer {gate.token()}", "Accept": "text/html"}
    )
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/v1/topics/customer.orders/events", "/v1/topics", "/docs", "/openapi.json", "/nothing"]
)
def test_no_origin_is_allowed_anything(gate: GatewayProcess, http: httpx2.Client, path: str) -> None:
    fields = {"Origin": "https://evil.example.com", "Authorization": f"Bearer {gate.token()}"}
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    url = f"http://{gate.http}{path}"
    for answer in (
        http.options(url, headers=fields | preflight),
        http.get(url, headers=fields),
        http.post(url, headers=fields),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_trusted_proxy_says_whom_it_speaks_for(gate: GatewayProcess, http: httpx2.Client) -> None:
    """In logs alone: links in answers stay what the configuration says, whatever a request claims."""
    url = f"http://{gate.http}/v1/topics/customer.orders/events"
    claims = {
        "X-Forwarded-For": "203.0.113.77, 10.1.2.3",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example.com",
    }
    answer = http.post(
        url,
        content=b"{}",
        headers={"Authorization": "Bearer no.good.token", "Content-Type": "application/json", **claims},
    )
    assert answer.status_code == 401
    assert answer.json()["type"] == f"http://{gate.http}/docs/errors/unauthenticated"
    entry = next(json.loads(line) for line in gate.log.read_text().splitlines() if answer.headers["request-id"] in line)
    assert entry["client"] == "203.0.113.77"
    bad = http.post(
        url,
        content=b"{}",
        headers={
            "Authorization": "Bearer no.good.token",
            "Content-Type": "application/json",
            "X-Forwarded-For": "\x7f<script>, 1.2.3.4.5"[1:],
        },
    )
    entry = next(json.loads(line) for line in gate.log.read_text().splitlines() if bad.headers["request-id"] in line)
    assert entry["client"] == "127.0.0.1"
