"""What the intake tells, as HTTP: statuses by the errors table alone, problems (RFC 9457), receipts and header fields.

Called by `hot`, the pages and `app`'s handlers for everything else. Builds values and bytes; sends nothing. Since a fault
meets its request's id here, the reason of a refused token is logged from here.
"""

from collections.abc import Callable, Sequence

import msgspec

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.source import Owner
from tidegate.contracts.verdict import Rejected as VerdictRejected
from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import summary
from tidegate.errors import ERRORS, Code, Retry, row
from tidegate.wire.problem import ContractRef, Problem
from tidegate.wire.receipt import Failed, Receipt, Rejected, Result, Stored, Valid
from tidegate_gateway.doors.rest.rates import Fields, rate_fields, retry_after_s, tightest
from tidegate_gateway.doors.rest.refused_tokens import RefusedTokens
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.submission import Admission, Line, Refusal, Request, Told

__all__ = ["Answer", "Answers", "example_problem", "internal_fault"]

_SHORTEST_WAIT_S = 1.0
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
_UNAUTHENTICATED_DETAIL = "the request needs a bearer token that passes; what is wrong with one is never said"
_SAYS_NOTHING_OF_TOPICS = frozenset({Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.UNKNOWN_TOPIC, Code.NOT_FOUND})

_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP answer, whole. `code` is `ok`, a code of the errors table, or `mixed`: what metrics count."""

    status: int
    fields: Fields
    body: bytes
    code: str


def internal_fault() -> Fault:
    """What a client hears of a fault of ours: nothing but that it was ours."""
    return Fault(Code.INTERNAL, "something broke in the gateway; its log holds more under this request's id")


class Answers:
    """Renders for one gateway: links start with `base_url`; `random` gives numbers of [0, 1) for Retry-After."""

    __slots__ = ("_base_url", "_random", "_refused_tokens", "_types")

    def __init__(self, base_url: str, random: Callable[[], float]) -> None:
        self._base_url = base_url
        self._random = random
        self._refused_tokens = RefusedTokens()
        self._types = {code: f"{base_url}/docs/errors/{code}" for code in ERRORS}

    @property
    def base_url(self) -> str:
        """What links start with."""
        return self._base_url

    def fault(self, fault: Fault, request_id: str, owner: Owner | None = None, client: str = "") -> Answer:
        """A request that stopped before its events were judged: one problem. `client` is an address for the log."""
        if fault.reason:
            self._refused_tokens.say(fault.reason, request_id, client)
        entry = row(fault.code)
        wait_s = self._wait_s(fault)
        retry_after = retry_after_s(wait_s, self._random()) if wait_s is not None else None
        told_topic = fault.topic if fault.code is not Code.UNAUTHENTICATED else ""
        page = "" if fault.code in _SAYS_NOTHING_OF_TOPICS else self._page(told_topic)
        problem = Problem(
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
            retry_after_s=retry_after,
            owner=_shown_owner(owner),
            docs=page,
        )
        fields: Fields = [_PROBLEM, (b"request-id", request_id.encode("ascii"))]
        fields += _challenge(fault)
        if fault.allow:
            fields.append((b"allow", ", ".join(fault.allow).encode("ascii")))
        if retry_after is not None:
            fields.append((b"retry-after", b"%d" % retry_after))
        fields += rate_fields(fault.quotas, fault.retry_after_s)
        return Answer(status=problem.status, fields=fields, body=_encode(problem), code=fault.code)

    def single(self, told: Told, admission: Admission, *, detail: str = "") -> Answer:
        """One event's outcome: its result with the topic, or a problem. `detail` says it better than the refusal."""
        (line,) = told.lines
        fields = self._fields(told, admission)
        topic = admission.contract.topic
        if not isinstance(line, Refusal):
            # A topic's name needs no escaping: it is letters, digits, dots, underscores and hyphens.
            body = b'{"topic":"%s",%s' % (topic.encode("ascii"), _encode(line)[1:])
            return Answer(status=200, fields=[_JSON, *fields], body=body, code="ok")
        line.detail = detail or line.detail
        problem = self._problem(line, admission, self._random())
        if problem.retry_after_s is not None:
            fields.append((b"retry-after", b"%d" % problem.retry_after_s))
        return Answer(status=problem.status, fields=[_PROBLEM, *fields], body=_encode(problem), code=line.code)

    def receipt(self, told: Told, admission: Admission) -> Answer:
        """A batch's outcomes, in the order of its events."""
        jitter = self._random()
        results: list[Result] = [
            line if not isinstance(line, Refusal) else self._result(line, admission, jitter) for line in told.lines
        ]
        status, code = _batch_status(told.lines)
        fields = self._fields(told, admission)
        if status >= 400:
            waits = [r.error.retry_after_s for r in results if isinstance(r, Failed) and r.error.retry_after_s]
            if waits:
                fields.append((b"retry-after", b"%d" % max(waits)))
        body = _encode(Receipt(topic=admission.contract.topic, results=results))
        return Answer(status=status, fields=[_JSON, *fields], body=body, code=code)

    def _fields(self, told: Told, admission: Admission) -> Fields:
        fields = [(b"request-id", admission.request.id.encode("ascii")), *rate_fields(told.quotas)]
        if admission.contract.source.status == "deprecated":
            fields += self._deprecation(admission.request, admission.contract.topic)
        return fields

    def _deprecation(self, request: Request, topic: str) -> Fields:
        """RFC 9745 wants a date; the contract has none, so it is the latest that is surely true: this request's."""
        page = f'<{self._page(topic)}>; rel="deprecation"; type="text/html"'
        return [(b"deprecation", b"@%d" % (request.arrival_ms // 1000)), (b"link", page.encode("latin-1", "replace"))]

    def _result(self, refusal: Refusal, admission: Admission, jitter: float) -> Result:
        kind = Failed if row(refusal.code).retryable else Rejected
        return kind(id=refusal.id, error=self._problem(refusal, admission, jitter))

    def _problem(self, refusal: Refusal, admission: Admission, jitter: float) -> Problem:
        entry = row(refusal.code)
        contract = admission.contract
        page = self._page(contract.topic)
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

    def _page(self, topic: str) -> str:
        return f"{self._base_url}/docs/topics/{topic}" if topic else ""

    @staticmethod
    def _wait_s(fault: Fault) -> float | None:
        """The shortest wait before a retry; never earlier than the `t` that RateLimit names."""
        if fault.retry_after_s is None:
            return _SHORTEST_WAIT_S if row(fault.code).retry is Retry.AFTER_WAIT else None
        if not fault.quotas:
            return fault.retry_after_s
        return max(fault.retry_after_s, tightest(fault.quotas, fault.retry_after_s).reset_s)


def example_problem(contract: CompiledContract, rejected: VerdictRejected, base_url: str) -> bytes:
    """The problem that an event of the newest version gets for these violations, for docs: its request has no id."""
    code = Code.MALFORMED if rejected.malformed else Code.CONTRACT_VIOLATION
    entry, version = row(code), contract.newest
    page = f"{base_url}/docs/topics/{contract.topic}"
    return _encode(
        Problem(
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
    )


def _batch_status(lines: Sequence[Line]) -> tuple[int, str]:
    """http.md, "Answers": 200 all, 207 some or for several reasons, else the status of the one reason."""
    codes = {line.code for line in lines if isinstance(line, Refusal)}
    if not codes:
        return 200, "ok"
    if len(codes) == 1 and not any(isinstance(line, Stored | Valid) for line in lines):
        (code,) = codes
        return row(code).http, code
    return 207, "mixed"


def _challenge(fault: Fault) -> Fields:
    """RFC 6750, section 3: no error code where no token was sent."""
    if fault.code is Code.UNAUTHENTICATED:
        value = 'Bearer error="invalid_token"' if fault.challenge else "Bearer"
    elif fault.code is Code.FORBIDDEN:
        value = 'Bearer error="insufficient_scope"' + (f', scope="{fault.scope}"' if fault.scope else "")
    else:
        return []
    return [(b"www-authenticate", value.encode("ascii"))]


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
