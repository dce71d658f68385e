"""What the intake tells, as messages of tidegate.ingest.v1: a receipt for each event, a problem for each refusal. Pure.

Called by `ingest` and `typed`. The words are `doors.problems`'; only the form is made here.
"""

from msgspec import structs

from tidegate.contracts.source import Owner as ContractOwner
from tidegate.contracts.verdict import Violation as Wrong
from tidegate.errors import Code, row
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.wire.problem import Problem
from tidegate.wire.receipt import Stored
from tidegate_gateway.doors.problems import Problems
from tidegate_gateway.doors.rpc.status import grpc_code
from tidegate_gateway.intake.submission import Admission, Line, Refusal, Told

__all__ = ["fill_receipts", "owner_of", "problem_message", "receipt_of"]

_FULL_BYTES = 1_500_000
"""Of an answer, for refusals that are told in full."""
_SHORT_CHARACTERS = 100


def fill_receipts(
    into: pb.PublishResponse | pb.ValidateResponse, told: Told, admission: Admission, problems: Problems
) -> str:
    """Write the topic and a result for each event; what became of the request for metrics: `ok`, a code, or `mixed`.

    Stock clients take messages of 4 MiB, and of a longer answer they report RESOURCE_EXHAUSTED, though events were stored. So
    refusals are told in full as long as there is room, and then in short: code, detail, wait, and how many violations are left out.
    """
    into.topic = admission.contract.topic
    jitter = problems.jitter()
    codes: set[Code] = set()
    results = into.results
    room_bytes = _FULL_BYTES
    for line in told.lines:
        receipt = results.add()
        if not isinstance(line, Refusal):
            _write(receipt, line, admission, problems, jitter)
            continue
        codes.add(line.code)
        if room_bytes > 0:
            _write(receipt, line, admission, problems, jitter)
            room_bytes -= receipt.ByteSize()
        else:
            _write_short(receipt, line, admission, problems, jitter)
    if not codes:
        return "ok"
    refused = sum(isinstance(line, Refusal) for line in told.lines)
    return codes.pop() if len(codes) == 1 and refused == len(told.lines) else "mixed"


def receipt_of(line: Line, admission: Admission, problems: Problems) -> pb.EventReceipt:
    """One event's receipt that stands alone, with its topic."""
    receipt = pb.EventReceipt(topic=admission.contract.topic)
    _write(receipt, line, admission, problems, problems.jitter())
    return receipt


def problem_message(problem: Problem) -> pb.Problem:
    """A problem as its message: the same fields as in JSON, and the gRPC status of its code."""
    message = pb.Problem(
        type=problem.type,
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
        code=problem.code,
        retryable=problem.retryable,
        instance=problem.instance,
        topic=problem.topic,
        errors=[_violation(violation) for violation in problem.errors],
        omitted=problem.omitted or 0,
        max_events=problem.max_events,
        accepted=problem.accepted,
        retry_after_s=problem.retry_after_s,
        docs=problem.docs,
        grpc_code=grpc_code(Code(problem.code)),
    )
    if problem.contract is not None:
        named = problem.contract
        message.contract.CopyFrom(
            pb.ContractRef(version=named.version, schema_id=named.schema_id, fingerprint=named.fingerprint)
        )
    if problem.owner is not None:
        message.owner.CopyFrom(owner_of(problem.owner))
    return message


def owner_of(owner: ContractOwner) -> pb.Owner:
    """Whom to ask, as a message."""
    return pb.Owner(team=owner.team, channel=owner.channel, url=owner.url)


def _write(receipt: pb.EventReceipt, line: Line, admission: Admission, problems: Problems, jitter: float) -> None:
    receipt.id = line.id
    if isinstance(line, Refusal):
        receipt.status = pb.STATUS_FAILED if row(line.code).retryable else pb.STATUS_REJECTED
        receipt.error.CopyFrom(problem_message(problems.of_refusal(line, admission, jitter)))
        return
    receipt.version = line.version
    receipt.schema_id = line.schema_id
    receipt.dropped = line.dropped
    if isinstance(line, Stored):
        receipt.status = pb.STATUS_STORED
        receipt.partition = line.partition
        receipt.offset = line.offset
    else:
        receipt.status = pb.STATUS_VALID


def _write_short(
    receipt: pb.EventReceipt, line: Refusal, admission: Admission, problems: Problems, jitter: float
) -> None:
    alone = structs.replace(line, violations=(), omitted=0)
    problem = problems.of_refusal(alone, admission, jitter)
    receipt.id = line.id
    receipt.status = pb.STATUS_FAILED if problem.retryable else pb.STATUS_REJECTED
    receipt.error.CopyFrom(
        pb.Problem(
            status=problem.status,
            detail=problem.detail[:_SHORT_CHARACTERS],
            code=problem.code,
            retryable=problem.retryable,
            omitted=line.omitted + len(line.violations),
            retry_after_s=problem.retry_after_s,
            grpc_code=grpc_code(line.code),
        )
    )


def _violation(violation: Wrong) -> pb.Violation:
    return pb.Violation(
        pointer=violation.pointer,
        rule=violation.rule,
        detail=violation.detail,
        expected=violation.expected,
        found=violation.found,
        hint=violation.hint,
        docs=violation.docs,
        byte_offset=violation.byte_offset,
    )
