"""Problems as gRPC statuses: bounded, decodable, and named as google.rpc asks."""

from base64 import b64encode
from urllib.parse import quote

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from tidegate.contracts.source import Owner
from tidegate.contracts.verdict import Violation
from tidegate.errors import ERRORS, Code
from tidegate.wire.problem import ContractRef, Problem
from tidegate_gateway.doors.rpc.status import MAX_DETAILS_BYTES, Ended, ended, field_path, grpc_code, reason_of
from tidegate_gateway.intake.limits import Quota

PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if code != 0x25)
DOCS = "https://gate.example.com/docs"


def problem(code: Code = Code.CONTRACT_VIOLATION, **more: object) -> Problem:
    said: dict[str, object] = {
        "type": f"{DOCS}/errors/{code}", "title": ERRORS[code].title, "status": ERRORS[code].http, "detail": "it is bad",
        "code": code, "retryable": ERRORS[code].retryable,
    }  # fmt: skip
    return Problem(**{**said, **more})  # type: ignore[arg-type]


def decoded(end: Ended) -> tuple[Status, ErrorInfo, BadRequest]:
    trailing = dict(end.trailing)
    status = Status.FromString(trailing["grpc-status-details-bin"])  # type: ignore[arg-type]
    info, bad = ErrorInfo(), BadRequest()
    for detail in status.details:
        if not detail.Unpack(info):
            detail.Unpack(bad)
    return status, info, bad


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_its_status_and_reason(code: Code) -> None:
    end = ended(problem(code), "r1")
    status, info, _ = decoded(end)
    assert end.status == grpc_code(code) == grpc.StatusCode[ERRORS[code].grpc].value[0]
    assert (status.code, status.message) == (end.status, "it is bad")
    assert (info.reason, info.domain) == (code.upper(), "tidegate")
    assert info.metadata["retryable"] == str(ERRORS[code].retryable).lower()
    assert end.code == code


def test_what_a_program_may_want_stands_in_the_metadata() -> None:
    end = ended(
        problem(
            topic="customer.orders",
            contract=ContractRef(version=3, schema_id=12, fingerprint="f"),
            max_events=5,
            accepted=("application/json",),
            owner=Owner(team="checkout", channel="#checkout", url="https://chat.example.com"),
            docs=f"{DOCS}/topics/customer.orders",
        ),
        "r1",
        place=7,
    )
    assert dict(decoded(end)[1].metadata) == {
        "title": ERRORS[Code.CONTRACT_VIOLATION].title, "retryable": "false", "topic": "customer.orders",
        "contractVersion": "3", "schemaId": "12", "maxEvents": "5", "accepted": "application/json", "owner": "checkout",
        "index": "7",
    }  # fmt: skip


def test_a_wait_is_told_twice() -> None:
    trailing = dict(ended(problem(Code.OVERLOADED, retry_after_s=4), "r1").trailing)
    assert trailing["grpc-retry-pushback-ms"] == "4000"
    assert "grpc-retry-pushback-ms" not in dict(ended(problem(), "r1").trailing)


@pytest.mark.parametrize(
    ("pointer", "path"),
    [
        ("#", ""),
        ("#/total", "total"),
        ("#/items/1/boldness", "items[1].boldness"),
        ("#/a~1b/c~0d", '["a/b"]["c~d"]'),
        ("#/map/two%20words/x", 'map["two words"].x'),
        ("#/map/say%20%22hi%22", 'map["say \\"hi\\""]'),
        ("#/0", "[0]"),
    ],
)
def test_fields_are_named_as_paths(pointer: str, path: str) -> None:
    assert field_path(pointer) == path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("required", "REQUIRED"), ("string.min_len", "STRING_MIN_LEN"), ("my rule!", "MY_RULE"), ("9lives", "RULE_9LIVES"),
        ("é", "RULE"), ("x" * 80, "X" * 63),
    ],
)  # fmt: skip
def test_rules_become_reasons(name: str, reason: str) -> None:
    assert reason_of(name) == reason


def test_one_violation_says_all_of_it() -> None:
    wrong = Violation(
        pointer="#/n", rule="range", detail="is 11", expected="int, 1 to 10", found="int 11", hint="divide"
    )
    (told,) = decoded(ended(problem(errors=(wrong,), omitted=0), "r1"))[2].field_violations
    assert (told.field, told.reason) == ("n", "RANGE")
    assert told.description == "is 11; expected int, 1 to 10, found int 11; divide"


@pytest.mark.parametrize("length", [10, 200, 5_000])
@pytest.mark.parametrize("text", ["x", "é", "漢"])
def test_fault_29_ever_so_many_violations_stay_below_the_bound(length: int, text: str) -> None:
    wrong = tuple(
        Violation(pointer=f"#/{text * length}/{n}", rule="range", detail=text * length, expected=text * length)
        for n in range(25)
    )
    owner = Owner(team=text * length, channel="#x", url="https://x.example.com/" + "u" * length)
    end = ended(problem(errors=wrong, omitted=475, owner=owner, detail=text * length, docs=DOCS), "r1")
    status, info, bad = decoded(end)
    assert status.ByteSize() <= MAX_DETAILS_BYTES < 5_000
    assert len(bad.field_violations) + int(info.metadata["omitted"]) == 500
    assert len(bad.field_violations) >= 2
    assert len(end.message.encode()) <= 600


def test_all_that_have_room_are_told() -> None:
    wrong = tuple(Violation(pointer=f"#/items/{n}", rule="required", detail="is missing") for n in range(25))
    _, info, bad = decoded(ended(problem(errors=wrong, omitted=0), "r1"))
    assert len(bad.field_violations) == 25
    assert "omitted" not in info.metadata


@pytest.mark.parametrize("letter", ["x", "%", "ü", "数", "\x1b", "😀"])
def test_the_trailers_together_stay_below_what_clients_take(letter: str) -> None:
    """8 KiB as gRPC's core counts them by default: beyond it, some calls end as RESOURCE_EXHAUSTED."""
    wrong = tuple(Violation(pointer=f"#/{letter * 30}/{n}", rule="a.rule", detail=letter * 200) for n in range(25))
    quotas = tuple(
        Quota(name=name, burst=10**9, window_s=3600, remaining=10**9, reset_s=3600)
        for name in ("events", "bytes", "topic-events", "topic-bytes")
    )
    end = ended(problem(detail=letter * 2_000, errors=wrong, retry_after_s=60, topic="t" * 249), "0" * 36, quotas)
    size_bytes = len("grpc-message") + 32 + len(quote(end.message, safe=PRINTABLE))
    for name, value in end.trailing:
        size_bytes += len(name) + 32 + (len(b64encode(value)) if isinstance(value, bytes) else len(value))
    assert size_bytes < 8_192 - 150, "status and content type come with them"
    assert end.message
