"""From what the application hands over to an event in the queue, or its rejection: encoded, judged by its contract, given an id.

Called by both shells for every event, on the caller's thread. Fetches nothing: the shelf holds what is at hand.
"""

import msgspec

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.media import FRAMED, JSON
from tidegate.contracts.times import event_time_ms
from tidegate.contracts.verdict import Encoded, Rejected, Verdict, Violation
from tidegate.contracts.wording import summary
from tidegate.errors import Code, row
from tidegate.ids import uuid7
from tidegate.outgoing import EVENT_OVERHEAD_BYTES, OnSettled, Outgoing, Undelivered
from tidegate.shell.shelf import Shelved
from tidegate.shell.values import Unencodable, encoded
from tidegate.wire.event import check_headers, check_id
from tidegate.wire.problem import ContractRef, Problem

__all__ = ["Admission", "EventFacts", "facts_of"]


class EventFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an event brings beside its value: http.md's members of an Event. `time` is RFC 3339."""

    id: str | None = None
    key: str | bytes | None = None
    headers: dict[str, str] | None = None
    time: str | None = None
    version: int | None = None
    media_type: str | None = None


_NO_FACTS = EventFacts()


def facts_of(
    key: str | bytes | None,
    event_id: str | None,
    headers: dict[str, str] | None,
    time: str | None,
    version: int | None,
    media_type: str | None,
) -> EventFacts | None:
    """What was said beside the value; None where nothing was."""
    bare = key is None and event_id is None and headers is None
    if bare and time is None and version is None and media_type is None:
        return None
    return EventFacts(id=event_id, key=key, headers=headers, time=time, version=version, media_type=media_type)


class Admission:
    """Makes events for one client."""

    __slots__ = ("_base_url", "_deadline_s")

    def __init__(self, base_url: str, deadline_s: float) -> None:
        self._base_url = base_url
        self._deadline_s = deadline_s

    def admit(
        self,
        place: Shelved,
        value: object,
        facts: EventFacts | None,
        now: float,
        on_settled: OnSettled,
        target: object,
        *,
        urgent: bool = False,
    ) -> Outgoing | Undelivered:
        """The event to send, or why its contract refuses it. Raises `TypeError` for what is no event."""
        facts = facts or _NO_FACTS
        try:
            body, media_type = encoded(value, facts.media_type)
        except Unencodable as error:
            return self._malformed(place.topic, Violation(pointer="#", rule="malformed", detail=str(error)))
        if facts is _NO_FACTS and place.plain is not None and media_type is JSON:
            return self._plain(place, place.plain, body, now, on_settled, target, urgent=urgent)
        wrong = _wrong_facts(facts)
        if wrong is not None:
            return self._malformed(place.topic, wrong)
        contract = place.contract
        version = _version(contract, facts.version, body, media_type) if contract is not None else None
        if version is not None and media_type.partition(";")[0] not in version.media_types:
            version = None
        lane_key, number = b"", facts.version
        verdict: Verdict | None = None
        if version is not None:
            verdict = version.check(body, media_type, key=facts.key, time=facts.time)
            if isinstance(verdict, Encoded):
                lane_key = verdict.key or b""
                number = version.number or None
            elif place.rejects:
                return self._rejected(place.topic, version, verdict)
        if (
            facts.time is not None
            and not isinstance(verdict, Encoded)
            and (late := _wrong_time(facts.time)) is not None
        ):
            return self._refusal(place.topic, Code.CONTRACT_VIOLATION, (late,), 0, None, "")
        return Outgoing(
            id=facts.id or uuid7(),
            topic=place.topic,
            body=body,
            media_type=media_type,
            size_bytes=len(body) + EVENT_OVERHEAD_BYTES + _extra_bytes(facts),
            at=now,
            deadline=now + self._deadline_s,
            on_settled=on_settled,
            target=target,
            key=facts.key,
            lane_key=lane_key,
            judged=version is not None,
            headers=facts.headers,
            time=facts.time,
            version=number,
            urgent=urgent,
        )

    def _plain(
        self,
        place: Shelved,
        version: CompiledVersion,
        body: bytes,
        now: float,
        on_settled: OnSettled,
        target: object,
        *,
        urgent: bool,
    ) -> Outgoing | Undelivered:
        """The same for what nearly every event is: a value and nothing beside it."""
        verdict = version.check(body)
        if isinstance(verdict, Encoded):
            lane_key = verdict.key or b""
        elif place.rejects:
            return self._rejected(place.topic, version, verdict)
        else:
            lane_key = b""
        return Outgoing(
            id=uuid7(),
            topic=place.topic,
            body=body,
            media_type=JSON,
            size_bytes=len(body) + EVENT_OVERHEAD_BYTES,
            at=now,
            deadline=now + self._deadline_s,
            on_settled=on_settled,
            target=target,
            lane_key=lane_key,
            judged=True,
            version=version.number or None,
            urgent=urgent,
        )

    def _rejected(self, topic: str, version: CompiledVersion, verdict: Rejected) -> Undelivered:
        page = f"{self._base_url}/docs/topics/{topic}" if self._base_url else ""
        code = Code.MALFORMED if verdict.malformed else Code.CONTRACT_VIOLATION
        violations = tuple(
            msgspec.structs.replace(one, docs=f"{page}#{one.docs}" if page and one.docs else page)
            for one in verdict.violations
        )
        by = ContractRef(version=version.number, schema_id=version.schema_id, fingerprint=version.source.fingerprint)
        return self._refusal(topic, code, violations, verdict.omitted, by, page)

    def _malformed(self, topic: str, violation: Violation) -> Undelivered:
        return self._refusal(topic, Code.MALFORMED, (violation,), 0, None, "")

    def _refusal(
        self,
        topic: str,
        code: Code,
        violations: tuple[Violation, ...],
        omitted: int,
        by: ContractRef | None,
        page: str,
    ) -> Undelivered:
        entry = row(code)
        detail = summary(violations, omitted)
        problem = Problem(
            type=f"{self._base_url}/docs/errors/{code}",
            title=entry.title,
            status=entry.http,
            detail=detail,
            code=code,
            retryable=False,
            topic=topic,
            contract=by,
            errors=violations,
            omitted=omitted,
            docs=page,
        )
        return Undelivered(reason=detail, code=code, problem=problem)


def _version(contract: CompiledContract, number: int | None, body: bytes, media_type: str) -> CompiledVersion | None:
    if number is None and media_type in FRAMED:
        return contract.framed_version(body) or contract.newest
    return contract.version(number)


def _wrong_facts(facts: EventFacts) -> Violation | None:
    if facts.id is not None and (wrong := check_id(facts.id)) is not None:
        return wrong
    return check_headers([(name.lower(), text) for name, text in facts.headers.items()]) if facts.headers else None


def _wrong_time(text: str) -> Violation | None:
    """A time that no contract has judged must at least be one: not every transport can carry another."""
    try:
        event_time_ms(text)
    except ValueError as error:
        return Violation(pointer="#", rule="event_time", detail=f"has a time of its own that {error}")
    return None


def _extra_bytes(facts: EventFacts) -> int:
    size = len(facts.key) if facts.key else 0
    for name, text in (facts.headers or {}).items():
        size += len(name) + len(text) + 6
    return size
