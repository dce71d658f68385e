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


@pytest.mark.parametrize(
    ("pointer", "shown"),
    [
        ("#/value", "value is missing"),
        ("#/framed", "framed is missing"),
        ("#/headers/secret", "headers/* is missing"),
        ("#", "the event is missing"),
    ],
)
def test_a_member_around_the_value_has_its_name(
    admit: Admit, caplog: pytest.LogCaptureFixture, pointer: str, shown: str
) -> None:
    """It is the form's, not the sender's: the line says what the answer does."""
    wrong = Violation(pointer=pointer, rule="malformed", detail="is missing")
    refusal = Refusal(id="b", code=Code.MALFORMED, detail="not read", violations=(wrong,))
    with caplog.at_level(logging.INFO):
        EventLog().told(admit(), [refusal], [], None)
    assert f"customer.orders malformed: {shown}" in caplog.messages[0]


def test_a_map_at_the_top_of_a_contract_shows_no_key(admit: Admit, caplog: pytest.LogCaptureFixture) -> None:
    admission = admit()
    wrong = Violation(pointer="#/secret", rule="type", detail="is int 1")
    refusal = Refusal(
        id="b", code=Code.CONTRACT_VIOLATION, detail="", violations=(wrong,), judged_by=admission.contract.newest
    )
    with caplog.at_level(logging.INFO):
        EventLog().told(admission, [refusal], [], None)
    assert "contract_violation: * is int 1" in caplog.messages[0]


@pytest.mark.parametrize("door", ["rest", "grpc"])
@pytest.mark.parametrize(
    ("topic", "code", "line"),
    [
        (
            "customer.orders",
            Code.TOO_LARGE,
            "rejected customer.orders too_large: The request or an event is too large door={} events=3",
        ),
        ("no.topic", Code.UNKNOWN_TOPIC, "rejected no.topic unknown_topic: "),
        ("customer.orders", Code.OVERLOADED, "failed   customer.orders overloaded: "),
        ("", Code.UNAUTHENTICATED, " (no topic) unauthenticated: "),
        ("a\r\n\x1b[31mb" + 300 * "x", Code.UNKNOWN_TOPIC, "rejected a\\r\\n\\x1b[31mbx"),
    ],
)
def test_dev_has_a_line_for_what_stopped_before_a_verdict(
    caplog: pytest.LogCaptureFixture, door: str, topic: str, code: Code, line: str
) -> None:
    with caplog.at_level(logging.INFO):
        EventLog().refused(topic, door, code, 3)
    (record,) = caplog.records
    said = HumanFormatter().format(record)
    assert line.format(door) in said
    assert len(said.splitlines()) == 1
    assert len(said) < 300


def test_production_has_none_for_it(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever has no token could write the log full."""
    with caplog.at_level(logging.DEBUG):
        RefusalLog().refused("customer.orders", "grpc", Code.UNAUTHENTICATED, 1)
    assert caplog.records == []


def test_observers_are_told_in_their_order(admit: Admit) -> None:
    heard: list[str] = []

    class Hears:
        def __init__(self, name: str) -> None:
            self._name = name

        def told(self, *_: object) -> None:
            heard.append(self._name)

        def refused(self, *what: object) -> None:
            heard.append(f"{self._name} {what}")

    both = Observers(Hears("first"), Hears("second"))
    both.told(admit(), [STORED], [1], None)
    assert heard == ["first", "second"]
    heard.clear()
    both.refused("a.b", "grpc", Code.TOO_LARGE, 2)
    assert heard == [f"{name} ('a.b', 'grpc', {Code.TOO_LARGE!r}, 2)" for name in ("first", "second")]
