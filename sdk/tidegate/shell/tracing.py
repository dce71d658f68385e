"""Spans of requests, where OpenTelemetry's API is installed; nothing where it is not. Called by `driver`.

One span a request (kind PRODUCER), as its batch is what travels; `traceparent` goes with the request.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from tidegate.outgoing import Outgoing

__all__ = ["NoTracing", "Tracing", "tracing"]


class Tracing(Protocol):
    """What wraps a request."""

    def request(self, topic: str, events: Sequence[Outgoing]) -> AbstractContextManager[str | None]:
        """A context in which the request is sent; gives its `traceparent`, or None."""
        ...


class NoTracing:
    """No spans."""

    @contextmanager
    def request(self, topic: str, events: Sequence[Outgoing]) -> Iterator[str | None]:  # noqa: ARG002 -- the port's
        """Nothing around the request."""
        yield None


class _OpenTelemetry:
    """Spans of the application's own tracer provider."""

    def __init__(self) -> None:
        from opentelemetry import trace  # installed or not is the application's choice
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = trace.get_tracer("tidegate")
        self._kind = trace.SpanKind.PRODUCER
        self._inject = TraceContextTextMapPropagator().inject

    @contextmanager
    def request(self, topic: str, events: Sequence[Outgoing]) -> Iterator[str | None]:
        attributes: dict[str, str | int] = {
            "messaging.system": "tidegate",
            "messaging.operation.type": "send",
            "messaging.destination.name": topic,
            "messaging.batch.message_count": len(events),
        }
        with self._tracer.start_as_current_span(f"send {topic}", kind=self._kind, attributes=attributes):
            carrier: dict[str, str] = {}
            self._inject(carrier)
            yield carrier.get("traceparent")


def tracing() -> Tracing:
    """Spans where OpenTelemetry's API can be imported, else none."""
    try:
        return _OpenTelemetry()
    except ImportError:
        return NoTracing()
