"""The path of an event: who, may, which, room, rate, good, keep, tell. Each a line; the order is the design.

    authenticate(token, ...)       -> Principal     before anything else is looked at
    admit(principal, topic, ...)   -> Admission     before the body is read
    accept(admission, submission)  -> Told          after; `validate` stops before the publisher

Doors call these and decide nothing. Adapters stand behind `ports`.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.source import Limits
from tidegate.errors import Code
from tidegate.wire.receipt import Stored, Valid
from tidegate_gateway.intake.catalogue import CatalogueHolder, find_contract, find_version
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.ids import uuid7
from tidegate_gateway.intake.judging import Judge, Judged
from tidegate_gateway.intake.limits import Allowance, Quota
from tidegate_gateway.intake.memory import MemoryBudget
from tidegate_gateway.intake.ports import (
    Authenticator,
    Limiter,
    NotStored,
    Observer,
    Outcome,
    Publisher,
    RecordRefused,
    RecordStored,
    Unknown,
)  # fmt: skip
from tidegate_gateway.intake.principal import Principal, authorize_publish, authorize_roles, certified, check_topic_name
from tidegate_gateway.intake.submission import Admission, Incoming, Refusal, Request, Submission, Told

__all__ = ["Intake", "IntakeSettings"]

_TURN_S = 0.005
"""The loop is yielded to at least this often while a batch is judged."""
_LARGE_BYTES = 65_536
"""A longer value is judged in a thread: a megabyte of the tiniest parts takes seconds, and the loop is everybody's.

