"""Events and answers for the tests of delivery."""

from tidegate.contracts.media import JSON
from tidegate.errors import ERRORS, Code
from tidegate.outgoing import Outcome, Outgoing
from tidegate.transport.port import Refusal
from tidegate.wire.problem import Problem
from tidegate.wire.results import ResultLine


class Told:
    """Keeps outcomes, in the order in which they came."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Outcome]] = []

    def settled(self, event: Outgoing, outcome: Outcome) -> None:
        self.rows.append((event.id, outcome))

    @property
    def ids(self) -> list[str]:
        return [event_id for event_id, _ in self.rows]

    def outcome(self, event_id: str) -> Outcome:
        (found,) = [outcome for known, outcome in self.rows if known == event_id]
        return found


def outgoing(
    event_id: str,
    told: Told | None = None,
    *,
    topic: str = "t",
    key: bytes = b"",
    at: float = 0.0,
    lives_s: float = 120.0,
    size_bytes: int = 100,
    judged: bool = True,
    urgent: bool = False,
) -> Outgoing:
    return Outgoing(
        id=event_id,
        topic=topic,
        body=b"{}",
        media_type=JSON,
        size_bytes=size_bytes,
        at=at,
        deadline=at + lives_s,
        on_settled=(told or Told()).settled,
        lane_key=key,
        judged=judged,
        urgent=urgent,
    )


def stored(event: Outgoing) -> ResultLine:
    return ResultLine(id=event.id, status="stored", partition=0, offset=1)


def problem(
    code: str, *, retryable: bool | None = None, retry_after_s: int | None = None, max_events: int | None = None
) -> Problem:
    entry = ERRORS.get(code)  # type: ignore[call-overload]  # a code of a later gateway has none
    return Problem(
        type="about:blank",
        title="t",
        status=entry.http if entry else 500,
        detail=f"it is {code}",
        code=code,
        retryable=entry.retryable if retryable is None else retryable,
        retry_after_s=retry_after_s,
        max_events=max_events,
    )


def failed(event: Outgoing, code: Code, retry_after_s: int | None = None) -> ResultLine:
    status = "failed" if ERRORS[code].retryable else "rejected"
    return ResultLine(id=event.id, status=status, error=problem(code, retry_after_s=retry_after_s))


def refusal(code: Code, retry_after_s: float | None = None, max_events: int | None = None) -> Refusal:
    said = problem(code, max_events=max_events)
    return Refusal(
        status=ERRORS[code].http,
        reason=said.detail,
        code=code,
        problem=said,
        retry_after_s=retry_after_s,
        max_events=max_events,
    )
