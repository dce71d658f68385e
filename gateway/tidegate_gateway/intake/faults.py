"""The one exception of the intake: a request (or one event) that stops before it has a verdict or an outcome.

Raised anywhere between a door and the publisher; each door renders it by the errors table. Verdicts are values, not faults.
"""

from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate_gateway.intake.limits import Quota

__all__ = ["Fault"]


class Fault(Exception):
    """A refusal with its code. `detail` is for the producer: it never holds a token, a payload or a stack.

    `status` overrides the table's HTTP status where the row names others (405, 431). `retry_after_s` is the shortest
    wait in seconds. `scope` is the scope that a 403 asks for. `challenge` says that a token was sent (401 with
    `invalid_token`). `max_events` bounds a batch that may pass, `accepted` lists media types or encodings. `allow` lists
    methods (405). `quotas` are the rate limits as `limits.Quota`, for the RateLimit fields. `reason` is for the operator's
    log alone: no answer shows it.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        scope: str = "",
        challenge: bool = False,
        max_events: int | None = None,
        accepted: tuple[str, ...] = (),
        allow: tuple[str, ...] = (),
        violations: tuple[Violation, ...] = (),
        topic: str = "",
        quotas: tuple[Quota, ...] = (),
        reason: str = "",
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.status = status
        self.retry_after_s = retry_after_s
        self.scope = scope
        self.challenge = challenge
        self.max_events = max_events
        self.accepted = accepted
        self.allow = allow
        self.violations = violations
        self.topic = topic
        self.quotas = quotas
        self.reason = reason
