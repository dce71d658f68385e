"""What an answer means for each event of a batch: done, refused for good, or again. Pure; reads the errors table. Called by `engine`.

Rules: only what is retryable goes again, with its id; only the failed events of a batch; a request that is too large is
halved; one bad event never costs its batch; a refused token is refreshed once.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tidegate.errors import ERRORS, Code, Retry
from tidegate.outgoing import Outgoing, Undelivered
from tidegate.transport.port import Answer, Receipted, Refusal, Unreached
from tidegate.wire.problem import Problem
from tidegate.wire.results import ResultLine

__all__ = ["Again", "Fate", "Judgement", "judge"]


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """The event goes again, not before `hint_s` seconds where the server asked for them. `why` is what it failed of."""

    why: Undelivered
    hint_s: float | None = None


Fate = ResultLine | Undelivered | Again
"""Settled with a line, settled without, or to be sent again."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer means.

    `fates` are aligned with the batch's events. `gateway_failed`: the request as a whole got no useful answer (breaker and budget
    count it). `halve_to`: send at most so many in a request, at once; `lasting`: the gateway named its limit. `refresh_token`: the token was refused. `wait_s`: the longest
    wait asked for.
    """

    fates: Sequence[Fate]
    gateway_failed: bool = False
    halve_to: int | None = None
    lasting: bool = False
    refresh_token: bool = False
    wait_s: float | None = None


_RETRYABLE_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_UNSURE_STATUSES: Final = frozenset({500, 502, 504})
_OF_ONE_EVENT: Final = frozenset(
    {Code.MALFORMED, Code.CONTRACT_VIOLATION, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA, Code.ID_REUSED}
)
"""Codes that one event of a batch may be the cause of: a request of several is halved to find it."""
_NOT_THE_GATEWAY: Final = frozenset(
    {Code.RATE_LIMITED, Code.IN_PROGRESS, Code.VERSION_NOT_HERE_YET, Code.UNAUTHENTICATED}
)
"""Codes of a gateway that works: they wait, and no breaker opens for them."""


def judge(events: Sequence[Outgoing], answer: Answer) -> Judgement:
    """What `answer` means for `events`, which were sent in one request."""
    match answer:
        case Receipted():
            return _receipted(events, answer)
        case Refusal():
            return _refused(events, answer)
        case Unreached():
            why = Undelivered(reason=answer.reason, maybe_stored=answer.maybe_stored)
            again = Again(why=why, hint_s=answer.retry_after_s)
            return Judgement(fates=[again] * len(events), gateway_failed=True, wait_s=answer.retry_after_s)


def _receipted(events: Sequence[Outgoing], answer: Receipted) -> Judgement:
    lines = answer.lines
    if not _fits(events, lines):
        why = Undelivered(reason=f"a receipt of {len(lines)} results that is not that of the events", maybe_stored=True)
        return Judgement(fates=[Again(why=why)] * len(events), gateway_failed=True)
    fates: list[Fate] = [line if line.error is None else _fate_of(line.error) for line in lines]
    waits = [fate.hint_s for fate in fates if type(fate) is Again and fate.hint_s is not None]
    failed = bool(fates) and all(type(fate) is Again and fate.why.code not in _NOT_THE_GATEWAY for fate in fates)
    return Judgement(fates=fates, gateway_failed=failed, wait_s=max(waits, default=None))


def _fits(events: Sequence[Outgoing], lines: Sequence[ResultLine]) -> bool:
    """Whether the lines are of these events. An event that could not be read may be told of under another id; a stored one never."""
    return len(lines) == len(events) and all(
        line.id == event.id or line.error is not None for line, event in zip(lines, events, strict=True)
    )


def _fate_of(problem: Problem) -> Fate:
    code = _code(problem.code)
    why = Undelivered(
        reason=problem.detail or problem.title,
        code=code,
        problem=problem,
        maybe_stored=code is Code.OUTCOME_UNKNOWN,
    )
    if code is None:
        return Again(why=why, hint_s=problem.retry_after_s) if problem.retryable else why
    return Again(why=why, hint_s=problem.retry_after_s) if ERRORS[code].retryable else why


def _refused(events: Sequence[Outgoing], answer: Refusal) -> Judgement:
    code = answer.code
    why = Undelivered(
        reason=answer.reason,
        code=code,
        problem=answer.problem,
        maybe_stored=code is Code.OUTCOME_UNKNOWN or (code is None and answer.status in _UNSURE_STATUSES),
    )
    if code in _OF_ONE_EVENT or (code is None and answer.status in (400, 413)):
        return _halved(events, answer, why)
    if code is Code.UNAUTHENTICATED or (code is None and answer.status == 401):
        return Judgement(fates=[why if event.refreshed else Again(why=why) for event in events], refresh_token=True)
    if not _retryable(answer):
        return Judgement(fates=[why] * len(events))
    again = Again(why=why, hint_s=answer.retry_after_s)
    failed = code not in _NOT_THE_GATEWAY and answer.status != 429
    return Judgement(fates=[again] * len(events), gateway_failed=failed, wait_s=answer.retry_after_s)


def _halved(events: Sequence[Outgoing], answer: Refusal, why: Undelivered) -> Judgement:
    """A whole request was refused for what one event may have done, or for its size: halve it until the one is alone."""
    if len(events) == 1:
        return Judgement(fates=[why])
    half = (len(events) + 1) // 2
    if answer.max_events is not None:
        half = max(1, min(half, answer.max_events))
    lasting = answer.max_events is not None
    return Judgement(fates=[Again(why=why)] * len(events), halve_to=half, lasting=lasting)


def _retryable(answer: Refusal) -> bool:
    if answer.code is not None:
        return ERRORS[answer.code].retry is not Retry.NEVER
    if answer.problem is not None:  # a code of a later gateway
        return answer.problem.retryable
    return answer.status in _RETRYABLE_STATUSES


def _code(name: str) -> Code | None:
    try:
        return Code(name)
    except ValueError:
        return None
