"""/livez, /readyz and /metrics as operations.md writes them."""

from collections.abc import Callable
from dataclasses import replace

import httpx2
import pytest

from tidegate_gateway.doors.admin import AdminDeps, admin_app
from tidegate_gateway.doors.rest.answers import Answers
from tidegate_gateway.intake.catalogue import BrokenContract, Catalogue, CatalogueHolder
from tidegate_gateway.telemetry.metrics import CONTENT_TYPE, Gauges, Metrics

BROKEN = BrokenContract(
    contract="bad", file="contracts/customer.orders.yaml", line=7, column=9, detail='status "activ" is not one'
)


@pytest.fixture
def deps() -> AdminDeps:
    holder = CatalogueHolder(Catalogue())
    gauges = Gauges(in_flight_bytes=lambda: 0, in_flight_events=lambda: 0, kafka_ready=lambda: True)
    return AdminDeps(
        kafka=lambda: (True, "1 broker"),
        keys=lambda: (True, "2 keys"),
        catalogue=holder,
        draining=lambda: False,
        metrics=Metrics(holder, gauges, clock=lambda: 0.0).text,
        metrics_type=CONTENT_TYPE,
    )


async def ask(deps: AdminDeps, path: str, method: str = "GET") -> httpx2.Response:
    transport = httpx2.ASGITransport(app=admin_app(deps, Answers("http://gate", lambda: 0.0)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://admin") as client:
        return await client.request(method, path)


async def test_livez_is_200(deps: AdminDeps) -> None:
    answer = await ask(deps, "/livez")
    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_readyz_of_a_healthy_gateway(deps: AdminDeps) -> None:
    answer = await ask(deps, "/readyz")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "ready": True,
        "checks": {
            "kafka": {"ok": True, "detail": "1 broker"},
            "contracts": {"ok": True, "served": 0, "broken": []},
            "keys": {"ok": True, "detail": "2 keys"},
        },
    }


async def test_broken_contracts_are_said_and_make_nothing_unready(deps: AdminDeps) -> None:
    deps.catalogue.swap(Catalogue(broken=(BROKEN,)))
    answer = await ask(deps, "/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["contracts"] == {
        "ok": False,
        "served": 0,
        "broken": [{"file": BROKEN.file, "line": 7, "detail": BROKEN.detail}],
    }


@pytest.mark.parametrize(
    ("change", "ready"),
    [
        (lambda deps: replace(deps, kafka=lambda: (False, "no broker answers")), False),
        (lambda deps: replace(deps, kafka=lambda: (False, "away"), ready_without_kafka=True), True),
        (lambda deps: replace(deps, keys=lambda: (False, "no key of issuer dev")), False),
        (lambda deps: replace(deps, draining=lambda: True), False),
        (lambda deps: replace(deps, draining=lambda: True, ready_without_kafka=True), False),
    ],
    ids=["kafka away", "kafka may be away", "keys away", "draining", "draining, kafka may be away"],
)
async def test_what_makes_it_unready(deps: AdminDeps, change: Callable[[AdminDeps], AdminDeps], ready: bool) -> None:
    answer = await ask(change(deps), "/readyz")
    assert answer.status_code == (200 if ready else 503)
    assert answer.json()["ready"] is ready


async def test_draining_is_said(deps: AdminDeps) -> None:
    checks = (await ask(replace(deps, draining=lambda: True), "/readyz")).json()["checks"]
    assert checks["shutdown"] == {"ok": False, "detail": "shutting down: nothing new is taken"}
    assert checks["kafka"]["ok"] is True


async def test_metrics_are_the_prometheus_text(deps: AdminDeps) -> None:
    answer = await ask(deps, "/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert 'tidegate_contracts{state="served"} 0.0' in answer.text.splitlines()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_a_health_checker_may_ask_by_head(deps: AdminDeps, path: str) -> None:
    assert (await ask(deps, path, "HEAD")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/v1/topics"])
async def test_nothing_else_is_there(deps: AdminDeps, path: str) -> None:
    assert (await ask(deps, path)).status_code == 404
