"""A refused token's reason: in the log under the request's id, in no answer, and never a flood."""

import logging

import pytest
from tests.gateway.doors.rest.conftest import TOPIC, Gate, drive

from tidegate_gateway.doors.rest.refused_tokens import RefusedTokens


@pytest.mark.parametrize("path", [f"/v1/topics/{TOPIC}/events", "/v1/topics", "/docs"])
async def test_the_reason_stands_under_the_requests_id(gate: Gate, caplog: pytest.LogCaptureFixture, path: str) -> None:
    caplog.set_level(logging.INFO, "tidegate.auth")
    fields = [("authorization", "Bearer bad"), ("content-type", "application/json"), ("accept", "text/html")]
    reply = await drive(gate.app, "POST" if "events" in path else "GET", path, headers=fields)
    assert reply is not None
    assert reply.status == 401
    (line,) = caplog.records
    assert line.getMessage() == "a token is refused"
    assert getattr(line, "request_id", "") == reply.fields["request-id"]
    assert getattr(line, "reason", "") == "reason of bad"
    assert b"reason of bad" not in reply.body


async def test_no_token_is_no_line(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tidegate.auth")
    assert (await gate.event(b"{}", who=None)).status == 401
    assert caplog.records == []


def test_a_flood_of_bad_tokens_is_no_flood_of_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tidegate.auth")
    now = [0.0]
    refusals = RefusedTokens(lambda: now[0])
    for _ in range(1_000):
        refusals.say("bad", "id")
    assert len(caplog.records) == 20
    now[0] = 1.0
    refusals.say("bad", "id")
    assert caplog.records[-1].getMessage() == "a token is refused (980 refusals before it were not logged)"
