"""The errors table is total and says what http.md's "Answers" says; nobody else maps a status."""

import re
from pathlib import Path

import pytest

from tidegate.errors import ERRORS, Code, Retry, row

ROOT = Path(__file__).resolve().parents[2]

# http.md, "Answers": code -> (HTTP statuses, gRPC status, retryable)
ANSWERS = {
    "after_failure": ({503}, "UNAVAILABLE", True),
    "malformed": ({400, 405}, "INVALID_ARGUMENT", False),
    "contract_violation": ({400}, "INVALID_ARGUMENT", False),
    "unknown_version": ({400, 404}, "INVALID_ARGUMENT", False),
    "version_not_here_yet": ({503}, "UNAVAILABLE", True),
    "retired": ({410}, "FAILED_PRECONDITION", False),
    "timeout": ({408}, "DEADLINE_EXCEEDED", True),
    "unauthenticated": ({401}, "UNAUTHENTICATED", True),
    "forbidden": ({403}, "PERMISSION_DENIED", False),
    "not_found": ({404}, "UNIMPLEMENTED", False),
    "unknown_topic": ({404}, "NOT_FOUND", False),
    "in_progress": ({409}, "ABORTED", True),
    "too_large": ({413, 431}, "RESOURCE_EXHAUSTED", False),
    "unsupported_media": ({415}, "INVALID_ARGUMENT", False),
    "id_reused": ({422}, "FAILED_PRECONDITION", False),
    "rate_limited": ({429}, "RESOURCE_EXHAUSTED", True),
    "overloaded": ({503}, "UNAVAILABLE", True),
    "broker_unavailable": ({503}, "UNAVAILABLE", True),
    "internal": ({500}, "INTERNAL", True),
    "outcome_unknown": ({504}, "DEADLINE_EXCEEDED", True),
}


def test_the_table_is_total() -> None:
    assert set(ERRORS) == set(Code)
    assert {code.value for code in Code} == set(ANSWERS)


@pytest.mark.parametrize("code", list(Code))
def test_each_row_says_what_the_specification_says(code: Code) -> None:
    entry = row(code)
    statuses, grpc, retryable = ANSWERS[code.value]
    assert {entry.http, *entry.http_also} == statuses
    assert entry.grpc == grpc
    assert entry.retryable is retryable
    assert entry.title
    assert entry.meaning.endswith(".")
    assert entry.remedy.endswith(".")


def test_only_a_refreshed_token_is_tried_once_more() -> None:
    assert [code for code in Code if row(code).retry is Retry.AFTER_REFRESH] == [Code.UNAUTHENTICATED]


def test_nobody_else_maps_a_code_to_a_status() -> None:
    """A status beside a code's name, outside of the table, would be a second table."""
    codes = "|".join(ANSWERS)
    mapping = re.compile(rf"(?:Code\.[A-Z_]+|\"(?:{codes})\")\s*:\s*[1-5]\d\d\b")
    sources = [*(ROOT / "sdk").rglob("*.py"), *(ROOT / "gateway").rglob("*.py")]
    assert len(sources) > 20
    assert [str(path) for path in sources if path.name != "errors.py" and mapping.search(path.read_text("utf-8"))] == []
