"""What a door hands to the intake, and what it gets back for each event. No protocol, no bytes of an answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.verdict import Verdict, Violation
from tidegate.errors import Code
from tidegate.wire.receipt import Stored, Valid
from tidegate_gateway.intake.limits import Quota
from tidegate_gateway.intake.memory import Reservation
from tidegate_gateway.intake.principal import Principal

__all__ = ["Admission", "Incoming", "Line", "Refusal", "Request", "Submission", "Told", "Unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call at a door: `id` is its own (a UUID, in answers and logs), `door` its protocol (`rest`, `grpc`).

    `arrival_ms` is milliseconds since 1970 UTC. `traceparent` (W3C) travels into the Kafka headers where it is well formed.
    `client` is the sender's address, for logs alone. `time_left_s` is how long the sender waits for the outcome, from now on
    (None: it did not say).
    """

    id: str
    door: str
    arrival_ms: int
    traceparent: str = ""
    client: str = ""
    time_left_s: float | None = None


@dataclass(slots=True, kw_only=True)
class Admission:
    """The right to submit: who, to which contract of which snapshot, and the memory held for it.

    `version` is the version that the request names for all its events (None: each its own, or the newest).
    """

    request: Request
    principal: Principal
    contract: CompiledContract
    version: int | None
    reservation: Reservation


class Incoming(msgspec.Struct, kw_only=True, gc=False):
    """One event as its door read it; its value not judged yet.

    `body` is the value in `media_type` (None: the submission's). `headers` are the event's own, names in lower case, checked by
    `wire.event`. `version` None: the admission's, else the newest. `partition` None: by its key.
    `verdict` is that of the version on such a value without `key` and `time`, where its door had to read it anyway.
    """

    body: bytes
    id: str | None = None
    key: str | bytes | None = None
    time: str | None = None
    version: int | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    media_type: str | None = None
    partition: int | None = None
    verdict: Verdict | None = None


class Unreadable(msgspec.Struct, kw_only=True):
    """One event that its door could not read (bad JSON in a line, an unknown member): it is refused as `malformed`."""

    violations: tuple[Violation, ...]
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Events for one topic. `events` is walked once; `count` and `size_bytes` (decompressed) are what it costs the limits."""

    events: Iterable[Incoming | Unreadable]
    count: int
    size_bytes: int
    media_type: str = "application/json"


class Refusal(msgspec.Struct, kw_only=True):
    """Why one event is not stored, or not known to be.

    `judged_by` is the version that gave the verdict, where one did. `retry_after_s` is the shortest wait in seconds.
    """

    id: str
    code: Code
    detail: str
    violations: tuple[Violation, ...] = ()
    omitted: int = 0
    judged_by: CompiledVersion | None = None
    retry_after_s: float | None = None


Line = Stored | Valid | Refusal
"""The outcome of one event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One line for each event, in their order, and the limits after them."""

    lines: list[Line]
    quotas: tuple[Quota, ...] = ()
