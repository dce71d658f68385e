"""What an answer means for each event: by the errors table, one event at a time (sdk.md, retries; faults 13)."""

import pytest
from tests.sdk.delivery.conftest import failed, outgoing, problem, refusal, stored

from tidegate.delivery import Again, judge
from tidegate.errors import ERRORS, Code
from tidegate.outgoing import Undelivered
from tidegate.transport.port import Receipted, Refusal, Unreached
from tidegate.wire.results import ResultLine

EVENTS = [outgoing(name) for name in ("a", "b", "c")]
ONE = EVENTS[:1]
HALVED = {Code.MALFORMED, Code.CONTRACT_VIOLATION, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA, Code.ID_REUSED}


def test_a_receipt_settles_every_event_that_has_a_place() -> None:
    judged = judge(EVENTS, Receipted(lines=[stored(event) for event in EVENTS]))
    assert judged.fates == [stored(event) for event in EVENTS]
    assert not judged.gateway_failed


def test_statuses_that_came_later_are_receipts() -> None:
    lines = [ResultLine(id=event.id, status="duplicate") for event in EVENTS]
    assert judge(EVENTS, Receipted(lines=lines)).fates == lines


def test_only_the_failed_events_of_a_batch_go_again() -> None:
    lines = [
        stored(EVENTS[0]),
        failed(EVENTS[1], Code.BROKER_UNAVAILABLE, 2),
        failed(EVENTS[2], Code.CONTRACT_VIOLATION),
    ]
    judged = judge(EVENTS, Receipted(lines=lines))
    first, second, third = judged.fates
    assert first == lines[0]
    assert isinstance(second, Again)
    assert second.hint_s == 2
    assert isinstance(third, Undelivered)
    assert third.code is Code.CONTRACT_VIOLATION
    assert not judged.gateway_failed, "a gateway that stores something works"


@pytest.mark.parametrize("code", list(Code))
def test_a_result_s_code_decides_by_the_table(code: Code) -> None:
    (fate,) = judge(ONE, Receipted(lines=[failed(ONE[0], code)])).fates
    assert isinstance(fate, Again) is ERRORS[code].retryable
    why = fate.why if isinstance(fate, Again) else fate
    assert isinstance(why, Undelivered)
    assert why.code is code
    assert why.maybe_stored is (code is Code.OUTCOME_UNKNOWN)


@pytest.mark.parametrize("code", list(Code))
def test_a_request_s_code_decides_by_the_table(code: Code) -> None:
    judged = judge(ONE, refusal(code, retry_after_s=3))
    again = isinstance(judged.fates[0], Again)
    assert again is ERRORS[code].retryable
    assert judged.refresh_token is (code is Code.UNAUTHENTICATED)
    if again and code is not Code.UNAUTHENTICATED:
        assert judged.wait_s == 3


@pytest.mark.parametrize("code", sorted(HALVED))
def test_what_one_event_may_be_the_cause_of_halves_the_batch(code: Code) -> None:
    judged = judge(EVENTS, refusal(code))
    assert judged.halve_to == 2
    assert all(isinstance(fate, Again) for fate in judged.fates)
    assert judge(ONE, refusal(code)).halve_to is None, "alone it is the one"


@pytest.mark.parametrize(("max_events", "halved"), [(None, 50), (10, 10), (70, 50), (0, 1)])
def test_413_with_max_events_is_heeded(max_events: int | None, halved: int) -> None:
    events = [outgoing(str(n)) for n in range(100)]
    assert judge(events, refusal(Code.TOO_LARGE, max_events=max_events)).halve_to == halved


def test_a_refused_token_is_refreshed_once_for_each_event() -> None:
    again = judge(ONE, refusal(Code.UNAUTHENTICATED))
    assert again.refresh_token
    assert isinstance(again.fates[0], Again)
    tried = outgoing("a")
    tried.refreshed = True
    assert isinstance(judge([tried], refusal(Code.UNAUTHENTICATED)).fates[0], Undelivered)


@pytest.mark.parametrize(
    "code", [Code.FORBIDDEN, Code.RETIRED, Code.UNKNOWN_TOPIC, Code.NOT_FOUND, Code.UNKNOWN_VERSION]
)
def test_what_can_never_succeed_is_not_tried_again(code: Code) -> None:
    assert all(isinstance(fate, Undelivered) for fate in judge(EVENTS, refusal(code)).fates)


@pytest.mark.parametrize(
    ("status", "again", "unsure"),
    [(500, True, True), (502, True, True), (503, True, False), (504, True, True), (429, True, False), (408, True, False),
     (403, False, False), (404, False, False), (301, False, False), (418, False, False)],
)  # fmt: skip
def test_an_answer_of_no_gateway_counts_by_its_status(status: int, again: bool, unsure: bool) -> None:
    (fate,) = judge(ONE, Refusal(status=status, reason="a proxy's page")).fates
    assert isinstance(fate, Again) is again
    why = fate.why if isinstance(fate, Again) else fate
    assert isinstance(why, Undelivered)
    assert why.maybe_stored is unsure


@pytest.mark.parametrize("retryable", [True, False])
def test_a_code_of_a_later_gateway_is_believed(retryable: bool) -> None:
    said = problem("moon_phase", retryable=retryable)
    (alone,) = judge(ONE, Refusal(status=599, reason="r", problem=said)).fates
    (in_batch,) = judge(ONE, Receipted(lines=[ResultLine(id="a", status="failed", error=said)])).fates
    assert isinstance(alone, Again) is retryable
    assert isinstance(in_batch, Again) is retryable


def test_no_answer_is_tried_again_and_may_be_stored() -> None:
    judged = judge(EVENTS, Unreached(reason="reset", maybe_stored=True))
    assert judged.gateway_failed
    assert all(isinstance(fate, Again) and fate.why.maybe_stored for fate in judged.fates)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_receipt_that_does_not_fit_is_no_answer(count: int) -> None:
    judged = judge(EVENTS, Receipted(lines=[stored(EVENTS[0])] * count))
    assert judged.gateway_failed
    assert all(isinstance(fate, Again) and fate.why.maybe_stored for fate in judged.fates)


@pytest.mark.parametrize("code", [Code.RATE_LIMITED, Code.IN_PROGRESS, Code.VERSION_NOT_HERE_YET])
def test_a_gateway_that_works_opens_no_breaker(code: Code) -> None:
    assert not judge(EVENTS, refusal(code)).gateway_failed
    assert not judge(EVENTS, Receipted(lines=[failed(event, code) for event in EVENTS])).gateway_failed
    assert judge(EVENTS, refusal(Code.OVERLOADED)).gateway_failed


def test_a_receipt_of_other_events_acknowledges_nothing() -> None:
    lines = [stored(event) for event in reversed(EVENTS)]
    judged = judge(EVENTS, Receipted(lines=lines))
    assert judged.gateway_failed
    assert all(isinstance(fate, Again) for fate in judged.fates)


def test_an_event_that_could_not_be_read_may_come_back_under_another_id() -> None:
    lines = [stored(EVENTS[0]), failed(outgoing("made-by-the-gateway"), Code.MALFORMED), stored(EVENTS[2])]
    first, second, third = judge(EVENTS, Receipted(lines=lines)).fates
    assert (first, third) == (lines[0], lines[2])
    assert isinstance(second, Undelivered)
