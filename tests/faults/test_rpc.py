"""What gRPC's statuses are told as: the gateway's own come with details, those of the network do not."""

import json

import grpc
import pytest
from tests.faults.http1 import CUT, REFUSED, SILENT
from tests.faults.rpc import answer_of


class Failed(grpc.RpcError, grpc.Call):
    """A call that ended with a status."""

    def __init__(self, code: grpc.StatusCode, details: str = "", **trailing: str) -> None:
        self._code, self._details = code, details
        self._trailing = tuple((name.replace("_", "-"), value) for name, value in trailing.items())

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._trailing

    def initial_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> None:
        return None

    def cancel(self) -> None:
        """It has ended."""

    def add_callback(self, callback: object) -> bool:
        return False


OWN = {"grpc_status_details_bin": "..."}


@pytest.mark.parametrize(
    ("error", "status", "retry_after_s"),
    [
        (Failed(grpc.StatusCode.UNAVAILABLE, **OWN, grpc_retry_pushback_ms="3000"), 503, 3),
        (Failed(grpc.StatusCode.DEADLINE_EXCEEDED, **OWN), 504, 0),
        (Failed(grpc.StatusCode.INTERNAL, **OWN), 500, 0),
        (Failed(grpc.StatusCode.DEADLINE_EXCEEDED), SILENT, 0),
        (Failed(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses"), REFUSED, 0),
        (Failed(grpc.StatusCode.UNAVAILABLE, "Socket closed"), CUT, 0),
        (Failed(grpc.StatusCode.CANCELLED, "by whom?"), 500, 0),
    ],
)
def test_statuses(error: Failed, status: int, retry_after_s: int) -> None:
    answer = answer_of(error)
    assert (answer.status, answer.retry_after_s) == (status, retry_after_s)
    assert status < 0 or json.loads(answer.body)["code"].startswith("gRPC ")
