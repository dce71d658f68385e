"""What is counted, what a scrape says, and that no stranger can make series."""

from collections.abc import Callable
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate.wire.receipt import Stored, Valid
from tidegate_gateway.intake.catalogue import Catalogue, CatalogueHolder
from tidegate_gateway.intake.submission import Admission, Line, Refusal
from tidegate_gateway.telemetry.metrics import CONTENT_TYPE, Gauges, Metrics, outcome_of
from tidegate_gateway.telemetry.table import METRICS

NOW_S = 1_700_000_000.0
Admit = Callable[..., Admission]


@pytest.fixture
def metrics(catalogue: CatalogueHolder) -> Metrics:
    return make(catalogue)


def make(catalogue: CatalogueHolder) -> Metrics:
    gauges = Gauges(in_flight_bytes=lambda: 4096, in_flight_events=lambda: 3, kafka_ready=lambda: True)
    return Metrics(catalogue, gauges, clock=lambda: NOW_S)


def stored(offset: int = 0) -> Stored:
    return Stored(id="e", partition=0, offset=offset, version=1, schema_id=7)


def refused(code: Code, *rules: str) -> Refusal:
    violations = tuple(Violation(pointer="#", rule=rule, detail="is wrong") for rule in rules)
    return Refusal(id="e", code=code, detail="no", violations=violations)


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its label values in the labels' alphabetical order."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_a_scrape_parses_and_every_family_is_in_the_table(metrics: Metrics, admit: Admit) -> None:
    metrics.told(admit(), [stored(), refused(Code.CONTRACT_VIOLATION, "required")], [1], 0.01)
    metrics.on_request("rest", "mixed", 0.02)
    families = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in text_string_to_metric_families(metrics.text().decode())
        if not family.name.startswith("process_")
    }
    assert set(families) == {row.name for row in METRICS}
    for row in METRICS:
        family = families[row.name]
        assert (family.type, family.documentation) == (row.type, row.help)
        labels = {tuple(sorted(set(sample.labels) - {"le"})) for sample in family.samples}
        assert labels == {tuple(sorted(row.labels))}, row.name
    assert CONTENT_TYPE.startswith("text/plain; version=")


def test_outcomes_violations_and_lag_of_a_mixed_batch(metrics: Metrics, admit: Admit) -> None:
    lines: list[Line] = [
        stored(1),
        refused(Code.CONTRACT_VIOLATION, "required", "required", "range"),
        stored(2),
        refused(Code.BROKER_UNAVAILABLE),
        Valid(id="e", version=1, schema_id=7),
    ]
    now_ms = int(NOW_S * 1000)
    metrics.told(admit(), lines, [now_ms - 2000, now_ms + 5000], 0.02)
    found = samples(metrics)
    assert found["tidegate_events_total", "rest", "stored", "customer.orders"] == 2
    assert found["tidegate_events_total", "rest", "rejected", "customer.orders"] == 1
    assert found["tidegate_events_total", "rest", "failed", "customer.orders"] == 1
    assert found["tidegate_violations_total", "required", "customer.orders"] == 2
    assert found["tidegate_violations_total", "range", "customer.orders"] == 1
    assert found["tidegate_event_lag_seconds_sum", "customer.orders"] == 2.0
    assert found["tidegate_event_lag_seconds_count", "customer.orders"] == 2
    assert found["tidegate_event_lag_seconds_bucket", "0.01", "customer.orders"] == 1
    assert found["tidegate_last_stored_timestamp_seconds", "customer.orders"] == NOW_S
    assert found["tidegate_publish_seconds_count",] == 1
    assert ("tidegate_last_stored_timestamp_seconds", "customer.profiles") not in found


def test_every_topic_has_its_outcomes_at_zero_before_the_first_event(metrics: Metrics) -> None:
    found = samples(metrics)
    for topic in ("customer.orders", "customer.profiles"):
        for outcome in ("stored", "rejected", "failed", "limited", "forbidden"):
            assert found["tidegate_events_total", "rest", outcome, topic] == 0


