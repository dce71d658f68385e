"""What the REST door is given: the intake, and the few facts that its answers need. Made by `app`; every router here takes it.

No decision and no concrete adapter may live here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.errors import Code
from tidegate_gateway.intake.path import Intake

__all__ = ["RestDeps"]


def _ignore_request(_door: str, _code: str, _seconds: float) -> None:
    """No metrics are kept."""


def _ignore_refused(_topic: str, _door: str, _code: Code, _events: int) -> None:
    """No metrics are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestDeps:
    """`base_url` is what links start with: scheme, host and port, no slash at its end. `public` opens contracts and docs.

    `on_request(door, code, seconds)` is called once an answer, `on_refused(topic, door, code, events)` for a submission
    that stopped before it was judged; both are `telemetry.metrics.Metrics`' methods, and neither may raise.
    """

    intake: Intake
    base_url: str
    public: bool = False
    on_request: Callable[[str, str, float], None] = _ignore_request
    on_refused: Callable[[str, str, Code, int], None] = _ignore_refused
