"""Spans and traceparent where OpenTelemetry is installed, nothing where it is not (sdk.md, telemetry)."""

import sys

import pytest
from tests.sdk.delivery.conftest import outgoing

from tidegate.shell.tracing import NoTracing, tracing

trace = pytest.importorskip("opentelemetry.trace")


def test_without_opentelemetry_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    nothing = tracing()
    assert isinstance(nothing, NoTracing)
    with nothing.request("t", []) as traceparent:
        assert traceparent is None


def test_a_request_carries_the_trace_it_belongs_to() -> None:
    context = trace.SpanContext(
        trace_id=0xABC, span_id=0xDEF, is_remote=False, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED)
    )
    with trace.use_span(trace.NonRecordingSpan(context)), tracing().request("t", [outgoing("e1")]) as traceparent:
        assert traceparent == f"00-{0xABC:032x}-{0xDEF:016x}-01"