def test_paced_connections_count_apart_strangers_and_producers(metrics: Metrics) -> None:
    found = samples(metrics)
    assert (found["tidegate_grpc_paced_total", "true"], found["tidegate_grpc_paced_total", "false"]) == (0, 0)
    for known in (False, True, False):
        metrics.on_paced(known)
    found = samples(metrics)
    assert (found["tidegate_grpc_paced_total", "true"], found["tidegate_grpc_paced_total", "false"]) == (1, 2)


def test_gauges_are_read_at_the_scrape(metrics: Metrics) -> None:
    found = samples(metrics)
    assert found["tidegate_in_flight_bytes",] == 4096
    assert found["tidegate_in_flight_events",] == 3
    assert found["tidegate_kafka_ready",] == 1
    assert found["tidegate_contracts", "served"] == 2
    assert found["tidegate_contracts", "broken"] == 1


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (Code.RATE_LIMITED, "limited"),
        (Code.FORBIDDEN, "forbidden"),
        (Code.UNAUTHENTICATED, "forbidden"),
        (Code.TOO_LARGE, "rejected"),
        (Code.OVERLOADED, "failed"),
    ],
)
def test_a_refused_submission_counts_its_events(metrics: Metrics, code: Code, outcome: str) -> None:
    metrics.refused("customer.orders", "rest", code, 12)
    assert samples(metrics)["tidegate_events_total", "rest", outcome, "customer.orders"] == 12


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_an_outcome(code: Code) -> None:
    assert outcome_of(code) in {"rejected", "failed", "limited", "forbidden"}


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=30))
@settings(max_examples=50)
def test_what_a_stranger_sends_makes_one_series(sent: list[tuple[str, str, str]]) -> None:
    metrics = make(CatalogueHolder(Catalogue()))
    for topic, door, status in sent:
        metrics.refused(f"no.{topic}", f"x{door}", Code.FORBIDDEN, 1)
        metrics.on_request(f"x{door}", f"x{status}", 0.1)
    found = samples(metrics)
    assert found.get(("tidegate_events_total", "other", "forbidden", "other"), 0) == len(sent)
    assert found.get(("tidegate_requests_total", "other", "other"), 0) == len(sent)
    assert sum(1 for name, *_ in found if name == "tidegate_events_total") <= 1
    assert sum(1 for name, *_ in found if name == "tidegate_request_seconds_count") <= 1


def test_rules_of_a_topic_are_bounded(metrics: Metrics, admit: Admit) -> None:
    for number in range(600):
        metrics.told(admit(), [refused(Code.CONTRACT_VIOLATION, f"rule-{number}")], [], None)
    rules = [key for key in samples(metrics) if key[0] == "tidegate_violations_total"]
    assert len(rules) == 501
    assert samples(metrics)["tidegate_violations_total", "other", "customer.orders"] == 100


@pytest.mark.parametrize("code", ["ok", "mixed", "disconnected", *Code])
def test_a_request_counts_under_its_code(metrics: Metrics, code: str) -> None:
    metrics.on_request("rest", code, 0.3)
    found = samples(metrics)
    assert found["tidegate_requests_total", code, "rest"] == 1
    assert found["tidegate_request_seconds_bucket", "rest", "0.25"] == 0
    assert found["tidegate_request_seconds_bucket", "rest", "0.5"] == 1


def test_a_batch_of_a_thousand_stored_events_costs_little(metrics: Metrics, admit: Admit) -> None:
    """At most 300 us each, or the path's own budget (18 us an event) is noticeably spent on counting."""
    admission, lines = admit(), [stored(offset) for offset in range(1000)]
    times_ms = [int(NOW_S * 1000) - (offset * 7919) % 5000 for offset in range(1000)]
    best = 1.0
    for _ in range(20):
        started = process_time()
        metrics.told(admission, lines, times_ms, 0.01)
        best = min(best, process_time() - started)
    assert best < 0.0003
