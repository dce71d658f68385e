"""Refusals of the right thing at the wrong place say where it goes."""

import pytest
from tests.gateway.doors.rest.conftest import TOPIC, Gate, drive

from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate_gateway.doors.media import VALUES
from tidegate_gateway.doors.rest.hints import BATCH_HINT, hint_at_the_endpoint, media_hint, path_hint
from tidegate_gateway.intake.submission import Refusal


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ("application/x-www-form-urlencoded", "curl -d"),
        ("text/plain", "application/json"),
        ("application/ndjson", "application/x-ndjson"),
        ("application/protobuf", "application/x-protobuf"),
        ("application/jsn", 'did you mean "application/json"?'),
        ("image/png", ""),
    ],
)
async def test_a_media_type_that_was_meant(gate: Gate, sent: str, says: str) -> None:
    hint = media_hint(sent, VALUES)
    assert says in hint
    assert bool(says) is bool(hint)
    problem = (await gate.event(b"{}", media=f"{sent}; charset=utf-8")).json
    assert problem["detail"].startswith("the media type is not taken here")
    assert says in problem["detail"]


def test_a_value_that_looks_like_a_batch() -> None:
    wrong = (
        Violation(pointer="#", rule="type", detail="is not an object", found="array of 2 items"),
        Violation(pointer="#/value", rule="unknown_field", detail="is not a field"),
        Violation(pointer="#/events", rule="unknown_field", detail="is not a field"),
        Violation(pointer="#/value", rule="unknown_field", detail="is not a field", hint="did you mean"),
        Violation(pointer="#/n", rule="type", detail="is no int", found="array of 2 items"),
    )
    line = Refusal(id="a", code=Code.CONTRACT_VIOLATION, detail="", violations=wrong)
    hint_at_the_endpoint(line, stores=True)
    hints = [violation.hint for violation in line.violations]
    assert hints[0] == hints[2] == "many events go to events:batch"
    assert "events:batch" in hints[1]
    assert hints[3:] == ["did you mean", ""]


@pytest.mark.parametrize("found", ["#", "#/value", "#/events"])
def test_whoever_only_asks_for_a_verdict_is_not_sent_where_events_are_stored(found: str) -> None:
    rule = "type" if found == "#" else "unknown_field"
    wrong = Violation(pointer=found, rule=rule, detail="is wrong", found="array of 2 items")
    line = Refusal(id="a", code=Code.CONTRACT_VIOLATION, detail="", violations=(wrong,))
    hint_at_the_endpoint(line, stores=False)
    (violation,) = line.violations
    assert "application/x-ndjson" in violation.hint
    assert "batch" not in violation.hint


async def test_a_value_where_a_batch_is_due(gate: Gate) -> None:
    for body in (b'{"n":1}', b'[{"n":1}]', b'"text"'):
        (violation,) = (await gate.batch(body)).json["errors"]
        assert violation["hint"] == BATCH_HINT


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/v1/topics/a/events/", "no path has a slash at its end"),
        ("/v1/topics/a/event", 'did you mean "events"?'),
        ("/v1/topics/a/events:batches", 'did you mean "events:batch"?'),
        ("/v1/topics/a/schema", 'did you mean "schemas"?'),
        ("/v1/other", ""),
        ("/", ""),
    ],
)
def test_a_path_that_was_meant(path: str, says: str) -> None:
    assert path_hint(path) == says


async def test_the_answer_says_so(gate: Gate) -> None:
    reply = await drive(gate.app, "POST", f"/v1/topics/{TOPIC}/event")
    assert reply is not None
    assert reply.json["detail"] == 'there is nothing at this path: did you mean "events"?'
