"""What answers say of events: singles, receipts of batches, problems for all, answers that never came."""

import json

from tests.faults.answers import batch_request, code_of, note, note_batch, out_of_turn
from tests.faults.checker import Sent
from tests.faults.http1 import CUT, REFUSED, SILENT, Answer


def events(*keys: str) -> list[Sent]:
    return [Sent(id=f"{key}-{place}", topic="t", key=key, number=place) for place, key in enumerate(keys)]


def receipt(events: list[Sent], *codes: str, status: int = 207) -> Answer:
    """A Receipt: an empty code is stored."""
    results = [
        {"id": event.id, "status": "stored", "partition": 1, "offset": place}
        if code == ""
        else {"id": event.id, "status": "failed", "error": {"code": code}}
        for place, (event, code) in enumerate(zip(events, codes, strict=True))
    ]
    return Answer(status, 0, json.dumps({"topic": "t", "results": results}).encode())


def told(event: Sent) -> tuple[int, int, int, int]:
    return len(event.stored), event.unknown, event.cut, event.refused


def test_a_single_event() -> None:
    problem = b'{"code": "broker_unavailable"}'
    for status, expected in {
        200: (1, 0, 0, 0), 504: (0, 1, 0, 0), 500: (0, 1, 0, 0), 503: (0, 0, 0, 1), 413: (0, 0, 0, 1),
        CUT: (0, 1, 1, 0), SILENT: (0, 1, 0, 0), REFUSED: (0, 0, 0, 0),
    }.items():  # fmt: skip
        (event,) = events("a")
        note(event, Answer(status, 0, b'{"partition": 0, "offset": 7}' if status == 200 else problem))
        assert told(event) == expected, status


def test_each_event_of_a_batch_has_its_own_outcome() -> None:
    sent = events("a", "b", "a")
    answer = receipt(sent, "", "outcome_unknown", "after_failure")
    note_batch(sent, answer)
    assert [told(event) for event in sent] == [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 1)]
    assert sent[0].stored == [(1, 0)]
    assert code_of(answer) == "after_failure+outcome_unknown"


def test_a_batch_without_a_receipt_is_told_for_all() -> None:
    for answer, expected in (
        (Answer(503, 1, b'{"code": "overloaded"}'), (0, 0, 0, 1)),
        (Answer(CUT), (0, 1, 1, 0)),
        (Answer(REFUSED), (0, 0, 0, 0)),
    ):
        sent = events("a", "b")
        note_batch(sent, answer)
        assert [told(event) for event in sent] == [expected, expected]


def test_codes() -> None:
    assert code_of(receipt(events("a"), "", status=200)) == ""
    assert code_of(Answer(200, 0, b'{"partition": 0, "offset": 1}')) == ""
    assert code_of(Answer(503, 1, b'{"code": "overloaded"}')) == "overloaded"
    assert code_of(Answer(SILENT)) == "no answer"


def test_out_of_turn_is_stored_behind_a_failure_of_its_key() -> None:
    sent = events("a", "b", "a", "b")
    for event in sent[1:3]:
        event.stored.append((0, 1))
    assert out_of_turn(sent) == ["a-2"]
    sent[2].stored.clear()
    assert out_of_turn(sent) == []


def test_a_batch_request_holds_its_events_in_order() -> None:
    sent = events("a", "b")
    request = batch_request("t", "token", [(sent[0], "x"), (sent[1], "")])
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/topics/t/events:batch HTTP/1.1\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert [(event["id"], event["value"]["number"]) for event in json.loads(body)["events"]] == [("a-0", 0), ("b-1", 1)]
