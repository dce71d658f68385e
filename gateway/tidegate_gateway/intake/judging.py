"""The verdicts of one submission: each event's id, version, media type, size and contract, to a record or a refusal.

Called by `path` between the limiter and the publisher. Nothing here waits or publishes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.media import FRAMED
from tidegate.contracts.verdict import Encoded, Rejected, Violation
from tidegate.contracts.wording import summary
from tidegate.errors import Code
from tidegate.wire.event import check_id, check_version
from tidegate_gateway.intake.catalogue import find_version
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.ports import Record
from tidegate_gateway.intake.submission import Admission, Incoming, Line, Refusal, Unreadable

__all__ = ["MAX_LISTED", "Judge", "Judged"]

MAX_LISTED = 2_500
"""Violations that one submission's answer lists whole: 100 events of 25. Behind them each event has its first.

Without it three megabytes of bad events are answered with seventy, which no budget of memory counts.
"""


@dataclass(slots=True)
class Judged:
    """The events of a submission between the verdict and the publisher: a line for each, holes for the good ones."""

    lines: list[Line | None]
    records: list[Record]
    places: list[int]
    ids: list[str]
    versions: list[CompiledVersion]
    dropped: list[int]


class Judge:
    """One submission's verdicts: what is the same for all its events is looked up once."""

    __slots__ = (
        "_arrival_ms", "_contract", "_default", "_headers", "_last_framed", "_max_bytes", "_media_type", "_new_id", "_room",
        "_version",
    )  # fmt: skip

    def __init__(self, admission: Admission, media_type: str, max_event_bytes: int, new_id: Callable[[], str]) -> None:
        request = admission.request
        self._contract = admission.contract
        self._version = admission.version
        self._media_type = media_type
        own_bound = admission.contract.source.max_event_bytes
        self._max_bytes = min(own_bound, max_event_bytes) if own_bound is not None else max_event_bytes
        self._new_id = new_id
        self._room = MAX_LISTED
        self._arrival_ms = request.arrival_ms
        arrival = datetime.fromtimestamp(request.arrival_ms / 1000, UTC).isoformat(timespec="milliseconds")
        self._headers: tuple[tuple[str, bytes], ...] = (("tidegate-time", arrival.replace("+00:00", "Z").encode()),)
        if request.traceparent:
            self._headers += (("traceparent", request.traceparent.encode()),)
        self._default: _Version | None = None
        self._last_framed: _Version | None = None

    def one(self, event: Incoming | Unreadable, judged: Judged) -> Line | None:
        """The refusal of an event, or None: then its record, place, id, version and dropped fields went into `judged`."""
        if event.id is None:
            event_id = self._new_id()
        elif (bad := check_id(event.id)) is None:
            event_id = event.id
        else:  # what cannot be an id is not repeated
            return _malformed("", event.violations if isinstance(event, Unreadable) else (bad,))
        if isinstance(event, Unreadable):
            return _malformed(event_id, event.violations)
        media_type = event.media_type or self._media_type
        try:
            chosen = (
                self._chosen(event.version) if media_type not in FRAMED else self._framed(event.body, event.version)
            )
        except Fault as fault:
            return Refusal(
                id=event_id,
                code=fault.code,
                detail=fault.detail,
                violations=fault.violations,
                retry_after_s=fault.retry_after_s,
            )
        version = chosen.compiled
        if media_type not in chosen.media_types:
            return Refusal(
                id=event_id,
                code=Code.UNSUPPORTED_MEDIA,
                detail=f"version {version.number} of {version.topic} does not take {media_type}",
                judged_by=version,
            )
        if len(event.body) > self._max_bytes:
            return self._too_large(event_id, len(event.body), version)
        verdict = event.verdict or version.check(event.body, media_type, key=event.key, time=event.time)
        if not isinstance(verdict, Encoded):
            listed = self._listed(verdict)
            return Refusal(
                id=event_id,
                code=Code.MALFORMED if verdict.malformed else Code.CONTRACT_VIOLATION,
                detail=summary(verdict.violations, verdict.omitted),
                violations=listed,
                omitted=verdict.omitted + len(verdict.violations) - len(listed),
                judged_by=version,
            )
        value, key = verdict.value, verdict.key
        size = chosen.overhead_bytes + len(event_id)
        size += (0 if value is None else len(value)) + (0 if key is None else len(key))
        headers = (("tidegate-id", event_id.encode()), *chosen.headers)
        if event.headers:
            headers = (*event.headers, *headers)
            size += _size_bytes(event.headers)
        if size > self._max_bytes:
            return self._too_large(event_id, size, version)
        time_ms = verdict.time_ms if verdict.time_ms is not None else self._arrival_ms
        judged.places.append(len(judged.lines))
        judged.records.append(Record(key, value, headers, time_ms, event.partition))
        judged.ids.append(event_id)
        judged.versions.append(version)
        judged.dropped.append(verdict.dropped)
        return None

    def _listed(self, verdict: Rejected) -> tuple[Violation, ...]:
        """The violations that are told of an event: all that the verdict has, while the submission has room."""
        listed = verdict.violations[: max(self._room, 1)]
        self._room -= len(listed)
        return listed

    def _chosen(self, number: int | None) -> "_Version":
        """The version that an event names, or the submission's own. Raises `malformed` and what `find_version` does."""
        if number is None and self._default is not None:
            return self._default
        wanted = self._version if number is None else number
        if wanted is not None and (bad := check_version(wanted)) is not None:
            raise Fault(Code.MALFORMED, summary((bad,), 0), violations=(bad,))
        chosen = self._with_headers(find_version(self._contract, wanted))
        if number is None:
            self._default = chosen
        return chosen

    def _framed(self, body: bytes, number: int | None) -> "_Version":
        """The version that an event names, else that of its frame. What contradicts or is unknown there, `check` refuses."""
        if number is None and self._version is None:
            framed = self._contract.framed_version(body)
            if framed is not None:
                if self._last_framed is None or self._last_framed.compiled is not framed:
                    self._last_framed = self._with_headers(framed)
                return self._last_framed
        return self._chosen(number)

    def _with_headers(self, version: CompiledVersion) -> "_Version":
        headers = (("tidegate-version", b"%d" % version.number), *self._headers)
        return _Version(version, headers, _size_bytes(headers) + len("tidegate-id"), version.media_types)

    def _too_large(self, event_id: str, size_bytes: int, version: CompiledVersion) -> Refusal:
        return Refusal(
            id=event_id,
            code=Code.TOO_LARGE,
            detail=f"the event takes {size_bytes} bytes, at most {self._max_bytes} are allowed",
            judged_by=version,
        )


class _Version(NamedTuple):
    """A version with the headers that its records carry beside their id, the bytes that those take, and what it takes."""

    compiled: CompiledVersion
    headers: tuple[tuple[str, bytes], ...]
    overhead_bytes: int
    media_types: frozenset[str]


def _size_bytes(headers: Sequence[tuple[str, bytes]]) -> int:
    size_bytes = 0
    for name, value in headers:
        size_bytes += len(name) + len(value)
    return size_bytes


def _malformed(event_id: str, violations: tuple[Violation, ...]) -> Refusal:
    return Refusal(id=event_id, code=Code.MALFORMED, detail=summary(violations, 0), violations=violations)
