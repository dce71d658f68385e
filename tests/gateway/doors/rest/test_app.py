"""The application around the hot endpoints: whatever the framework refuses or breaks on leaves as a problem."""

import pytest
from fastapi import APIRouter
from tests.gateway.doors.rest.conftest import BASE_URL, Gate, drive

from tidegate.errors import Code


def broken_router() -> APIRouter:
    """Endpoints that do what ours must not."""
    router = APIRouter()

    @router.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("secret detail")

    @router.get("/numbered/{number}")
    async def numbered(number: int) -> int:
        return number

    return router


@pytest.fixture
def broken(gate: Gate) -> Gate:
    gate.app.include_router(broken_router())
    return gate


async def test_a_path_that_is_none(gate: Gate) -> None:
    reply = await drive(gate.app, "GET", "/nothing/here")
    assert reply is not None
    assert reply.status == 404
    assert reply.fields["content-type"] == "application/problem+json"
    assert reply.json["code"] == Code.NOT_FOUND
    assert reply.json["type"] == f"{BASE_URL}/docs/errors/not_found"


async def test_a_method_that_a_path_has_not(gate: Gate) -> None:
    reply = await drive(gate.app, "POST", "/v1/topics")
    assert reply is not None
    assert (reply.status, reply.json["code"], reply.fields["allow"]) == (405, "malformed", "GET, HEAD")


@pytest.mark.parametrize(
    "path", ["/docs/errors/malformed", "/openapi.json", "/nothing", "/v1/topics", "/docs/style.css"]
)
async def test_head_is_get_without_its_body(gate: Gate, path: str) -> None:
    whole, head = await drive(gate.app, "GET", path), await drive(gate.app, "HEAD", path)
    assert whole is not None
    assert head is not None
    assert (head.status, head.body) == (whole.status, b"")
    assert head.fields["content-length"] == str(len(whole.body))
    assert head.fields["content-type"] == whole.fields["content-type"]


async def test_arguments_that_do_not_fit_are_400(broken: Gate) -> None:
    reply = await drive(broken.app, "GET", "/numbered/no-number")
    assert reply is not None
    assert (reply.status, reply.json["code"]) == (400, "malformed")
    assert "number" in reply.json["detail"]
    assert "no-number" not in reply.body.decode()


async def test_a_crash_is_logged_by_its_place_and_answered_by_its_id(
    broken: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    reply = await drive(broken.app, "GET", "/broken")
    assert reply is not None
    assert (reply.status, reply.json["code"]) == (500, "internal")
    (record,) = [record for record in caplog.records if record.name == "tidegate.rest"]
    assert "ZeroDivisionError" in record.getMessage()
    assert getattr(record, "request_id", "") == reply.fields["request-id"]
    assert "secret detail" not in caplog.text + reply.body.decode()


async def test_a_reader_without_a_token_gets_the_same_problem(gate: Gate) -> None:
    reply = await drive(gate.app, "GET", "/v1/topics")
    assert reply is not None
    assert (reply.status, reply.json["code"], reply.fields["www-authenticate"]) == (401, "unauthenticated", "Bearer")