One thread for all, so that such values wait for each other and not everybody for them. Verdicts are pure.
"""
_UNHEARD = Unknown("the sender went before Kafka answered")


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSettings:
    """Bounds of the path: bytes of an event (key, headers and framing counted), events of a batch, seconds for Kafka.

    `limits` are a principal's on a topic whose contract sets none.
    """

    max_event_bytes: int = 1_000_000
    max_batch_bytes: int = 8_388_608
    max_batch_events: int = 10_000
    delivery_timeout_s: float = 10.0
    limits: Limits | None = None


class Intake:
    """The path, with its ports. One for a process; every door calls the same."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        catalogue: CatalogueHolder,
        limiter: Limiter,
        memory: MemoryBudget,
        publisher: Publisher,
        observer: Observer,
        settings: IntakeSettings,
        new_id: Callable[[], str] = uuid7,
    ) -> None:
        self.catalogue = catalogue
        self.memory = memory
        self.settings = settings
        self._authenticator = authenticator
        self._limiter = limiter
        self._publisher = publisher
        self._observer = observer
        self._new_id = new_id
        self._closed = False
        self._aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large values")

    async def authenticate(self, token: str | None, certificate: str | None = None) -> Principal:
        """Who sends this token. Without one, whom the verified client certificate names. Raises `unauthenticated`.

        A token that is bad is refused, whatever the certificate says: who sends both means the token.
        """
        if token is None and certificate is not None:
            return certified(certificate, self.catalogue.current.clients)
        return await self._authenticator.authenticate(token)

    def admit(
        self, request: Request, principal: Principal, topic: str, version: int | None, size_bytes: int
    ) -> Admission:
        """The right to submit `size_bytes` (0: not known yet, the reservation grows) to a topic, before they are read.

        Raises `malformed` (name), `forbidden`, `unknown_topic`, `retired`, `unknown_version`, `version_not_here_yet`,
        `too_large`, `overloaded`. Who is admitted must release the reservation.
        """
        if self._closed:
            raise Fault(Code.OVERLOADED, "the gateway is shutting down", retry_after_s=1.0)
        check_topic_name(topic)
        authorize_publish(principal, topic)
        contract = find_contract(self.catalogue.current, topic, principal.covers)
        authorize_roles(principal, topic, contract.source.roles)
        if version is not None:
            find_version(contract, version)
        reservation = self.memory.reserve(size_bytes)
        return Admission(
            request=request, principal=principal, contract=contract, version=version, reservation=reservation
        )

    async def accept(
        self, admission: Admission, submission: Submission, judged_now: Callable[[], None] | None = None
    ) -> Told:
        """Judge, publish, tell: a line for each event. Raises `rate_limited`, `too_large` (the whole submission).

        `judged_now` is called when the verdicts are there, right before the records go to the publisher: what is submitted
        from then on is published behind them.
        """
        allowance = await self._take(admission, submission)
        self.memory.events += submission.count
        judged: Judged | None = None
        try:
            judged = await self._judge(admission, submission)
            if judged_now is not None:
                judged_now()
            outcomes, publish_s = await self._publish(admission, judged)
        except (
            asyncio.CancelledError
        ):  # the sender is gone, and what was handed over may be stored: it counts all the same
            if judged is not None:
                _tell(judged, (_UNHEARD,) * len(judged.records))
                self._told(admission, allowance, judged, (), None)
            raise
        finally:
            self.memory.events -= submission.count
        stored_times_ms = _tell(judged, outcomes)
        return self._told(admission, allowance, judged, stored_times_ms, publish_s)

    async def validate(self, admission: Admission, submission: Submission) -> Told:
        """Judge and tell, and publish nothing; it spends the allowance like `accept`."""
        allowance = await self._take(admission, submission)
        judged = await self._judge(admission, submission)
        for place, event_id, version, dropped in zip(
            judged.places, judged.ids, judged.versions, judged.dropped, strict=True
        ):
            judged.lines[place] = Valid(
                id=event_id, version=version.number, schema_id=version.schema_id, dropped=dropped
            )
        return self._told(admission, allowance, judged, (), None)

    def standing(self, principal: Principal, topic: str) -> CompiledContract | None:
        """The contract that the principal may publish to, where there is one: what a refusal may tell of the topic."""
        contract = self.catalogue.current.contracts.get(topic)
        if contract is None:
            return None
        try:
            authorize_publish(principal, topic)
            authorize_roles(principal, topic, contract.source.roles)
        except Fault:
            return None
        return contract

    async def quotas(self, principal: Principal, contract: CompiledContract) -> tuple[Quota, ...]:
        """The limits as they stand, for an answer that stops before `accept` has taken from them. Spends nothing."""
        source = contract.source
        limits = source.limits or self.settings.limits
        return (await self._limiter.take(principal, source.topic, 0, 0, limits, source.topic_limits)).quotas

    def close(self) -> None:
        """Admit nothing from now on; what was admitted goes on to its end."""
        self._closed = True

    async def _take(self, admission: Admission, submission: Submission) -> Allowance:
        source = admission.contract.source
        if submission.count > self.settings.max_batch_events:
            raise Fault(
                Code.TOO_LARGE,
                f"a batch of {submission.count} events: at most {self.settings.max_batch_events} are taken at once",
                max_events=self.settings.max_batch_events,
                topic=source.topic,
            )
        allowance = await self._limiter.take(
            admission.principal,
            source.topic,
            submission.count,
            submission.size_bytes,
            source.limits or self.settings.limits,
            source.topic_limits,
        )
        if allowance.max_events is not None:
            raise Fault(
                Code.TOO_LARGE,
                "the batch costs more than the limit's whole burst: no wait would let it pass",
                max_events=allowance.max_events,
                topic=source.topic,
                quotas=allowance.quotas,
            )
        if allowance.wait_s > 0:
            raise Fault(
                Code.RATE_LIMITED,
                f"the allowance for {source.topic} is spent; it has room again in {allowance.wait_s:.3g} s",
                retry_after_s=allowance.wait_s,
                topic=source.topic,
                quotas=allowance.quotas,
            )
        return allowance

    async def _publish(self, admission: Admission, judged: Judged) -> tuple[Sequence[Outcome], float | None]:
        """Keep what is good: an outcome for each record, and how many seconds it took."""
        if not judged.records:
            return (), None
        started = perf_counter()
        try:
            # The publisher has its own time: a batch that is late by it is the partition's or the producer's fault, and one that
            # is late for a sender in a hurry is nobody's.
            async with asyncio.timeout(admission.request.time_left_s):
                outcomes = await self._publisher.publish(
                    admission.contract.topic, judged.records, timeout_s=self.settings.delivery_timeout_s
                )
        except TimeoutError:
            late = Unknown("Kafka had not answered when the sender's own deadline came")
            outcomes = [late] * len(judged.records)
        return outcomes, perf_counter() - started

    async def _judge(self, admission: Admission, submission: Submission) -> Judged:
        """One verdict for each event, good or bad."""
        judged = Judged([], [], [], [], [], [])
        lines = judged.lines
        judge = Judge(admission, submission.media_type, self.settings.max_event_bytes, self._new_id)
        turn_ends = perf_counter() + _TURN_S
        for event in submission.events:
            if isinstance(event, Incoming) and len(event.body) > _LARGE_BYTES:
                lines.append(await asyncio.get_running_loop().run_in_executor(self._aside, judge.one, event, judged))
                continue
            lines.append(judge.one(event, judged))
            if perf_counter() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = perf_counter() + _TURN_S
        return judged

    def _told(
        self,
        admission: Admission,
        allowance: Allowance,
        judged: Judged,
        stored_times_ms: Sequence[int],
        publish_s: float | None,
    ) -> Told:
        lines = [line for line in judged.lines if line is not None]
        if len(lines) != len(judged.lines):
            raise RuntimeError("an event was left without an outcome")
        self._observer.told(admission, lines, stored_times_ms, publish_s)
        return Told(lines=lines, quotas=allowance.quotas)


def _tell(judged: Judged, outcomes: Sequence[Outcome]) -> list[int]:
    """Put the publisher's outcomes into the holes; the event times of what was stored."""
    times_ms: list[int] = []
    lines = judged.lines
    rows = zip(judged.places, judged.records, judged.ids, judged.versions, judged.dropped, outcomes, strict=True)
    for place, record, event_id, version, dropped, outcome in rows:
        if isinstance(outcome, RecordStored):
            times_ms.append(record.timestamp_ms)
            lines[place] = Stored(
                id=event_id,
                partition=outcome.partition,
                offset=outcome.offset,
                version=version.number,
                schema_id=version.schema_id,
                dropped=dropped,
            )
        else:
            lines[place] = _failure(event_id, version, outcome)
    return times_ms


def _failure(event_id: str, version: CompiledVersion, outcome: RecordRefused | NotStored | Unknown) -> Refusal:
    if isinstance(outcome, RecordRefused):
        violations = (outcome.violation,) if outcome.violation is not None else ()
        return Refusal(id=event_id, code=outcome.code, detail=outcome.detail, violations=violations, judged_by=version)
    if isinstance(outcome, NotStored):
        return Refusal(
            id=event_id,
            code=outcome.code,
            detail=outcome.detail,
            retry_after_s=outcome.retry_after_s,
            judged_by=version,
        )
    return Refusal(id=event_id, code=Code.OUTCOME_UNKNOWN, detail=outcome.detail, retry_after_s=1.0, judged_by=version)
