"""Receipts as messages: never longer than what stock clients take."""

import pytest
from tests.gateway.doors.rest.conftest import BASE_URL, make_gate

from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.doors.problems import Problems
from tidegate_gateway.doors.rpc.results import fill_receipts, receipt_of
from tidegate_gateway.intake.principal import Principal
from tidegate_gateway.intake.submission import Admission, Refusal, Request, Told

CLIENTS_TAKE_BYTES = 4 * 2**20
PROBLEMS = Problems(BASE_URL, lambda: 0.0)
WRONG = tuple(Violation(pointer=f"#/items/{n}/name", rule="length", detail="is too long " * 4) for n in range(25))


def admission() -> Admission:
    gate = make_gate()
    principal = Principal.of(issuer="dev", subject="good", scopes=frozenset({"publish:*"}), roles=frozenset())
    request = Request(id="5b1e2c1e-3b0a-4e0e-9c1e-1a2b3c4d5e6f", door="grpc", arrival_ms=0)
    return gate.intake.admit(request, principal, "customer.orders", None, 0)


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(
            id="i" * 36,
            code=Code.CONTRACT_VIOLATION,
            detail="items/0/name is too long " * 20,
            violations=WRONG,
            omitted=3,
        ),
        Refusal(id="i" * 36, code=Code.BROKER_UNAVAILABLE, detail="Kafka does not answer", retry_after_s=2.0),
    ],
    ids=["violations", "an outage"],
)
def test_fault_29_ten_thousand_refusals_fit_into_what_clients_take(refusal: Refusal) -> None:
    response = pb.PublishResponse()
    assert fill_receipts(response, Told(lines=[refusal] * 10_000), admission(), PROBLEMS) == refusal.code
    assert response.ByteSize() < CLIENTS_TAKE_BYTES
    first, last = response.results[0].error, response.results[-1].error
    assert len(first.errors) == len(refusal.violations)
    assert first.docs
    assert (last.code, last.status, last.grpc_code) == (first.code, first.status, first.grpc_code)
    assert (last.retryable, last.retry_after_s) == (first.retryable, first.retry_after_s)
    assert (len(last.errors), last.omitted) == (0, len(refusal.violations) + refusal.omitted)
    assert response.results[0].status == response.results[-1].status
    assert last.detail


def test_a_receipt_that_stands_alone_names_its_topic() -> None:
    receipt = receipt_of(Refusal(id="a", code=Code.MALFORMED, detail="no"), admission(), PROBLEMS)
    assert (receipt.topic, receipt.id, receipt.error.code) == ("customer.orders", "a", "malformed")
