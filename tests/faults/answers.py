"""What answers say of events, written into the ledger: single events, and requests of several. Pure; called by `load` and `burst`."""

import json
from collections.abc import Sequence
from typing import Any

from tests.faults.checker import Sent
from tests.faults.http1 import CUT, REFUSED, SILENT, Answer, post

__all__ = ["batch_request", "code_of", "note", "note_batch", "out_of_turn"]

_NAMES = {REFUSED: "connection refused", CUT: "connection cut", SILENT: "no answer"}


def note(event: Sent, answer: Answer) -> None:
    """Write down what an answer says of the one event that was asked."""
    if 200 <= answer.status < 300:
        receipt = json.loads(answer.body)
        event.stored.append((receipt["partition"], receipt["offset"]))
    elif answer.status in {504, 500, CUT, SILENT}:
        event.unknown += 1
        event.cut += answer.status == CUT
    elif answer.status != REFUSED:
        event.refused += 1


def batch_request(topic: str, token: str, events: Sequence[tuple[Sent, str]]) -> bytes:
    """The request for some events of a topic, in their order, each with its weight."""
    values = [
        {"id": event.id, "value": {"producer": event.key, "number": event.number, "pad": pad}} for event, pad in events
    ]
    return post(f"/v1/topics/{topic}/events:batch", json.dumps({"events": values}).encode(), token)


def note_batch(events: Sequence[Sent], answer: Answer) -> None:
    """Write down what the answer says of each event of the request."""
    results = _results(answer)
    if results is None:  # one Problem for all, or no answer
        for event in events:
            note(event, answer)
        return
    for event, result in zip(events, results, strict=True):
        assert result["id"] == event.id, "results stand in the order of the events"
        if result["status"] == "stored":
            event.stored.append((result["partition"], result["offset"]))
        elif result["error"]["code"] == "outcome_unknown":
            event.unknown += 1
        else:
            event.refused += 1


def code_of(answer: Answer) -> str:
    """The code of a Problem; of a Receipt, those of its events that were not stored, joined by +; empty where all were."""
    if answer.status < 0:
        return _NAMES[answer.status]
    results = _results(answer)
    if results is not None:
        return "+".join(sorted({result["error"]["code"] for result in results if result["status"] != "stored"}))
    return "" if answer.status < 300 else str(json.loads(answer.body).get("code"))


def out_of_turn(events: Sequence[Sent]) -> list[str]:
    """Events of one request that were stored although an earlier one of their key was not, by id. Each was asked once."""
    failed: set[str] = set()
    found = []
    for event in events:
        if not event.stored:
            failed.add(event.key)
        elif event.key in failed:
            found.append(event.id)
    return found


def _results(answer: Answer) -> list[dict[str, Any]] | None:
    if answer.status < 0:
        return None
    results = json.loads(answer.body).get("results")
    return results if isinstance(results, list) else None
