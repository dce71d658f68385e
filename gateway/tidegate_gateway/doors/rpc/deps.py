"""What the gRPC door is given by `app` of the gateway. Values and one intake; no adapter by name."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.errors import Code
from tidegate_gateway.doors.problems import Problems
from tidegate_gateway.intake.path import Intake

__all__ = ["RpcDeps"]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _uncounted(_door: str, _code: str, _seconds: float) -> None:
    """Nobody counts."""


def _unheard(_topic: str, _door: str, _code: Code, _events: int) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcDeps:
    """Everything that the door's methods need.

    `public`: contracts are shown without a token. `body_timeout_s` is how long a unary call's request may take to arrive. `ready` says whether events could be stored now, for health.
    `on_request` is told of every call, and of every request of a stream: the door (`grpc`), what became of it and the
    seconds it took; `on_refused` of those that stopped before their events were judged (as in `rest.deps`); `on_paced` each time
    that a connection is not read for a moment since it wastes time, and whether it has shown a token that holds. None may raise or wait. `now_ms` is milliseconds since 1970 UTC.
    """

    intake: Intake
    problems: Problems
    public: bool = False
    body_timeout_s: float = 10.0
    ready: Callable[[], bool] = lambda: True
    on_request: Callable[[str, str, float], None] = _uncounted
    on_refused: Callable[[str, str, Code, int], None] = _unheard
    on_paced: Callable[[bool], None] = lambda _: None
    now_ms: Callable[[], int] = _now_ms
