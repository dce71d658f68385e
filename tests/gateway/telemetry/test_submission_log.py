"""The lines of submissions: what an operator needs, and nothing that was sent."""

import json
import logging
from collections.abc import Callable

import pytest

from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate.wire.receipt import Stored, Valid
from tidegate_gateway.intake.submission import Admission, Line, Refusal
from tidegate_gateway.telemetry.logs import HumanFormatter, JsonFormatter
from tidegate_gateway.telemetry.submission_log import EventLog, Observers, RefusalLog, place_of

Admit = Callable[..., Admission]
STORED = Stored(id="good-1", partition=2, offset=41, version=1, schema_id=7)
REFUSED = Refusal(
    id="bad-1",
    code=Code.CONTRACT_VIOLATION,
    detail="items/evil\r\nkey is no field",
    violations=(Violation(pointer="#/items/evil-map-key", rule="unknown_field", detail="is no field", docs="items"),),
)
AWAY = Refusal(id="late-1", code=Code.BROKER_UNAVAILABLE, detail="no leader", retry_after_s=1.0)


def entry(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    (record,) = caplog.records
    decoded: dict[str, object] = json.loads(JsonFormatter().format(record))
    return decoded


def test_a_submission_that_was_stored_whole_is_no_line(admit: Admit, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        RefusalLog().told(admit(), [STORED, STORED], [1, 2], 0.01)
        RefusalLog().told(admit(), [Valid(id="v", version=1, schema_id=7)], [], None)
    assert caplog.records == []


def test_one_line_says_how_many_why_and_where(admit: Admit, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        RefusalLog().told(admit(), [STORED, REFUSED, AWAY, REFUSED], [1], 0.0123)
    line = entry(caplog)
    assert line["level"] == "warning"
    assert line["request_id"] == "0198-request"
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert line["principal"] == "dev/web-shop"
    assert (line["events"], line["stored"], line["rejected"], line["failed"]) == (4, 1, 2, 1)
    assert line["codes"] == {"contract_violation": 2, "broker_unavailable": 1}
    assert line["rules"] == {"unknown_field": 2}
    assert line["fields"] == ["items"]
    assert line["duration_ms"] == 12.3
    assert "evil" not in json.dumps(line)


def test_refusals_for_the_events_own_fault_are_no_warning(admit: Admit, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        RefusalLog().told(admit(subject="a\r\n\x1b[31mb"), [REFUSED], [], None)
    line = entry(caplog)
    assert line["level"] == "info"
    assert line["principal"] == "dev/a\r\n\x1b[31mb"


def test_dev_has_a_line_for_each_event(admit: Admit, caplog: pytest.LogCaptureFixture) -> None:
    lines: list[Line] = [STORED, REFUSED, AWAY, Valid(id="v", version=1, schema_id=7)]
    with caplog.at_level(logging.INFO):
        EventLog().told(admit(), lines, [1], 0.01)
    shown = [HumanFormatter().format(record).split(" ", 1)[1] for record in caplog.records]
    assert shown[0] == "stored   customer.orders at 2/41 request_id=0198-request event_id=good-1"
    assert shown[1].startswith("rejected customer.orders contract_violation: items/evil-map-key is no field")
    assert shown[2].startswith("failed   customer.orders broker_unavailable: no leader")
    assert shown[3].startswith("valid    customer.orders")
    assert all(len(line.splitlines()) == 1 for line in shown)


@pytest.mark.parametrize(
    ("pointer", "docs", "rule", "shown"),
    [
        ("#", "", "malformed", "#"),
        ("#/items/1/boldness", "items.boldness", "maximum", "#/items/1/boldness"),
        ("#/attributes/secret-key", "attributes", "type", "#/attributes/*"),
        ("#/addresses/secret/street", "addresses.street", "length", "#/addresses/*/street"),
        ("#/addresses/secret/0/street", "addresses.street", "length", "#/addresses/*/0/street"),
        ("#/order_id", "orderId", "type", "#/order_id"),
        ("#/totl", "", "unknown_field", "#/totl"),
        ("#/addresses/secret/stret", "addresses", "unknown_field", "#/addresses/*/stret"),
        ("#/card/*", "card", "type", "#/card/*"),
    ],
)
def test_a_map_key_is_a_star(pointer: str, docs: str, rule: str, shown: str) -> None:
    assert place_of(Violation(pointer=pointer, rule=rule, detail="", docs=docs)) == shown


def test_dev_shows_no_map_key(admit: Admit, caplog: pytest.LogCaptureFixture) -> None:
    wrong = Violation(pointer="#/attributes/secret", rule="type", detail="is int 1", docs="attributes")
    refusal = Refusal(id="b", code=Code.CONTRACT_VIOLATION, detail="attributes/secret is int 1", violations=(wrong,))
    with caplog.at_level(logging.INFO):
        EventLog().told(admit(), [refusal], [], None)
    assert "attributes/* is int 1" in caplog.text
    assert "secret" not in caplog.text


def test_observers_are_told_in_their_order(admit: Admit) -> None:
    heard: list[str] = []

    class Hears:
        def __init__(self, name: str) -> None:
            self._name = name

        def told(self, *_: object) -> None:
            heard.append(self._name)

    Observers(Hears("first"), Hears("second")).told(admit(), [STORED], [1], None)
    assert heard == ["first", "second"]
