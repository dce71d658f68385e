"""What the intake tells, as HTTP: statuses by the errors table alone, problems (RFC 9457), receipts and header fields.

Called by `hot`, the pages and `app`'s handlers for everything else. Builds values and bytes; sends nothing. The words of a
refusal are `doors.problems`'.
"""

from collections.abc import Callable, Sequence

import msgspec

from tidegate.contracts.source import Owner
from tidegate.errors import Code, row
from tidegate.wire.receipt import Failed, Receipt, Rejected, Result
from tidegate_gateway.doors.problems import Problems
from tidegate_gateway.doors.rates import Fields, rate_fields
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.submission import Admission, Line, Refusal, Request, Told

__all__ = ["Answer", "Answers", "batch_status"]

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")

_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP answer, whole. `code` is `ok`, a code of the errors table, or `mixed`: what metrics count."""

    status: int
    fields: Fields
    body: bytes
    code: str


class Answers:
    """Renders for one gateway: links start with `base_url`; `random` gives numbers of [0, 1) for Retry-After."""

    __slots__ = ("problems",)

    def __init__(self, base_url: str, random: Callable[[], float]) -> None:
        self.problems = Problems(base_url, random)

    @property
    def base_url(self) -> str:
        """What links start with."""
        return self.problems.base_url

    def fault(self, fault: Fault, request_id: str, owner: Owner | None = None, client: str = "") -> Answer:
        """A request that stopped before its events were judged: one problem. `client` is an address for the log."""
        problem = self.problems.of_fault(fault, request_id, owner, client)
        fields: Fields = [_PROBLEM, (b"request-id", request_id.encode("ascii"))]
        fields += _challenge(fault)
        if fault.allow:
            fields.append((b"allow", ", ".join(fault.allow).encode("ascii")))
        if problem.retry_after_s is not None:
            fields.append((b"retry-after", b"%d" % problem.retry_after_s))
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
        problem = self.problems.of_refusal(line, admission, self.problems.jitter())
        if problem.retry_after_s is not None:
            fields.append((b"retry-after", b"%d" % problem.retry_after_s))
        return Answer(status=problem.status, fields=[_PROBLEM, *fields], body=_encode(problem), code=line.code)

    def receipt(self, told: Told, admission: Admission) -> Answer:
        """A batch's outcomes, in the order of its events."""
        results = self.results(told.lines, admission)
        status, code = batch_status([line.code if isinstance(line, Refusal) else "ok" for line in told.lines])
        fields = self._fields(told, admission)
        if status >= 400:
            waits = [r.error.retry_after_s for r in results if isinstance(r, Failed) and r.error.retry_after_s]
            if waits:
                fields.append((b"retry-after", b"%d" % max(waits)))
        body = _encode(Receipt(topic=admission.contract.topic, results=results))
        return Answer(status=status, fields=[_JSON, *fields], body=body, code=code)

    def results(self, lines: Sequence[Line], admission: Admission) -> list[Result]:
        """A result for each line; all refusals say the same wait."""
        jitter = self.problems.jitter()
        return [line if not isinstance(line, Refusal) else self._result(line, admission, jitter) for line in lines]

    def _fields(self, told: Told, admission: Admission) -> Fields:
        fields = [(b"request-id", admission.request.id.encode("ascii")), *rate_fields(told.quotas)]
        if admission.contract.source.status == "deprecated":
            fields += self._deprecation(admission.request, admission.contract.topic)
        return fields

    def _deprecation(self, request: Request, topic: str) -> Fields:
        """RFC 9745 wants a date; the contract has none, so it is the latest that is surely true: this request's."""
        page = f'<{self.problems.page(topic)}>; rel="deprecation"; type="text/html"'
        return [(b"deprecation", b"@%d" % (request.arrival_ms // 1000)), (b"link", page.encode("latin-1", "replace"))]

    def _result(self, refusal: Refusal, admission: Admission, jitter: float) -> Result:
        kind = Failed if row(refusal.code).retryable else Rejected
        return kind(id=refusal.id, error=self.problems.of_refusal(refusal, admission, jitter))


def batch_status(codes: Sequence[str]) -> tuple[int, str]:
    """The status of a batch whose events ended with these codes (`ok`: stored or valid), and what metrics count.

    200 all, 207 some or for several reasons, else the status of the one reason (http.md, "Answers").
    """
    refused = {code for code in codes if code != "ok"}
    if not refused:
        return 200, "ok"
    if len(refused) == 1 and "ok" not in codes:
        (code,) = refused
        return row(Code(code)).http, code
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
