"""The tree of exceptions: every code has its class, and a class says what the table says of its code."""

import pytest
from tests.sdk.delivery.conftest import problem

from tidegate import exceptions
from tidegate.contracts.verdict import Violation
from tidegate.errors import ERRORS, Code
from tidegate.outgoing import Undelivered
from tidegate.wire.problem import Problem


def test_every_code_has_a_class_of_its_own() -> None:
    assert set(exceptions.BY_CODE) == set(Code)
    assert len(set(exceptions.BY_CODE.values())) == len(Code)


@pytest.mark.parametrize("code", list(Code))
def test_the_class_says_whether_the_same_event_could_ever_be_taken(code: Code) -> None:
    kind = exceptions.BY_CODE[code]
    assert kind.code is code
    if code is Code.OUTCOME_UNKNOWN:
        assert not issubclass(kind, exceptions.Refused | exceptions.Unavailable)
    elif code is Code.UNAUTHENTICATED:
        assert issubclass(kind, exceptions.Refused), "it is tried once more, and then it is final"
    else:
        assert issubclass(kind, exceptions.Unavailable) is ERRORS[code].retryable
        assert issubclass(kind, exceptions.Refused) is not ERRORS[code].retryable


def test_every_public_class_stands_in_the_drawn_tree() -> None:
    drawn = exceptions.__doc__ or ""
    for name in exceptions.__all__:
        if name[0].isupper() and name != "BY_CODE":
            assert name in drawn


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Undelivered(reason="r", code=Code.OVERLOADED), exceptions.Overloaded),
        (Undelivered(reason="r", code=Code.OVERLOADED, maybe_stored=True), exceptions.OutcomeUnknown),
        (Undelivered(reason="r"), exceptions.Unavailable),
        (Undelivered(reason="r", maybe_stored=True), exceptions.OutcomeUnknown),
        (Undelivered(reason="r", given_up=True), exceptions.NotDelivered),
        (Undelivered(reason="r", problem=problem("code_of_2030", retryable=False)), exceptions.Refused),
        (Undelivered(reason="r", problem=problem("code_of_2030", retryable=True)), exceptions.Unavailable),
    ],
)
def test_an_outcome_becomes_its_class(outcome: Undelivered, kind: type[exceptions.TidegateError]) -> None:
    error = exceptions.error_of(outcome, "t", "e1")
    assert type(error) is kind
    assert (error.topic, error.event_id) == ("t", "e1")
    assert "t" in str(error)


def test_a_violation_lists_everything() -> None:
    wrong = (
        Violation(pointer="#/a", rule="required", detail="is missing"),
        Violation(pointer="#/b", rule="type", detail="is a number"),
    )
    said = Problem(
        type="x", title="t", status=400, detail="d", code="contract_violation", retryable=False, errors=wrong, omitted=3
    )
    error = exceptions.error_of(Undelivered(reason="d", code=Code.CONTRACT_VIOLATION, problem=said), "t", "e1")
    assert isinstance(error, exceptions.ContractViolation)
    assert error.violations == wrong
    assert error.omitted == 3
    assert "a is missing" in str(error)
