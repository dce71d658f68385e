"""Events and answers as Protobuf messages: the same values as over HTTP."""

import msgspec
import pytest
from tests.sdk.delivery.conftest import outgoing

from tidegate.contracts.media import AVRO, AVRO_FRAMED
from tidegate.errors import ERRORS, Code
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.transport.messages import answer_of, batch_message, refusal_of
from tidegate.transport.port import Receipted, Refusal, Request


def message(**changes: object) -> pb.Event:
    (event,) = batch_message(Request(topic="t", events=[msgspec.structs.replace(outgoing("e1"), **changes)])).events
    return event


def test_json_and_encoded_values() -> None:
    assert (message(version=3).json, message(version=3).version, message().version) == (b"{}", 3, 0)
    assert (message(media_type=AVRO, body=b"x").data, message(media_type=AVRO).framed) == (b"x", False)
    assert message(media_type=AVRO_FRAMED).framed


def test_members_beside_the_value() -> None:
    event = message(key="k", headers={"a": "b"}, time="2026-01-31T12:00:00.25Z")
    assert (event.key, dict(event.headers)) == ("k", {"a": "b"})
    assert (event.time.seconds, event.time.nanos) == (1769860800, 250_000_000)
    assert message(key=b"\xff").key_bytes == b"\xff"
    assert message().WhichOneof("key_form") is None


def test_a_response_s_lines_are_a_receipt_s() -> None:
    wrong = pb.Problem(
        code="contract_violation",
        detail="d",
        status=400,
        errors=[pb.Violation(pointer="#/a", rule="type", byte_offset=0)],
    )
    response = pb.PublishResponse(
        topic="t",
        results=[
            pb.EventReceipt(id="a", status=pb.STATUS_STORED, partition=2, offset=-1, version=3, schema_id=7, dropped=1),
            pb.EventReceipt(id="b", status=pb.STATUS_REJECTED, error=wrong),
            pb.EventReceipt(id="c", status=9),
        ],
    )
    answer = answer_of(response)
    assert isinstance(answer, Receipted)
    first, second, third = answer.lines
    assert (first.status, first.partition, first.offset, first.version, first.schema_id, first.dropped) == (
        "stored",
        2,
        -1,
        3,
        7,
        1,
    )
    assert second.error is not None
    assert (second.status, second.error.code, second.error.errors[0].byte_offset) == (
        "rejected",
        "contract_violation",
        0,
    )
    assert (third.status, third.error) == ("status_9", None), "a status that came later is a receipt"


def test_a_request_refused_in_a_stream_is_a_refusal() -> None:
    said = pb.Problem(code="too_large", status=413, detail="d", max_events=9, retry_after_s=2)
    answer = answer_of(pb.PublishResponse(error=said))
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.status, answer.max_events, answer.retry_after_s) == (Code.TOO_LARGE, 413, 9, 2)
    assert isinstance(answer_of(pb.PublishResponse(error=pb.Problem(code="of_2030", retryable=True))), Refusal)


@pytest.mark.parametrize(
    ("status", "pushback_ms", "code"),
    [
        ("UNAUTHENTICATED", None, Code.UNAUTHENTICATED),
        ("PERMISSION_DENIED", None, Code.FORBIDDEN),
        ("RESOURCE_EXHAUSTED", None, Code.TOO_LARGE),
        ("RESOURCE_EXHAUSTED", 1500.0, Code.RATE_LIMITED),
        ("UNAVAILABLE", 1500.0, Code.OVERLOADED),
        ("DATA_LOSS", None, None),
    ],
)
def test_a_bare_status_has_the_table_s_meaning(status: str, pushback_ms: float | None, code: Code | None) -> None:
    refused = refusal_of(status, "", pushback_ms)
    assert refused.code is code
    assert code is None or ERRORS[code].grpc == status
    assert refused.retry_after_s == (None if pushback_ms is None else 1.5)
