"""Every metric of the gateway, once: its name, type, labels and what it says. `metrics` exports by this table.

Read by `metrics`, by the test that compares it with what /metrics answers, and by the operator's documentation.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["METRICS", "MetricRow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One metric family. `name` is the one a query uses (counters end in `_total`); `labels` in their order."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


METRICS: tuple[MetricRow, ...] = (
    MetricRow(
        name="tidegate_events_total",
        type="counter",
        labels=("topic", "door", "outcome"),
        help="Events by outcome: stored, rejected (the event's fault), failed (may be retried), limited, forbidden. A :validate counts what it refuses.",
    ),
    MetricRow(
        name="tidegate_violations_total",
        type="counter",
        labels=("topic", "rule"),
        help="Violations found in events, by the rule that was broken; those past the 25th of an event are not told apart and not counted.",
    ),
    MetricRow(
        name="tidegate_requests_total",
        type="counter",
        labels=("door", "code"),
        help="Requests by what became of them: ok, mixed (some events stored, some not), disconnected, or a code of the errors table.",
    ),
    MetricRow(
        name="tidegate_request_seconds",
        type="histogram",
        labels=("door",),
        help="Seconds from a request's head to the last byte of its answer.",
    ),
    MetricRow(
        name="tidegate_grpc_paced_total",
        type="counter",
        labels=("known",),
        help="Times that a connection of the gRPC port was not read for a moment, its calls or frames having come to nothing: known is true for one that has shown a token that holds, else false.",
    ),
    MetricRow(
        name="tidegate_publish_seconds",
        type="histogram",
        help="Seconds that Kafka took for the events of one submission.",
    ),
    MetricRow(
        name="tidegate_event_lag_seconds",
        type="histogram",
        labels=("topic",),
        help="Seconds from an event's own time to the moment it was stored; times in the future count as 0.",
    ),
    MetricRow(
        name="tidegate_last_stored_timestamp_seconds",
        type="gauge",
        labels=("topic",),
        help="When the topic's last event was stored, seconds since 1970 UTC.",
    ),
    MetricRow(
        name="tidegate_in_flight_bytes",
        type="gauge",
        help="Memory reserved for requests under way, bytes.",
    ),
    MetricRow(name="tidegate_in_flight_events", type="gauge", help="Events between their verdict and their answer."),
    MetricRow(name="tidegate_kafka_ready", type="gauge", help="1 while Kafka takes events, else 0."),
    MetricRow(
        name="tidegate_contracts",
        type="gauge",
        labels=("state",),
        help="Contracts of the snapshot in use: served, broken (not served; readyz names file and line).",
    ),
    MetricRow(
        name="tidegate_build_info",
        type="gauge",
        labels=("version", "python"),
        help="Always 1; the labels say what is running.",
    ),
)
"""The metrics of this build. Beside them /metrics carries prometheus_client's standard `process_*` family."""
