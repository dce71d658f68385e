"""What the gateway counts. Told by the intake (`Observer`) and the doors; read by the admin port's /metrics.

One event loop owns it, so everything is a plain number: a submission of 1,000 events costs one addition for each
outcome. Label values come from the catalogue or from closed lists; anything else is `other`, so that no stranger can
make series. No log and no decision may live here.
"""

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from time import time

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from tidegate.errors import ERRORS, Code
from tidegate.wire.receipt import Stored
from tidegate_gateway.intake.catalogue import CatalogueHolder
from tidegate_gateway.intake.submission import Admission, Line, Refusal
from tidegate_gateway.telemetry.histogram import Histogram
from tidegate_gateway.telemetry.table import METRICS

__all__ = ["CONTENT_TYPE", "Gauges", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""The media type of `Metrics.text`."""

OTHER = "other"
_DOORS = frozenset({"rest", "grpc", "registry"})
_OUTCOMES = ("stored", "rejected", "failed", "limited", "forbidden")
_MAX_RULES = 500
"""Rules of one topic that are told apart; they come from contracts, so this is a belt beside the braces."""
_CODES = frozenset(map(str, ERRORS)) | {"ok", "mixed", "disconnected"}
_REQUEST_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAG_BOUNDS_S = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 3600, 21600, 86400)
_REFUSED = {Code.RATE_LIMITED: "limited", Code.FORBIDDEN: "forbidden", Code.UNAUTHENTICATED: "forbidden"}
_ROWS = {row.name: row for row in METRICS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """What is read at the moment of a scrape. None of the calls may wait."""

    in_flight_bytes: Callable[[], int]
    in_flight_events: Callable[[], int]
    kafka_ready: Callable[[], bool]


def outcome_of(code: Code) -> str:
    """The outcome that an event refused with this code is counted under."""
    return _REFUSED.get(code) or ("failed" if ERRORS[code].retryable else "rejected")


class Metrics(Collector):
    """The numbers since the start. `clock` answers seconds since 1970 UTC."""

    def __init__(self, catalogue: CatalogueHolder, gauges: Gauges, clock: Callable[[], float] = time) -> None:
        self._catalogue = catalogue
        self._gauges = gauges
        self._clock = clock
        self._events: Counter[tuple[str, str, str]] = Counter()
        self._violations: dict[str, Counter[str]] = {}
        self._requests: Counter[tuple[str, str]] = Counter()
        self._request_s: dict[str, Histogram] = {}
        self._paced = {True: 0, False: 0}
        self._publish_s = Histogram(_REQUEST_BOUNDS_S)
        self._lag_s: dict[str, Histogram] = {}
        self._last_stored_s: dict[str, float] = {}
        self._build = {"version": version("tidegate-gateway"), "python": platform.python_version()}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def told(
        self, admission: Admission, lines: Sequence[Line], stored_times_ms: Sequence[int], publish_s: float | None
    ) -> None:
        """Count the outcomes of one submission (`intake.ports.Observer`)."""
        topic, door = admission.contract.topic, _door(admission.request.door)
        stored = len(stored_times_ms)
        if stored:
            self._stored(topic, door, stored_times_ms)
        if stored != len(lines):
            self._unstored(topic, door, lines)
        if publish_s is not None:
            self._publish_s.observe(publish_s)

    def on_request(self, door: str, code: str, seconds: float | None) -> None:
        """Count one answer. `code` is `ok`, `mixed` (a 207), `disconnected`, or a code of the errors table.

        `seconds` is None for what was refused before it was a request.
        """
        door = _door(door)
        self._requests[door, code if code in _CODES else OTHER] += 1
        if seconds is None:
            return
        histogram = self._request_s.get(door)
        if histogram is None:
            histogram = self._request_s[door] = Histogram(_REQUEST_BOUNDS_S)
        histogram.observe(seconds)

    def refused(self, topic: str, door: str, code: Code, events: int) -> None:
        """Count a submission that stopped before its events were judged. `topic` is what the request named."""
        known = topic if topic in self._catalogue.current.contracts else OTHER
        self._events[known, _door(door), outcome_of(code)] += events

    def on_paced(self, known: bool) -> None:  # noqa: FBT001 -- the port tells this one thing
        """Count a connection of the gRPC port that is not read for a moment; `known` is one that has shown a token that holds."""
        self._paced[known] += 1

    def text(self) -> bytes:
        """Everything in the Prometheus text format (`CONTENT_TYPE`)."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """The families of `table.METRICS`, in its order (`prometheus_client`'s Collector)."""
        contracts = self._catalogue.current.contracts
        events = {(topic, "rest", outcome): 0 for topic in contracts for outcome in _OUTCOMES} | dict(self._events)
        yield _counter("tidegate_events_total", events.items())
        yield _counter(
            "tidegate_violations_total",
            (((topic, rule), count) for topic, rules in self._violations.items() for rule, count in rules.items()),
        )
        yield _counter("tidegate_requests_total", self._requests.items())
        yield _histograms("tidegate_request_seconds", (((door,), h) for door, h in self._request_s.items()))
        yield _counter(
            "tidegate_grpc_paced_total", (((str(known).lower(),), count) for known, count in self._paced.items())
        )
        yield _histograms("tidegate_publish_seconds", (((), self._publish_s),))
        yield _histograms("tidegate_event_lag_seconds", (((topic,), h) for topic, h in self._lag_s.items()))
        yield _gauge(
            "tidegate_last_stored_timestamp_seconds", (((topic,), at) for topic, at in self._last_stored_s.items())
        )
        yield from self._now()

    def _now(self) -> Iterator[Metric]:
        catalogue, gauges = self._catalogue.current, self._gauges
        yield _gauge("tidegate_in_flight_bytes", (((), gauges.in_flight_bytes()),))
        yield _gauge("tidegate_in_flight_events", (((), gauges.in_flight_events()),))
        yield _gauge("tidegate_kafka_ready", (((), int(gauges.kafka_ready())),))
        states = {"served": len(catalogue.contracts), "broken": catalogue.broken_count}
        yield _gauge("tidegate_contracts", (((state,), count) for state, count in states.items()))
        yield _gauge("tidegate_build_info", ((tuple(self._build.values()), 1),))

    def _stored(self, topic: str, door: str, times_ms: Sequence[int]) -> None:
        now_s = self._clock()
        self._events[topic, door, "stored"] += len(times_ms)
        self._last_stored_s[topic] = now_s
        lag = self._lag_s.get(topic)
        if lag is None:
            lag = self._lag_s[topic] = Histogram(_LAG_BOUNDS_S)
        lag.observe_ages(times_ms, int(now_s * 1000))

    def _unstored(self, topic: str, door: str, lines: Sequence[Line]) -> None:
        for line in lines:
            if type(line) is Stored or not isinstance(line, Refusal):
                continue
            self._events[topic, door, outcome_of(line.code)] += 1
            if line.violations:
                rules = self._violations.setdefault(topic, Counter())
                for violation in line.violations:
                    rule = violation.rule
                    rules[rule if rule in rules or len(rules) < _MAX_RULES else OTHER] += 1


def _door(door: str) -> str:
    return door if door in _DOORS else OTHER


def _counter(name: str, samples: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    row = _ROWS[name]
    family = CounterMetricFamily(name, row.help, labels=row.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _gauge(name: str, samples: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    row = _ROWS[name]
    family = GaugeMetricFamily(name, row.help, labels=row.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _histograms(name: str, samples: Iterable[tuple[tuple[str, ...], Histogram]]) -> Metric:
    row = _ROWS[name]
    family = HistogramMetricFamily(name, row.help, labels=row.labels)
    for labels, histogram in samples:
        family.add_metric(labels, histogram.buckets(), histogram.sum)
    return family
