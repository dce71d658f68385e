"""The log line of a token that is refused: the reason, which no answer tells, under the request's id, which every answer does.

Written by `answers`, where a fault and its request's id come together. A stranger's flood of bad tokens is no flood of lines.
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from tidegate_gateway.intake.limits import Bucket, spend

__all__ = ["RefusedTokens"]

_LINES: Final = 20.0
_LINES_A_SECOND: Final = 1.0

_log = logging.getLogger("tidegate.auth")


class RefusedTokens:
    """Reasons for operators, at a rate that no sender can raise; what was left out is counted. One event loop owns it."""

    __slots__ = ("_bucket", "_left_out", "_now_s")

    def __init__(self, now_s: Callable[[], float] = monotonic) -> None:
        """`now_s` is any monotonic clock in seconds."""
        self._now_s = now_s
        self._bucket = Bucket(_LINES, now_s())
        self._left_out = 0

    def say(self, reason: str, request_id: str, client: str = "") -> None:
        """One line, or none where there were too many."""
        if spend(self._bucket, _LINES_A_SECOND, _LINES, 1.0, self._now_s()) > 0:
            self._left_out += 1
            return
        more = f" ({self._left_out} refusals before it were not logged)" if self._left_out else ""
        self._left_out = 0
        _log.info(
            "a token is refused%s", more, extra={"request_id": request_id, "reason": reason, "client": client or None}
        )
