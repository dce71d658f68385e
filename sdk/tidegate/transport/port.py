"""What a transport is: one request out, one answer back, as values. Implemented by `memory`, `http` and `grpc`; called by `driver`.

A transport retries nothing, waits for nothing but its answer, and raises nothing for what a network can do.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from tidegate.errors import Code
from tidegate.outgoing import Outgoing
from tidegate.wire.problem import Problem
from tidegate.wire.results import ResultLine

__all__ = [
    "Answer",
    "Bundle",
    "BundleAnswer",
    "MakeTransport",
    "NoBundle",
    "NotModified",
    "Receipted",
    "Refusal",
    "Request",
    "Transport",
    "Unreached",
]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One batch to send. `events` are of one topic and in order. `token` is a bearer token. `traceparent`: W3C Trace Context."""

    topic: str
    events: Sequence[Outgoing]
    token: str | None = None
    traceparent: str | None = None


class Receipted(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway judged the events: a line for each, in order."""

    lines: Sequence[ResultLine]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The request as a whole was refused.

    `status` is the HTTP status, or the errors table's for a gRPC status. `code` is None where the answer names none that is known
    (a load balancer's own page). `retry_after_s`: at least so many seconds. `max_events`: so many events a request may have.
    """

    status: int
    reason: str
    code: Code | None = None
    problem: Problem | None = None
    retry_after_s: float | None = None
    max_events: int | None = None


class Unreached(msgspec.Struct, frozen=True, kw_only=True):
    """No answer. `maybe_stored`: the request may have arrived (it was written, or part of it)."""

    reason: str
    maybe_stored: bool
    retry_after_s: float | None = None


Answer = Receipted | Refusal | Unreached


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A contract's bundle as served, with its ETag."""

    body: bytes
    etag: str


class NotModified(msgspec.Struct, frozen=True, kw_only=True):
    """The bundle with the ETag that was named is still the one."""


class NoBundle(msgspec.Struct, frozen=True, kw_only=True):
    """There is none to be had now. `final`: the gateway said so (no such topic, no right to read it), asking again soon is vain."""

    reason: str
    final: bool = False


BundleAnswer = Bundle | NotModified | NoBundle


class Transport(Protocol):
    """One way to a gateway. Belongs to one event loop; several calls may be under way at once."""

    async def send(self, request: Request, timeout_s: float) -> Answer:
        """Sends one batch. Answers within `timeout_s` seconds; raises nothing but `CancelledError`."""
        ...

    async def bundle(self, topic: str, etag: str | None, token: str | None, timeout_s: float) -> BundleAnswer:
        """The contract's bundle, or `NotModified` where it still has `etag`. Within `timeout_s` seconds; raises as `send`."""
        ...

    async def aclose(self) -> None:
        """Closes its connections. May be called twice."""
        ...


MakeTransport = Callable[[], Transport]
"""Makes a client's transport, on the event loop that will use it: after a fork, or on a new loop, a new one."""
