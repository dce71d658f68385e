"""What stopped or was refused, as a problem (RFC 9457) in no protocol: the words, links and waits that every door tells.

Asked by `rest.answers` and `rpc.status`. A fault meets its request's id here, so the reason of a refused token is logged from here.
"""

from collections.abc import Callable

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.source import Owner
from tidegate.contracts.verdict import Rejected as VerdictRejected
from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import summary
from tidegate.errors import ERRORS, Code, Retry, row
from tidegate.wire.problem import ContractRef, Problem
from tidegate_gateway.doors.rates import retry_after_s, tightest
from tidegate_gateway.doors.rest.refused_tokens import RefusedTokens
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.submission import Admission, Refusal

__all__ = ["Problems", "example_problem", "internal_fault"]

_SHORTEST_WAIT_S = 1.0
_UNAUTHENTICATED_DETAIL = "the request needs a bearer token that passes; what is wrong with one is never said"
_SAYS_NOTHING_OF_TOPICS = frozenset({Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.UNKNOWN_TOPIC, Code.NOT_FOUND})


def internal_fault() -> Fault:
    """What a client hears of a fault of ours: nothing but that it was ours."""
    return Fault(Code.INTERNAL, "something broke in the gateway; its log holds more under this request's id")


class Problems:
    """For one gateway: links start with `base_url`; `random` gives numbers of [0, 1) for the wait before a retry."""

    __slots__ = ("_random", "_refused_tokens", "_types", "base_url")

    def __init__(self, base_url: str, random: Callable[[], float]) -> None:
        self.base_url = base_url
        self._random = random
        self._refused_tokens = RefusedTokens()
        self._types = {code: f"{base_url}/docs/errors/{code}" for code in ERRORS}

    def jitter(self) -> float:
        """A number of [0, 1): one for all refusals of a batch, so that they say the same wait."""
        return self._random()

    def page(self, topic: str) -> str:
        """The topic's page; empty for no topic."""
        return f"{self.base_url}/docs/topics/{topic}" if topic else ""

    def of_fault(self, fault: Fault, request_id: str, owner: Owner | None = None, client: str = "") -> Problem:
        """A request that stopped before its events were judged. `client` is an address for the log."""
        if fault.reason:
            self._refused_tokens.say(fault.reason, request_id, client)
        entry = row(fault.code)
        wait_s = _wait_s(fault)
        told_topic = fault.topic if fault.code is not Code.UNAUTHENTICATED else ""
        page = "" if fault.code in _SAYS_NOTHING_OF_TOPICS else self.page(told_topic)
        return Problem(
            type=self._types[fault.code],
            title=entry.title,
            status=fault.status or entry.http,
            detail=_UNAUTHENTICATED_DETAIL if fault.code is Code.UNAUTHENTICATED else fault.detail,
            code=fault.code,
            retryable=entry.retryable,
            instance=f"urn:uuid:{request_id}",
            topic=told_topic,
            errors=tuple(_with_docs(violation, page) for violation in fault.violations),
            omitted=0 if fault.violations else None,
            max_events=fault.max_events,
            accepted=fault.accepted,
            retry_after_s=retry_after_s(wait_s, self._random()) if wait_s is not None else None,
            owner=_shown_owner(owner),
            docs=page,
        )

    def of_refusal(self, refusal: Refusal, admission: Admission, jitter: float) -> Problem:
        """One event that is not stored, or not known to be."""
        entry = row(refusal.code)
        contract = admission.contract
        page = self.page(contract.topic)
        wait_s = refusal.retry_after_s
        if wait_s is None and entry.retry is Retry.AFTER_WAIT:
            wait_s = _SHORTEST_WAIT_S
        by = refusal.judged_by
        return Problem(
            type=self._types[refusal.code],
            title=entry.title,
            status=entry.http,
            detail=refusal.detail,
            code=refusal.code,
            retryable=entry.retryable,
            instance=f"urn:uuid:{admission.request.id}",
            topic=contract.topic,
            contract=ContractRef(version=by.number, schema_id=by.schema_id, fingerprint=by.source.fingerprint)
            if by is not None
            else None,
            errors=tuple([_with_docs(violation, page) for violation in refusal.violations]),
            omitted=refusal.omitted if refusal.violations else None,
            retry_after_s=retry_after_s(wait_s, jitter) if wait_s is not None else None,
            owner=_shown_owner(contract.source.owner),
            docs=page,
        )


def example_problem(contract: CompiledContract, rejected: VerdictRejected, base_url: str) -> Problem:
    """The problem that an event of the newest version gets for these violations, for docs: its request has no id."""
    code = Code.MALFORMED if rejected.malformed else Code.CONTRACT_VIOLATION
    entry, version = row(code), contract.newest
    page = f"{base_url}/docs/topics/{contract.topic}"
    return Problem(
        type=f"{base_url}/docs/errors/{code}",
        title=entry.title,
        status=entry.http,
        detail=summary(rejected.violations, rejected.omitted),
        code=code,
        retryable=entry.retryable,
        topic=contract.topic,
        contract=ContractRef(
            version=version.number, schema_id=version.schema_id, fingerprint=version.source.fingerprint
        ),
        errors=tuple(_with_docs(violation, page) for violation in rejected.violations),
        omitted=rejected.omitted,
        owner=_shown_owner(contract.source.owner),
        docs=page,
    )


def _wait_s(fault: Fault) -> float | None:
    """The shortest wait before a retry; never earlier than the `t` that RateLimit names."""
    if fault.retry_after_s is None:
        return _SHORTEST_WAIT_S if row(fault.code).retry is Retry.AFTER_WAIT else None
    if not fault.quotas:
        return fault.retry_after_s
    return max(fault.retry_after_s, tightest(fault.quotas, fault.retry_after_s).reset_s)


def _shown_owner(owner: Owner | None) -> Owner | None:
    return owner if owner is not None and (owner.team or owner.channel) else None


def _with_docs(violation: Violation, page: str) -> Violation:
    """The violation with its docs anchor made a link."""
    return Violation(
        pointer=violation.pointer,
        rule=violation.rule,
        detail=violation.detail,
        expected=violation.expected,
        found=violation.found,
        hint=violation.hint,
        docs=f"{page}#{violation.docs}" if page and violation.docs else page,
        byte_offset=violation.byte_offset,
    )
