"""What producers of a REST proxy expect to read: offsets with error codes, errors as `{"error_code", "message"}`. Called by `door`.

Beside those, what failed says why in the words of every door: `problem` of a record, `errors` of a request.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from tidegate.contracts.source import Owner
from tidegate.contracts.verdict import Violation
from tidegate.errors import Code, row
from tidegate.wire.problem import Problem
from tidegate.wire.receipt import Failed, Rejected, Result, Stored
from tidegate_gateway.doors.rest.answers import Answer, Answers
from tidegate_gateway.intake.faults import Fault

__all__ = ["INVALID_SCHEMA", "MEDIA_TYPE", "SchemaRefused", "produced", "refusal"]

MEDIA_TYPE = "application/vnd.kafka.v2+json"
INVALID_SCHEMA = 42205

_FIELD = (b"content-type", MEDIA_TYPE.encode("ascii"))
_NOT_RETRIABLE, _RETRIABLE = 1, 2
_ERROR_CODES = {401: 40101, 403: 40301, 404: 40401, 429: 42901, 500: 50001, 503: 50003, 504: 50003}
"""As Confluent's proxy numbers them; of the others the status itself."""
_encode = msgspec.json.Encoder().encode


class SchemaRefused(Exception):
    """The request's schema is none of the contract's; `violations` say where it differs, as far as that can be told."""

    def __init__(self, message: str, violations: Sequence[Violation] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.violations = tuple(violations)


def produced(
    results: Sequence[Result], *, key_schema_id: int | None, value_schema_id: int | None
) -> tuple[int, str, bytes, int | None]:
    """Status, what metrics count, body, and the longest wait that a refusal names in seconds.

    200 where all are stored, 207 for some. Where none is: 422 with 42205 if no record would ever be taken, the status of
    the one reason if there is one, else 207.
    """
    body: dict[str, Any] = {"key_schema_id": key_schema_id, "value_schema_id": value_schema_id}
    offsets, problems = [_offset(result) for result in results], _problems(results)
    waits = [problem.retry_after_s for problem in problems if problem.retry_after_s]
    wait_s = max(waits) if waits else None
    codes = {problem.code for problem in problems}
    body["offsets"] = offsets
    if not problems:
        return 200, "ok", _encode(body), None
    if len(problems) < len(results):
        return 207, "mixed", _encode(body), wait_s
    first = problems[0]
    if all(isinstance(result, Rejected) for result in results):
        body = {"error_code": INVALID_SCHEMA, "message": first.detail, "errors": first.errors, **body}
        return 422, first.code if len(codes) == 1 else "mixed", _encode(body), None
    if len(codes) == 1:
        body = {"error_code": _ERROR_CODES.get(first.status, first.status), "message": first.detail, **body}
        return first.status, first.code, _encode(body), wait_s
    return 207, "mixed", _encode(body), wait_s


def refusal(answers: Answers, fault: Fault, request_id: str, owner: Owner | None, client: str) -> Answer:
    """What stopped the whole request: the status and fields of every door, the body of a REST proxy."""
    told = answers.fault(fault, request_id, owner, client)
    problem = msgspec.json.decode(told.body, type=dict[str, Any])
    body = {"error_code": _ERROR_CODES.get(told.status, told.status), "message": problem["detail"]}
    body |= {name: problem[name] for name in ("code", "retryable", "errors", "docs") if name in problem}
    fields = [_FIELD, *(field for field in told.fields if field[0] != b"content-type")]
    return Answer(status=told.status, fields=fields, body=_encode(body), code=told.code)


def _problems(results: Sequence[Result]) -> list[Problem]:
    return [result.error for result in results if isinstance(result, Rejected | Failed)]


def _offset(result: Result) -> dict[str, Any]:
    if isinstance(result, Stored):
        return {"partition": result.partition, "offset": result.offset, "error_code": None, "error": None}
    if isinstance(result, Rejected | Failed):
        problem = result.error
        code = _RETRIABLE if row(Code(problem.code)).retryable else _NOT_RETRIABLE
        return {"partition": None, "offset": None, "error_code": code, "error": problem.detail, "problem": problem}
    raise TypeError(f"a produced record is stored or not, and no {type(result).__name__}")
